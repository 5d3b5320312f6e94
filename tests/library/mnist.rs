//! The full, real MNIST: the default recipe, and backends against each other.

use fused_mlp::backend::{Backend, MatrixMultiply, PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{EpochEnd, Recipe, Trainer, TrainingOptions};
use std::path::Path;

fn mnist() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    Dataset::open(folder).unwrap()
}

fn initial_parameters(dataset: &Dataset, options: &TrainingOptions) -> Parameters {
    let shape = Shape {
        inputs: dataset.train.images.pixels(),
        hidden: 300,
        classes: dataset.classes,
    };
    options.initial_parameters(shape)
}

/// Trains one epoch. Returns its loss, the loss of each minibatch, and the test loss.
fn one_epoch(
    backend: &mut dyn Backend,
    dataset: &Dataset,
    options: &TrainingOptions,
) -> (f64, Vec<f64>, f64) {
    let mut trainer = Trainer::new(Samples::from(&dataset.train), options).unwrap();
    let epoch = trainer
        .train_epoch(backend, &PassControl::default())
        .unwrap();
    let order: Vec<u32> = (0..dataset.test.len() as u32).collect();
    let test = backend
        .evaluate(Samples::from(&dataset.test), &order)
        .unwrap();
    let losses = epoch.steps.iter().map(|step| step.minibatch.loss).collect();
    (epoch.record.train_loss, losses, test.loss)
}

fn assert_close(found: f64, expected: f64, what: &str) {
    let error = (found / expected - 1.0).abs();
    assert!(error < 1e-3, "{what}: {found}, expected {expected}");
}

#[test]
fn fused_and_matrixmultiply_agree_after_an_epoch() {
    let dataset = mnist();
    // A rate at which rounding does not grow from step to step.
    let options = TrainingOptions {
        learning_rate: 0.15,
        momentum: 0.9,
        nesterov: true,
        ..Recipe::Assignment.options()
    };
    let parameters = initial_parameters(&dataset, &options);
    let mut products = MatrixMultiply::new(parameters.clone(), options.optimizer(), 2).unwrap();
    let (train, steps, test) = one_epoch(&mut products, &dataset, &options);
    for isa in Isa::available() {
        let mut engine = Engine::new(&parameters, options.optimizer(), 2, isa).unwrap();
        let found = one_epoch(&mut engine, &dataset, &options);
        assert_close(found.0, train, &format!("{isa}: training loss"));
        assert_close(found.2, test, &format!("{isa}: test loss"));
        assert_eq!(found.1.len(), 600);
        for (step, (&found, &expected)) in found.1.iter().zip(&steps).enumerate() {
            // Single minibatches late in the epoch have losses near 0.1.
            let error = (found - expected).abs();
            assert!(error < 2e-3, "{isa}, step {step}: {found}, {expected}");
        }
    }
}

#[test]
fn the_default_options_reach_98_percent() {
    let dataset = mnist();
    let options = TrainingOptions::default();
    let parameters = initial_parameters(&dataset, &options);
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let mut engine = Engine::new(&parameters, options.optimizer(), 2, isa).unwrap();
    let mut trainer = Trainer::new(Samples::from(&dataset.train), &options).unwrap();
    let control = PassControl::default();
    while !trainer.is_finished() {
        let epoch = trainer.train_epoch(&mut engine, &control).unwrap();
        assert_eq!(epoch.end, EpochEnd::Complete);
    }
    let order: Vec<u32> = (0..10_000).collect();
    let test = engine
        .evaluate(Samples::from(&dataset.test), &order)
        .unwrap();
    assert!(test.correct >= 9_800, "{} of 10000", test.correct);
}
