//! Questions 5 and 6: the MNIST network, image by image and in minibatches.

use super::error::AssignmentError;
use super::mnist::{network_shape, plain_sgd, train_epochs};
use super::original;
use super::progress::Progress;
use super::settings::Settings;
use fused_mlp::backend::{
    Backend, MatrixMultiply, Optimizer, PassControl, Reference, Samples, TrainingPass,
};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Parameters;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::training::{Trainer, TrainingOptions};
use serde::Serialize;
use std::time::Instant;

/// Implementations in f32 and the textbook in f64 agree after some steps if no parameter differs by
/// more than this.
const AGREEMENT_LIMIT: f64 = 1e-5;
/// A measurement repeats its pass until this many seconds have gone.
const MEASURED_SECONDS: f64 = 0.2;
/// Images of the faster implementations' passes.
const PASS_IMAGES: usize = 10_000;
/// Last minibatches whose losses are printed.
const PRINTED: usize = 4;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Minibatches {
    /// Inputs, hidden units and classes.
    pub network: String,
    /// Implementations against the textbook, image by image in f64.
    pub agreement: Vec<Agreement>,
    /// What the differences have to be below.
    pub agreement_limit: f64,
    /// Whether they are.
    pub agrees: bool,
    /// Full passes.
    pub full_passes: LastLosses,
    /// One random minibatch an epoch, for as many epochs as the original has, with the learning rates
    /// of its questions 4 and 7.
    pub one_minibatch: [LastLosses; 2],
}

/// The end of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastLosses {
    /// Epochs.
    pub epochs: u32,
    /// Steps in all of them.
    pub steps: u64,
    /// Learning rate.
    pub learning_rate: f32,
    /// Losses of the last minibatches, in nats.
    pub last_losses: Vec<f64>,
}

impl LastLosses {
    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.last_losses.iter().sum::<f64>() / self.last_losses.len() as f64
    }
}

/// One implementation after some steps from the same parameters with the same order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Its name.
    pub backend: &'static str,
    /// Its threads.
    pub threads: usize,
    /// Samples of a minibatch.
    pub batch_size: usize,
    /// Steps.
    pub steps: u32,
    /// Largest difference of a parameter from the textbook's.
    pub largest_difference: f64,
}

/// How fast one implementation is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Its name.
    pub backend: &'static str,
    /// Its threads.
    pub threads: usize,
    /// Samples of a minibatch.
    pub batch_size: usize,
    /// Images trained on in a second.
    pub images_per_second: f64,
}

/// Compares results and speeds, and trains with the original's setting.
///
/// # Errors
/// If the data do not fit, or it was stopped.
pub fn run(
    settings: &Settings,
    dataset: &Dataset,
    progress: &Progress<'_>,
) -> Result<(Minibatches, Vec<Speed>), AssignmentError> {
    let samples = Samples::from(&dataset.train);
    let shape = network_shape(dataset);
    let parameters = Parameters::initialise(shape, settings.seed);
    let mut order: Vec<u32> = (0..).take(samples.len()).collect();
    Stream::new(settings.seed, Purpose::Shuffle).shuffle(&mut order);
    let mut agreement = Vec::new();
    for batch_size in [1, original::BATCH_SIZE] {
        agreement.extend(compare(settings, samples, &parameters, &order, batch_size)?);
    }
    let speeds = speeds(settings, samples, &parameters, &order, progress)?;

    let rate = original::TESTED_RATE;
    let options = plain_sgd(settings, rate, settings.scale().minibatch_epochs);
    let full_passes = last_losses(settings, dataset, &options, progress)?;
    let one_minibatch = |rate| one_minibatch(settings, samples, &parameters, &order, rate);
    let one_minibatch = [
        one_minibatch(original::PLANE_RATE as f32)?,
        one_minibatch(rate)?,
    ];
    let agrees = agreement
        .iter()
        .all(|row| row.largest_difference < AGREEMENT_LIMIT);
    let result = Minibatches {
        network: shape.to_string(),
        agreement,
        agreement_limit: AGREEMENT_LIMIT,
        agrees,
        full_passes,
        one_minibatch,
    };
    Ok((result, speeds))
}

