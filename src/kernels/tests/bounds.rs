//! Kernels use pointers, so they must refuse buffers that are too short.

use super::case::Case;
use super::images::{Batch, ImageKind};
use super::step::RULES;
use crate::kernels::forward::Forward;
use crate::kernels::hidden_delta::HiddenDelta;
use crate::kernels::logits::{AddParts, LeafLogits};
use crate::kernels::output_update::{ColumnSums, DenseStep, OutputGradient, OutputRows};
use crate::kernels::prepare::Pattern;
use crate::kernels::softmax::SoftmaxCrossEntropy;
use crate::kernels::weight_update::{WeightUpdate, Weights, weight_rows};
use crate::simd::{Isa, MAX_LANES};
use std::panic::{AssertUnwindSafe, catch_unwind};

const SAMPLES: usize = 5;
const INPUTS: usize = 65;
const CLASSES: usize = 10;
const CLASS_STRIDE: usize = 16;
const STRIDE: usize = 32;

/// Runs a kernel with each of its buffers, or its stride, too short by one, and then with all as
/// they should be. `kernel` is given the amounts that are missing.
fn assert_bounds_checked<const N: usize>(name: &str, kernel: impl Fn(Isa, [usize; N])) {
    for isa in Isa::available() {
        for short in 0..N {
            let mut missing = [0; N];
            missing[short] = 1;
            let result = catch_unwind(AssertUnwindSafe(|| kernel(isa, missing)));
            assert!(
                result.is_err(),
                "{isa}, {name}: buffer {short} was too short"
            );
        }
        kernel(isa, [0; N]);
    }
}

fn buffer(length: usize, missing: usize) -> Vec<f32> {
    vec![0.0; length - missing]
}

fn batch() -> Batch {
    let case = Case {
        number: 1,
        inputs: INPUTS,
        samples: SAMPLES,
        units: STRIDE,
        classes: CLASSES,
        images: ImageKind::Dense,
        capacity: SAMPLES,
    };
    Batch::new(&case, &mut case.stream())
}

#[test]
fn the_first_layers_kernels_refuse_short_buffers() {
    let batch = batch();
    assert_bounds_checked("forward", |isa, [weights, bias, hidden, stride]| {
        Forward {
            block: batch.prepare(isa).block(),
            weights: &buffer(INPUTS * STRIDE, weights),
            bias: &buffer(STRIDE, bias),
            hidden: &mut buffer(SAMPLES * STRIDE, hidden),
            stride: STRIDE - stride,
            pattern: Pattern::Sparse,
        }
        .run_on(isa);
    });
    let rows = weight_rows(INPUTS);
    let update = |isa: Isa, [delta, weights, velocities, gradients, stride]: [usize; 5]| {
        isa.run(WeightUpdate {
            block: batch.prepare(isa).block(),
            delta: &buffer(SAMPLES * STRIDE, delta),
            weights: Weights {
                stride: STRIDE - stride,
                values: &mut buffer(rows * STRIDE, weights),
                velocities: &mut buffer(rows * STRIDE, velocities),
                gradients: Some(&mut buffer(rows * STRIDE, gradients)),
                rule: Some(RULES[1]),
            },
            pattern: Pattern::Sparse,
        });
    };
    assert_bounds_checked("weight update", update);
    assert_bounds_checked("sums without a place", |isa, [nowhere]: [usize; 1]| {
        isa.run(WeightUpdate {
            block: batch.prepare(isa).block(),
            delta: &buffer(SAMPLES * STRIDE, 0),
            weights: Weights {
                stride: STRIDE,
                values: &mut buffer(rows * STRIDE, 0),
                velocities: &mut [],
                gradients: (nowhere == 0).then_some(&mut buffer(rows * STRIDE, 0)),
                rule: None,
            },
            pattern: Pattern::Sparse,
        });
    });
}

#[test]
fn the_output_layers_kernels_refuse_short_buffers() {
    assert_bounds_checked("logits", |isa, [hidden, weights, part, classes]| {
        isa.run(LeafLogits {
            hidden: &buffer((SAMPLES - 1) * STRIDE + 20, hidden),
            stride: STRIDE,
            units: 20,
            weights: &buffer(20 * CLASS_STRIDE, weights),
            classes: CLASS_STRIDE - classes,
            samples: SAMPLES,
            part: &mut buffer(SAMPLES * CLASS_STRIDE, part),
            is_added: false,
        });
    });
    assert_bounds_checked("sum of parts", |isa, [left, right]| {
        isa.run(AddParts {
            left: &mut buffer(SAMPLES * CLASS_STRIDE, left),
            right: &buffer(SAMPLES * CLASS_STRIDE, right),
        });
    });
    let softmax = |isa: Isa, [logits, bias, delta, predicted, scratch]: [usize; 5]| {
        isa.run(SoftmaxCrossEntropy {
            logits: &buffer(SAMPLES * CLASS_STRIDE, logits),
            bias: &buffer(CLASSES, bias),
            labels: &[0; SAMPLES],
            classes: CLASSES,
            class_stride: CLASS_STRIDE,
            scale: 1.0,
            delta: &mut buffer(SAMPLES * CLASS_STRIDE, delta),
            predicted: &mut vec![0; SAMPLES - predicted],
            scratch: &mut buffer(CLASS_STRIDE * MAX_LANES, scratch),
        });
    };
    assert_bounds_checked("softmax", softmax);
}

#[test]
fn the_backward_kernels_of_the_output_layer_refuse_short_buffers() {
    let delta = |isa: Isa, [ds, weights, hidden, bias, stride]: [usize; 5]| {
        isa.run(HiddenDelta {
            output_delta: &buffer(SAMPLES * CLASS_STRIDE, ds),
            class_stride: CLASS_STRIDE,
            classes: CLASSES,
            weights: &buffer(CLASSES * STRIDE, weights),
            hidden: &mut buffer(SAMPLES * STRIDE, hidden),
            bias_gradient: &mut buffer(STRIDE, bias),
            stride: STRIDE - stride,
            samples: SAMPLES,
        });
    };
    assert_bounds_checked("hidden delta", delta);
    let gradient = |isa: Isa, [ds, hidden, gradient, stride]: [usize; 4]| {
        isa.run(OutputGradient {
            output_delta: &buffer(SAMPLES * CLASS_STRIDE, ds),
            class_stride: CLASS_STRIDE,
            classes: CLASSES,
            hidden: &buffer(SAMPLES * STRIDE, hidden),
            stride: STRIDE - stride,
            samples: SAMPLES,
            gradient: &mut buffer(CLASSES * STRIDE, gradient),
        });
    };
    assert_bounds_checked("output gradient", gradient);
    assert_bounds_checked("output rows", |isa, [weights, rows, stride, classes]| {
        isa.run(OutputRows {
            weights: &buffer(CLASS_STRIDE * STRIDE, weights),
            stride: STRIDE - stride,
            class_stride: CLASS_STRIDE - classes,
            rows: &mut buffer(CLASS_STRIDE * STRIDE, rows),
        });
    });
    assert_bounds_checked("column sums", |isa, [sums]| {
        isa.run(ColumnSums {
            rows: &buffer(SAMPLES * CLASS_STRIDE, 0),
            sums: &mut buffer(CLASS_STRIDE, sums),
        });
    });
    assert_bounds_checked("dense step", |isa, [parameters, velocities, gradients]| {
        isa.run(DenseStep {
            rule: RULES[1],
            parameters: &mut buffer(STRIDE, parameters),
            velocities: &mut buffer(STRIDE, velocities),
            gradients: &buffer(STRIDE, gradients),
        });
    });
}
