//! Training: epochs of minibatches with a learning-rate schedule, on any [`Backend`].
//!
//! A [`Trainer`] holds what changes from epoch to epoch outside the network; its caller owns the
//! loop, so it decides what to show, to save and when to stop.

mod options;
mod recipe;
mod sampler;
mod schedule;

pub use options::{OptionError, TrainingOptions};
pub use recipe::{Recipe, UnknownRecipe};
pub use sampler::{Sampler, ValidationSplit};
pub use schedule::{Schedule, UnknownSchedule};

use crate::backend::{Backend, BackendError, MinibatchResult, PassControl, Samples, TrainingPass};
use std::time::Instant;

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
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
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
    /// Learning rate of the last step.
    pub learning_rate: f32,
    /// Wall time of shuffling, preparing and training; without validation.
    pub seconds: f64,
    /// Samples trained on, by `seconds`.
    pub samples_per_second: f64,
}

/// How an epoch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochEnd {
    /// All its samples were trained on.
    Complete,
    /// The control asked to stop before that.
    Stopped,
    /// A loss was not a finite number; its step was not taken.
    Diverged,
}

/// What [`Trainer::train_epoch`] returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Sums of the epoch, as far as it went.
    pub record: EpochRecord,
    /// Each of its steps. If it diverged, the last one was not taken.
    pub steps: Vec<StepRecord>,
    /// How it ended.
    pub end: EpochEnd,
}

/// The training of one network: which samples, in which order, at which rate.
#[derive(Clone, Debug)]
pub struct Trainer<'a> {
    samples: Samples<'a>,
    options: TrainingOptions,
    sampler: Sampler,
    validation: Vec<u32>,
    epochs_done: u32,
}

impl<'a> Trainer<'a> {
    /// A training that has not begun.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn new(samples: Samples<'a>, options: &TrainingOptions) -> Result<Self, OptionError> {
        options.check(samples.len())?;
        let count = |samples: usize| {
            u32::try_from(samples).map_err(|_| OptionError {
                option: "number of samples",
                found: samples.to_string(),
                expected: "at most 4294967295".to_owned(),
            })
        };
        let split = ValidationSplit::new(count(samples.len())?, count(options.validation)?);
        let seed = options.shuffle.then_some(options.seed);
        Ok(Self {
            samples,
            options: options.clone(),
            sampler: Sampler::new(split.training, seed),
            validation: split.validation,
            epochs_done: 0,
        })
    }

    /// Epochs that were begun.
    pub fn epochs_done(&self) -> u32 {
        self.epochs_done
    }

    /// Whether all epochs were begun.
    pub fn is_finished(&self) -> bool {
        self.epochs_done >= self.options.epochs
    }

    /// Samples of an epoch.
    pub fn samples_per_epoch(&self) -> usize {
        self.sampler.len()
    }

    /// Steps of an epoch: the last, smaller minibatch counts.
    pub fn steps_per_epoch(&self) -> usize {
        self.sampler.len().div_ceil(self.options.batch_size)
    }

    /// Steps of the whole training.
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch() as u64 * u64::from(self.options.epochs)
    }

    /// Trains one epoch, then validates.
    ///
    /// # Errors
    /// If the samples do not fit the network.
    ///
    /// # Panics
    /// If the training [is finished](Self::is_finished).
    pub fn train_epoch(
        &mut self,
        backend: &mut dyn Backend,
        control: &PassControl,
    ) -> Result<Epoch, BackendError> {
        let first_step = u64::from(self.epochs_done) * self.steps_per_epoch() as u64;
        let (schedule, base, steps) = (
            self.options.schedule,
            self.options.learning_rate,
            self.steps(),
        );
        let warm_up = f64::from(self.options.warm_up) * self.steps_per_epoch() as f64;
        let start = Instant::now();
        let learning_rates: Vec<f32> = (0..self.steps_per_epoch() as u64)
            .map(|step| schedule.rate_with_warm_up(base, first_step + step, steps, warm_up))
            .collect();
        let results = backend.train(&TrainingPass {
            samples: self.samples,
            order: self.sampler.next_epoch(),
            batch_size: self.options.batch_size,
            learning_rates: &learning_rates,
            control,
        })?;
        let seconds = start.elapsed().as_secs_f64();
        self.epochs_done += 1;
        let epoch = self.epochs_done;
        let steps: Vec<StepRecord> = (first_step + 1..)
            .zip(results)
            .zip(learning_rates)
            .map(|((step, minibatch), learning_rate)| StepRecord {
                step,
                epoch,
                learning_rate,
                minibatch,
            })
            .collect();
        let end = match steps.last() {
            Some(last) if !last.minibatch.loss.is_finite() => EpochEnd::Diverged,
            _ if steps.len() < self.steps_per_epoch() => EpochEnd::Stopped,
            _ => EpochEnd::Complete,
        };
        let mut record = summary(epoch, &steps, seconds);
        if end == EpochEnd::Complete && !self.validation.is_empty() {
            let evaluation = backend.evaluate(self.samples, &self.validation)?;
            record.validation_loss = Some(evaluation.loss);
            record.validation_accuracy = Some(evaluation.accuracy());
        }
        Ok(Epoch { record, steps, end })
    }
}

fn summary(epoch: u32, steps: &[StepRecord], seconds: f64) -> EpochRecord {
    let minibatches = steps.iter().map(|step| step.minibatch);
    let samples: usize = minibatches.clone().map(|result| result.samples).sum();
    let loss = |result: MinibatchResult| result.loss * result.samples as f64;
    let correct: usize = minibatches.clone().map(|result| result.correct).sum();
    EpochRecord {
        epoch,
        train_loss: minibatches.map(loss).sum::<f64>() / samples as f64,
        train_accuracy: correct as f64 / samples as f64,
        validation_loss: None,
        validation_accuracy: None,
        learning_rate: steps.last().map_or(f32::NAN, |step| step.learning_rate),
        seconds,
        samples_per_second: samples as f64 / seconds,
    }
}
