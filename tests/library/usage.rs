//! What the documentation promises, called from outside of the crate.

use fused_mlp::backend::{Backend, BackendError, MatrixMultiply, Optimizer, PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{self, Images, Labels, Split};
use fused_mlp::model_file;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::reference::{Network, pixel_to_input, predicted_class};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{Recipe, Schedule, TrainError, Trainer, TrainingOptions};
use fused_mlp::{Dataset, Model, Training};
use std::ops::ControlFlow;
use std::path::Path;

const ROWS: usize = 3;
const COLUMNS: usize = 5;

/// Images of which one column is bright: its number is the class.
fn samples(count: usize) -> (Vec<u8>, Vec<u8>) {
    let label = |i: usize| i * 7 % COLUMNS;
    let pixel = |i: usize, place: usize| match place % COLUMNS == label(i) {
        true => 255 - (i * 13 % 60) as u8,
        false => (i * 31 + place * 17) as u8 % 40,
    };
    let images = (0..count).flat_map(|i| (0..ROWS * COLUMNS).map(move |place| pixel(i, place)));
    (
        images.collect(),
        (0..count).map(|i| label(i) as u8).collect(),
    )
}

fn dataset() -> Dataset {
    Dataset::from_memory(ROWS, COLUMNS, samples(200), samples(50)).unwrap()
}

fn training(data: &Dataset) -> Training<'_> {
    Training::new(data).hidden(12).epochs(20)
}

/// So many images of so many random bytes, none of them 0. Of the two classes each has one half brighter.
fn noise(count: usize, pixels: usize) -> Dataset {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let labels: Vec<u8> = (0..count).map(|_| random() >> 7).collect();
    let half = |index: usize| u8::from(index % pixels < pixels / 2);
    let bytes = (0..count * pixels).map(|index| match half(index) == labels[index / pixels] {
        true => 128 + random() / 2,
        false => 1 + random() / 2,
    });
    let bytes: Vec<u8> = bytes.collect();
    let test = (bytes[..20 * pixels].to_vec(), labels[..20].to_vec());
    Dataset::from_memory(1, pixels, (bytes, labels), test).unwrap()
}

#[test]
fn the_rate_of_a_recipe_follows_the_brightness_of_the_images() {
    let images = |byte: u8| vec![byte; 9_001 * 256];
    let labels = [0; 9_001];
    let options =
        |recipe: Recipe, byte| recipe.options_for(Samples::new(&images(byte), &labels, 256));
    let rate = |recipe, byte| options(recipe, byte).learning_rate;
    // 256 pixels of (102 / 255)^2 are 40.96, less than MNIST's 87.8.
    let norm = Samples::new(&images(102), &labels, 256).mean_squared_norm();
    assert_eq!(norm as f32, 40.96);
    // White images, the sum of whose squares is beyond 32 bits, and black ones in between.
    let mixed: Vec<u8> = (0..3 * 70_000)
        .map(|i| if i / 70_000 == 1 { 0 } else { 255 })
        .collect();
    let norm = Samples::new(&mixed, &labels[..3], 70_000).mean_squared_norm();
    assert_eq!(norm, 140_000.0 / 3.0);
    assert_eq!(rate(Recipe::Fast, 102), 1.4);
    assert_eq!(rate(Recipe::Fast, 0), 1.4);
    // 1.4 * 87.8 / 256 = 0.4802.
    assert_eq!(rate(Recipe::Fast, 255), 0.48);
    assert_eq!(rate(Recipe::Best, 255), 0.62);
    assert_eq!(rate(Recipe::Assignment, 255), 0.03);
    let mut expected = Recipe::Fast.options();
    expected.learning_rate = 0.48;
    assert_eq!(options(Recipe::Fast, 255), expected);
}

#[test]
fn dense_images_and_four_million_do_not_diverge() {
    let dense = noise(3_000, 784);
    let trained = Training::new(&dense).epochs(30).hidden(40).run().unwrap();
    let last = trained.history.last().unwrap().train_loss;
    assert!(last < 0.1, "{last}");
    let many = noise(4_000_000, 4);
    let trained = Training::new(&many).epochs(1).hidden(8).run().unwrap();
    assert!(trained.model.evaluate(&many.test).unwrap().correct >= 18);
}

