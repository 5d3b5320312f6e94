//! y = softmax(s), the loss, and (y - t) / samples.

use super::case::{Case, SAMPLES, cases};
use super::images::ImageKind;
use super::support::{
    EPSILON, Guarded, Matrix, Near, assert_near, assert_same, pad, random, unpad,
};
use crate::kernels::softmax::{BlockLoss, SoftmaxCrossEntropy};
use crate::reference;
use crate::simd::tests::Rounding;
use crate::simd::{Isa, MAX_LANES};
use std::fmt::Debug;

struct Data {
    /// `[samples][classes]`.
    logits: Vec<f32>,
    bias: Vec<f32>,
    labels: Vec<u8>,
    scale: f32,
}

impl Data {
    /// Random logits on ±`bound`.
    fn new(case: &Case, bound: f32) -> Self {
        let mut stream = case.stream();
        let label = |_| stream.below(case.classes as u32) as u8;
        let labels = (0..case.samples).map(label).collect();
        Self {
            logits: random(&mut stream, case.samples * case.classes, bound),
            bias: random(&mut stream, case.classes, 1.0),
            labels,
            scale: 1.0 / case.samples as f32,
        }
    }

    /// s = logits + bias of each sample, in f32.
    fn sums(&self) -> impl Iterator<Item = Vec<f32>> {
        let samples = self.logits.chunks_exact(self.bias.len());
        samples.map(|logits| logits.iter().zip(&self.bias).map(|(l, b)| l + b).collect())
    }
}

struct Outcome {
    delta: Matrix,
    predicted: Vec<u8>,
    total: BlockLoss,
}

fn run(isa: Isa, case: &Case, data: &Data) -> Outcome {
    let at = (isa.name(), case);
    let (classes, class_stride) = (case.classes, case.class_stride());
    let mut delta = Guarded::poisoned(case.samples * class_stride);
    let mut predicted = Guarded::poisoned(case.samples);
    let mut scratch = Guarded::poisoned(class_stride * MAX_LANES);
    let total = isa.run(SoftmaxCrossEntropy {
        logits: &pad(&data.logits, classes, class_stride),
        bias: &pad(&data.bias, classes, class_stride),
        labels: &data.labels,
        classes,
        class_stride,
        scale: data.scale,
        delta: delta.slice(),
        predicted: predicted.slice(),
        scratch: scratch.slice(),
    });
    scratch.checked(&at, "scratch");
    let delta = delta.checked(&at, "ds");
    for (sample, row) in delta.chunks_exact(class_stride).enumerate() {
        assert!(
            row[classes..].iter().all(|&ds| ds == 0.0),
            "{at:?}: padding of sample {sample} is not 0"
        );
    }
    Outcome {
        delta: Matrix::new("ds", classes, unpad(delta, classes, class_stride)),
        predicted: predicted.checked(&at, "predicted").to_vec(),
        total,
    }
}

/// Classes ascending.
fn by_loop(rounding: Rounding, data: &Data) -> (Matrix, Vec<u8>) {
    let (mut deltas, mut predicted) = (Vec::new(), Vec::new());
    for (sums, &label) in data.sums().zip(&data.labels) {
        let (mut best, mut largest) = (0, sums[0]);
        for (class, &logit) in sums.iter().enumerate() {
            if logit > largest {
                (best, largest) = (class, logit);
            }
        }
        predicted.push(best as u8);
        let mut sum = 0.0;
        let exponentials: Vec<f32> = sums
            .iter()
            .map(|logit| rounding.exp_negative(logit - largest))
            .collect();
        for exponential in &exponentials {
            sum += exponential;
        }
        let factor = data.scale / sum;
        for (class, exponential) in exponentials.into_iter().enumerate() {
            let probability = exponential * factor;
            let is_label = class == usize::from(label);
            deltas.push(probability - if is_label { data.scale } else { 0.0 });
        }
    }
    (Matrix::new("ds", data.bias.len(), deltas), predicted)
}

