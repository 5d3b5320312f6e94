//! The fused engine: its bits depend on neither threads nor instruction set.

use fused_mlp::augmentation::Strengths;
use fused_mlp::backend::{
    Backend, MatrixMultiply, Optimizer, PassControl, Reference, Samples, Seen, TrainingPass,
};
use fused_mlp::engine::{Engine, Phase, Precision, Profile};
use fused_mlp::machine::available_parallelism;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{Schedule, Trainer, TrainingOptions};
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// A training of a network on random sparse images.
#[derive(Clone, Copy, Debug)]
struct Case {
    shape: Shape,
    samples: usize,
    batch_size: usize,
    optimizer: Optimizer,
    precision: Precision,
}

const PLAIN: Optimizer = Optimizer {
    momentum: 0.0,
    nesterov: false,
    weight_decay: 0.0,
};
const ALL: Optimizer = Optimizer {
    momentum: 0.9,
    nesterov: true,
    weight_decay: 1e-3,
};

fn case(inputs: usize, hidden: usize, classes: usize, samples: usize, batch_size: usize) -> Case {
    Case {
        shape: Shape {
            inputs,
            hidden,
            classes,
        },
        samples,
        batch_size,
        optimizer: PLAIN,
        precision: Precision::F32,
    }
}

/// What a training leaves: parameters, losses and predictions, bit for bit.
#[derive(Debug, PartialEq)]
struct Trace {
    parameters: Vec<u32>,
    losses: Vec<u64>,
    correct: Vec<usize>,
    evaluation: (u64, usize, Vec<u8>),
}

fn bits(parameters: &Parameters) -> Vec<u32> {
    let Parameters {
        shape: _,
        linear1_weight,
        linear1_bias,
        linear2_weight,
        linear2_bias,
    } = parameters;
    [linear1_weight, linear1_bias, linear2_weight, linear2_bias]
        .into_iter()
        .flatten()
        .map(|value| value.to_bits())
        .collect()
}

impl Case {
    fn data(&self) -> (Vec<u8>, Vec<u8>) {
        let mut stream = Stream::new(7, Purpose::Shuffle);
        let mut byte = |share: u32, bound: u32| {
            if stream.below(100) < share {
                stream.below(bound) as u8
            } else {
                0
            }
        };
        let pixels = (0..self.samples * self.shape.inputs)
            .map(|_| byte(20, 256))
            .collect();
        let labels = (0..self.samples)
            .map(|_| byte(100, self.shape.classes as u32))
            .collect();
        (pixels, labels)
    }

    /// Two epochs, the second in reverse order, then an evaluation.
    fn trace(&self, threads: usize, isa: Isa) -> Trace {
        let (images, labels) = self.data();
        let samples = Samples::new(&images, &labels, self.shape.inputs);
        let parameters = Parameters::initialise(self.shape, 3);
        let (optimizer, precision) = (self.optimizer, self.precision);
        let mut engine =
            Engine::in_precision(&parameters, optimizer, threads, isa, precision).unwrap();
        let steps = self.samples.div_ceil(self.batch_size);
        let rates: Vec<f32> = (0..steps).map(|step| 0.3 / (1 + step) as f32).collect();
        let control = PassControl::default();
        let mut order: Vec<u32> = (0..self.samples as u32).collect();
        let mut results = Vec::new();
        for _ in 0..2 {
            let pass = TrainingPass {
                samples,
                order: &order,
                batch_size: self.batch_size,
                learning_rates: &rates,
                control: &control,
                seen: None,
                skip: 0.0,
                augmented: None,
                coarse: false,
            };
            results.extend(engine.train(&pass).unwrap());
            order.reverse();
        }
        assert_eq!(results.len(), 2 * steps);
        assert!(results.iter().all(|result| result.loss.is_finite()));
        let evaluation = engine.evaluate(samples, &order).unwrap();
        Trace {
            parameters: bits(&engine.parameters()),
            losses: results.iter().map(|result| result.loss.to_bits()).collect(),
            correct: results.iter().map(|result| result.correct).collect(),
            evaluation: (
                evaluation.loss.to_bits(),
                evaluation.correct,
                evaluation.predicted,
            ),
        }
    }

