//! One minibatch and the buffers of a step, on which each kernel can be run alone.

mod block;
mod check;
pub use check::check_the_check;

use block::KernelBlock;
use fused_mlp::backend::Samples;
use fused_mlp::engine::BLOCK_SAMPLES;
use fused_mlp::internals::AlignedBuffer;
use fused_mlp::internals::CLASS_PADDING;
use fused_mlp::internals::weight_rows;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::Isa;

/// The kernels of a step, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelName {
    /// Gather, transpose and mask the bytes of a minibatch.
    Prepare,
    /// h = sigmoid(x W + b).
    Forward,
    /// h V.
    Logits,
    /// Loss and ds.
    Softmax,
    /// dk.
    HiddenDelta,
    /// dV.
    OutputGradient,
    /// dW and the plain SGD step.
    WeightUpdate,
}

impl KernelName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Prepare,
        Self::Forward,
        Self::Logits,
        Self::Softmax,
        Self::HiddenDelta,
        Self::OutputGradient,
        Self::WeightUpdate,
    ];

    /// Whether the kernel goes through W, which is the largest of its arrays.
    pub fn reads_hidden_weights(self) -> bool {
        matches!(self, Self::Forward | Self::WeightUpdate)
    }

    /// Name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Forward => "forward",
            Self::Logits => "logits",
            Self::Softmax => "softmax",
            Self::HiddenDelta => "hidden_delta",
            Self::OutputGradient => "output_gradient",
            Self::WeightUpdate => "weight_update",
        }
    }
}

/// Learning rate of the step that is checked.
const LEARNING_RATE: f32 = 0.5;

/// One minibatch and all that a single thread needs for its step. A minibatch of more than 128
/// samples is a series of blocks, as in the engine.
pub struct KernelBench<'a> {
    samples: Samples<'a>,
    order: Vec<u32>,
    initial: Parameters,
    copies: Vec<Weights>,
    /// The copy of the weights that the next run uses.
    copy: usize,
    gradients: Gradients,
    blocks: Vec<KernelBlock>,
}

/// What the kernels of all blocks have in common.
#[derive(Clone, Copy)]
struct Setting<'a> {
    isa: Isa,
    samples: Samples<'a>,
    shape: Shape,
    /// Hidden units, padded to whole vectors.
    stride: usize,
    /// Classes, padded to whole vectors.
    class_stride: usize,
    minibatch_samples: usize,
    learning_rate: f32,
}

impl<'a> Setting<'a> {
    fn new(isa: Isa, shape: Shape, samples: Samples<'a>, minibatch_samples: usize) -> Self {
        Self {
            isa,
            samples,
            shape,
            stride: shape.hidden.next_multiple_of(isa.lanes()),
            class_stride: shape.classes.next_multiple_of(CLASS_PADDING),
            minibatch_samples,
            // Timed steps leave the weights as they are.
            learning_rate: 0.0,
        }
    }
}

/// The parameters in the layouts of the kernels.
struct Weights {
    weights: AlignedBuffer<f32>,
    bias: AlignedBuffer<f32>,
    output_rows: AlignedBuffer<f32>,
    output_weights: AlignedBuffer<f32>,
    output_bias: AlignedBuffer<f32>,
}

/// Gradients that lie in memory.
struct Gradients {
    /// dW, where the minibatch has several blocks.
    weights: Option<AlignedBuffer<f32>>,
    bias: AlignedBuffer<f32>,
    output_weights: AlignedBuffer<f32>,
}

fn zeros(len: usize) -> AlignedBuffer<f32> {
    AlignedBuffer::new(len, 0.0)
}

impl<'a> KernelBench<'a> {
    /// For the samples in `order` and a hidden layer that one thread owns whole. Runs every kernel
    /// once and checks each result against the reference.
    ///
    /// With several `copies` of the weights each run uses the next one: if all of them are larger
    /// than a cache, the weights of every run come from beyond it.
    ///
    /// # Errors
    /// A line that names the kernel whose result is wrong.
    ///
    /// # Panics
    /// If the samples do not fit the parameters, or there are no samples or no copies.
    pub fn new(
        isa: Isa,
        parameters: &Parameters,
        samples: Samples<'a>,
        order: &[u32],
        copies: usize,
    ) -> Result<Self, String> {
        let shape = parameters.shape;
        assert_eq!(
            shape.inputs,
            samples.inputs(),
            "the samples fit the network"
        );
        assert!(!order.is_empty() && copies > 0, "there is something to run");
        let setting = Setting::new(isa, shape, samples, order.len());
        let count = order.len().div_ceil(BLOCK_SAMPLES);
        let first = |block: usize| block * order.len() / count;
        let blocks = (0..count)
            .map(|block| KernelBlock::new(setting, &order[first(block)..first(block + 1)]));
        let mut bench = Self {
            samples,
            order: order.to_vec(),
            initial: parameters.clone(),
            copies: (0..copies)
                .map(|_| Weights::new(setting, parameters))
                .collect(),
            copy: 0,
            gradients: Gradients {
                weights: (count > 1).then(|| zeros(weight_rows(shape.inputs) * setting.stride)),
                bias: zeros(setting.stride),
                output_weights: zeros(shape.classes * setting.stride),
            },
            blocks: blocks.collect(),
        };
        let checked = Setting {
            learning_rate: LEARNING_RATE,
            ..setting
        };
        for kernel in KernelName::ALL {
            bench.run_with(checked, kernel);
            if kernel == KernelName::Forward {
                bench.blocks.iter_mut().for_each(KernelBlock::copy_hidden);
            }
        }
        bench.check()?;
        Ok(bench)
    }

