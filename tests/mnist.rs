//! The default recipe on the full, real MNIST.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fused_mlp::backend::{Backend, PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{Dataset, OpenOptions, Split};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{EpochEnd, Trainer, TrainingOptions};
use std::path::Path;

fn samples(split: &Split) -> Samples<'_> {
    Samples::new(
        split.images.bytes(),
        split.labels.bytes(),
        split.images.pixels(),
    )
}

#[test]
fn the_default_options_reach_98_percent() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let dataset = Dataset::open(&folder, &OpenOptions::default()).unwrap();
    let options = TrainingOptions::default();
    let shape = Shape {
        inputs: dataset.train.images.pixels(),
        hidden: 300,
        classes: dataset.classes,
    };
    let parameters = Parameters::initialise(shape, options.seed);
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let mut engine = Engine::new(&parameters, options.optimizer(), 2, isa).unwrap();
    let mut trainer = Trainer::new(samples(&dataset.train), &options).unwrap();
    let control = PassControl::default();
    while !trainer.is_finished() {
        let epoch = trainer.train_epoch(&mut engine, &control).unwrap();
        assert_eq!(epoch.end, EpochEnd::Complete);
    }
    let order: Vec<u32> = (0..10_000).collect();
    let test = engine.evaluate(samples(&dataset.test), &order).unwrap();
    assert!(test.correct >= 9_800, "{} of 10000", test.correct);
}
