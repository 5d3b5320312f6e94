//! What every backend must do. Each function takes a backend just made, unless it says otherwise.

use super::data::{Data, shape};
use fused_mlp::backend::{
    Backend, BackendError, Evaluation, MinibatchResult, PassControl, Samples, TrainingPass,
};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::random::{Purpose, Stream};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// The shape of the networks that the checks of this module train.
pub const SHAPE: Shape = Shape {
    inputs: 784,
    hidden: 30,
    classes: 10,
};

/// How long and in which pieces a backend is trained.
#[derive(Clone, Copy)]
pub struct Schedule {
    /// Passes over the samples.
    pub passes: usize,
    /// Samples of a minibatch.
    pub batch_size: usize,
}

/// All that a backend returned.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    minibatches: Vec<MinibatchResult>,
    evaluation: Evaluation,
    parameters: Parameters,
}

/// Largest accepted differences.
#[derive(Clone, Copy)]
pub struct Tolerance {
    /// Of a loss, relative to it or to 1 if it is smaller.
    pub loss: f64,
    /// Of a parameter, relative to it or to 1 if it is smaller.
    pub parameter: f32,
    /// Of a number of correct samples, relative to the number of samples.
    pub correct: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            loss: 1e-5,
            parameter: 1e-5,
            correct: 0.01,
        }
    }
}

/// Trains one pass, unstopped.
pub fn train(
    backend: &mut dyn Backend,
    samples: Samples<'_>,
    order: &[u32],
    batch_size: usize,
    learning_rates: &[f32],
) -> Vec<MinibatchResult> {
    let control = PassControl::default();
    let pass = TrainingPass {
        samples,
        order,
        batch_size,
        learning_rates,
        control: &control,
        seen: None,
        skip: 0.0,
        augmented: None,
        coarse: false,
    };
    let results = backend.train(&pass).unwrap();
    // A minibatch whose loss is not finite has not been trained on.
    let trained = results.iter().filter(|result| result.loss.is_finite());
    let trained: usize = trained.map(|result| result.samples).sum();
    assert_eq!(control.samples_done.load(SeqCst), trained);
    let (samples, loss, correct) = control.totals();
    let finite = || results.iter().filter(|result| result.loss.is_finite());
    let losses: f64 = finite().map(|it| it.loss * it.samples as f64).sum();
    assert_eq!(samples, trained);
    assert_eq!(correct, finite().map(|it| it.correct).sum::<usize>());
    assert!((loss - losses).abs() <= 1e-9 * losses, "{loss} {losses}");
    results
}

/// Trains in a new random order each pass, with learning rates that vary from minibatch to
/// minibatch, and evaluates.
pub fn run(backend: &mut dyn Backend, data: &Data, schedule: Schedule) -> Outcome {
    let samples = data.samples();
    let mut order: Vec<u32> = (0..samples.len() as u32).collect();
    let mut stream = Stream::new(1, Purpose::Shuffle);
    let mut minibatches = Vec::new();
    for _ in 0..schedule.passes {
        stream.shuffle(&mut order);
        let rates: Vec<f32> = (0..order.len().div_ceil(schedule.batch_size))
            .map(|index| [0.05, 0.1, 0.02][index % 3])
            .collect();
        let results = train(backend, samples, &order, schedule.batch_size, &rates);
        let sizes: Vec<usize> = results.iter().map(|result| result.samples).collect();
        let expected = order.chunks(schedule.batch_size).map(<[u32]>::len);
        assert_eq!(sizes, expected.collect::<Vec<_>>());
        minibatches.extend(results);
    }
    Outcome {
        minibatches,
        evaluation: backend.evaluate(samples, &order).unwrap(),
        parameters: backend.parameters(),
    }
}

