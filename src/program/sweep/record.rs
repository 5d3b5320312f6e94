//! What a run of a sweep gives.

use fused_mlp::backend::Evaluation;
use fused_mlp::training::EpochRecord;
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// All its epochs were trained.
    Finished,
    /// A loss or a parameter was not a finite number.
    Diverged,
}

/// What a run gave that has ended: a line of `sweep.csv` after its options, a `run` of `--json`. Losses in
/// nats, accuracies as shares; those of training and validation are of the last epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
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
}

/// One run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Its place in the list of configurations, from 0 on.
    pub index: usize,
    /// What it gave.
    pub record: RunRecord,
    /// Its epochs; where it diverged, those before.
    pub epochs: Vec<EpochRecord>,
    /// Wall time of the run, evaluations included, beside the other runs.
    pub seconds: f64,
}

impl RunResult {
    /// Of a run with these epochs, whose network scored the test data if that was asked for.
    pub fn new(
        index: usize,
        outcome: RunOutcome,
        epochs: Vec<EpochRecord>,
        test: Option<&Evaluation>,
        seconds: f64,
    ) -> Self {
        let validated = epochs.iter().filter(|epoch| {
            let accuracy = epoch.validation_accuracy;
            accuracy.is_some_and(f64::is_finite)
        });
        let best = validated.reduce(|best, epoch| {
            let is_better = epoch.validation_accuracy > best.validation_accuracy;
            if is_better { epoch } else { best }
        });
        let last = epochs.last();
        let record = RunRecord {
            outcome,
            epochs_done: epochs.len(),
            train_loss: last.map(|epoch| epoch.train_loss),
            train_accuracy: last.map(|epoch| epoch.train_accuracy),
            validation_loss: last.and_then(|epoch| epoch.validation_loss),
            validation_accuracy: last.and_then(|epoch| epoch.validation_accuracy),
            best_epoch: best.map(|epoch| epoch.epoch),
            best_validation_accuracy: best.and_then(|epoch| epoch.validation_accuracy),
            test_loss: test.map(|test| test.loss),
            test_accuracy: test.map(Evaluation::accuracy),
        };
        Self {
            index,
            record,
            epochs,
            seconds,
        }
    }

    /// Whether a number was not finite.
    pub fn is_diverged(&self) -> bool {
        self.record.outcome == RunOutcome::Diverged
    }

    /// The first epoch with this validation accuracy or more.
    pub fn epochs_to(&self, accuracy: f64) -> Option<u32> {
        let is_reached = |epoch: &&EpochRecord| {
            let found = epoch.validation_accuracy;
            found.is_some_and(|found| found >= accuracy)
        };
        self.epochs.iter().find(is_reached).map(|it| it.epoch)
    }
}
