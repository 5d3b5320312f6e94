//! What an epoch gives.

use crate::backend::MinibatchResult;

/// One training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRecord {
    /// Number of the step, from 1 on, over all epochs.
    pub step: u64,
    /// Number of the epoch, from 1 on.
    pub epoch: u32,
    /// Learning rate of the step.
    pub learning_rate: f32,
    /// What the minibatch gave before the step.
    pub minibatch: MinibatchResult,
}

/// One epoch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EpochRecord {
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
    /// Share of the samples in the pass that was begun last, where there is a focus.
    #[serde(default)]
    pub visited: Option<f64>,
    /// Share of the visits that gave no gradient, where some may not.
    #[serde(default)]
    pub skipped: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f32,
    /// Wall time of shuffling, preparing and training; without validation. 0 if what is read has none, as
    /// where times stand in a file of their own.
    #[serde(default)]
    pub seconds: f64,
    /// Samples trained on, by `seconds`; `None` if a coarse clock saw no time pass.
    pub samples_per_second: Option<f64>,
}

/// The name of a share, and the field.
pub type Share = (&'static str, fn(&mut EpochRecord) -> &mut Option<f64>);

impl EpochRecord {
    /// Shares that only some options give, by the names of their fields: what is shown and kept of all of them comes
    /// from these rows.
    pub const SHARES: [Share; 2] = [
        ("visited", |record| &mut record.visited),
        ("skipped", |record| &mut record.skipped),
    ];

    /// Those that the epoch has.
    pub fn shares(mut self) -> impl Iterator<Item = (&'static str, f64)> {
        let share = move |&(name, share): &Share| Some((name, (*share(&mut self))?));
        Self::SHARES.iter().filter_map(share)
    }
}

/// How an epoch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochEnd {
    /// All its samples were trained on.
    Complete,
    /// The control asked to stop before that; the next call goes on from there.
    Stopped,
    /// A loss was not a finite number; its step was not taken.
    Diverged,
}

/// What [`Trainer::train_epoch`](super::Trainer::train_epoch) returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Sums of the epoch, as far as it went.
    pub record: EpochRecord,
    /// Each of its steps. If it diverged, the last one was not taken.
    pub steps: Vec<StepRecord>,
    /// How it ended.
    pub end: EpochEnd,
}

/// Sums over the steps of an epoch, which took so many seconds and may have skipped gradients or not.
pub(super) fn summary(epoch: u32, steps: &[StepRecord], seconds: f64, skips: bool) -> EpochRecord {
    let minibatches = steps.iter().map(|step| step.minibatch);
    let samples: usize = minibatches.clone().map(|result| result.samples).sum();
    let loss = |result: MinibatchResult| result.loss * result.samples as f64;
    let correct: usize = minibatches.clone().map(|result| result.correct).sum();
    let skipped: usize = minibatches.clone().map(|result| result.skipped).sum();
    EpochRecord {
        epoch,
        train_loss: minibatches.map(loss).sum::<f64>() / samples as f64,
        train_accuracy: correct as f64 / samples as f64,
        validation_loss: None,
        validation_accuracy: None,
        visited: None,
        skipped: skips.then(|| skipped as f64 / samples as f64),
        learning_rate: steps.last().map_or(f32::NAN, |step| step.learning_rate),
        seconds,
        samples_per_second: (seconds > 0.0).then(|| samples as f64 / seconds),
    }
}
