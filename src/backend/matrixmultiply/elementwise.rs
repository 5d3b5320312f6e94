//! The parts of a step that are no products of matrices, as plain loops that the compiler turns
//! into vector instructions.

use crate::kernels::rule::{SMALLEST_VELOCITY, StepRule};
use crate::simd::math::{COEFFICIENTS, LARGEST, LN2_LOWER, LN2_UPPER, ROUND};

/// Below, softmax takes exp for 0: so no probability and no gradient is a denormal number, which
/// some CPUs multiply slowly.
const SMALLEST_LOGIT: f32 = -60.0;
/// exp(x) = 2^n exp(r) with r = x - n ln 2, for |x| <= 87; beyond, exp(±87). NaN gives NaN.
///
/// `f32::exp` is a call that the compiler cannot vectorise; this is arithmetic. The relative error
/// is below 3e-7.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Written so that NaN passes through; `clamp` would do the same, with a check of its bounds.
    let x = if x > LARGEST { LARGEST } else { x };
    let x = if x < -LARGEST { -LARGEST } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN2_UPPER) - n * LN2_LOWER;
    let mut polynomial = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        polynomial = polynomial * r + coefficient;
    }
    // 127 is the bias of the exponent, which begins at bit 23.
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    (polynomial * (r * r) + r + 1.0) * power
}

/// x = byte / 255.
///
/// `bytes` and `inputs` (x) have the same length.
pub(super) fn convert(bytes: &[u8], inputs: &mut [f32]) {
    for (input, &byte) in inputs.iter_mut().zip(bytes) {
        *input = f32::from(byte) / 255.0;
    }
}

/// h = 1 / (1 + exp(-(k + b))), in place.
///
/// `hidden` (k, then h) is `[samples][width]`, `bias` (b) `[width]`.
pub(super) fn add_bias_and_sigmoid(hidden: &mut [f32], bias: &[f32]) {
    for row in hidden.chunks_exact_mut(bias.len()) {
        for (unit, bias) in row.iter_mut().zip(bias) {
            *unit = 1.0 / (1.0 + exp(-(*unit + bias)));
        }
    }
}

/// dk = dh h (1 - h), in place.
///
/// `delta` (dh, then dk) and `hidden` (h) have the same length.
pub(super) fn sigmoid_backward(delta: &mut [f32], hidden: &[f32]) {
    for (delta, &hidden) in delta.iter_mut().zip(hidden) {
        *delta *= hidden * (1.0 - hidden);
    }
}

/// sums_j <- kept sums_j + factor sum_n rows_nj. With `kept` = 0, the sums are not read.
///
/// `rows` is `[n][width]`, `sums` `[width]`.
pub(super) fn add_rows(factor: f32, rows: &[f32], kept: f32, sums: &mut [f32]) {
    if kept == 0.0 {
        sums.fill(0.0);
    } else if kept != 1.0 {
        sums.iter_mut().for_each(|sum| *sum *= kept);
    }
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += factor * value;
        }
    }
}

/// What [`softmax_cross_entropy`] finds for one sample.
pub(super) struct SampleLoss {
    /// Cross-entropy in nats.
    pub loss: f64,
    /// The first of the classes with the largest logit, `None` if that is not finite or a logit is NaN.
    pub predicted: Option<u8>,
}

/// l = ln(sum_j exp(s_j - m)) + m - s_c with m the largest logit, and ds = (y - t) scale with
/// y = softmax(s) and t_j = 1 if j = c, 0 otherwise.
///
/// `logits` (s, then ds) is `[classes]`, `label` (c) the target class.
pub(super) fn softmax_cross_entropy(logits: &mut [f32], label: u8, scale: f32) -> SampleLoss {
    let (mut largest, mut predicted) = (logits[0], 0);
    for (&logit, class) in logits.iter().zip(0..=u8::MAX) {
        if logit > largest {
            (largest, predicted) = (logit, class);
        }
    }
    let has_nan = logits.iter().any(|logit| logit.is_nan());
    let target = usize::from(label);
    let target_logit = logits[target];
    for logit in logits.iter_mut() {
        let shifted = *logit - largest;
        *logit = if shifted < SMALLEST_LOGIT {
            0.0
        } else {
            exp(shifted)
        };
    }
    let sum: f32 = logits.iter().sum();
    let factor = scale / sum;
    logits.iter_mut().for_each(|value| *value *= factor);
    logits[target] -= scale;
    SampleLoss {
        loss: f64::from(sum).ln() + (f64::from(largest) - f64::from(target_logit)),
        predicted: (!has_nan && largest.is_finite()).then_some(predicted),
    }
}