type NamedBackend = (Box<dyn Backend>, &'static str);

/// The implementations: the textbook first.
fn backends(
    settings: &Settings,
    parameters: &Parameters,
) -> Result<Vec<NamedBackend>, AssignmentError> {
    let plain = Optimizer::default();
    let fused = |threads| Engine::new(parameters, plain, threads, settings.isa);
    let mut all: Vec<NamedBackend> = vec![
        (
            Box::new(Reference::new(parameters, plain)?),
            "textbook loops, f64",
        ),
        (
            Box::new(MatrixMultiply::new(parameters.clone(), plain, 1)?),
            "matrix products, f32",
        ),
        (Box::new(fused(1)?), "fused kernels, f32"),
    ];
    if settings.threads > 1 {
        all.push((Box::new(fused(settings.threads)?), "fused kernels, f32"));
    }
    Ok(all)
}

fn train(
    backend: &mut dyn Backend,
    samples: Samples<'_>,
    order: &[u32],
    batch_size: usize,
    rate: f32,
) -> Result<Vec<f64>, AssignmentError> {
    let results = backend.train(&TrainingPass {
        samples,
        order,
        batch_size,
        learning_rates: &vec![rate; order.len().div_ceil(batch_size)],
        control: &PassControl::default(),
    })?;
    Ok(results.iter().map(|result| result.loss).collect())
}

fn compare(
    settings: &Settings,
    samples: Samples<'_>,
    parameters: &Parameters,
    order: &[u32],
    batch_size: usize,
) -> Result<Vec<Agreement>, AssignmentError> {
    let steps = settings.scale().compared_steps;
    let order = &order[..(batch_size * steps as usize).min(order.len())];
    let mut expected = None;
    let mut rows = Vec::new();
    for (mut backend, name) in backends(settings, parameters)? {
        train(backend.as_mut(), samples, order, batch_size, 0.1)?;
        let found = backend.parameters();
        let Some(expected) = &expected else {
            expected = Some(found);
            continue;
        };
        rows.push(Agreement {
            backend: name,
            threads: backend.threads(),
            batch_size,
            steps,
            largest_difference: largest_difference(expected, &found),
        });
    }
    Ok(rows)
}

/// Largest difference of two networks' parameters; NaN if there is one.
fn largest_difference(a: &Parameters, b: &Parameters) -> f64 {
    let all = |p: &Parameters| {
        [
            p.linear1_weight.as_slice(),
            &p.linear1_bias,
            &p.linear2_weight,
            &p.linear2_bias,
        ]
        .concat()
    };
    let pairs = all(a).into_iter().zip(all(b));
    let differences = pairs.map(|(a, b)| (f64::from(a) - f64::from(b)).abs());
    super::largest(differences)
}

fn speeds(
    settings: &Settings,
    samples: Samples<'_>,
    parameters: &Parameters,
    order: &[u32],
    progress: &Progress<'_>,
) -> Result<Vec<Speed>, AssignmentError> {
    let mut rows = Vec::new();
    let backends = backends(settings, parameters)?;
    let count = backends.len();
    for (index, (mut backend, name)) in backends.into_iter().enumerate() {
        for batch_size in [1, original::BATCH_SIZE] {
            progress.report("Q6 timing", index as f64 / count as f64);
            if progress.is_stopped() {
                return Err(AssignmentError::Stopped);
            }
            // The loops take each image alone whatever the minibatch.
            let is_reference = index == 0;
            let images = if is_reference {
                settings.scale().timed_images
            } else {
                PASS_IMAGES
            };
            let order = &order[..images.min(order.len())];
            let (start, mut trained, mut best) = (Instant::now(), 0, 0f64);
            while trained == 0 || start.elapsed().as_secs_f64() < MEASURED_SECONDS {
                let pass = Instant::now();
                train(backend.as_mut(), samples, order, batch_size, 0.01)?;
                best = best.max(order.len() as f64 / pass.elapsed().as_secs_f64());
                trained += order.len();
            }
            rows.push(Speed {
                backend: name,
                threads: backend.threads(),
                batch_size,
                images_per_second: best,
            });
        }
    }
    Ok(rows)
}

fn last_losses(
    settings: &Settings,
    dataset: &Dataset,
    options: &TrainingOptions,
    progress: &Progress<'_>,
) -> Result<LastLosses, AssignmentError> {
    let mut trainer = Trainer::new(Samples::from(&dataset.train), options)?;
    let steps = trainer.steps();
    let mut last = Vec::new();
    let training = train_epochs(
        settings,
        dataset,
        &mut trainer,
        options,
        progress,
        "Q5",
        |epoch| {
            last = epoch.steps.iter().map(|step| step.minibatch.loss).collect();
        },
    )?;
    if !training.is_complete {
        return Err(AssignmentError::Stopped);
    }
    Ok(LastLosses {
        epochs: options.epochs,
        steps,
        learning_rate: options.learning_rate,
        last_losses: last[last.len().saturating_sub(PRINTED)..].to_vec(),
    })
}

/// One minibatch of the shuffled samples a step.
fn one_minibatch(
    settings: &Settings,
    samples: Samples<'_>,
    parameters: &Parameters,
    order: &[u32],
    learning_rate: f32,
) -> Result<LastLosses, AssignmentError> {
    let epochs = original::MINIBATCH_EPOCHS;
    let order = &order[..(epochs as usize * original::BATCH_SIZE).min(order.len())];
    let mut engine = Engine::new(parameters, Optimizer::default(), 1, settings.isa)?;
    let size = original::BATCH_SIZE;
    let losses = train(&mut engine, samples, order, size, learning_rate)?;
    Ok(LastLosses {
        epochs,
        steps: losses.len() as u64,
        learning_rate,
        last_losses: losses[losses.len().saturating_sub(PRINTED)..].to_vec(),
    })
}

impl std::fmt::Display for Minibatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let worst = self.agreement.iter().map(|row| row.largest_difference);
        write!(
            f,
            "Q5, Q6 {} in minibatches of {}: parameters of all implementations within {:.1e} ({})",
            self.network,
            original::BATCH_SIZE,
            worst.fold(0.0, f64::max),
            if self.agrees {
                "they agree"
            } else {
                "they do NOT agree"
            },
        )?;
        for (name, losses) in [
            ("full passes", &self.full_passes),
            ("one minibatch an epoch", &self.one_minibatch[0]),
            ("one minibatch an epoch", &self.one_minibatch[1]),
        ] {
            let last: Vec<String> = losses
                .last_losses
                .iter()
                .map(|l| format!("{l:.4}"))
                .collect();
            write!(
                f,
                "\n   {name}, learning rate {}, {} epochs: last losses {}",
                losses.learning_rate,
                losses.epochs,
                last.join(" ")
            )?;
        }
        Ok(())
    }
}
