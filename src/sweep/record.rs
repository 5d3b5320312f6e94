//! Lines of the files of a sweep.

use super::{RunConfiguration, RunOutcome, RunResult, TestScore};
use crate::training::{EpochRecord, Schedule};
use serde::{Deserialize, Serialize};

/// A run that has ended: a line of `sweep.csv`, a `run` of `--json`. Losses in nats, accuracies as shares;
/// those of training and validation are of the last epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Number of the run, from 1 on: its place among the configurations.
    pub run: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Factor of the initial weights.
    pub init_scale: f32,
    /// Planned epochs.
    pub epochs: u32,
    /// Samples of a minibatch.
    pub batch_size: usize,
    /// Base of the schedule.
    pub learning_rate: f32,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs of the linear rise at the beginning.
    pub warm_up: f32,
    /// Share of the velocity that is kept.
    pub momentum: f32,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// Share of the weights that is added to their gradients.
    pub weight_decay: f32,
    /// Training samples that are set aside.
    pub validation: usize,
    /// Seed of the initial weights and the sample order.
    pub seed: u64,
    /// How the run ended.
    pub outcome: RunOutcome,
    /// Epochs that were trained in full.
    pub epochs_done: usize,
    /// Training loss.
    pub train_loss: Option<f64>,
    /// Training accuracy.
    pub train_accuracy: Option<f64>,
    /// Validation loss.
    pub validation_loss: Option<f64>,
    /// Validation accuracy.
    pub validation_accuracy: Option<f64>,
    /// The first epoch with the highest validation accuracy.
    pub best_epoch: Option<u32>,
    /// Validation accuracy of that epoch.
    pub best_validation_accuracy: Option<f64>,
    /// Test loss after the last epoch, where it was asked for.
    pub test_loss: Option<f64>,
    /// Test accuracy after the last epoch, where it was asked for.
    pub test_accuracy: Option<f64>,
    /// Wall time of the run.
    pub seconds: f64,
}

/// A line of `epochs.csv`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EpochLine {
    pub run: usize,
    pub epoch: u32,
    train_loss: f64,
    train_accuracy: f64,
    validation_loss: Option<f64>,
    validation_accuracy: Option<f64>,
    learning_rate: f32,
    seconds: f64,
    samples_per_second: f64,
}

impl RunRecord {
    /// Of a run with this configuration.
    pub fn new(configuration: &RunConfiguration, result: &RunResult) -> Self {
        let options = &configuration.options;
        let (last, best) = (result.epochs.last(), result.best_epoch());
        Self {
            run: result.index + 1,
            hidden: configuration.hidden,
            init_scale: options.init_scale,
            epochs: options.epochs,
            batch_size: options.batch_size,
            learning_rate: options.learning_rate,
            schedule: options.schedule,
            warm_up: options.warm_up,
            momentum: options.momentum,
            nesterov: options.nesterov,
            weight_decay: options.weight_decay,
            validation: options.validation,
            seed: options.seed,
            outcome: result.outcome,
            epochs_done: result.epochs.len(),
            train_loss: last.map(|record| record.train_loss),
            train_accuracy: last.map(|record| record.train_accuracy),
            validation_loss: last.and_then(|record| record.validation_loss),
            validation_accuracy: last.and_then(|record| record.validation_accuracy),
            best_epoch: best.map(|record| record.epoch),
            best_validation_accuracy: best.and_then(|record| record.validation_accuracy),
            test_loss: result.test.map(|test| test.loss),
            test_accuracy: result.test.map(|test| test.accuracy),
            seconds: result.seconds,
        }
    }

    /// The run, with its epochs. The configuration is not read back: it is known.
    pub(super) fn result(&self, epochs: Vec<EpochRecord>) -> RunResult {
        let test = self.test_loss.zip(self.test_accuracy);
        RunResult {
            index: self.run - 1,
            outcome: self.outcome,
            epochs,
            test: test.map(|(loss, accuracy)| TestScore { loss, accuracy }),
            seconds: self.seconds,
        }
    }
}

impl EpochLine {
    pub(super) fn new(run: usize, record: &EpochRecord) -> Self {
        Self {
            run,
            epoch: record.epoch,
            train_loss: record.train_loss,
            train_accuracy: record.train_accuracy,
            validation_loss: record.validation_loss,
            validation_accuracy: record.validation_accuracy,
            learning_rate: record.learning_rate,
            seconds: record.seconds,
            samples_per_second: record.samples_per_second,
        }
    }

    pub(super) fn record(&self) -> EpochRecord {
        EpochRecord {
            epoch: self.epoch,
            train_loss: self.train_loss,
            train_accuracy: self.train_accuracy,
            validation_loss: self.validation_loss,
            validation_accuracy: self.validation_accuracy,
            learning_rate: self.learning_rate,
            seconds: self.seconds,
            samples_per_second: self.samples_per_second,
        }
    }
}