/// ds, and the loss of all samples.
fn formula(data: &Data) -> (Vec<Near>, Near) {
    let classes = data.bias.len();
    let scale = f64::from(data.scale);
    let mut deltas = Vec::new();
    let mut loss = Near {
        value: 0.0,
        tolerance: 0.0,
    };
    let samples = data.logits.chunks_exact(classes);
    for (logits, &label) in samples.zip(&data.labels) {
        let sums = logits.iter().zip(&data.bias);
        let sums: Vec<f64> = sums.map(|(&l, &b)| f64::from(l) + f64::from(b)).collect();
        let largest = sums.iter().fold(0.0, |m: f64, s| m.max(s.abs()));
        let (sample_loss, gradient) = reference::softmax_cross_entropy(&sums, usize::from(label));
        // A logit is rounded when the bias is added and when the largest is subtracted; exp is
        // accurate to 2e-7; each addition is rounded.
        let exponential = 2e-7 + 2.0 * EPSILON * largest;
        let relative = 2.0 * exponential + (classes + 4) as f64 * EPSILON;
        loss.value += sample_loss;
        loss.tolerance += relative + EPSILON * largest;
        for (class, ds) in gradient.into_iter().enumerate() {
            let is_label = class == usize::from(label);
            let probability = if is_label { ds + 1.0 } else { ds };
            // Probabilities below exp(-60) are 0.
            let tolerance = relative * probability + if is_label { EPSILON } else { 0.0 } + 1e-26;
            deltas.push(Near {
                value: scale * ds,
                tolerance: scale * tolerance,
            });
        }
    }
    (deltas, loss)
}

fn check(case: &Case, what: &str, data: &Data) {
    let (near_delta, near_loss) = formula(data);
    let reference_predictions: Vec<Option<usize>> = data
        .sums()
        .map(|sums| reference::predicted_class(&super::support::widened(&sums)))
        .collect();
    let mut fused: Option<(Isa, Outcome)> = None;
    for isa in Isa::available() {
        let at = (isa.name(), what, case);
        let found = run(isa, case, data);
        assert_near(&at, &found.delta, &near_delta);
        let difference = (found.total.loss - near_loss.value).abs();
        assert!(
            difference <= near_loss.tolerance,
            "{at:?}: loss {:e}, expected {near_loss:?}",
            found.total.loss
        );
        let (delta, predicted) = by_loop(Rounding::of(isa), data);
        assert_same(&at, &found.delta, &delta);
        assert_eq!(found.predicted, predicted, "{at:?}");
        let mut correct = 0;
        for (sample, (&class, &expected)) in
            predicted.iter().zip(&reference_predictions).enumerate()
        {
            assert_eq!(
                Some(usize::from(class)),
                expected,
                "{at:?}, sample {sample}"
            );
            correct += usize::from(class == data.labels[sample]);
        }
        assert_eq!(found.total.correct, correct, "{at:?}");
        if !isa.is_fused() {
            continue;
        }
        match &fused {
            None => fused = Some((isa, found)),
            Some((other, expected)) => assert_equal(&(at, other), &found, expected),
        }
    }
}

fn assert_equal(at: &dyn Debug, found: &Outcome, expected: &Outcome) {
    assert_same(at, &found.delta, &expected.delta);
    assert_eq!(found.predicted, expected.predicted, "{at:?}");
    assert_eq!(found.total.correct, expected.total.correct, "{at:?}");
    assert!(
        found.total.loss.to_bits() == expected.total.loss.to_bits(),
        "{at:?}: loss {:?}, expected {:?}",
        found.total.loss,
        expected.total.loss
    );
}

#[test]
fn losses_gradients_and_predictions_are_those_of_softmax() {
    for bound in [1.0, 10.0, 70.0] {
        for case in cases(60) {
            check(&case, "random logits", &Data::new(&case, bound));
        }
    }
}

#[test]
fn the_first_of_several_largest_logits_is_predicted() {
    for case in cases(60) {
        let mut data = Data::new(&case, 2.0);
        data.bias.fill(0.5);
        data.logits.iter_mut().for_each(|s| *s = s.round());
        check(&case, "ties", &data);
        data.logits.fill(-3.25);
        check(&case, "equal logits", &data);
        for isa in Isa::available() {
            let found = run(isa, &case, &data);
            assert!(found.predicted.iter().all(|&class| class == 0), "{isa}");
            let expected = case.samples as f64 * (case.classes as f64).ln();
            let difference = (found.total.loss - expected).abs();
            assert!(difference <= 1e-9 * expected, "{isa}: {difference:e}");
        }
    }
}

#[test]
fn extreme_logits_give_finite_losses_and_gradients() {
    for case in cases(60) {
        let mut data = Data::new(&case, 1.0);
        data.logits
            .iter_mut()
            .for_each(|s| *s = if *s > 0.4 { 1e4 } else { -1e4 });
        check(&case, "logits of 1e4 either way", &data);
        data.bias.fill(0.0);
        check(&case, "logits of 1e4 either way, no bias", &data);
    }
}

