//! Coarse steps: on the upper left one of each 2 x 2 pixels.

use super::backends::suite::{Tolerance, check_parameters};
use fused_mlp::backend::{
    Backend, BackendError, MatrixMultiply, Optimizer, PassControl, Reference, Samples, TrainingPass,
};
use fused_mlp::engine::{Engine, Precision};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{Recipe, Trainer, Training, TrainingOptions};

const ROWS: usize = 8;
const COLUMNS: usize = 18;
const SHAPE: Shape = Shape {
    inputs: ROWS * COLUMNS,
    hidden: 37,
    classes: 3,
};

/// Images whose classes are brighter in one third, with zeros among them.
fn data(samples: usize) -> (Vec<u8>, Vec<u8>) {
    let mut stream = Stream::new(5, Purpose::SyntheticTraining);
    let labels: Vec<u8> = (0..samples).map(|_| stream.below(3) as u8).collect();
    let mut pixel = |index: usize| {
        let is_own = index % COLUMNS / 6 == usize::from(labels[index / SHAPE.inputs]);
        stream
            .below(if is_own { 320 } else { 120 })
            .saturating_sub(64)
    };
    let images = (0..samples * SHAPE.inputs).map(|index| pixel(index) as u8);
    (images.collect(), labels)
}

/// Whether the weights of each 2 x 2 pixels are equal.
fn are_even(parameters: &Parameters) -> bool {
    let row = |pixel: usize| &parameters.linear1_weight[pixel * SHAPE.hidden..][..SHAPE.hidden];
    (0..SHAPE.inputs).all(|pixel| {
        let (y, x) = (pixel / COLUMNS / 2 * 2, pixel % COLUMNS / 2 * 2);
        row(pixel) == row(y * COLUMNS + x)
    })
}

#[test]
fn coarse_steps_are_those_of_the_reference_on_images_of_blocks() {
    let (images, labels) = data(1_200);
    let samples = Samples::new(&images, &labels, SHAPE.inputs).with_columns(COLUMNS);
    let mut blocks = images.clone();
    for (index, byte) in blocks.iter_mut().enumerate() {
        let (image, pixel) = (index / SHAPE.inputs, index % SHAPE.inputs);
        let (y, x) = (pixel / COLUMNS / 2 * 2, pixel % COLUMNS / 2 * 2);
        *byte = images[image * SHAPE.inputs + y * COLUMNS + x];
    }
    let of_blocks = Samples::new(&blocks, &labels, SHAPE.inputs).with_columns(COLUMNS);
    let control = PassControl::default();
    for (momentum, weight_decay) in [(0.9, 1e-3), (0.0, 1e-3), (0.0, 0.0)] {
        let optimizer = Optimizer {
            momentum,
            nesterov: momentum > 0.0,
            weight_decay,
        };
        let options = TrainingOptions {
            epochs: 4,
            // More than the samples of a block.
            batch_size: 150,
            learning_rate: if momentum > 0.0 { 0.1 } else { 0.5 },
            coarse: 0.625,
            ..TrainingOptions::default()
        };
        let plain = TrainingOptions {
            coarse: 0.0,
            ..options.clone()
        };
        let start = options.initial_parameters(SHAPE);
        assert!(!are_even(&start));
        // By the definition: the mean of each four weights, and images of blocks for 20 of 32 steps.
        let mut initial = start.clone();
        for y in (0..ROWS).step_by(2) {
            for x in (0..COLUMNS).step_by(2) {
                let first = y * COLUMNS + x;
                let four = [first, first + 1, first + COLUMNS, first + COLUMNS + 1];
                for unit in 0..SHAPE.hidden {
                    let at = four.map(|pixel| pixel * SHAPE.hidden + unit);
                    let mean = at.map(|it| initial.linear1_weight[it]).iter().sum::<f32>() / 4.0;
                    for it in at {
                        initial.linear1_weight[it] = mean;
                    }
                }
            }
        }
        let mut expected = Reference::new(&initial, optimizer).unwrap();
        let mut on_blocks = Trainer::new(of_blocks, &plain).unwrap();
        let mut losses = Vec::new();
        for _ in 0..2 {
            let epoch = on_blocks.train_epoch(&mut expected, &control).unwrap();
            losses.extend(epoch.steps.iter().map(|step| step.minibatch.loss));
        }
        let half = on_blocks.train_part(&mut expected, &control, 4).unwrap();
        assert!(half.is_none());
        let even = expected.parameters();
        let mut rest = Trainer::resume(samples, &plain, &on_blocks.state()).unwrap();
        while !rest.is_finished() {
            let epoch = rest.train_epoch(&mut expected, &control).unwrap();
            losses.extend(epoch.steps.iter().map(|step| step.minibatch.loss));
        }
        assert_eq!(losses.len(), 32);
        assert!(losses[31] < 0.5 * losses[0], "nothing was learned");
        let isa = Isa::select(IsaRequest::Auto).unwrap();
        let engine = |precision| Engine::in_precision(&start, optimizer, 2, isa, precision);
        let backends: [(Box<dyn Backend>, f32); 4] = [
            (Box::new(Reference::new(&start, optimizer).unwrap()), 1e-9),
            (
                Box::new(MatrixMultiply::new(start.clone(), optimizer, 2).unwrap()),
                1e-4,
            ),
            (Box::new(engine(Precision::F32).unwrap()), 1e-4),
            (Box::new(engine(Precision::Int16).unwrap()), 1e-2),
        ];
        for (mut backend, tolerance) in backends {
            let name = format!("{} {tolerance} with {optimizer:?}", backend.name());
            let mut trainer = Trainer::new(samples, &options).unwrap();
            let near = Tolerance {
                parameter: tolerance,
                ..Tolerance::default()
            };
            let mut found = Vec::new();
            while !trainer.is_finished() {
                let left = 20u64.saturating_sub(trainer.steps_done()) as usize;
                let part = if left > 0 { left } else { usize::MAX };
                let epoch = trainer.train_part(&mut *backend, &control, part).unwrap();
                let steps = epoch.iter().flat_map(|epoch| &epoch.steps);
                found.extend(steps.map(|step| step.minibatch.loss));
                if trainer.steps_done() == 20 {
                    check_parameters(&backend.parameters(), &even, near, &name);
                    assert!(are_even(&backend.parameters()) || backend.name() != "fused");
                }
            }
            for (found, expected) in found.iter().zip(&losses) {
                let error = (found / expected - 1.0).abs();
                assert!(error < f64::from(tolerance), "{name}: {found}, {expected}");
            }
            assert_eq!(found.len(), 32);
            check_parameters(&backend.parameters(), &expected.parameters(), near, &name);
            assert!(!are_even(&backend.parameters()));
        }
    }
}