    /// All threads and fused instruction sets give the same trace; each portable one too, among
    /// themselves. In integers all give the same.
    fn check(&self, threads: &[usize]) {
        let mut expected = None;
        for isa in Isa::available() {
            let mut own = None;
            for &threads in threads {
                let trace = self.trace(threads, isa);
                let initial = bits(&Parameters::initialise(self.shape, 3));
                assert_ne!(trace.parameters, initial, "nothing was trained");
                let expected = if isa.is_fused() || self.precision == Precision::Int16 {
                    &mut expected
                } else {
                    &mut own
                };
                let expected = expected.get_or_insert_with(|| self.trace(threads, isa));
                assert!(
                    trace == *expected,
                    "{self:?} with {threads} threads on {isa}"
                );
            }
        }
    }
}

#[test]
fn models_are_equal_for_any_threads_and_vectors() {
    let cases = [
        case(784, 300, 10, 330, 100),
        // One hidden unit, one sample a minibatch, more threads than units.
        case(5, 1, 2, 7, 1),
        // Sizes around vectors, leaves and pixel blocks; a minibatch of several blocks.
        case(65, 17, 17, 600, 257),
        case(63, 33, 3, 259, 128),
        case(64, 130, 10, 129, 129),
        // The whole set at once, more than its samples.
        case(20, 40, 256, 200, 1000),
        // Several workers a thread, a minibatch of two blocks; many workers.
        case(784, 1000, 10, 140, 131),
        case(784, 4096, 10, 20, 10),
    ];
    for (index, case) in cases.into_iter().enumerate() {
        for precision in Precision::ALL {
            let case = Case { precision, ..case };
            case.check(&[1, 2, 3, 8]);
            if index % 2 == 0 {
                let optimizer = ALL;
                Case { optimizer, ..case }.check(&[1, 2, 5]);
            }
        }
    }
}

/// More threads than cores, many steps: a barrier that loses a thread would hang here.
#[test]
fn many_threads_take_many_steps() {
    case(10, 300, 3, 4000, 2).check(&[1, 16]);
}

#[test]
fn a_wish_to_stop_is_met_after_the_minibatch() {
    let case = case(30, 40, 3, 5000, 10);
    let (images, labels) = case.data();
    let samples = Samples::new(&images, &labels, 30);
    let parameters = Parameters::initialise(case.shape, 3);
    for isa in Isa::available() {
        for (threads, precision) in [1, 2, 3]
            .into_iter()
            .zip(Precision::ALL.into_iter().cycle())
        {
            let new_engine =
                || Engine::in_precision(&parameters, ALL, threads, isa, precision).unwrap();
            let mut engine = new_engine();
            let order: Vec<u32> = (0..5000).collect();
            let control = PassControl::default();
            control
                .stop
                .store(true, std::sync::atomic::Ordering::Relaxed);
            let mut train = |order: &[u32], control: &PassControl| {
                let pass = TrainingPass {
                    samples,
                    order,
                    batch_size: 10,
                    learning_rates: &vec![0.1; order.len().div_ceil(10)],
                    control,
                    seen: None,
                    skip: 0.0,
                    augmented: None,
                    coarse: false,
                };
                let results = engine.train(&pass).unwrap();
                (results, bits(&engine.parameters()))
            };
            let (stopped, after_one) = train(&order, &control);
            assert_eq!(stopped.len(), 1);
            assert_ne!(after_one, bits(&parameters));
            // Going on from there is the same as not having stopped.
            let (rest, found) = train(&order[10..], &PassControl::default());
            assert_eq!(rest.len(), 499);
            let mut whole = new_engine();
            let pass = TrainingPass {
                samples,
                order: &order,
                batch_size: 10,
                learning_rates: &[0.1; 500],
                control: &PassControl::default(),
                seen: None,
                skip: 0.0,
                augmented: None,
                coarse: false,
            };
            whole.train(&pass).unwrap();
            assert_eq!(found, bits(&whole.parameters()));
        }
    }
}