/// Asserts that two outcomes differ by rounding only; a NaN in either fails.
pub fn check_same(found: &Outcome, expected: &Outcome, tolerance: Tolerance, what: &str) {
    let check_loss = |found: f64, expected: f64, where_: &str| {
        let error = (found - expected).abs() / expected.abs().max(1.0);
        assert!(
            error < tolerance.loss,
            "{what}: loss {where_}: expected {expected}, found {found}"
        );
    };
    // Two classes that are almost equally likely may change places.
    let check_correct = |found: usize, expected: usize, samples: usize, where_: &str| {
        let allowed = (tolerance.correct * samples as f64).ceil() as usize;
        assert!(
            found.abs_diff(expected) <= allowed,
            "{what}: correct {where_}: expected {expected}, found {found}"
        );
    };
    assert_eq!(found.minibatches.len(), expected.minibatches.len());
    let pairs = found.minibatches.iter().zip(&expected.minibatches);
    for (index, (found, expected)) in pairs.enumerate() {
        let where_ = format!("of minibatch {index}");
        assert_eq!(found.samples, expected.samples, "{what} {where_}");
        check_loss(found.loss, expected.loss, &where_);
        check_correct(found.correct, expected.correct, found.samples, &where_);
    }
    let (evaluation, wanted) = (&found.evaluation, &expected.evaluation);
    let samples = wanted.predicted.len();
    assert_eq!(evaluation.predicted.len(), samples, "{what}");
    check_loss(evaluation.loss, wanted.loss, "at the end");
    check_correct(evaluation.correct, wanted.correct, samples, "at the end");
    let pairs = evaluation.predicted.iter().zip(&wanted.predicted);
    let differing = pairs.filter(|(found, expected)| found != expected).count();
    check_correct(differing, 0, samples, "(predictions that differ)");
    check_parameters(&found.parameters, &expected.parameters, tolerance, what);
}

/// Asserts that two networks differ by rounding only; a NaN in either fails.
pub fn check_parameters(
    found: &Parameters,
    expected: &Parameters,
    tolerance: Tolerance,
    what: &str,
) {
    assert_eq!(found.shape, expected.shape, "{what}");
    let pairs = [
        ("W", &found.linear1_weight, &expected.linear1_weight),
        ("b", &found.linear1_bias, &expected.linear1_bias),
        ("V", &found.linear2_weight, &expected.linear2_weight),
        ("c", &found.linear2_bias, &expected.linear2_bias),
    ];
    for (name, found, expected) in pairs {
        assert_eq!(found.len(), expected.len(), "{what}: size of {name}");
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(
                error < tolerance.parameter,
                "{what}: {name}[{index}]: expected {expected}, found {found}"
            );
        }
    }
}

/// A pass that is stopped from the start trains on one minibatch. `reference` starts at the same
/// parameters.
pub fn check_stop(backend: &mut dyn Backend, reference: &mut dyn Backend) {
    let data = Data::random(SHAPE, 50, 2);
    let order: Vec<u32> = (0..50).collect();
    let control = PassControl::default();
    control.stop.store(true, SeqCst);
    let pass = TrainingPass {
        samples: data.samples(),
        order: &order,
        batch_size: 20,
        learning_rates: &[0.1; 3],
        control: &control,
        seen: None,
        skip: 0.0,
        augmented: None,
        coarse: false,
    };
    let results = backend.train(&pass).unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].samples, 20);
    assert_eq!(control.samples_done.load(SeqCst), 20);

    train(reference, data.samples(), &order[..20], 20, &[0.1]);
    let tolerance = Tolerance::default();
    check_parameters(
        &backend.parameters(),
        &reference.parameters(),
        tolerance,
        "stopped",
    );
}

/// A pass that is stopped halfway trains on whole minibatches, and tells on how many samples.
/// `reference` starts at the same parameters.
pub fn check_stop_while_training(backend: &mut dyn Backend, reference: &mut dyn Backend) {
    let data = Data::random(SHAPE, 20, 2);
    // Far more than any backend trains on before the other thread has stopped it.
    let order: Vec<u32> = (0..2_000_000).map(|index| index % 20).collect();
    let rates = vec![1e-4; order.len() / 10];
    let control = PassControl::default();
    let pass = TrainingPass {
        samples: data.samples(),
        order: &order,
        batch_size: 10,
        learning_rates: &rates,
        control: &control,
        seen: None,
        skip: 0.0,
        augmented: None,
        coarse: false,
    };
    let results = std::thread::scope(|scope| {
        scope.spawn(|| {
            while control.samples_done.load(SeqCst) < 50 {
                std::thread::sleep(Duration::from_micros(100));
            }
            control.stop.store(true, SeqCst);
        });
        backend.train(&pass).unwrap()
    });
    let trained = 10 * results.len();
    assert!((50..order.len()).contains(&trained), "{trained}");
    assert_eq!(control.samples_done.load(SeqCst), trained);

    let rates = &rates[..results.len()];
    train(reference, data.samples(), &order[..trained], 10, rates);
    let tolerance = Tolerance {
        parameter: 1e-3,
        ..Tolerance::default()
    };
    check_parameters(
        &backend.parameters(),
        &reference.parameters(),
        tolerance,
        "stopped",
    );
}

