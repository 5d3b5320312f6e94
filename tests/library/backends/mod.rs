//! Every backend against the f64 reference, and against what the trait `Backend` promises.
//!
//! A backend joins all of it by a line in [`contenders`].

mod data;
pub mod suite;

use data::{Data, random_parameters, shape};
use fused_mlp::Model;
use fused_mlp::backend::{Backend, BackendError, MatrixMultiply, Optimizer, Reference};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::{Isa, IsaRequest};
use std::path::Path;
use suite::{Schedule, Tolerance, run, train};

/// A way to make a backend.
struct Contender {
    name: &'static str,
    make: fn(&Parameters, Optimizer) -> Box<dyn Backend>,
}

impl Contender {
    fn backend(&self, parameters: &Parameters, optimizer: Optimizer) -> Box<dyn Backend> {
        (self.make)(parameters, optimizer)
    }
}

/// Everything that is compared with the reference.
fn contenders() -> [Contender; 5] {
    let contender = |name, make| Contender { name, make };
    [
        contender("matrixmultiply, 1 thread", matrix_multiply::<1>),
        contender("matrixmultiply, 2 threads", matrix_multiply::<2>),
        contender("matrixmultiply, 3 threads", matrix_multiply::<3>),
        contender("fused, 1 thread", fused::<1>),
        contender("fused, 3 threads", fused::<3>),
    ]
}

fn matrix_multiply<const THREADS: usize>(
    parameters: &Parameters,
    optimizer: Optimizer,
) -> Box<dyn Backend> {
    Box::new(MatrixMultiply::new(parameters.clone(), optimizer, THREADS).unwrap())
}

fn fused<const THREADS: usize>(parameters: &Parameters, optimizer: Optimizer) -> Box<dyn Backend> {
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    Box::new(Engine::new(parameters, optimizer, THREADS, isa).unwrap())
}

fn reference(parameters: &Parameters, optimizer: Optimizer) -> Reference {
    Reference::new(parameters, optimizer).unwrap()
}

/// Calls `check` with the reference and all contenders, each starting at the same parameters.
fn for_each_backend(
    shape: Shape,
    optimizer: Optimizer,
    check: impl Fn(&mut dyn Backend, &Parameters),
) {
    let parameters = random_parameters(shape, 5);
    check(&mut reference(&parameters, optimizer), &parameters);
    for contender in contenders() {
        println!("{}", contender.name);
        check(&mut *contender.backend(&parameters, optimizer), &parameters);
    }
}

/// All combinations of momentum, Nesterov and weight decay.
fn optimizers() -> Vec<Optimizer> {
    let mut all = Vec::new();
    for momentum in [0.0, 0.9] {
        for nesterov in [false, true] {
            for weight_decay in [0.0, 0.02] {
                all.push(Optimizer {
                    momentum,
                    nesterov,
                    weight_decay,
                });
            }
        }
    }
    all
}

/// Trains the reference and all contenders with every optimizer and compares all they return.
fn check_agreement(shape: Shape, samples: usize, batch_size: usize) {
    let data = Data::random(shape, samples, 11);
    let parameters = random_parameters(shape, 7);
    for optimizer in optimizers() {
        let schedule = Schedule {
            passes: 3,
            batch_size,
        };
        let expected = run(&mut reference(&parameters, optimizer), &data, schedule);
        for contender in contenders() {
            let found = run(
                &mut *contender.backend(&parameters, optimizer),
                &data,
                schedule,
            );
            let what = format!(
                "{}, {shape}, {samples} samples, batch size {batch_size}, {optimizer:?}",
                contender.name
            );
            suite::check_same(&found, &expected, Tolerance::default(), &what);
        }
    }
}

#[test]
fn backends_agree_in_minibatches_of_one_sample() {
    check_agreement(shape(5, 3, 2), 60, 1);
    check_agreement(shape(64, 17, 10), 40, 1);
    check_agreement(shape(784, 30, 10), 25, 1);
}

#[test]
fn backends_agree_where_the_last_minibatch_is_smaller() {
    for batch_size in [7, 100] {
        check_agreement(shape(5, 3, 2), 230, batch_size);
        check_agreement(shape(64, 17, 10), 230, batch_size);
        check_agreement(shape(784, 30, 10), 230, batch_size);
    }
}