/// The order of more than a million samples is computed a part at a time: no step depends on the
/// parts, nor on where a training was resumed.
#[test]
fn an_epoch_of_millions_is_the_same_in_parts_and_resumed() {
    let samples = 1_200_003;
    let case = case(2, 8, 2, samples, 1000);
    let (images, labels) = case.data();
    let samples = Samples::new(&images, &labels, 2);
    let parameters = Parameters::initialise(case.shape, 3);
    let options = TrainingOptions {
        epochs: 1,
        batch_size: 1000,
        validation: 100_000,
        ..TrainingOptions::default()
    };
    let isa = *Isa::available().last().unwrap();
    let precision = Precision::Int16;
    let new_engine = || Engine::in_precision(&parameters, ALL, 1, isa, precision).unwrap();
    let control = PassControl::default();

    let mut engine = new_engine();
    let mut trainer = Trainer::new(samples, &options).unwrap();
    let whole = trainer.train_epoch(&mut engine, &control).unwrap();
    assert_eq!(whole.steps.len(), 1101);
    let trained: usize = whole.steps.iter().map(|step| step.minibatch.samples).sum();
    assert_eq!(trained, 1_100_003);

    let mut other = new_engine();
    let mut trainer = Trainer::new(samples, &options).unwrap();
    let first = trainer.train_part(&mut other, &control, 77).unwrap();
    assert!(first.is_none());
    let mut trainer = Trainer::resume(samples, &options, &trainer.state()).unwrap();
    // By another engine, from the state of this one.
    let state = other.state();
    let mut other = new_engine();
    other.restore(&state).unwrap();
    let rest = trainer.train_epoch(&mut other, &control).unwrap();
    assert_eq!(rest.steps, whole.steps);
    assert_eq!(bits(&other.parameters()), bits(&engine.parameters()));
}

/// Images whose class is a bright quarter of them, in noise.
fn quarters(samples: usize) -> (Vec<u8>, Vec<u8>) {
    let mut stream = Stream::new(9, Purpose::Shuffle);
    let labels: Vec<u8> = (0..samples).map(|_| stream.below(4) as u8).collect();
    let pixel = |index: usize| {
        let is_bright = index % 60 / 15 == usize::from(labels[index / 60]);
        stream.below(if is_bright { 256 } else { 200 }) as u8
    };
    ((0..samples * 60).map(pixel).collect(), labels)
}

#[test]
fn an_average_is_the_mean_of_the_weights_along_the_way() {
    let (images, labels) = quarters(2_000);
    let samples = Samples::new(&images, &labels, 60);
    let parameters = Parameters::initialise(case(60, 40, 4, 0, 0).shape, 3);
    let plain = TrainingOptions {
        epochs: 2,
        batch_size: 30,
        learning_rate: 0.2,
        ..TrainingOptions::default()
    };
    let averaged = TrainingOptions {
        average: 0.6,
        ..plain.clone()
    };
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let engine = || Engine::new(&parameters, ALL, 1, isa).unwrap();
    let control = PassControl::default();
    let (mut by_hand, mut found) = (engine(), engine());
    let mut trainer = Trainer::new(samples, &plain).unwrap();
    let mut averaging = Trainer::new(samples, &averaged).unwrap();
    let mut mean: Option<Vec<f64>> = None;
    for _ in 0..2 {
        let mut steps = Vec::new();
        for eighth in 1..=8 {
            let part = eighth * 67 / 8 - trainer.steps_of_epoch_done();
            let epoch = trainer.train_part(&mut by_hand, &control, part).unwrap();
            steps.extend(epoch.into_iter().flat_map(|epoch| epoch.steps));
            let weights = by_hand.parameters().linear1_weight;
            let weights = weights.iter().map(|&weight| f64::from(weight));
            mean = Some(match mean {
                None => weights.collect(),
                Some(mean) => mean
                    .iter()
                    .zip(weights)
                    .map(|(mean, it)| 0.6 * mean + 0.4 * it)
                    .collect(),
            });
        }
        // Steps are taken with the weights.
        let epoch = averaging.train_epoch(&mut found, &control).unwrap();
        assert_eq!(epoch.steps, steps);
        let (mean, weights) = (mean.as_ref().unwrap(), found.parameters().linear1_weight);
        let differences = mean
            .iter()
            .zip(weights)
            .map(|(mean, it)| (mean - f64::from(it)).abs());
        let largest = differences.fold(0.0, f64::max);
        assert!(largest < 1e-6, "{largest}");
        assert!(found.parameters() != by_hand.parameters());
    }
}