    fn setting(&self) -> Setting<'a> {
        let isa = self.blocks[0].isa;
        Setting::new(isa, self.initial.shape, self.samples, self.order.len())
    }

    /// Runs one kernel, for all samples, on what the kernels before it have left.
    pub fn run(&mut self, kernel: KernelName) {
        self.run_with(self.setting(), kernel);
        self.copy = (self.copy + 1) % self.copies.len();
    }

    fn run_with(&mut self, setting: Setting<'_>, kernel: KernelName) {
        match kernel {
            KernelName::HiddenDelta => self.gradients.bias.fill(0.0),
            KernelName::OutputGradient => self.gradients.output_weights.fill(0.0),
            _ => {}
        }
        let last = self.blocks.len() - 1;
        for (index, block) in self.blocks.iter_mut().enumerate() {
            let weights = &mut self.copies[self.copy];
            block.run(kernel, setting, weights, &mut self.gradients, index == last);
        }
    }

    /// Floating-point operations of one run, a multiply-add counting two: those executed, zero
    /// inputs left out. Only the three matrix products of a step and its two gradients count.
    pub fn flop(&self, kernel: KernelName) -> u64 {
        let Shape {
            hidden, classes, ..
        } = self.initial.shape;
        let non_zero: usize = self
            .order
            .iter()
            .map(|&index| self.samples.image(index))
            .map(|image| image.iter().filter(|&&byte| byte != 0).count())
            .sum();
        let flop = match kernel {
            KernelName::Prepare | KernelName::Softmax => 0,
            KernelName::Forward | KernelName::WeightUpdate => 2 * non_zero * hidden,
            KernelName::Logits | KernelName::HiddenDelta | KernelName::OutputGradient => {
                2 * self.order.len() * hidden * classes
            }
        };
        flop as u64
    }

    /// Bytes of the arrays that one run reads, plus those of the arrays that it writes, each counted
    /// once a block, padding included.
    pub fn bytes(&self, kernel: KernelName) -> u64 {
        let setting = self.setting();
        let blocks = self.blocks.iter();
        let bytes: usize = blocks.map(|block| block.bytes(kernel, setting)).sum();
        let weights = 4 * weight_rows(setting.shape.inputs) * setting.stride;
        // Sums of several blocks are read and written by each of them, the weights by the last.
        let shared = match (kernel, self.blocks.len()) {
            (KernelName::WeightUpdate, 1) => 2 * weights,
            (KernelName::WeightUpdate, blocks) => (2 * blocks + 2) * weights,
            _ => 0,
        };
        (bytes + shared) as u64
    }
}

impl Weights {
    fn new(setting: Setting<'_>, parameters: &Parameters) -> Self {
        let Setting {
            stride,
            class_stride,
            ..
        } = setting;
        let Shape {
            inputs,
            hidden,
            classes,
        } = parameters.shape;
        let mut new = Self {
            weights: zeros(weight_rows(inputs) * stride),
            bias: zeros(stride),
            output_rows: zeros(hidden * class_stride),
            output_weights: zeros(classes * stride),
            output_bias: zeros(class_stride),
        };
        let copy_rows = |target: &mut [f32], stride: usize, source: &[f32], width: usize| {
            let rows = target.chunks_exact_mut(stride);
            for (target, source) in rows.zip(source.chunks_exact(width)) {
                target[..width].copy_from_slice(source);
            }
        };
        copy_rows(&mut new.weights, stride, &parameters.linear1_weight, hidden);
        copy_rows(
            &mut new.output_rows,
            class_stride,
            &parameters.linear2_weight,
            classes,
        );
        new.bias[..hidden].copy_from_slice(&parameters.linear1_bias);
        new.output_bias[..classes].copy_from_slice(&parameters.linear2_bias);
        for unit in 0..hidden {
            for class in 0..classes {
                new.output_weights[class * stride + unit] =
                    parameters.linear2_weight[unit * classes + class];
            }
        }
        new
    }
}
