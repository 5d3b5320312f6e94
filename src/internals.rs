//! Kernels and their buffers, for the benchmarks of single kernels: no promise holds for these items.

pub use crate::backend::buffer::AlignedBuffer;
pub use crate::kernels::forward::Forward;
pub use crate::kernels::hidden_delta::HiddenDelta;
pub use crate::kernels::logits::LeafLogits;
pub use crate::kernels::output_update::OutputGradient;
pub use crate::kernels::prepare::{BlockLayout, Prepare, PreparedBlock, Squares};
pub use crate::kernels::rule::StepRule;
pub use crate::kernels::softmax::{BlockLoss, SoftmaxCrossEntropy};
pub use crate::kernels::weight_update::{WeightUpdate, Weights, weight_rows};
pub use crate::kernels::{CLASS_PADDING, WORD};
pub use crate::simd::vector::{Kernel, MAX_LANES};

/// Runs a kernel with an instruction set.
pub fn run<K: Kernel>(isa: crate::simd::Isa, kernel: K) -> K::Output {
    isa.run(kernel)
}