#[test]
fn a_focus_visits_what_is_hard_and_goes_on_from_anywhere() {
    let (images, labels) = quarters(2_050);
    let samples = Samples::new(&images, &labels, 60).with_columns(10);
    let shape = case(60, 40, 4, 0, 0).shape;
    let parameters = Parameters::initialise(shape, 3);
    let plain = TrainingOptions {
        epochs: 4,
        batch_size: 30,
        validation: 50,
        learning_rate: 0.2,
        ..TrainingOptions::default()
    };
    let focused = TrainingOptions {
        focus: 0.9,
        focus_rest: 0.1,
        skip: 0.8,
        average: 0.6,
        ..plain.clone()
    };
    let control = PassControl::default();
    // Losses of all steps, and shares visited, of a training that is resumed after every `part` steps.
    let run = |options: &TrainingOptions, isa, threads, precision, part| {
        let engine = || Engine::in_precision(&parameters, ALL, threads, isa, precision).unwrap();
        let mut engine_here = engine();
        let mut trainer = Trainer::new(samples, options).unwrap();
        let (mut losses, mut visited) = (Vec::new(), Vec::new());
        while !trainer.is_finished() {
            if let Some(epoch) = trainer
                .train_part(&mut engine_here, &control, part)
                .unwrap()
            {
                let results = epoch.steps.iter().map(|step| step.minibatch);
                assert_eq!(results.clone().map(|it| it.samples).sum::<usize>(), 2_000);
                assert!(results.rev().skip(1).all(|it| it.samples == 30));
                losses.extend(epoch.steps.iter().map(|step| step.minibatch.loss.to_bits()));
                visited.extend(epoch.record.visited);
            }
            let state = engine_here.state();
            engine_here = engine();
            engine_here.restore(&state).unwrap();
            trainer = Trainer::resume(samples, options, &trainer.state()).unwrap();
        }
        (losses, visited, bits(&engine_here.parameters()))
    };
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let coarse = TrainingOptions {
        coarse: 0.4,
        ..focused.clone()
    };
    for varied in [&focused, &plain, &coarse].map(|options| TrainingOptions {
        augment: true,
        rotation: 5.0,
        scale: 0.05,
        shear: 0.05,
        shift: 0.5,
        elastic: 3.0,
        ..options.clone()
    }) {
        let whole = run(&varied, isa, 1, Precision::F32, usize::MAX);
        let mut unvaried = TrainingOptions {
            augment: false,
            ..varied.clone()
        };
        unvaried.set_strengths(Strengths::STANDARD);
        assert!(whole.0 != run(&unvaried, isa, 1, Precision::F32, usize::MAX).0);
        assert_eq!(run(&varied, isa, 2, Precision::F32, 1), whole);
        assert_eq!(run(&varied, isa, 3, Precision::F32, 7), whole);
        let integers = run(&varied, isa, 1, Precision::Int16, usize::MAX);
        for isa in Isa::available() {
            assert_eq!(run(&varied, isa, 2, Precision::Int16, 11), integers);
        }
        // Plain backends see the same images.
        let control = PassControl::default();
        let loss = |backend: &mut dyn Backend| {
            let mut trainer = Trainer::new(samples, &varied).unwrap();
            let cut = trainer.train_part(backend, &control, 5).unwrap();
            assert!(cut.is_none());
            trainer.state().steps[4].loss
        };
        let expected = f64::from_bits(whole.0[4]);
        let found = [
            loss(&mut Reference::new(&parameters, ALL).unwrap()),
            loss(&mut MatrixMultiply::new(parameters.clone(), ALL, 2).unwrap()),
        ];
        let is_near = |found: f64| (found / expected - 1.0).abs() < 1e-5;
        assert!(found.into_iter().all(is_near), "{found:?}, {expected}");
    }
    let whole = run(&focused, isa, 1, Precision::F32, usize::MAX);
    assert_eq!(whole.1.len(), 4);
    let visited = &whole.1;
    let is_falling = visited.windows(2).all(|pair| pair[0] > pair[1]);
    assert!(is_falling && visited[3] < 0.85, "{visited:?}");
    assert!(whole.0 != run(&plain, isa, 1, Precision::F32, usize::MAX).0);
    for options in [&focused, &coarse] {
        let whole = run(options, isa, 1, Precision::F32, usize::MAX);
        assert_eq!(run(options, isa, 2, Precision::F32, 1), whole);
        assert_eq!(run(options, isa, 3, Precision::F32, 7), whole);
        let integers = run(options, isa, 1, Precision::Int16, usize::MAX);
        for isa in Isa::available() {
            assert_eq!(run(options, isa, 2, Precision::Int16, 11), integers);
            if isa.is_fused() {
                assert_eq!(run(options, isa, 2, Precision::F32, 13), whole);
            }
        }
    }
}

