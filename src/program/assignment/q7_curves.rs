//! Question 7 (1) and (2): the loss of every minibatch, and training against validation.

use super::error::AssignmentError;
use super::mnist::{EpochPoint, check_split, plain_sgd, train_epochs};
use super::original;
use super::progress::Progress;
use super::settings::Settings;
use fused_mlp::backend::Samples;
use fused_mlp::mnist::Dataset;
use fused_mlp::training::{Trainer, TrainingOptions};
use serde::Serialize;

/// Learning rate: high enough that over-fitting shows within the epochs.
const RATE: f32 = 1.0;
/// Epochs whose minibatches are shown.
pub const SHOWN_EPOCHS: u32 = 10;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curves {
    /// Learning rate.
    pub learning_rate: f32,
    /// Samples trained on, and set aside for validation.
    pub split: (usize, usize),
    /// Epochs asked for.
    pub planned_epochs: u32,
    /// Whether a loss was not finite.
    pub is_diverged: bool,
    /// What each epoch gave.
    pub epochs: Vec<EpochPoint>,
    /// Mean of the losses of the first and of the last twenty minibatches shown.
    pub shown_losses: (f64, f64),
    /// Loss of each minibatch of the first epochs.
    #[serde(skip)]
    pub step_losses: Vec<f64>,
}

impl Curves {
    /// Epoch with the lowest validation loss.
    pub fn best_by_loss(&self) -> Option<&EpochPoint> {
        let loss = |point: &EpochPoint| point.validation_loss.unwrap_or(f64::INFINITY);
        self.epochs
            .iter()
            .min_by(|a, b| loss(a).total_cmp(&loss(b)))
    }

    /// First epoch with the highest validation accuracy.
    pub fn best_by_accuracy(&self) -> Option<&EpochPoint> {
        best_by_accuracy(&self.epochs)
    }

    /// Loss of the last epoch's validation against the lowest: 1 means that it never rose.
    pub fn rise(&self) -> Option<f64> {
        let last = self.epochs.last()?.validation_loss?;
        Some(last / self.best_by_loss()?.validation_loss?)
    }
}

/// First epoch with the highest validation accuracy.
pub fn best_by_accuracy(epochs: &[EpochPoint]) -> Option<&EpochPoint> {
    let better = |best: &EpochPoint, point: &EpochPoint| {
        point.validation_accuracy > best.validation_accuracy
    };
    let epochs = epochs.iter();
    epochs.reduce(|best, point| if better(best, point) { point } else { best })
}

/// Trains on 55,000 samples and validates on 5,000; the epochs until then if it was stopped.
///
/// # Errors
/// If the data do not fit, or it was stopped before the first epoch had ended.
pub fn run(
    settings: &Settings,
    dataset: &Dataset,
    progress: &Progress<'_>,
) -> Result<Curves, AssignmentError> {
    check_split(dataset)?;
    let options = TrainingOptions {
        validation: original::VALIDATION,
        ..plain_sgd(settings, RATE, settings.scale().curve_epochs)
    };
    let mut trainer = Trainer::new(Samples::from(&dataset.train), &options)?;
    let split = (trainer.samples_per_epoch(), options.validation);
    let (mut epochs, mut step_losses) = (Vec::new(), Vec::new());
    let what = "Q7 (1), (2) training and validation";
    let training = train_epochs(
        settings,
        dataset,
        &mut trainer,
        &options,
        progress,
        what,
        |epoch| {
            if epoch.record.epoch <= SHOWN_EPOCHS {
                step_losses.extend(epoch.steps.iter().map(|step| step.minibatch.loss));
            }
            epochs.push(EpochPoint::from(&epoch.record));
        },
    )?;
    if epochs.is_empty() && !training.is_diverged {
        return Err(AssignmentError::Stopped);
    }
    let few = step_losses.len().min(20);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    Ok(Curves {
        learning_rate: RATE,
        split,
        planned_epochs: options.epochs,
        is_diverged: training.is_diverged,
        epochs,
        shown_losses: (
            mean(&step_losses[..few]),
            mean(&step_losses[step_losses.len() - few..]),
        ),
        step_losses,
    })
}

impl std::fmt::Display for Curves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Q7 (1) loss of the first {} minibatches: {:.4} -> {:.4} (means of twenty)\n\
             Q7 (2) {} + {} images, learning rate {}: ",
            self.step_losses.len(),
            self.shown_losses.0,
            self.shown_losses.1,
            self.split.0,
            self.split.1,
            self.learning_rate
        )?;
        match (self.best_by_loss(), self.best_by_accuracy(), self.rise()) {
            (Some(loss), Some(accuracy), Some(rise)) => write!(
                f,
                "lowest validation loss {:.4} in epoch {}, {:.1} % higher after epoch {};\n   \
                 best validation accuracy {:.2} % in epoch {}",
                loss.validation_loss.unwrap_or(f64::NAN),
                loss.epoch,
                100.0 * (rise - 1.0),
                self.epochs.len(),
                100.0 * accuracy.validation_accuracy.unwrap_or(f64::NAN),
                accuracy.epoch,
            ),
            _ => write!(f, "diverged in the first epoch"),
        }
    }
}
