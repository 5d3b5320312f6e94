//! A leaf's part of h V, and sums of parts.

use super::case::{Case, cases};
use super::support::{Guarded, Matrix, Near, check, pad, random, sum_error, unpad, widened};
use crate::kernels::logits::{AddParts, LeafLogits};
use crate::reference;
use crate::simd::Isa;
use crate::simd::tests::Rounding;

struct Data {
    /// `[samples][units]`.
    hidden: Vec<f32>,
    /// `[units][classes]`.
    weights: Vec<f32>,
    /// Units before the leaf in a row of the hidden layer.
    before: usize,
}

impl Data {
    fn new(case: &Case) -> Self {
        let mut stream = case.stream();
        let hidden = random(&mut stream, case.samples * case.units, 0.5);
        Self {
            hidden: hidden.into_iter().map(|h| h + 0.5).collect(),
            weights: random(&mut stream, case.units * case.classes, 0.5),
            before: case.number as usize % 3 * 8,
        }
    }
}

fn run(isa: Isa, case: &Case, data: &Data) -> Vec<Matrix> {
    let (units, classes) = (case.units, case.class_stride());
    // The leaf lies in the middle of longer rows, whose other units are NaN.
    let stride = (data.before + units).next_multiple_of(isa.lanes());
    let mut hidden = vec![f32::NAN; case.samples * stride];
    for (row, values) in hidden
        .chunks_exact_mut(stride)
        .zip(data.hidden.chunks_exact(units))
    {
        row[data.before..][..units].copy_from_slice(values);
    }
    let logits = |part: &mut [f32], is_added| {
        isa.run(LeafLogits {
            hidden: &hidden[data.before..],
            stride,
            units,
            weights: &pad(&data.weights, case.classes, classes),
            classes,
            samples: case.samples,
            part,
            is_added,
        });
    };
    let mut part = Guarded::poisoned(case.samples * classes);
    logits(part.slice(), false);
    let part = part.checked(&(isa.name(), case), "part");
    let mut sum = Guarded::holding(&vec![1.5; case.samples * classes]);
    logits(sum.slice(), true);
    let sum = sum.checked(&(isa.name(), case), "sum");
    for (sum, part) in sum.iter().zip(part) {
        assert_eq!(sum.to_bits(), (1.5 + part).to_bits(), "{}", isa.name());
    }
    vec![Matrix::new(
        "part",
        case.classes,
        unpad(part, case.classes, classes),
    )]
}

/// Hidden units ascending, from 0.
fn by_loop(rounding: Rounding, case: &Case, data: &Data) -> Vec<Matrix> {
    let mut part = Vec::new();
    for hidden in data.hidden.chunks_exact(case.units) {
        let mut sums = vec![0.0; case.classes];
        for (&h, row) in hidden.iter().zip(data.weights.chunks_exact(case.classes)) {
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum = rounding.mul_add(h, weight, *sum);
            }
        }
        part.extend(sums);
    }
    vec![Matrix::new("part", case.classes, part)]
}

fn formula(case: &Case, data: &Data) -> Vec<Vec<Near>> {
    let weights = widened(&data.weights);
    let magnitudes: Vec<f64> = weights.iter().map(|weight| weight.abs()).collect();
    let zero = vec![0.0; case.classes];
    let mut part = Vec::new();
    for hidden in data.hidden.chunks_exact(case.units) {
        let hidden = widened(hidden);
        let sums = reference::linear(&hidden, &weights, &zero);
        let magnitudes = reference::linear(&hidden, &magnitudes, &zero);
        part.extend(sums.into_iter().zip(magnitudes).map(|(value, m)| Near {
            value,
            tolerance: sum_error(case.units, m),
        }));
    }
    vec![part]
}

#[test]
fn logits_are_sums_over_the_units_of_a_leaf() {
    for case in cases(110) {
        let data = Data::new(&case);
        check(
            "logits",
            &case,
            |isa| run(isa, &case, &data),
            |rounding| by_loop(rounding, &case, &data),
            &formula(&case, &data),
        );
    }
}

#[test]
fn parts_are_added_element_by_element() {
    for (number, length) in [16, 32, 160, 2048, 128 * 256].into_iter().enumerate() {
        let case = Case {
            number: number as u64,
            ..cases(60)[0]
        };
        let mut stream = case.stream();
        let left = random(&mut stream, length, 3.0);
        let right = random(&mut stream, length, 3.0);
        let sums: Vec<f32> = left.iter().zip(&right).map(|(a, b)| a + b).collect();
        let near = |&sum: &f32| Near {
            value: f64::from(sum),
            tolerance: 0.0,
        };
        let formula: Vec<Near> = sums.iter().map(near).collect();
        let run = |isa: Isa| {
            let mut sum = Guarded::holding(&left).exact();
            isa.run(AddParts {
                left: sum.slice(),
                right: &right,
            });
            let sum = sum.checked(&(isa.name(), length), "sum").to_vec();
            vec![Matrix::new("sum", length, sum)]
        };
        let by_loop = |_| vec![Matrix::new("sum", length, sums.clone())];
        check("sum of parts", &length, run, by_loop, &[formula]);
    }
}