#[test]
fn what_was_known_is_told_by_the_probability_of_the_true_class() {
    let (images, labels) = quarters(333);
    let samples = Samples::new(&images, &labels, 60);
    let shape = case(60, 40, 4, 0, 0).shape;
    let parameters = Parameters::initialise_scaled(shape, 3, 4.0);
    for (isa, batch_size) in Isa::available()
        .into_iter()
        .zip([10, 150].into_iter().cycle())
    {
        let mut engine = Engine::new(&parameters, PLAIN, 2, isa).unwrap();
        let is_known: Vec<AtomicBool> = (0..333).map(|_| AtomicBool::new(false)).collect();
        let order: Vec<u32> = (0..333).rev().collect();
        let pass = TrainingPass {
            samples,
            order: &order,
            batch_size,
            learning_rates: &[1e-30; 34][..333_usize.div_ceil(batch_size)],
            control: &PassControl::default(),
            seen: Some(Seen {
                probability: 0.3,
                is_known: &is_known,
            }),
            skip: 0.0,
            augmented: None,
            coarse: false,
        };
        engine.train(&pass).unwrap();
        let logits = engine.logits(samples, &order).unwrap();
        let mut known = 0;
        for (&sample, logits) in order.iter().zip(logits.chunks(4)) {
            let label = usize::from(labels[sample as usize]);
            let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
            let probability = f64::from(logits[label]).exp() / sum;
            let found = is_known[sample as usize].load(Relaxed);
            known += usize::from(found);
            assert!(
                found == (probability >= 0.3) || (probability - 0.3).abs() < 1e-5,
                "{probability}, {found}"
            );
        }
        assert!((10..323).contains(&known), "{known}");
    }
}

#[test]
fn a_sample_that_the_network_is_sure_of_gives_no_gradient() {
    let (images, labels) = quarters(150);
    let samples = Samples::new(&images, &labels, 60);
    let initial = Parameters::initialise_scaled(case(60, 40, 4, 0, 0).shape, 3, 4.0);
    let order: Vec<u32> = (0..150).rev().collect();
    // A step, from the same parameters, of the samples of an order.
    let step = |isa, threads, precision, order: &[u32], rate, skip| {
        let mut engine = Engine::in_precision(&initial, PLAIN, threads, isa, precision).unwrap();
        let pass = TrainingPass {
            samples,
            order,
            batch_size: order.len(),
            learning_rates: &[rate],
            control: &PassControl::default(),
            seen: None,
            skip,
            augmented: None,
            coarse: false,
        };
        let results = engine.train(&pass).unwrap();
        (results[0].skipped, engine.parameters())
    };
    for isa in Isa::available() {
        let mut engine = Engine::new(&initial, PLAIN, 1, isa).unwrap();
        let logits = engine.logits(samples, &order).unwrap();
        let is_kept = |&(&sample, logits): &(&u32, &[f32])| {
            let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
            logits[usize::from(labels[sample as usize])].exp() / sum < 0.3
        };
        let kept = order.iter().zip(logits.chunks(4)).filter(is_kept);
        let kept: Vec<u32> = kept.map(|(&sample, _)| sample).collect();
        assert!((20..130).contains(&kept.len()), "{}", kept.len());
        // One block, of which some or one or none gives a gradient, and two blocks.
        for order in [&order[..100], &kept[..1], &order[..]] {
            let kept: Vec<u32> = order
                .iter()
                .copied()
                .filter(|it| kept.contains(it))
                .collect();
            let rate = 0.5 * kept.len() as f32 / order.len() as f32;
            for (precision, tolerance) in [(Precision::F32, 1e-6), (Precision::Int16, 1e-3)] {
                let (skipped, found) = step(isa, 1, precision, order, 0.5, 0.3);
                assert_eq!(skipped, order.len() - kept.len());
                let (_, expected) = step(isa, 1, precision, &kept, rate, 0.0);
                for (&found, &expected) in bits(&found).iter().zip(&bits(&expected)) {
                    let (found, expected) = (f32::from_bits(found), f32::from_bits(expected));
                    let difference = (found - expected).abs();
                    assert!(difference < tolerance, "{isa} {precision}: {difference}");
                }
                let by_three = step(isa, 3, precision, order, 0.5, 0.3).1;
                assert_eq!(bits(&by_three), bits(&found));
                let (skipped, none) = step(isa, 2, precision, order, 0.5, 1e-30);
                assert_eq!(skipped, order.len());
                assert_eq!(bits(&none), bits(&initial), "{isa} {precision}");
            }
        }
    }
}