#[test]
fn backends_agree_in_minibatches_beyond_any_block() {
    check_agreement(shape(5, 3, 2), 2500, 1100);
    check_agreement(shape(64, 17, 10), 1300, 600);
    // A minibatch larger than the set.
    check_agreement(shape(784, 30, 10), 600, 1_000_000);
}

#[test]
fn backends_agree_at_the_limits_of_a_shape() {
    check_agreement(shape(1, 1, 2), 50, 7);
    check_agreement(shape(900, 40, 256), 120, 100);
    check_agreement(shape(784, 101, 10), 120, 100);
}

#[test]
#[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
fn backends_agree_on_mnist() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let train_split = Dataset::open(dir).unwrap().train;
    let data = Data {
        inputs: 784,
        images: train_split.images.bytes()[..3000 * 784].to_vec(),
        labels: train_split.labels.bytes()[..3000].to_vec(),
    };
    let parameters = Parameters::initialise(shape(784, 300, 10), 1);
    let optimizer = Optimizer::default();
    let rates = [0.5; 30];
    let order: Vec<u32> = (0..3000).collect();
    let expected = train(
        &mut reference(&parameters, optimizer),
        data.samples(),
        &order,
        100,
        &rates,
    );
    assert_eq!(expected.len(), 30);
    assert!(expected[29].loss < 0.5 * expected[0].loss, "{expected:?}");
    for contender in contenders() {
        let mut backend = contender.backend(&parameters, optimizer);
        let found = train(&mut *backend, data.samples(), &order, 100, &rates);
        assert_eq!(found.len(), 30, "{}", contender.name);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = (found.loss - expected.loss).abs() / expected.loss;
            assert!(
                error < 1e-3,
                "{}, minibatch {index}: {found:?}, {expected:?}",
                contender.name
            );
        }
    }
}

#[test]
fn results_are_the_same_every_time() {
    let data = Data::random(shape(784, 40, 10), 300, 3);
    let parameters = random_parameters(shape(784, 40, 10), 4);
    let schedule = Schedule {
        passes: 2,
        batch_size: 100,
    };
    for contender in contenders() {
        let once = || {
            let mut backend = contender.backend(&parameters, Optimizer::default());
            run(&mut *backend, &data, schedule)
        };
        assert_eq!(once(), once(), "{}", contender.name);
    }
}

#[test]
fn parameters_come_back_as_they_were_given() {
    for_each_backend(
        shape(784, 35, 10),
        Optimizer::default(),
        |backend, given| {
            assert_eq!(backend.parameters(), *given);
        },
    );
}

#[test]
fn training_goes_on_from_a_state_to_the_same_bits() {
    let data = Data::random(suite::SHAPE, 330, 3);
    for optimizer in optimizers() {
        for batch_size in [7, 150] {
            for_each_backend(suite::SHAPE, optimizer, |backend, parameters| {
                suite::check_state(backend, parameters, &data, batch_size);
            });
        }
    }
}

#[test]
fn the_state_of_another_training_is_refused() {
    let optimizer = Optimizer {
        momentum: 0.9,
        ..Optimizer::default()
    };
    let plain = Optimizer::default();
    for_each_backend(suite::SHAPE, optimizer, |backend, _| {
        let before = backend.state();
        let other = shape(784, 31, 10);
        let parameters = random_parameters(other, 1);
        let states = [
            matrix_multiply::<1>(&parameters, optimizer).state(),
            reference(&parameters, optimizer).state(),
            matrix_multiply::<1>(&random_parameters(suite::SHAPE, 1), plain).state(),
            reference(&random_parameters(suite::SHAPE, 1), plain).state(),
        ];
        for state in states {
            let error = backend.restore(&state).unwrap_err();
            assert!(matches!(error, BackendError::State { .. }), "{error}");
        }
        assert!(backend.set_parameters(&parameters).is_err());
        assert_eq!(backend.state(), before);
    });
}

#[test]
fn pass_ends_after_the_minibatch_that_is_stopped_in() {
    for_each_backend(
        shape(784, 30, 10),
        Optimizer::default(),
        |backend, parameters| {
            suite::check_stop(backend, &mut reference(parameters, Optimizer::default()));
        },
    );
}

#[test]
fn pass_stops_when_another_thread_says_so() {
    for_each_backend(
        shape(784, 30, 10),
        Optimizer::default(),
        |backend, parameters| {
            suite::check_stop_while_training(
                backend,
                &mut reference(parameters, Optimizer::default()),
            );
        },
    );
}