#[test]
fn a_training_learns_and_its_model_predicts() {
    let data = dataset();
    let model = training(&data).run().unwrap().model;
    assert_eq!(model.shape().to_string(), "15-12-5");
    assert_eq!(model.image_size(), (ROWS, COLUMNS));
    let evaluation = model.evaluate(&data.test).unwrap();
    assert_eq!(evaluation.correct, 50);
    assert_eq!(evaluation.predicted, data.test.labels.bytes());
    for (i, &label) in data.test.labels.bytes().iter().enumerate() {
        let image = data.test.images.image(i);
        let probabilities = model.predict(image).unwrap();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let largest = probabilities.iter().copied().fold(0.0, f64::max);
        assert_eq!(probabilities[usize::from(label)], largest);
        assert_eq!(model.classify(image).unwrap(), usize::from(label));
    }
    let mean: f64 = (0..50)
        .map(|i| {
            let label = usize::from(data.test.labels.bytes()[i]);
            -model.predict(data.test.images.image(i)).unwrap()[label].ln()
        })
        .sum::<f64>()
        / 50.0;
    assert!(
        (evaluation.loss - mean).abs() < 1e-5,
        "{} {mean}",
        evaluation.loss
    );
    let error = model.predict(&[0; 3]).unwrap_err();
    assert!(matches!(
        error,
        BackendError::Inputs {
            expected: 15,
            found: 3,
            ..
        }
    ));
}