#[test]
fn a_certain_and_right_prediction_has_no_loss_and_a_wrong_one_the_distance() {
    let case = small_case(20, 10);
    let mut data = Data::new(&case, 0.0);
    data.bias.fill(0.0);
    data.logits.fill(-1e4);
    data.logits.iter_mut().step_by(10).for_each(|s| *s = 1e4);
    data.labels.fill(0);
    data.labels[17] = 3;
    for isa in Isa::available() {
        let found = run(isa, &case, &data);
        assert_eq!(found.total.loss, 2e4, "{isa}");
        assert_eq!(found.total.correct, 19, "{isa}");
        for (index, &ds) in found.delta.values.iter().enumerate() {
            let expected = match (index / 10, index % 10) {
                (17, 0) => data.scale,
                (17, 3) => -data.scale,
                _ => 0.0,
            };
            assert_eq!(ds, expected, "{isa}, element {index}");
        }
    }
}

fn small_case(samples: usize, classes: usize) -> Case {
    Case {
        number: 9,
        inputs: 1,
        samples,
        units: 1,
        classes,
        images: ImageKind::Black,
        capacity: samples,
    }
}

/// A logit that is no number makes its sample's gradient and the loss NaN, and the sample wrong; it
/// leaves the other samples alone.
#[test]
fn a_logit_that_is_nan_or_infinite_spoils_only_its_sample() {
    let spoilt_logits = [
        f32::NAN,
        -f32::NAN,
        f32::from_bits(0x7fc0_0001),
        f32::from_bits(0xffc0_01ff),
        f32::INFINITY,
    ];
    for samples in SAMPLES {
        let case = small_case(samples, 10);
        let mut clean = Data::new(&case, 5.0);
        for (label, sums) in clean.labels.iter_mut().zip(clean.logits.chunks_exact(10)) {
            // Class 1 is always right, so that a spoilt sample would count as correct.
            *label = 1;
            assert!(sums.iter().all(|s| s.abs() <= 5.0));
        }
        clean
            .logits
            .iter_mut()
            .skip(1)
            .step_by(10)
            .for_each(|s| *s = 20.0);
        for isa in Isa::available() {
            let expected = run(isa, &case, &clean);
            assert_eq!(expected.total.correct, samples);
            for (number, spoilt_logit) in spoilt_logits.into_iter().enumerate() {
                for class in [0, 1, 9] {
                    let spoilt_sample = (number * 7 + class) % samples;
                    let at = (isa.name(), samples, spoilt_sample, class, spoilt_logit);
                    let mut data = Data::new(&case, 5.0);
                    data.logits.clone_from(&clean.logits);
                    data.labels.clone_from(&clean.labels);
                    data.logits[spoilt_sample * 10 + class] = spoilt_logit;
                    let found = run(isa, &case, &data);
                    assert!(found.total.loss.is_nan(), "{at:?}: {:?}", found.total);
                    assert_eq!(found.total.correct, samples - 1, "{at:?}");
                    let rows = found.delta.values.chunks_exact(10);
                    let expected = expected.delta.values.chunks_exact(10);
                    for (sample, (found, expected)) in rows.zip(expected).enumerate() {
                        if sample == spoilt_sample {
                            assert!(found.iter().all(|ds| ds.is_nan()), "{at:?}: {found:?}");
                        } else {
                            assert_eq!(found, expected, "{at:?}, sample {sample}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_logit_of_minus_infinity_is_a_probability_of_zero() {
    let case = small_case(19, 10);
    let mut data = Data::new(&case, 5.0);
    data.labels.fill(1);
    data.logits
        .iter_mut()
        .skip(4)
        .step_by(10)
        .for_each(|s| *s = f32::NEG_INFINITY);
    for isa in Isa::available() {
        let found = run(isa, &case, &data);
        assert!(found.total.loss.is_finite(), "{isa}: {:?}", found.total);
        let (expected, _) = by_loop(Rounding::of(isa), &data);
        assert_same(&isa.name(), &found.delta, &expected);
        let column = found.delta.values.iter().skip(4).step_by(10);
        assert!(column.into_iter().all(|&ds| ds == 0.0), "{isa}");
    }
}

#[test]
fn no_samples_have_no_loss() {
    let case = small_case(0, 10);
    let mut data = Data::new(&small_case(1, 10), 5.0);
    data.logits.clear();
    data.labels.clear();
    for isa in Isa::available() {
        assert_eq!(run(isa, &case, &data).total, BlockLoss::default(), "{isa}");
    }
}