#[test]
fn a_step_with_a_loss_that_is_not_finite_is_not_taken() {
    let case = case(30, 40, 3, 100, 10);
    let (images, labels) = case.data();
    let mut parameters = Parameters::initialise(case.shape, 3);
    parameters.linear2_bias[1] = f32::INFINITY;
    for isa in Isa::available() {
        for (threads, precision) in [1, 3, 1, 3]
            .into_iter()
            .zip(Precision::ALL.into_iter().cycle())
        {
            let mut engine =
                Engine::in_precision(&parameters, ALL, threads, isa, precision).unwrap();
            let order: Vec<u32> = (0..100).collect();
            let pass = TrainingPass {
                samples: Samples::new(&images, &labels, 30),
                order: &order,
                batch_size: 10,
                learning_rates: &[0.1; 10],
                control: &PassControl::default(),
                seen: None,
                skip: 0.0,
                augmented: None,
                coarse: false,
            };
            let results = engine.train(&pass).unwrap();
            assert_eq!(results.len(), 1);
            assert!(!results[0].loss.is_finite());
            assert_eq!(bits(&engine.parameters()), bits(&parameters));
        }
    }
}

#[test]
fn an_evaluation_changes_nothing() {
    let case = case(30, 40, 3, 300, 10);
    let (images, labels) = case.data();
    let samples = Samples::new(&images, &labels, 30);
    let parameters = Parameters::initialise(case.shape, 3);
    for isa in Isa::available() {
        let mut engine = Engine::new(&parameters, ALL, 2, isa).unwrap();
        let order: Vec<u32> = (0..300).collect();
        let first = engine.evaluate(samples, &order).unwrap();
        assert_eq!(bits(&engine.parameters()), bits(&parameters));
        assert_eq!(engine.evaluate(samples, &order).unwrap(), first);
        assert_eq!(first.predicted.len(), 300);
        let hits = first.predicted.iter().zip(&labels);
        assert_eq!(first.correct, hits.filter(|(a, b)| a == b).count());
        // Nothing to evaluate is no error.
        let nothing = engine.evaluate(samples, &[]).unwrap();
        assert!(nothing.loss.is_nan() && nothing.accuracy().is_nan());
    }
}

#[test]
fn clocks_change_no_bit() {
    let case = case(30, 40, 3, 300, 10);
    let (images, labels) = case.data();
    let parameters = Parameters::initialise(case.shape, 3);
    let order: Vec<u32> = (0..300).collect();
    let pass = TrainingPass {
        samples: Samples::new(&images, &labels, 30),
        order: &order,
        batch_size: 10,
        learning_rates: &[0.1; 30],
        control: &PassControl::default(),
        seen: None,
        skip: 0.0,
        augmented: None,
        coarse: false,
    };
    for isa in Isa::available() {
        let engine = || Engine::new(&parameters, ALL, 2, isa).unwrap();
        let (mut plain, mut clocked) = (engine(), engine());
        let expected = plain.train(&pass).unwrap();
        let expected_evaluation = plain.evaluate(pass.samples, &order).unwrap();
        let profile = Arc::new(Profile::new(2));
        clocked.set_clocks(Some(Arc::clone(&profile)));
        assert_eq!(clocked.train(&pass).unwrap(), expected);
        let evaluation = clocked.evaluate(pass.samples, &order).unwrap();
        assert_eq!(evaluation, expected_evaluation);
        assert_eq!(bits(&clocked.parameters()), bits(&plain.parameters()));
        for clock in profile.threads() {
            for phase in Phase::ALL {
                // A first preparation and a first wait come before the steps.
                let expected = match phase {
                    Phase::Prepare | Phase::Barrier => 31,
                    // The output layer's gradients before the hidden delta, the rest after it.
                    Phase::WeightUpdate => 60,
                    _ => 30,
                };
                assert_eq!(clock.phase(phase).calls, expected, "{}", phase.name());
            }
        }
    }
}