#[test]
fn a_network_of_another_size_is_an_error_before_the_first_step() {
    let (images, labels) = data(20);
    let samples = Samples::new(&images, &labels, SHAPE.inputs).with_columns(COLUMNS);
    let options = Recipe::Sprint.options();
    let shape = Shape {
        inputs: 15,
        ..SHAPE
    };
    let mut backend =
        Reference::new(&options.initial_parameters(shape), Optimizer::default()).unwrap();
    let mut trainer = Trainer::new(samples, &options).unwrap();
    let expected = BackendError::Inputs {
        expected: 15,
        found: SHAPE.inputs,
    };
    let found = trainer.train_epoch(&mut backend, &PassControl::default());
    assert_eq!(found.err(), Some(expected));
}

#[test]
fn a_model_to_start_from_keeps_its_weights() {
    let split = data(60);
    let dataset = Dataset::from_memory(ROWS, COLUMNS, split.clone(), split).unwrap();
    let training = || Training::new(&dataset).hidden(9).epochs(1);
    let first = training().coarse(0.0).run().unwrap().model;
    let second = training()
        .coarse(1.0)
        .learning_rate(1e-30)
        .weight_decay(0.0)
        .start_from(&first);
    assert_eq!(second.run().unwrap().model.parameters(), first.parameters());
}

#[test]
fn images_with_an_odd_side_have_no_coarse_steps() {
    let (images, labels) = data(20);
    let of_columns = |columns| Samples::new(&images, &labels, SHAPE.inputs).with_columns(columns);
    for (columns, is_even) in [(COLUMNS, true), (9, false), (16, false), (144, false)] {
        let samples = of_columns(columns);
        let fitting = Recipe::Sprint.options_for(samples);
        assert_eq!(fitting.coarse > 0.0, is_even, "{columns}");
        assert!(Trainer::new(samples, &fitting).is_ok());
        let own = Recipe::Sprint.options();
        let error = Trainer::new(samples, &own).err();
        assert_eq!(error.is_none(), is_even);
        if let Some(error) = error {
            assert_eq!(error.option, "coarse");
            let mut backend =
                Reference::new(&own.initial_parameters(SHAPE), Optimizer::default()).unwrap();
            let (rows, columns) = samples.size();
            let pass = TrainingPass {
                samples,
                order: &[0],
                batch_size: 1,
                learning_rates: &[0.1],
                control: &PassControl::default(),
                seen: None,
                skip: 0.0,
                augmented: None,
                coarse: true,
            };
            let expected = BackendError::OddSide { rows, columns };
            assert_eq!(backend.train(&pass), Err(expected));
        }
    }
}