#[test]
fn pass_ends_after_a_loss_that_is_no_number() {
    for optimizer in optimizers() {
        for_each_backend(shape(784, 30, 10), optimizer, |backend, _| {
            suite::check_infinite_step(backend);
        });
    }
}

#[test]
fn a_step_with_a_loss_that_is_no_number_is_not_taken() {
    let mut parameters = random_parameters(shape(784, 30, 10), 5);
    parameters.linear2_bias[4] = f32::INFINITY;
    for optimizer in optimizers() {
        suite::check_non_finite(&mut reference(&parameters, optimizer));
        for contender in contenders() {
            suite::check_non_finite(&mut *contender.backend(&parameters, optimizer));
        }
    }
}

#[test]
fn a_sample_with_nan_logits_is_never_correct() {
    let mut parameters = Parameters::zeros(shape(784, 30, 10));
    for class in [0, 3, 9] {
        parameters.linear2_bias.fill(0.0);
        parameters.linear2_bias[class] = f32::NAN;
        let optimizer = Optimizer::default();
        suite::check_nan(&mut reference(&parameters, optimizer));
        for contender in contenders() {
            suite::check_nan(&mut *contender.backend(&parameters, optimizer));
        }
    }
}

#[test]
fn logits_that_overflow_have_no_class_in_any_precision() {
    let shape = shape(784, 30, 10);
    let mut parameters = Parameters::zeros(shape);
    // Each is finite, their sums are not.
    parameters.linear2_weight.fill(3e38);
    let data = Data::random(shape, 300, 2);
    let order: Vec<u32> = (0..300).collect();
    let check = |backend: &mut dyn Backend| {
        let evaluation = backend.evaluate(data.samples(), &order).unwrap();
        assert!(evaluation.loss.is_nan() && evaluation.correct == 0);
    };
    let optimizer = Optimizer::default();
    check(&mut reference(&parameters, optimizer));
    for contender in contenders() {
        check(&mut *contender.backend(&parameters, optimizer));
    }
    let model = Model::new(parameters, 28, 28).unwrap();
    let image = &data.images[..784];
    assert!(matches!(model.predict(image), Err(BackendError::NotFinite)));
    assert!(matches!(
        model.classify(image),
        Err(BackendError::NotFinite)
    ));
    assert!(matches!(
        model.predict_all(image),
        Err(BackendError::NotFinite)
    ));
}

#[test]
fn predicted_class_is_the_first_of_the_largest() {
    let mut parameters = Parameters::zeros(shape(784, 30, 10));
    let optimizer = Optimizer::default();
    for (bias, expected) in [([].as_slice(), 0), ([3, 7].as_slice(), 3), (&[9], 9)] {
        parameters.linear2_bias.fill(0.0);
        bias.iter()
            .for_each(|&class: &usize| parameters.linear2_bias[class] = 1.0);
        suite::check_ties(&mut reference(&parameters, optimizer), expected);
        for contender in contenders() {
            suite::check_ties(&mut *contender.backend(&parameters, optimizer), expected);
        }
    }
}

#[test]
fn extreme_logits_give_finite_losses() {
    let mut parameters = Parameters::zeros(shape(784, 30, 10));
    parameters.linear2_bias[1] = 1e4;
    parameters.linear2_bias[2] = -1e4;
    let data = Data::random(parameters.shape, 40, 1);
    let schedule = Schedule {
        passes: 2,
        batch_size: 7,
    };
    let expected = run(
        &mut reference(&parameters, Optimizer::default()),
        &data,
        schedule,
    );
    for contender in contenders() {
        let mut backend = contender.backend(&parameters, Optimizer::default());
        let found = run(&mut *backend, &data, schedule);
        suite::check_same(&found, &expected, Tolerance::default(), contender.name);
    }
}

#[test]
fn evaluation_changes_nothing_and_takes_any_order() {
    for_each_backend(shape(784, 30, 10), Optimizer::default(), |backend, _| {
        suite::check_evaluation(backend);
    });
}

