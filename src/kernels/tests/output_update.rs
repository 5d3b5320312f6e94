//! dV = h^T ds.

use super::case::{Case, cases};
use super::support::{
    Guarded, Matrix, Near, check, pad, random, sum_error, transposed, unpad, widened,
};
use crate::kernels::output_update::OutputGradient;
use crate::reference;
use crate::simd::Isa;
use crate::simd::tests::Rounding;

struct Data {
    /// One block after the other.
    blocks: Vec<Block>,
    /// dV transposed, `[classes][units]`, before the first block.
    gradient: Vec<f32>,
}

struct Block {
    /// `[samples][classes]`.
    output_delta: Vec<f32>,
    /// `[samples][units]`.
    hidden: Vec<f32>,
}

impl Data {
    fn new(case: &Case) -> Self {
        let mut stream = case.stream();
        let mut blocks = Vec::new();
        for _ in 0..1 + case.number % 2 {
            let hidden = random(&mut stream, case.samples * case.units, 0.5);
            blocks.push(Block {
                output_delta: random(&mut stream, case.samples * case.classes, 0.01),
                hidden: hidden.into_iter().map(|h| h + 0.5).collect(),
            });
        }
        Self {
            blocks,
            gradient: random(&mut stream, case.classes * case.units, 0.01),
        }
    }
}

fn run(isa: Isa, case: &Case, data: &Data) -> Vec<Matrix> {
    let (stride, units) = (case.stride(isa), case.units);
    let class_stride = case.class_stride();
    let mut gradient = Guarded::holding(&pad(&data.gradient, units, stride));
    for block in &data.blocks {
        isa.run(OutputGradient {
            output_delta: &pad(&block.output_delta, case.classes, class_stride),
            class_stride,
            classes: case.classes,
            hidden: &pad(&block.hidden, units, stride),
            stride,
            samples: case.samples,
            gradient: gradient.slice(),
        });
    }
    let gradient = gradient.checked(&(isa.name(), case), "dV");
    vec![Matrix::new("dV", units, unpad(gradient, units, stride))]
}

/// What was there before, then samples ascending.
fn by_loop(rounding: Rounding, case: &Case, data: &Data) -> Vec<Matrix> {
    let mut gradient = data.gradient.clone();
    for block in &data.blocks {
        let samples = block.output_delta.chunks_exact(case.classes);
        for (output_delta, hidden) in samples.zip(block.hidden.chunks_exact(case.units)) {
            for (row, &ds) in gradient.chunks_exact_mut(case.units).zip(output_delta) {
                for (sum, &h) in row.iter_mut().zip(hidden) {
                    *sum = rounding.mul_add(ds, h, *sum);
                }
            }
        }
    }
    vec![Matrix::new("dV", case.units, gradient)]
}

fn formula(case: &Case, data: &Data) -> Vec<Vec<Near>> {
    let absolute = |values: &[f64]| -> Vec<f64> { values.iter().map(|x| x.abs()).collect() };
    // The reference has dV as [units, classes].
    let mut sums = transposed(&widened(&data.gradient), case.units);
    let mut magnitudes = absolute(&sums);
    let mut unused = vec![0.0; case.classes];
    for block in &data.blocks {
        let samples = block.output_delta.chunks_exact(case.classes);
        for (ds, h) in samples.zip(block.hidden.chunks_exact(case.units)) {
            let (h, ds) = (widened(h), widened(ds));
            reference::linear_backward_parameters(&h, &ds, &mut sums, &mut unused);
            let ds = absolute(&ds);
            reference::linear_backward_parameters(&h, &ds, &mut magnitudes, &mut unused);
        }
    }
    let terms = data.blocks.len() * case.samples;
    let near: Vec<Near> = sums
        .into_iter()
        .zip(magnitudes)
        .map(|(value, magnitude)| Near {
            value,
            tolerance: sum_error(terms, magnitude),
        })
        .collect();
    vec![transposed(&near, case.classes)]
}

#[test]
fn output_gradients_are_sums_over_the_samples_of_all_blocks() {
    for case in cases(110) {
        let data = Data::new(&case);
        check(
            "output gradient",
            &case,
            |isa| run(isa, &case, &data),
            |rounding| by_loop(rounding, &case, &data),
            &formula(&case, &data),
        );
    }
}
