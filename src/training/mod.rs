//! Training: epochs of minibatches with a learning-rate schedule, on any [`Backend`].
//!
//! A [`Trainer`] holds what changes from epoch to epoch outside the network; its caller owns the
//! loop, so it decides what to show, to save and when to stop.

mod average;
mod builder;
pub mod checkpoint;
mod early_stopping;
#[cfg(test)]
mod environment_tests;
mod epoch;
mod focus;
mod names;
mod options;
mod permutation;
mod recipe;
mod sampler;
mod schedule;
mod settings;
mod state;

pub use builder::{TrainError, Trained, Training};
pub use early_stopping::{BestEpoch, EarlyStopping};
pub use epoch::{Epoch, EpochEnd, EpochRecord, Share, StepRecord};
pub use focus::FocusState;
pub use names::UnknownName;
pub use options::{OptionError, TrainingOptions, training_options};
pub use recipe::{MNIST_NORM, Recipe};
pub use sampler::Sampler;
pub use schedule::Schedule;
pub use settings::RunSettings;
pub use state::TrainerState;

use crate::augmentation::{Augmentation, Augmented};
use crate::backend::check_inputs;
use crate::backend::{Backend, BackendError, MinibatchResult, PassControl, Samples, TrainingPass};
use crate::coarse::Coarse;
use crate::simd::environment;
use average::Average;
use focus::Focus;
use options::require;
use sampler::{STORED, validation_split};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The training of one network: which samples, in which order, at which rate.
#[derive(Clone, Debug)]
pub struct Trainer<'a> {
    samples: Samples<'a>,
    options: TrainingOptions,
    sampler: Sampler,
    augmentation: Option<Arc<Augmentation>>,
    average: Option<Average>,
    epochs_done: u32,
    /// The epoch that was begun and is not over.
    current: Option<CurrentEpoch>,
}

/// An epoch under way.
#[derive(Clone, Debug, Default)]
struct CurrentEpoch {
    /// What its minibatches gave so far.
    steps: Vec<MinibatchResult>,
    /// Wall time so far.
    seconds: f64,
}

