//! The floating-point environment of a thread that trains.
#![cfg(target_arch = "x86_64")]

use super::{Recipe, Trainer, TrainingOptions};
use crate::backend::{Backend, MatrixMultiply, PassControl, Reference, Samples};
use crate::network::{Parameters, Shape};
use crate::simd::environment;
use std::hint::black_box;

/// Where the calling thread computes: the rates of a schedule, and backends that take one thread.
#[test]
fn a_training_keeps_denormal_numbers_and_leaves_the_environment_as_it_was() {
    let (images, labels) = (vec![255; 20], vec![0, 1, 1, 0]);
    let shape = Shape {
        inputs: 5,
        hidden: 4,
        classes: 2,
    };
    let options = TrainingOptions {
        epochs: 2,
        batch_size: 2,
        learning_rate: 1e-38,
        ..Recipe::Assignment.options()
    };
    let mut initial = Parameters::initialise(shape, 1);
    initial.linear2_bias.fill(1e-38);
    let train = |flushes: bool| {
        if flushes {
            environment::flush_denormals();
        }
        let optimizer = options.optimizer();
        let mut backends: [Box<dyn Backend>; 2] = [
            Box::new(MatrixMultiply::new(initial.clone(), optimizer, 1).unwrap()),
            Box::new(Reference::new(&initial, optimizer).unwrap()),
        ];
        let mut found = Vec::new();
        for backend in &mut backends {
            let samples = Samples::new(&images, &labels, shape.inputs);
            let mut trainer = Trainer::new(samples, &options).unwrap();
            while !trainer.is_finished() {
                let epoch = trainer.train_epoch(backend.as_mut(), &PassControl::default());
                found.extend(
                    epoch
                        .unwrap()
                        .steps
                        .iter()
                        .map(|step| step.learning_rate.to_bits()),
                );
            }
            let biases = backend.parameters().linear2_bias;
            found.extend(biases.iter().map(|bias| bias.to_bits()));
        }
        let flushed = black_box(f32::MIN_POSITIVE) * black_box(0.5) == 0.0;
        assert_eq!(
            flushed, flushes,
            "the environment of the caller is as it was"
        );
        found
    };
    let expected = train(false);
    assert!(
        expected
            .iter()
            .any(|&bits| f32::from_bits(bits).is_subnormal())
    );
    std::thread::scope(|scope| {
        let found = scope.spawn(|| train(true)).join().unwrap();
        assert_eq!(found, expected);
    });
}