/// `value`, or 0 where it is smaller; NaN passes through.
fn at_least(smallest: f32, value: f32) -> f32 {
    if value.abs() < smallest { 0.0 } else { value }
}

/// One step of SGD by `rule` on `weights`, with the formulas of [`StepRule`].
///
/// `weights`, `velocities` and `gradients` are of one length. Velocities are not touched where the
/// rule has none.
pub(super) fn step(rule: StepRule, weights: &mut [f32], velocities: &mut [f32], gradients: &[f32]) {
    let StepRule {
        learning_rate,
        momentum,
        nesterov,
        weight_decay,
    } = rule;
    let smallest = rule.smallest_weight();
    let pairs = weights.iter_mut().zip(gradients);
    if !rule.has_velocity() {
        for (weight, gradient) in pairs {
            *weight = at_least(
                smallest,
                *weight - learning_rate * (gradient + weight_decay * *weight),
            );
        }
        return;
    }
    // Instead of a branch for each weight: d = from_gradient g + from_velocity v.
    let (from_gradient, from_velocity) = if nesterov {
        (1.0, momentum)
    } else {
        (0.0, 1.0)
    };
    for ((weight, gradient), velocity) in pairs.zip(velocities) {
        let gradient = gradient + weight_decay * *weight;
        *velocity = at_least(SMALLEST_VELOCITY, momentum * *velocity + gradient);
        let direction = from_gradient * gradient + from_velocity * *velocity;
        *weight = at_least(smallest, *weight - learning_rate * direction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_that_of_f64() {
        let mut largest_error = 0f64;
        for step in -87_000..=87_000 {
            let x = step as f32 / 1000.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            largest_error = largest_error.max(error);
        }
        assert!(largest_error < 3e-7, "{largest_error:e}");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), exp(LARGEST));
        assert_eq!(exp(f32::NEG_INFINITY), exp(-LARGEST));
        // The low bits of a NaN must not turn into an exponent.
        for bits in [0x7fc0_0000, 0x7fc0_0155, 0xffff_ffff_u32] {
            assert!(exp(f32::from_bits(bits)).is_nan(), "{bits:x}");
        }
    }

    #[test]
    fn bytes_become_quotients_by_255() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut inputs = [f32::NAN; 256];
        convert(&bytes, &mut inputs);
        for (input, byte) in inputs.iter().zip(bytes) {
            assert_eq!(*input, f32::from(byte) / 255.0);
        }
    }

    #[test]
    fn rows_are_added_to_what_is_kept() {
        let rows = [1.0, 2.0, 3.0, 4.0];
        let mut sums = [f32::NAN, 10.0];
        add_rows(1.0, &rows, 0.0, &mut sums);
        assert_eq!(sums, [4.0, 6.0]);
        add_rows(-0.5, &rows, 1.0, &mut sums);
        assert_eq!(sums, [2.0, 3.0]);
        add_rows(1.0, &rows, 2.0, &mut sums);
        assert_eq!(sums, [8.0, 12.0]);
    }

    #[test]
    fn what_decays_ends_at_zero() {
        let rule = StepRule {
            learning_rate: 0.5,
            momentum: 0.0,
            nesterov: true,
            weight_decay: 1.0,
        };
        for momentum in [0.0, 0.5] {
            let (mut weights, mut velocities) = ([1.0], [0.0]);
            for _ in 0..1000 {
                let rule = StepRule { momentum, ..rule };
                step(rule, &mut weights, &mut velocities, &[0.0]);
            }
            assert_eq!((weights, velocities), ([0.0], [0.0]));
        }
    }

    #[test]
    fn a_velocity_that_would_become_denormal_is_zero() {
        let rule = StepRule {
            learning_rate: 0.5,
            momentum: 0.5,
            nesterov: false,
            weight_decay: 0.0,
        };
        let (mut weights, mut velocities) = ([1.0; 3], [1.5e-30, 4.0, f32::NAN]);
        step(rule, &mut weights, &mut velocities, &[0.0; 3]);
        assert_eq!(velocities[..2], [0.0, 2.0]);
        assert_eq!(weights[..2], [1.0, 0.0]);
        assert!(velocities[2].is_nan() && weights[2].is_nan());
    }
}