impl<'a> Trainer<'a> {
    /// A training that has not begun.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn new(samples: Samples<'a>, options: &TrainingOptions) -> Result<Self, OptionError> {
        options.check(samples.len())?;
        let size = samples.size();
        let (len, most) = (samples.len(), u32::MAX);
        let is_possible = len <= most as usize;
        require(
            is_possible,
            "number of samples",
            &len,
            &format!("at most {most}"),
        )?;
        let (len, validation) = (len as u32, options.validation as u32);
        let seed = options.shuffle.then_some(options.seed);
        Ok(Self {
            samples,
            options: options.clone(),
            sampler: Sampler::new(len, validation_split(len, validation), seed)
                .with_focus(Focus::new(options, samples.len())),
            augmentation: options.augmentation(size)?.map(Arc::new),
            average: Average::new(options.average),
            epochs_done: 0,
            current: None,
        })
    }

    /// The options of the training.
    pub fn options(&self) -> &TrainingOptions {
        &self.options
    }

    /// Epochs that are over.
    pub fn epochs_done(&self) -> u32 {
        self.epochs_done
    }

    /// Steps of the epoch under way that were taken.
    pub fn steps_of_epoch_done(&self) -> usize {
        self.current.as_ref().map_or(0, |epoch| epoch.steps.len())
    }

    /// Steps that were taken in all.
    pub fn steps_done(&self) -> u64 {
        self.first_step() + self.steps_of_epoch_done() as u64
    }

    /// Steps of the epochs that are over.
    fn first_step(&self) -> u64 {
        u64::from(self.epochs_done) * self.steps_per_epoch() as u64
    }

    /// Whether all epochs are over.
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

    /// Trains to the end of the epoch under way, or a new one, then validates.
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
        loop {
            if let Some(epoch) = self.train_part(backend, control, usize::MAX)? {
                return Ok(epoch);
            }
        }
    }

    /// As [`train_epoch`](Self::train_epoch), but takes at most `most_steps` steps, one at least;
    /// `None` if the epoch is not over then. The steps are the same, however they are cut.
    ///
    /// # Errors
    /// If the samples do not fit the network.
    ///
    /// # Panics
    /// If the training [is finished](Self::is_finished).
    pub fn train_part(
        &mut self,
        backend: &mut dyn Backend,
        control: &PassControl,
        most_steps: usize,
    ) -> Result<Option<Epoch>, BackendError> {
        assert!(!self.is_finished(), "all epochs are over");
        // Rates are computed here, and some backends compute in the thread that calls them.
        let _environment = environment::Standard::set();
        let start = Instant::now();
        self.even_out(backend)?;
        let mut current = self.current.take().unwrap_or_else(|| {
            self.sampler.next_epoch();
            CurrentEpoch::default()
        });
        let done = current.steps.len();
        let end = done
            .saturating_add(most_steps.max(1))
            .min(self.steps_per_epoch());
        self.swap_average(backend)?;
        let trained = self.train_to(backend, control, &mut current, end);
        self.swap_average(backend)?;
        trained.inspect_err(|_| self.current = Some(current.clone()))?;
        let is_whole = current.steps.len() == end && !control.stop.load(Ordering::Relaxed);
        current.seconds += start.elapsed().as_secs_f64();
        let end = match current.steps.last() {
            Some(last) if !last.loss.is_finite() => EpochEnd::Diverged,
            _ if current.steps.len() == self.steps_per_epoch() => EpochEnd::Complete,
            _ if is_whole => {
                self.current = Some(current);
                return Ok(None);
            }
            _ => EpochEnd::Stopped,
        };
        let mut epoch = self.epoch(&current, end);
        if end == EpochEnd::Stopped {
            self.current = Some(current);
        } else {
            self.epochs_done += 1;
        }
        if end == EpochEnd::Complete && !self.sampler.validation().is_empty() {
            let evaluation = backend.evaluate(self.samples, self.sampler.validation())?;
            epoch.record.validation_loss = Some(evaluation.loss);
            epoch.record.validation_accuracy = Some(evaluation.accuracy());
        }
        Ok(Some(epoch))
    }

    /// The epoch under way as far as it was trained, [stopped](EpochEnd::Stopped); `None` between epochs.
    pub fn stopped_epoch(&self) -> Option<Epoch> {
        let current = self.current.as_ref()?;
        Some(self.epoch(current, EpochEnd::Stopped))
    }

    fn epoch(&self, current: &CurrentEpoch, end: EpochEnd) -> Epoch {
        let steps = self.records(&current.steps);
        let mut record = epoch::summary(
            self.epochs_done + 1,
            &steps,
            current.seconds,
            self.options.skip > 0.0,
        );
        let visited = self.sampler.focus().map(Focus::visited);
        record.visited = visited.map(|visited| visited as f64 / self.sampler.len() as f64);
        Epoch { record, steps, end }
    }

    /// Takes the steps of the epoch under way up to `end`, unless they are cut short.
    fn train_to(
        &mut self,
        backend: &mut dyn Backend,
        control: &PassControl,
        current: &mut CurrentEpoch,
        end: usize,
    ) -> Result<(), BackendError> {
        while current.steps.len() < end {
            let first = current.steps.len();
            let next_mean = Average::next(first, self.steps_per_epoch());
            let mut last = first.saturating_add(self.steps_of_a_pass()).min(end);
            let coarse = self.coarse_steps().saturating_sub(self.first_step()) as usize;
            if first < coarse {
                last = last.min(coarse);
            }
            if self.average.is_some() {
                last = last.min(next_mean);
            }
            if let Some(ready) = self.sampler.ready(self.options.batch_size) {
                last = last.min(first + ready / self.options.batch_size);
            }
            let results = self.train_steps(backend, control, first..last)?;
            let is_cut = results.len() < last - first || control.stop.load(Ordering::Relaxed);
            current.steps.extend(results);
            if let (Some(average), true) = (&mut self.average, current.steps.len() == next_mean) {
                average.add(backend);
            }
            if is_cut {
                break;
            }
        }
        Ok(())
    }

    /// Before the first step of a training that begins with coarse ones, gives weights that these do not tell apart
    /// their mean.
    fn even_out(&self, backend: &mut dyn Backend) -> Result<(), BackendError> {
        let coarse = Coarse::of(self.samples.size()).filter(|_| self.coarse_steps() > 0);
        if let (Some(coarse), 0) = (coarse, self.steps_done()) {
            let mut parameters = backend.parameters();
            check_inputs(parameters.shape, self.samples.inputs())?;
            coarse.even_out(&mut parameters);
            backend.set_parameters(&parameters)?;
        }
        Ok(())
    }

    /// Gives the backend the weights for their mean, or the mean for the weights, where there is one.
    fn swap_average(&mut self, backend: &mut dyn Backend) -> Result<(), BackendError> {
        let average = self.average.as_mut();
        average.map_or(Ok(()), |average| average.swap(backend))
    }

    /// Steps that the backend takes in one pass: those of as many samples as have their order in
    /// memory at once.
    fn steps_of_a_pass(&self) -> usize {
        (STORED as usize / self.options.batch_size).max(1)
    }

    /// Takes these steps of the epoch under way.
    fn train_steps(
        &mut self,
        backend: &mut dyn Backend,
        control: &PassControl,
        steps: Range<usize>,
    ) -> Result<Vec<MinibatchResult>, BackendError> {
        let batch = self.options.batch_size;
        let last = steps.end.saturating_mul(batch).min(self.sampler.len());
        let learning_rates: Vec<f32> = steps.clone().map(|step| self.rate(step)).collect();
        let positions = steps.start * batch..last;
        // A variation depends on the pass over the samples, whose order a focus has drawn.
        let pass = match self.sampler.focus() {
            Some(focus) => focus.passes(),
            None => u64::from(self.epochs_done) + 1,
        };
        let coarse = self.first_step() + steps.end as u64 <= self.coarse_steps();
        let augmentation = self.augmentation.as_deref();
        let augmented = augmentation.map(|augmentation| Augmented { augmentation, pass });
        let (order, seen) = match self.sampler.focus() {
            Some(focus) => {
                let (order, seen) = focus.peek(positions.len());
                (order, Some(seen))
            }
            None => (self.sampler.order(positions), None),
        };
        let results = backend.train(&TrainingPass {
            samples: self.samples,
            order,
            batch_size: batch,
            learning_rates: &learning_rates,
            control,
            seen,
            skip: self.options.skip,
            augmented,
            coarse,
        })?;
        if let Some(focus) = self.sampler.focus_mut() {
            focus.advance(results.iter().map(|result| result.samples).sum());
        }
        Ok(results)
    }

    /// Epochs that were trained, with the part of the one under way.
    pub fn epochs_trained(&self) -> f64 {
        self.steps_done() as f64 / self.steps_per_epoch() as f64
    }

    /// Steps that are coarse.
    fn coarse_steps(&self) -> u64 {
        (f64::from(self.options.coarse) * self.steps() as f64).round() as u64
    }

    /// Learning rate of a step of the epoch under way.
    fn rate(&self, step: usize) -> f32 {
        self.learning_rate(self.first_step() + step as u64)
    }

    /// Learning rate of a step of the training, counted from 0.
    ///
    /// # Panics
    /// If it has no such step.
    pub fn learning_rate(&self, step: u64) -> f32 {
        let TrainingOptions {
            schedule, warm_up, ..
        } = self.options;
        let warm_up = f64::from(warm_up) * self.steps_per_epoch() as f64;
        schedule.rate_with_warm_up(self.options.learning_rate, step, self.steps(), warm_up)
    }

    /// What the steps of the epoch under way gave, with their numbers and rates.
    fn records(&self, steps: &[MinibatchResult]) -> Vec<StepRecord> {
        let record = |(step, &minibatch)| StepRecord {
            step: self.first_step() + step as u64 + 1,
            epoch: self.epochs_done + 1,
            learning_rate: self.rate(step),
            minibatch,
        };
        steps.iter().enumerate().map(record).collect()
    }
}
