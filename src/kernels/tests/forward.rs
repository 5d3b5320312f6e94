//! h = sigmoid(x W + b).

use super::case::{Case, cases};
use super::images::{Batch, ImageKind};
use super::support::{
    EPSILON, Guarded, Matrix, Near, check, pad, random, sum_error, unpad, widened,
};
use crate::kernels::forward::Forward;
use crate::reference;
use crate::simd::Isa;
use crate::simd::tests::Rounding;

struct Data {
    batch: Batch,
    /// `[inputs][units]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Data {
    fn new(case: &Case) -> Self {
        let mut stream = case.stream();
        Self {
            batch: Batch::new(case, &mut stream),
            weights: random(&mut stream, case.inputs * case.units, 0.3),
            bias: random(&mut stream, case.units, 1.0),
        }
    }
}

fn run(isa: Isa, case: &Case, data: &Data) -> Vec<Matrix> {
    let stride = case.stride(isa);
    let prepared = data.batch.prepare(isa);
    let mut hidden = Guarded::poisoned(case.samples * stride);
    Forward {
        block: prepared.block(),
        weights: &pad(&data.weights, case.units, stride),
        bias: &pad(&data.bias, case.units, stride),
        hidden: hidden.slice(),
        stride,
        pattern: prepared.block().pattern(),
    }
    .run_on(isa);
    let hidden = hidden.checked(&(isa.name(), case), "h");
    vec![Matrix::new(
        "h",
        case.units,
        unpad(hidden, case.units, stride),
    )]
}

/// The bias, then the pixels that are not zero, ascending.
fn by_loop(rounding: Rounding, case: &Case, data: &Data) -> Vec<Matrix> {
    let mut hidden = Vec::new();
    for image in data.batch.samples() {
        let mut sums = data.bias.clone();
        for (&byte, row) in image.iter().zip(data.weights.chunks_exact(case.units)) {
            if byte == 0 {
                continue;
            }
            let x = f32::from(byte) / 255.0;
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum = rounding.mul_add(x, weight, *sum);
            }
        }
        hidden.extend(sums.into_iter().map(|sum| rounding.sigmoid(sum)));
    }
    vec![Matrix::new("h", case.units, hidden)]
}

fn formula(case: &Case, data: &Data) -> Vec<Vec<Near>> {
    let (weights, bias) = (widened(&data.weights), widened(&data.bias));
    let absolute = |values: &[f64]| -> Vec<f64> { values.iter().map(|x| x.abs()).collect() };
    let (large_weights, large_bias) = (absolute(&weights), absolute(&bias));
    let mut hidden = Vec::new();
    for x in data.batch.inputs_f64() {
        let sums = reference::linear(&x, &weights, &bias);
        let magnitudes = reference::linear(&x, &large_weights, &large_bias);
        hidden.extend(sums.into_iter().zip(magnitudes).map(|(sum, magnitude)| {
            let value = reference::sigmoid(sum);
            // dh/dk is at most 1/4; the sigmoid itself is accurate to 4e-7.
            let tolerance = sum_error(case.inputs, magnitude) / 4.0 + 4e-7 * value + EPSILON;
            Near { value, tolerance }
        }));
    }
    vec![hidden]
}

#[test]
fn hidden_units_are_the_sigmoids_of_their_sums() {
    for case in cases(110) {
        let data = Data::new(&case);
        check(
            "forward",
            &case,
            |isa| run(isa, &case, &data),
            |rounding| by_loop(rounding, &case, &data),
            &formula(&case, &data),
        );
    }
}

fn small_case(inputs: usize, samples: usize) -> Case {
    Case {
        number: 5,
        inputs,
        samples,
        units: 41,
        classes: 2,
        images: ImageKind::Sparse,
        capacity: samples,
    }
}

/// What a weight row may hold without any effect, as long as its pixel is zero.
const UNUSABLE: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

#[test]
fn zero_pixels_are_never_multiplied() {
    let case = small_case(130, 33);
    let mut data = Data::new(&case);
    for unused in [0, 1, 63, 64, 65, 127, 128, 129] {
        let images = data.batch.images.iter_mut();
        images.skip(unused).step_by(130).for_each(|byte| *byte = 0);
    }
    for isa in Isa::available() {
        let expected = run(isa, &case, &data);
        for unusable in UNUSABLE {
            let mut spoilt = Data::new(&case);
            spoilt.batch.images.clone_from(&data.batch.images);
            for unused in [0, 1, 63, 64, 65, 127, 128, 129] {
                spoilt.weights[unused * 41..][..41].fill(unusable);
            }
            let found = run(isa, &case, &spoilt);
            super::support::assert_same(&(isa.name(), unusable), &found[0], &expected[0]);
        }
    }
}

#[test]
fn a_pixel_reaches_only_the_samples_in_which_it_is_not_zero() {
    let case = small_case(70, 20);
    let mut data = Data::new(&case);
    data.batch.order = (0..20).collect();
    let spoilt_pixel = 66;
    let has_pixel = |sample: usize| sample % 3 == 1;
    for (sample, image) in data.batch.images.chunks_exact_mut(70).enumerate() {
        image[spoilt_pixel] = if has_pixel(sample) { 9 } else { 0 };
    }
    for isa in Isa::available() {
        let expected = run(isa, &case, &data).remove(0);
        let mut spoilt = Data::new(&case);
        spoilt.batch.images.clone_from(&data.batch.images);
        spoilt.batch.order.clone_from(&data.batch.order);
        spoilt.weights[spoilt_pixel * 41..][..41].fill(f32::NAN);
        let found = run(isa, &case, &spoilt).remove(0);
        let rows = found.values.chunks_exact(41);
        for (sample, (found, expected)) in rows.zip(expected.values.chunks_exact(41)).enumerate() {
            if has_pixel(sample) {
                assert!(found.iter().all(|h| h.is_nan()), "{isa}, sample {sample}");
            } else {
                assert_eq!(found, expected, "{isa}, sample {sample}");
            }
        }
    }
}

#[test]
fn an_empty_image_gives_the_sigmoid_of_the_bias() {
    let mut case = small_case(784, 17);
    case.images = ImageKind::Black;
    let data = Data::new(&case);
    for isa in Isa::available() {
        let found = run(isa, &case, &data).remove(0);
        for (index, &h) in found.values.iter().enumerate() {
            let expected = Rounding::of(isa).sigmoid(data.bias[index % 41]);
            assert_eq!(h.to_bits(), expected.to_bits(), "{isa}, element {index}");
        }
    }
}