/// An infinite step makes the next loss NaN, and that minibatch is the last.
pub fn check_infinite_step(backend: &mut dyn Backend) {
    let data = Data::random(SHAPE, 50, 2);
    let order: Vec<u32> = (0..50).collect();
    let rates = [0.1, f32::INFINITY, 0.1, 0.1, 0.1];
    let results = train(backend, data.samples(), &order, 10, &rates);
    assert_eq!(results.len(), 3);
    assert!(results[0].loss.is_finite() && results[1].loss.is_finite());
    assert!(results[2].loss.is_nan());
    assert_eq!((results[2].correct, results[2].samples), (0, 10));
    // Nor does the next pass get anywhere.
    let results = train(backend, data.samples(), &order, 10, &[0.1; 5]);
    assert_eq!(results.len(), 1);
}

/// A minibatch whose loss is not finite is the last one, and its step is not taken, whether it is
/// small or larger than any block. `backend` has a bias that is infinite.
pub fn check_non_finite(backend: &mut dyn Backend) {
    let data = Data::random(SHAPE, 2000, 2);
    let order: Vec<u32> = (0..2000).collect();
    let before = backend.parameters();
    for batch_size in [10, 1000] {
        let rates = vec![0.1; 2000 / batch_size];
        let results = train(backend, data.samples(), &order, batch_size, &rates);
        assert_eq!(results.len(), 1);
        assert!(!results[0].loss.is_finite());
        assert_eq!(results[0].samples, batch_size);
        assert_eq!(backend.parameters(), before);
    }
}

/// One class's logit is NaN in every sample: nothing is correct. `backend` has such parameters.
pub fn check_nan(backend: &mut dyn Backend) {
    let data = Data::random(SHAPE, 300, 2);
    let order: Vec<u32> = (0..300).collect();
    let evaluation = backend.evaluate(data.samples(), &order).unwrap();
    assert!(evaluation.loss.is_nan());
    assert_eq!(evaluation.correct, 0);
    assert_eq!(evaluation.predicted.len(), 300);
    let results = train(backend, data.samples(), &order, 100, &[0.1; 3]);
    assert_eq!(results.len(), 1);
    assert!(results[0].loss.is_nan());
    assert_eq!(results[0].correct, 0);
}

/// All samples have the same logits, of which several are largest, `expected` first. `backend` has
/// such parameters.
pub fn check_ties(backend: &mut dyn Backend, expected: u8) {
    let data = Data::random(SHAPE, 300, 2);
    let order: Vec<u32> = (0..300).collect();
    let is_expected = |label: &&u8| **label == expected;
    let evaluation = backend.evaluate(data.samples(), &order).unwrap();
    assert_eq!(evaluation.predicted, [expected; 300]);
    let correct = data.labels.iter().filter(is_expected).count();
    assert_eq!(evaluation.correct, correct);
    let results = train(backend, data.samples(), &order, 300, &[0.1]);
    assert_eq!((results[0].correct, results[0].samples), (correct, 300));
    let error = (results[0].loss - evaluation.loss).abs();
    assert!(error < 1e-6, "{results:?}, {}", evaluation.loss);
}

