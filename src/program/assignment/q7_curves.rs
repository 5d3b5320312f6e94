//! Question 7 (1) and (2): the loss of every minibatch, and training against validation.

use super::trainings::{EpochPoint, best_accuracy, lowest_loss, train, validated_sgd};
use super::work::{Stopped, Work};
use anyhow::bail;
use fused_mlp::training::EpochEnd;
use serde::Serialize;

/// Learning rate: high enough that over-fitting shows within the epochs.
const RATE: f32 = 1.0;
/// Epochs whose minibatches are shown.
pub const SHOWN_EPOCHS: u32 = 10;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Curves {
    /// Learning rate.
    pub learning_rate: f32,
    /// Samples trained on, and set aside for validation.
    split: (usize, usize),
    /// Epochs asked for.
    planned_epochs: u32,
    /// Whether a loss was not finite.
    is_diverged: bool,
    /// What each epoch gave.
    pub epochs: Vec<EpochPoint>,
    /// Mean of the losses of the first and of the last twenty minibatches shown.
    shown_losses: (f64, f64),
    /// Loss of each minibatch of the first epochs.
    #[serde(skip)]
    pub step_losses: Vec<f64>,
}

impl Curves {
    /// First epoch with the lowest validation loss.
    pub fn lowest_loss(&self) -> Option<EpochPoint> {
        lowest_loss(&self.epochs)
    }

    /// First epoch with the highest validation accuracy.
    pub fn best_accuracy(&self) -> Option<EpochPoint> {
        best_accuracy(&self.epochs)
    }

    /// By which share of the lowest the validation loss of the last epoch is above it.
    pub fn rise(&self) -> Option<f64> {
        let last = self.epochs.last()?.validation_loss?;
        Some(last / self.lowest_loss()?.validation_loss? - 1.0)
    }
}

/// Trains on 55,000 samples and validates on 5,000; the epochs until then if it was stopped.
///
/// # Errors
/// If the data do not fit, or it was [`Stopped`] before the first epoch had ended.
pub fn run(work: &Work<'_>) -> anyhow::Result<Curves> {
    let options = validated_sgd(work, RATE, work.settings.scale().curve_epochs)?;
    let (mut epochs, mut step_losses) = (Vec::new(), Vec::new());
    let what = "Q7 (1), (2) training and validation";
    let training = train(work, &options, what, |epoch| {
        if epoch.record.epoch <= SHOWN_EPOCHS {
            step_losses.extend(epoch.steps.iter().map(|step| step.minibatch.loss));
        }
        epochs.push(EpochPoint::from(&epoch.record));
    })?;
    if epochs.is_empty() && training.end == EpochEnd::Stopped {
        bail!(Stopped);
    }
    let few = step_losses.len().min(20);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    Ok(Curves {
        learning_rate: RATE,
        split: (
            work.images().train.len() - options.validation,
            options.validation,
        ),
        planned_epochs: options.epochs,
        is_diverged: training.end == EpochEnd::Diverged,
        epochs,
        shown_losses: (
            mean(&step_losses[..few]),
            mean(&step_losses[step_losses.len() - few..]),
        ),
        step_losses,
    })
}