#[test]
fn callbacks_see_every_epoch_and_may_end_the_training() {
    let data = dataset();
    let mut epochs = Vec::new();
    let model = training(&data).validation(40).run_with(|epoch| {
        assert!(epoch.train_loss.is_finite() && epoch.validation_accuracy.is_some());
        epochs.push(epoch.epoch);
        if epoch.epoch == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(epochs, [1, 2, 3]);
    let whole = training(&data).validation(40).run().unwrap().model;
    assert_ne!(model.unwrap().model, whole);
}

#[test]
fn results_depend_on_the_seed_and_not_on_the_threads() {
    let data = dataset();
    let train = |seed, threads| {
        training(&data)
            .seed(seed)
            .threads(threads)
            .run()
            .unwrap()
            .model
    };
    assert_eq!(train(1, 1), train(1, 3));
    assert_ne!(train(1, 1), train(2, 1));
    // The same as the program's own loop.
    let options = TrainingOptions {
        epochs: 20,
        ..TrainingOptions::default()
    };
    let shape = Shape {
        inputs: ROWS * COLUMNS,
        hidden: 12,
        classes: COLUMNS,
    };
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let parameters = options.initial_parameters(shape);
    let mut engine = Engine::new(&parameters, options.optimizer(), 2, isa).unwrap();
    let mut trainer = Trainer::new(Samples::from(&data.train), &options).unwrap();
    while !trainer.is_finished() {
        trainer
            .train_epoch(&mut engine, &PassControl::default())
            .unwrap();
    }
    assert_eq!(*train(1, 2).parameters(), engine.parameters());
}

#[test]
fn a_training_goes_on_from_a_model() {
    let data = dataset();
    let first = training(&data).epochs(1).run().unwrap().model;
    let options = TrainingOptions {
        schedule: Schedule::Linear,
        learning_rate: 1e-6,
        ..Recipe::Assignment.options()
    };
    let next = Training::new(&data).start_from(&first).options(options);
    let next = next.isa(IsaRequest::Portable).run().unwrap().model;
    let distance = |a: &Parameters, b: &Parameters| -> f64 {
        let pairs = a.linear1_weight.iter().zip(&b.linear1_weight);
        pairs
            .map(|(a, b)| f64::from((a - b).abs()))
            .fold(0.0, f64::max)
    };
    let moved = distance(first.parameters(), next.parameters());
    assert!(moved > 0.0 && moved < 1e-3, "{moved}");
}

#[test]
fn the_best_network_is_kept_and_the_history_told() {
    let data = dataset();
    // So large a rate that the loss rises again.
    let training = training(&data).validation(40).epochs(60).learning_rate(6.0);
    let trained = training.clone().patience(2).run().unwrap();
    let losses: Vec<f64> = trained
        .history
        .iter()
        .map(|epoch| epoch.validation_loss.unwrap())
        .collect();
    let best = trained.best_epoch.unwrap();
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses[best as usize - 1], lowest);
    let same = training
        .clone()
        .run_with(|epoch| match epoch.epoch == best {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
    assert_eq!(same.unwrap().model, trained.model);
    let error = training.validation(0).patience(2).run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "patience is given without validation samples; expected validation above 0 with it"
    );
}

#[test]
fn many_images_are_predicted_at_once() {
    let data = dataset();
    let model = training(&data).run().unwrap().model;
    let images = &data.test.images;
    let all = model.predict_all(images.bytes()).unwrap();
    let classes = model.classify_all(images.bytes()).unwrap();
    assert_eq!(
        (all.len(), classes.len()),
        (data.test.len(), data.test.len())
    );
    for (i, (probabilities, class)) in all.iter().zip(classes).enumerate() {
        let one = model.predict(images.image(i)).unwrap();
        assert_eq!(class, model.classify(images.image(i)).unwrap());
        for (found, expected) in probabilities.iter().zip(one) {
            assert!((found - expected).abs() < 1e-5, "{i}: {found} {expected}");
        }
    }
    assert!(model.predict_all(&images.bytes()[1..]).is_err());
    assert_eq!(model.predict_all(&[]).unwrap(), Vec::<Vec<f64>>::new());
}

#[test]
fn mistakes_are_errors() {
    let data = dataset();
    let wrong = |training: Training<'_>| training.run().unwrap_err();
    assert!(matches!(
        wrong(training(&data).epochs(0)),
        TrainError::Option(_)
    ));
    assert!(matches!(
        wrong(training(&data).hidden(0)),
        TrainError::Backend(_)
    ));
    assert!(matches!(
        wrong(training(&data).threads(0)),
        TrainError::Backend(_)
    ));
    let options = TrainingOptions {
        learning_rate: 1e30,
        ..TrainingOptions::default()
    };
    let error = wrong(training(&data).options(options));
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    let (images, labels) = samples(4);
    let cut = (images[1..].to_vec(), labels.clone());
    let error = Dataset::from_memory(ROWS, COLUMNS, cut, (images.clone(), labels)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "images in memory: expected 60 bytes for 4 of 3 x 5, found 59"
    );
    assert!(Dataset::from_memory(0, 5, (vec![], vec![]), (vec![], vec![])).is_err());
    let parameters = Parameters::zeros(Shape {
        inputs: 6,
        hidden: 2,
        classes: 2,
    });
    assert!(Model::new(parameters, 2, 2).is_err());
}

#[test]
fn models_are_saved_and_read() {
    let data = dataset();
    let model = training(&data).epochs(2).run().unwrap().model;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    model.save(&file).unwrap();
    assert_eq!(Model::load(&file).unwrap(), model);
    let (parameters, metadata) = model_file::load(&file).unwrap();
    assert_eq!(parameters, *model.parameters());
    assert_eq!(metadata.unwrap().rows, ROWS);
    // Without metadata the size of the images is not known.
    let views = model_file::TENSOR_NAMES;
    assert_eq!(views.len(), 4);
    assert!(Model::load(folder.path().join("none")).is_err());
}

#[test]
#[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
fn the_parts_below_are_there_for_those_who_want_them() {
    let (images, labels) = samples(10);
    let split = Split::new(
        Images::from_vec(10, ROWS, COLUMNS, images).unwrap(),
        Labels::from_vec(labels).unwrap(),
    )
    .unwrap();
    let data = Dataset::from_splits(split.clone(), split, Some(6)).unwrap();
    assert_eq!(data.classes, 6);
    let shape = Shape {
        inputs: 15,
        hidden: 4,
        classes: 6,
    };
    let parameters = Parameters::initialise(shape, 1);
    let mut products = MatrixMultiply::new(parameters.clone(), Optimizer::default(), 1).unwrap();
    let order: Vec<u32> = (0..10).collect();
    let evaluation = products
        .evaluate(Samples::from(&data.test), &order)
        .unwrap();
    let network = Network::from(&parameters);
    for (i, &predicted) in evaluation.predicted.iter().enumerate() {
        let image = data.test.images.image(i);
        let x: Vec<f64> = image.iter().map(|&byte| pixel_to_input(byte)).collect();
        let logits = network.forward(&x).logits;
        assert_eq!(predicted_class(&logits), Some(usize::from(predicted)));
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(Dataset::open(folder.path()).is_err());
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    assert_eq!(mnist::locate(Some(&own)).unwrap(), own);
}
