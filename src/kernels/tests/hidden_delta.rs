//! dk = (ds V^T) h (1 - h).

use super::case::{Case, cases};
use super::images::ImageKind;
use super::support::{
    EPSILON, Guarded, Matrix, Near, check, pad, random, sum_error, transposed, unpad, widened,
};
use crate::kernels::hidden_delta::HiddenDelta;
use crate::reference;
use crate::simd::Isa;
use crate::simd::tests::Rounding;

struct Data {
    /// `[samples][classes]`.
    output_delta: Vec<f32>,
    /// V transposed, `[classes][units]`.
    weights: Vec<f32>,
    /// `[samples][units]`.
    hidden: Vec<f32>,
    /// `[units]`, before the block.
    bias_gradient: Vec<f32>,
}

impl Data {
    fn new(case: &Case) -> Self {
        let mut stream = case.stream();
        let hidden = random(&mut stream, case.samples * case.units, 0.5);
        Self {
            output_delta: random(&mut stream, case.samples * case.classes, 0.01),
            weights: random(&mut stream, case.classes * case.units, 0.5),
            hidden: hidden.into_iter().map(|h| h + 0.5).collect(),
            bias_gradient: random(&mut stream, case.units, 0.01),
        }
    }
}

fn run(isa: Isa, case: &Case, data: &Data) -> Vec<Matrix> {
    let at = (isa.name(), case);
    let (stride, units) = (case.stride(isa), case.units);
    let class_stride = case.class_stride();
    let mut delta = Guarded::holding(&pad(&data.hidden, units, stride));
    let mut bias_gradient = Guarded::holding(&pad(&data.bias_gradient, units, stride));
    isa.run(HiddenDelta {
        output_delta: &pad(&data.output_delta, case.classes, class_stride),
        class_stride,
        classes: case.classes,
        weights: &pad(&data.weights, units, stride),
        hidden: delta.slice(),
        bias_gradient: bias_gradient.slice(),
        stride,
        samples: case.samples,
    });
    let delta = unpad(delta.checked(&at, "dk"), units, stride);
    let bias_gradient = unpad(bias_gradient.checked(&at, "db"), units, stride);
    vec![
        Matrix::new("dk", units, delta),
        Matrix::new("db", units, bias_gradient),
    ]
}

/// Classes ascending; for db, samples ascending.
fn by_loop(rounding: Rounding, case: &Case, data: &Data) -> Vec<Matrix> {
    let mut bias_gradient = data.bias_gradient.clone();
    let mut deltas = Vec::new();
    let samples = data.output_delta.chunks_exact(case.classes);
    for (output_delta, hidden) in samples.zip(data.hidden.chunks_exact(case.units)) {
        for (unit, &h) in hidden.iter().enumerate() {
            let mut sum = 0.0;
            for (class, &ds) in output_delta.iter().enumerate() {
                sum = rounding.mul_add(ds, data.weights[class * case.units + unit], sum);
            }
            let delta = sum * (h * (1.0 - h));
            let delta = if delta.abs() < 1e-30 { 0.0 } else { delta };
            bias_gradient[unit] += delta;
            deltas.push(delta);
        }
    }
    vec![
        Matrix::new("dk", case.units, deltas),
        Matrix::new("db", case.units, bias_gradient),
    ]
}

fn formula(case: &Case, data: &Data) -> Vec<Vec<Near>> {
    let weights = transposed(&widened(&data.weights), case.units);
    let absolute = |values: &[f64]| -> Vec<f64> { values.iter().map(|x| x.abs()).collect() };
    let large_weights = absolute(&weights);
    let mut deltas = Vec::new();
    let samples = data.output_delta.chunks_exact(case.classes);
    for (output_delta, hidden) in samples.zip(data.hidden.chunks_exact(case.units)) {
        let output_delta = widened(output_delta);
        let sums = reference::linear_backward_input(&weights, &output_delta);
        let magnitudes = reference::linear_backward_input(&large_weights, &absolute(&output_delta));
        for ((&h, sum), magnitude) in hidden.iter().zip(sums).zip(magnitudes) {
            let h = f64::from(h);
            let value = reference::sigmoid_backward(h, sum);
            let error = sum_error(case.classes, magnitude);
            // Products and the difference are rounded, and the smallest results become 0.
            let tolerance = error * h * (1.0 - h) + 3.0 * EPSILON * value.abs() + 1e-30;
            deltas.push(Near { value, tolerance });
        }
    }
    let bias_gradient = (0..case.units).map(|unit| {
        let initial = f64::from(data.bias_gradient[unit]);
        let column = deltas.iter().skip(unit).step_by(case.units);
        let (mut value, mut magnitude, mut error) = (initial, initial.abs(), 0.0);
        for near in column {
            value += near.value;
            magnitude += near.value.abs();
            error += near.tolerance;
        }
        let tolerance = error + sum_error(case.samples, magnitude);
        Near { value, tolerance }
    });
    let bias_gradient = bias_gradient.collect();
    vec![deltas, bias_gradient]
}

#[test]
fn hidden_deltas_and_bias_gradients_are_their_sums() {
    for case in cases(110) {
        let data = Data::new(&case);
        check(
            "hidden delta",
            &case,
            |isa| run(isa, &case, &data),
            |rounding| by_loop(rounding, &case, &data),
            &formula(&case, &data),
        );
    }
}

fn small_case() -> Case {
    Case {
        number: 3,
        inputs: 1,
        samples: 7,
        units: 20,
        classes: 3,
        images: ImageKind::Black,
        capacity: 7,
    }
}

#[test]
fn deltas_too_small_for_fast_products_become_zero() {
    let case = small_case();
    let mut data = Data::new(&case);
    data.hidden.fill(0.5);
    data.weights.fill(1.0);
    data.bias_gradient.fill(0.0);
    data.output_delta.fill(0.0);
    // The first class alone gives delta = ds / 4.
    let samples = data.output_delta.iter_mut().step_by(3);
    let small = [3.9e-30f32, -3.9e-30, 4.1e-30, -4.1e-30, 1e-38, 1e-44, -0.0];
    samples.zip(small).for_each(|(ds, small)| *ds = small);
    for isa in Isa::available() {
        let found = run(isa, &case, &data).remove(0);
        for (sample, row) in found.values.chunks_exact(20).enumerate() {
            let expected = match small[sample] {
                x if x.abs() > 4e-30 => x / 4.0,
                _ => 0.0,
            };
            assert!(
                row.iter().all(|&delta| delta == expected),
                "{isa}, sample {sample}: {row:?}, expected {expected:e}"
            );
        }
    }
}

#[test]
fn a_nan_stays_in_its_sample_and_reaches_the_bias_gradient() {
    let case = small_case();
    let data = Data::new(&case);
    for isa in Isa::available() {
        let expected = run(isa, &case, &data).remove(0);
        for sample in 0..case.samples {
            let mut spoilt = Data::new(&case);
            spoilt.output_delta[sample * 3 + 1] = f32::NAN;
            let found = run(isa, &case, &spoilt);
            let rows = found[0].values.chunks_exact(20);
            for (row, (found, expected)) in rows.zip(expected.values.chunks_exact(20)).enumerate() {
                if row == sample {
                    assert!(found.iter().all(|delta| delta.is_nan()), "{isa}, row {row}");
                } else {
                    assert_eq!(found, expected, "{isa}, row {row}, NaN in {sample}");
                }
            }
            assert!(found[1].values.iter().all(|db| db.is_nan()), "{isa}");
        }
    }
}
