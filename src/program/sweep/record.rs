//! Lines of the files of a sweep.

use super::{RunOutcome, RunResult, TestScore};
use fused_mlp::training::EpochRecord;
use serde::{Deserialize, Serialize};

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
    /// Wall time of the run.
    pub seconds: f64,
}

impl RunRecord {
    /// Of a run.
    pub fn new(result: &RunResult) -> Self {
        let (last, best) = (result.epochs.last(), result.best_epoch());
        Self {
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

    /// The run of this index, with its epochs. The configuration is not read back: it is known.
    pub fn result(&self, index: usize, epochs: Vec<EpochRecord>) -> RunResult {
        let test = self.test_loss.zip(self.test_accuracy);
        RunResult {
            index,
            outcome: self.outcome,
            epochs,
            test: test.map(|(loss, accuracy)| TestScore { loss, accuracy }),
            seconds: self.seconds,
        }
    }
}