#[test]
fn a_late_epoch_takes_no_longer_than_an_early_one() {
    // Saturated units and velocities that fade away make denormal numbers, which some CPUs multiply
    // slowly. A third of the pixels is set in the first samples only, and rates are high.
    let shape = Shape {
        inputs: 96,
        hidden: 64,
        classes: 4,
    };
    let count = 2000;
    let images: Vec<u8> = (0..count * shape.inputs)
        .map(|index| {
            let (sample, pixel) = (index / shape.inputs, index % shape.inputs);
            let is_rare = pixel % 3 == 0 && sample > 0;
            if is_rare { 0 } else { (index * 7 % 256) as u8 }
        })
        .collect();
    let labels: Vec<u8> = (0..count).map(|sample| (sample % 4) as u8).collect();
    let samples = Samples::new(&images, &labels, shape.inputs);
    let options = TrainingOptions {
        epochs: 1000,
        batch_size: 10,
        learning_rate: 0.5,
        schedule: Schedule::Constant,
        momentum: 0.5,
        ..TrainingOptions::default()
    };
    let parameters = Parameters::initialise(shape, 1);
    for isa in Isa::available() {
        let start = || {
            let engine = Engine::new(&parameters, options.optimizer(), 1, isa);
            (engine.unwrap(), Trainer::new(samples, &options).unwrap())
        };
        let seconds_of_epoch = |(engine, trainer): &mut (Engine, Trainer<'_>)| {
            let epoch = trainer.train_epoch(engine, &PassControl::default());
            epoch.unwrap().record.seconds
        };
        let (mut old, mut young) = (start(), start());
        for _ in 0..180 {
            seconds_of_epoch(&mut old);
        }
        seconds_of_epoch(&mut young);
        // In turn, so that both meet the same machine, and more often where others disturb them: the
        // thread of one may wait for a busy core again and again.
        let (mut late, mut early) = (f64::INFINITY, f64::INFINITY);
        for round in 0..500 {
            late = late.min(seconds_of_epoch(&mut old));
            early = early.min(seconds_of_epoch(&mut young));
            if round >= 20 && late < 1.5 * early {
                break;
            }
        }
        assert!(late < 1.5 * early, "{isa}: {late} s, not {early} s");
    }
}

#[test]
fn beside_busy_threads_two_are_not_much_slower_than_one() {
    let case = case(784, 300, 10, 6_000, 100);
    let (images, labels) = case.data();
    let order: Vec<u32> = (0..6_000).collect();
    let mut engines = [1, 2].map(|threads| {
        let isa = Isa::select(IsaRequest::Auto).unwrap();
        Engine::new(&Parameters::initialise(case.shape, 3), PLAIN, threads, isa).unwrap()
    });
    let mut pass = |threads: usize| {
        let start = Instant::now();
        let pass = TrainingPass {
            samples: Samples::new(&images, &labels, case.shape.inputs),
            order: &order,
            batch_size: case.batch_size,
            learning_rates: &[0.1; 60],
            control: &PassControl::default(),
            seen: None,
            skip: 0.0,
            augmented: None,
            coarse: false,
        };
        engines[threads - 1].train(&pass).unwrap();
        start.elapsed()
    };
    let is_over = AtomicBool::new(false);
    let busy = available_parallelism();
    let mut times = [const { Vec::new() }; 2];
    std::thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    spin_loop();
                }
            });
        }
        for round in 0..60 {
            times[round % 2].push(pass(1 + round % 2));
        }
        is_over.store(true, Relaxed);
    });
    let [one, two] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    assert!(two < 2 * one, "two threads {two:?}, one {one:?}");
}
