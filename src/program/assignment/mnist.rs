//! What all trainings on MNIST-format data share.

use super::error::AssignmentError;
use super::original;
use super::progress::Progress;
use super::settings::Settings;
use fused_mlp::backend::PassControl;
use fused_mlp::engine::Engine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::training::{Epoch, EpochEnd, EpochRecord, Recipe, Trainer, TrainingOptions};
use serde::Serialize;
use std::sync::Arc;

/// Hidden units that the assignment asks for.
pub const HIDDEN: usize = 300;

/// One epoch, without its times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EpochPoint {
    /// Number of the epoch, from 1 on.
    pub epoch: u32,
    /// Mean of the losses of its samples in nats, each with the parameters of its own step.
    pub train_loss: f64,
    /// Share of the samples that were predicted correctly, each with the parameters of its step.
    pub train_accuracy: f64,
    /// Loss of the validation samples at the end of the epoch.
    pub validation_loss: Option<f64>,
    /// Accuracy for the validation samples at the end of the epoch.
    pub validation_accuracy: Option<f64>,
}

impl From<&EpochRecord> for EpochPoint {
    fn from(record: &EpochRecord) -> Self {
        Self {
            epoch: record.epoch,
            train_loss: record.train_loss,
            train_accuracy: record.train_accuracy,
            validation_loss: record.validation_loss,
            validation_accuracy: record.validation_accuracy,
        }
    }
}

/// 784-300-10 for MNIST.
pub fn network_shape(dataset: &Dataset) -> Shape {
    Shape {
        inputs: dataset.train.images.pixels(),
        hidden: HIDDEN,
        classes: dataset.classes,
    }
}

/// Plain SGD with a constant rate, in minibatches as the assignment asks for, on all samples.
pub fn plain_sgd(settings: &Settings, learning_rate: f32, epochs: u32) -> TrainingOptions {
    TrainingOptions {
        epochs,
        batch_size: original::BATCH_SIZE,
        learning_rate,
        seed: settings.seed,
        ..Recipe::Assignment.options()
    }
}

/// Checks that samples are left to train on beside those for validation.
pub fn check_split(dataset: &Dataset) -> Result<(), AssignmentError> {
    let found = dataset.train.len();
    if found > original::VALIDATION {
        return Ok(());
    }
    Err(AssignmentError::Samples {
        question: "Q7",
        expected: original::VALIDATION,
        found,
    })
}

/// How a training ended.
pub struct Training {
    /// Whether all epochs were trained.
    pub is_complete: bool,
    /// Whether a loss was not finite.
    pub is_diverged: bool,
    /// The network.
    pub engine: Engine,
}

/// Trains on all threads until the end, a wish to stop or divergence; hands over every full epoch.
pub fn train_epochs(
    settings: &Settings,
    dataset: &Dataset,
    trainer: &mut Trainer<'_>,
    options: &TrainingOptions,
    progress: &Progress<'_>,
    what: &str,
    mut each: impl FnMut(Epoch),
) -> Result<Training, AssignmentError> {
    let parameters = Parameters::initialise(network_shape(dataset), options.seed);
    let optimizer = options.optimizer();
    let mut training = Training {
        is_complete: false,
        is_diverged: false,
        engine: Engine::new(&parameters, optimizer, settings.threads, settings.isa)?,
    };
    let control = PassControl::with_stop(Arc::clone(progress.stop()));
    while !trainer.is_finished() && !progress.is_stopped() {
        let epoch = trainer.train_epoch(&mut training.engine, &control)?;
        match epoch.end {
            EpochEnd::Complete => each(epoch),
            EpochEnd::Stopped => return Ok(training),
            EpochEnd::Diverged => {
                training.is_diverged = true;
                return Ok(training);
            }
        }
        let share = f64::from(trainer.epochs_done()) / f64::from(options.epochs);
        progress.report(what, share);
    }
    training.is_complete = trainer.is_finished();
    Ok(training)
}