#[test]
fn nothing_to_train_on_is_no_error() {
    for_each_backend(shape(784, 30, 10), Optimizer::default(), |backend, _| {
        suite::check_empty(backend);
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    for_each_backend(shape(784, 30, 10), Optimizer::default(), |backend, _| {
        suite::check_errors(backend);
    });
}

#[test]
fn impossible_networks_and_threads_are_refused() {
    for (inputs, hidden, classes) in [(0, 3, 2), (5, 0, 2), (5, 3, 1), (5, 3, 257)] {
        let parameters = Parameters::zeros(shape(inputs, hidden, classes));
        let expected = BackendError::Shape {
            found: parameters.shape,
        };
        let optimizer = Optimizer::default();
        let found = Reference::new(&parameters, optimizer).err();
        assert_eq!(found, Some(expected.clone()));
        let found = MatrixMultiply::new(parameters, optimizer, 1).err();
        assert_eq!(found, Some(expected));
    }
    let parameters = Parameters::zeros(shape(5, 3, 2));
    let found = MatrixMultiply::new(parameters, Optimizer::default(), 0).err();
    assert!(
        matches!(found, Some(BackendError::Threads { threads: 0, .. })),
        "{found:?}"
    );
}

#[test]
fn parameters_that_do_not_fit_their_shape_are_refused() {
    let whole = Parameters::zeros(shape(4, 3, 2));
    let cut = |cut: fn(&mut Parameters) -> &mut Vec<f32>, length| {
        let mut parameters = whole.clone();
        cut(&mut parameters).resize(length, 0.0);
        parameters
    };
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let optimizer = Optimizer::default();
    for (parameters, tensor, expected, found) in [
        (cut(|it| &mut it.linear1_weight, 6), "linear1_weight", 12, 6),
        (cut(|it| &mut it.linear1_bias, 4), "linear1_bias", 3, 4),
        (cut(|it| &mut it.linear2_weight, 0), "linear2_weight", 6, 0),
        (cut(|it| &mut it.linear2_bias, 3), "linear2_bias", 2, 3),
    ] {
        let error = Some(BackendError::Tensor {
            shape: whole.shape,
            tensor,
            expected,
            found,
        });
        assert_eq!(Engine::new(&parameters, optimizer, 1, isa).err(), error);
        assert_eq!(Reference::new(&parameters, optimizer).err(), error);
        assert_eq!(Model::new(parameters.clone(), 2, 2).err(), error);
        for_each_backend(whole.shape, optimizer, |backend, _| {
            assert_eq!(backend.set_parameters(&parameters).err(), error);
        });
        let found = MatrixMultiply::new(parameters, optimizer, 1).err();
        assert_eq!(found, error);
    }
}

#[test]
fn names_and_threads_are_told() {
    let large = Parameters::zeros(shape(784, 300, 10));
    let small = Parameters::zeros(shape(5, 3, 2));
    let optimizer = Optimizer::default();
    let backend = reference(&large, optimizer);
    assert_eq!((backend.name(), backend.threads()), ("reference", 1));
    for threads in [1, 2, 3] {
        let backend = MatrixMultiply::new(large.clone(), optimizer, threads).unwrap();
        assert_eq!(
            (backend.name(), backend.threads()),
            ("matrixmultiply", threads)
        );
        let backend = MatrixMultiply::new(small.clone(), optimizer, threads).unwrap();
        assert_eq!(backend.threads(), 1);
    }
}

#[test]
fn weights_that_decay_end_at_zero() {
    // The first pixel is never set, so that nothing but decay moves its weights.
    let shape = shape(8, 16, 2);
    let mut data = Data::random(shape, 60, 3);
    data.images
        .iter_mut()
        .step_by(shape.inputs)
        .for_each(|pixel| *pixel = 0);
    let schedule = Schedule {
        passes: 200,
        batch_size: 2,
    };
    let parameters = random_parameters(shape, 7);
    for optimizer in optimizers() {
        let optimizer = Optimizer {
            weight_decay: 0.4,
            ..optimizer
        };
        let check = |backend: &mut dyn Backend| {
            run(backend, &data, schedule);
            let found = backend.parameters();
            let (unlit, lit) = found.linear1_weight.split_at(shape.hidden);
            assert_eq!(unlit, [0.0; 16], "{}, {optimizer:?}", backend.name());
            assert!(lit.iter().all(|weight| weight.is_normal()));
        };
        check(&mut reference(&parameters, optimizer));
        for contender in contenders() {
            check(&mut *contender.backend(&parameters, optimizer));
        }
    }
}