/// Evaluation leaves the parameters alone, gives each sample its own prediction whatever the order,
/// and the same loss as training.
pub fn check_evaluation(backend: &mut dyn Backend) {
    let data = Data::random(SHAPE, 1500, 2);
    let samples = data.samples();
    let order: Vec<u32> = (0..1500).collect();
    let before = backend.parameters();
    let forward = backend.evaluate(samples, &order).unwrap();
    assert_eq!(backend.parameters(), before);
    assert_eq!(forward.predicted.len(), 1500);
    let hits = forward.predicted.iter().zip(&data.labels);
    let correct = hits.filter(|(predicted, label)| predicted == label).count();
    assert_eq!(forward.correct, correct);

    let mixed: Vec<u32> = (0..1500).map(|index| (index * 7 + 3) % 1000).collect();
    let evaluation = backend.evaluate(samples, &mixed).unwrap();
    let picked = mixed
        .iter()
        .map(|&sample| forward.predicted[sample as usize]);
    assert_eq!(evaluation.predicted, picked.collect::<Vec<_>>());

    let single = |sample: &u32| {
        let evaluation = backend.evaluate(samples, &[*sample]).unwrap();
        assert_eq!(evaluation.predicted, [forward.predicted[*sample as usize]]);
        evaluation.loss
    };
    let mean = order.iter().map(single).sum::<f64>() / 1500.0;
    assert!(
        (mean - forward.loss).abs() < 1e-5,
        "{mean} {}",
        forward.loss
    );

    let results = train(backend, samples, &order, 1500, &[0.1]);
    let error = (results[0].loss - forward.loss).abs();
    assert!(error < 1e-5, "{results:?}, {}", forward.loss);
    assert_eq!(results[0].correct, forward.correct);
}

/// A pass of no samples trains on nothing, an evaluation of none finds nothing.
pub fn check_empty(backend: &mut dyn Backend) {
    let data = Data::random(SHAPE, 5, 2);
    let before = backend.parameters();
    assert_eq!(train(backend, data.samples(), &[], 10, &[]), []);
    assert_eq!(backend.parameters(), before);
    let evaluation = backend.evaluate(data.samples(), &[]).unwrap();
    assert_eq!((evaluation.correct, evaluation.predicted), (0, vec![]));
    assert!(evaluation.loss.is_nan());
}

/// Every pass and evaluation that does not fit the network is refused, and nothing is trained.
pub fn check_errors(backend: &mut dyn Backend) {
    let mut data = Data::random(SHAPE, 20, 2);
    data.labels[13] = 10;
    let narrow = Data::random(shape(783, 30, 10), 20, 2);
    let inputs = BackendError::Inputs {
        expected: 784,
        found: 783,
    };
    let label = BackendError::Label {
        sample: 13,
        label: 10,
        classes: 10,
    };
    let order = BackendError::Order {
        sample: 20,
        samples: 20,
    };
    let minibatches = |batch_size, found| BackendError::Minibatches {
        samples: 3,
        batch_size,
        found,
    };
    let cases = [
        (&narrow, &[0, 1, 2], 2, 2, inputs),
        (&data, &[0, 13, 2], 2, 2, label),
        (&data, &[0, 1, 20], 2, 2, order),
        (&data, &[0, 1, 2], 2, 1, minibatches(2, 1)),
        (&data, &[0, 1, 2], 2, 3, minibatches(2, 3)),
        (&data, &[0, 1, 2], 0, 3, minibatches(0, 3)),
    ];
    let before = backend.parameters();
    for (data, order, batch_size, rates, expected) in cases {
        let control = PassControl::default();
        let pass = TrainingPass {
            samples: data.samples(),
            order,
            batch_size,
            learning_rates: &[0.1; 3][..rates],
            control: &control,
            seen: None,
            skip: 0.0,
            augmented: None,
            coarse: false,
        };
        assert_eq!(backend.train(&pass), Err(expected.clone()));
        assert_eq!(control.samples_done.load(SeqCst), 0);
        if !matches!(expected, BackendError::Minibatches { .. }) {
            assert_eq!(backend.evaluate(data.samples(), order), Err(expected));
        }
    }
    assert_eq!(backend.parameters(), before);
}

/// The second of two passes, from the state after the first, is the same each time, whatever was
/// trained in between.
pub fn check_state(
    backend: &mut dyn Backend,
    initial: &Parameters,
    data: &Data,
    batch_size: usize,
) {
    let order: Vec<u32> = (0..data.samples().len() as u32).collect();
    let rates = vec![0.1; order.len().div_ceil(batch_size)];
    let pass = |backend: &mut dyn Backend| {
        let results = train(backend, data.samples(), &order, batch_size, &rates);
        (results, backend.state())
    };
    let (_, middle) = pass(backend);
    let expected = pass(backend);
    backend.restore(&middle).unwrap();
    assert_eq!(backend.state(), middle);
    assert_eq!(pass(backend), expected);
    // Other parameters with the velocities as they are.
    backend.set_parameters(initial).unwrap();
    assert_eq!(backend.parameters(), *initial);
    backend.restore(&middle).unwrap();
    assert_eq!(pass(backend), expected);
}
