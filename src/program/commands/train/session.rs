//! A training under way: its epochs, scores and checkpoints.

use super::evaluate;
use super::saving::{CHECKPOINT, Saving};
use crate::run_folder::{EpochEvent, RunFolder, RunRecord, ScoreEvent};
use crate::tensorboard::EventFile;
use crate::terminal::output::{Results, shown};
use crate::terminal::progress::{Progress, epoch_line};
use crate::terminal::width;
use anyhow::Context;
use fused_mlp::backend::{Backend, Evaluation, PassControl};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::training::checkpoint::{
    Checkpoint, CheckpointFolder, DataIdentity, Description, StoppingState,
};
use fused_mlp::training::{
    EarlyStopping, Epoch, EpochEnd, EpochRecord, RunSettings, Schedule, Trainer,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Samples after which the clock of the checkpoints is looked at within an epoch: one of MNIST is
/// not cut.
const PART_SAMPLES: usize = 1 << 16;
/// Parts of a training after which a target is looked for, where the rate is low. An evaluation of the test samples takes
/// as long as a fourteenth of an epoch.
const SCORES: u64 = 24;
/// Share of the base learning rate below which it is low. The first sprints to a target end just after a cosine has
/// come down to it.
const LOW_RATE: f32 = 0.45;
/// Errors in training for one that the target allows from which on it is far: there have been 2.5 to 2.9 for one in the
/// test, and 3.6 to 6.5 where images are varied or the hard ones visited more often.
const FAR: (f64, f64) = (3.5, 8.0);
/// The CSV files, in messages.
pub const LINES: &str = "steps.csv, epochs.csv or times.csv";
/// The file for TensorBoard, in messages.
pub const EVENTS: &str = "the event file of --tensorboard";

/// A training under way.
pub struct Session<'a> {
    /// What the run was asked for, and where it takes place.
    pub record: RunRecord,
    pub folder: RunFolder,
    /// For TensorBoard.
    pub events: Option<EventFile>,
    pub trainer: Trainer<'a>,
    pub backend: Box<dyn Backend>,
    pub network: Shape,
    pub dataset: &'a Dataset,
    pub control: Arc<PassControl>,
    pub progress: Progress,
    pub results: Results,
    pub saving: Saving,
    /// When the clock of the run began. It has counted the time of the processes before this one, too.
    pub clock: Instant,
    /// From the start of this process to its first step.
    pub start_up_seconds: f64,
    pub stopping: Option<EarlyStopping>,
    /// Seconds from the start of the clock to the end of the evaluation that reached the target.
    pub reached_after: Option<f64>,
    /// The latest evaluation of the test samples.
    pub test: Option<Evaluation>,
    /// Epochs that were trained in full, in this process or before.
    pub complete: u32,
    /// Why a number is not finite.
    pub diverged: Option<String>,
    /// Reading all data takes as long as some epochs, so it waits for the first checkpoint.
    pub identity: Option<DataIdentity>,
    /// The newest checkpoint.
    pub newest: Option<PathBuf>,
    /// When this process began or the last checkpoint was tried, and how many epochs were over then.
    pub last: Instant,
    pub epochs_at_last: u32,
    /// Steps that the last one of this process holds.
    pub steps_at_last: Option<u64>,
}

impl Session<'_> {
    pub fn settings(&self) -> &RunSettings {
        &self.record.start.settings
    }

    fn is_interrupted(&self) -> bool {
        self.control.stop.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        let stopping = self.stopping.as_ref();
        self.trainer.is_finished()
            || self.reached_after.is_some()
            || stopping.is_some_and(EarlyStopping::should_stop)
    }

    /// Trains until the last epoch, a goal, a signal or a number that is not finite.
    pub fn train_epochs(&mut self) -> anyhow::Result<()> {
        while !self.is_over() && !self.is_interrupted() {
            self.check_data()?;
            let epoch = self.train_epoch()?;
            // Nothing is kept of an epoch whose data changed.
            self.check_data()?;
            if epoch.end == EpochEnd::Stopped && self.reached_after.is_none() {
                // Before its lines: a run that goes on writes them anew.
                self.checkpoint()?;
            }
            self.end_epoch(&epoch)?;
            if self.diverged.is_some() || epoch.end == EpochEnd::Stopped {
                break;
            }
            self.checkpoint_if_due()?;
        }
        // The lines of an epoch that was stopped are in the files already.
        let is_between = self.trainer.steps_of_epoch_done() == 0;
        if self.is_interrupted() && is_between && self.diverged.is_none() {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// A file that was shortened ends the training before it ends the process; one that was changed
    /// ends it before its results are taken for those of the data. No checkpoint is written then: the
    /// steps since the last check may have seen other data.
    fn check_data(&self) -> anyhow::Result<()> {
        let run = shown(self.folder.path());
        self.dataset.check_mappings().with_context(|| {
            format!("the training ended; fused-mlp train --resume {run} goes on with whole data")
        })
    }

    /// Trains to the end of an epoch, with checkpoints within it if it is long, or to an evaluation within it that
    /// reaches the target.
    fn train_epoch(&mut self) -> anyhow::Result<Epoch> {
        let longest = PART_SAMPLES / self.trainer.options().batch_size;
        loop {
            // First: a signal or a kill at such a place came before its score.
            let done = self.trainer.steps_done();
            let is_due = self.places_to_score().any(|place| place == done);
            if is_due && let Some(epoch) = self.trainer.stopped_epoch() {
                self.check_data()?;
                let score = self.score(&epoch.record)?;
                self.tell_score(score)?;
                if self.reached_after.is_some() {
                    return Ok(epoch);
                }
            }
            if self.trainer.steps_of_epoch_done() > 0 {
                self.checkpoint_if_due()?;
            }
            let part = self.steps_to_score().min(longest);
            let backend = self.backend.as_mut();
            let epoch = self.trainer.train_part(backend, &self.control, part)?;
            if let Some(epoch) = epoch {
                return Ok(epoch);
            }
        }
    }

    /// Steps after which the test samples are scored within epochs, where they decide on a target and the rate is low.
    fn places_to_score(&self) -> impl Iterator<Item = u64> {
        let is_asked = self.settings().target_on.as_deref() == Some("test");
        let steps = self.trainer.steps();
        let places = (1..SCORES).map(move |place| place * steps / SCORES);
        places.filter(move |&place| is_asked && self.is_rate_low(place))
    }

    /// Steps from here to the next such evaluation, or more than are left of the epoch.
    fn steps_to_score(&self) -> usize {
        let done = self.trainer.steps_done();
        let next = self.places_to_score().find(|&place| place > done);
        next.map_or(usize::MAX, |place| (place - done) as usize)
    }

    /// Whether the learning rate is low after so many steps, and not because it rises.
    fn is_rate_low(&self, steps: u64) -> bool {
        let (trainer, options) = (&self.trainer, self.trainer.options());
        let epochs = steps as f64 / trainer.steps_per_epoch() as f64;
        let has_risen = epochs >= f64::from(options.warm_up);
        let is_low = |rate: f32| has_risen && rate < LOW_RATE * options.learning_rate;
        steps >= trainer.steps() || is_low(trainer.learning_rate(steps))
    }

    /// Whether an evaluation after an epoch would not reach the target: its rate is high and will fall, and its errors, each
    /// before the network learned from it, are many.
    fn is_far(&self, record: &EpochRecord, target: f64) -> bool {
        let options = self.trainer.options();
        // Early stopping may end the training after any epoch.
        let goes_on = options.schedule != Schedule::Constant && self.settings().patience.is_none();
        let is_harder = options.augment || record.visited.is_some_and(|visited| visited < 1.0);
        let many = if is_harder { FAR.1 } else { FAR.0 } * (1.0 - target);
        let is_low = self.is_rate_low(self.trainer.steps_done());
        goes_on && !is_low && 1.0 - record.train_accuracy > many
    }

    /// Scores, shows and writes an epoch.
    fn end_epoch(&mut self, epoch: &Epoch) -> anyhow::Result<()> {
        let record = &epoch.record;
        let mut score = None;
        if epoch.end == EpochEnd::Complete {
            self.complete = record.epoch;
            score = self.score(record)?;
        }
        match (epoch.end, record.validation_loss, epoch.steps.last()) {
            (EpochEnd::Complete, Some(loss), _) if !loss.is_finite() => {
                let number = record.epoch;
                let reason = format!("the validation loss after epoch {number} is {loss}");
                self.diverged = Some(reason);
            }
            (EpochEnd::Complete, Some(loss), _) => {
                if let Some(stopping) = &mut self.stopping {
                    stopping.update(record.epoch, loss, || self.backend.parameters());
                }
            }
            (EpochEnd::Diverged, _, Some(step)) => {
                self.diverged = Some(format!(
                    "the loss of step {} in epoch {} is {} at learning rate {}",
                    step.step, step.epoch, step.minibatch.loss, step.learning_rate
                ));
            }
            _ => {}
        }
        let epochs = self.trainer.options().epochs;
        let line = epoch_line(epoch, epochs, width::of_errors());
        self.progress.line(&line);
        self.progress.follow(record);
        let added = self.folder.add_epoch(epoch);
        self.saving.note(LINES, added);
        if let Some(events) = &mut self.events {
            let added = events.add_epoch(epoch);
            self.saving.note(EVENTS, added);
        }
        self.results.event(&EpochEvent { record: *record })?;
        if let Some(line) = self.results.lost_reader("training") {
            self.progress.line(&line);
        }
        self.tell_score(score)
    }

    fn tell_score(&mut self, score: Option<ScoreEvent>) -> anyhow::Result<()> {
        if let Some(score) = score {
            self.progress.line(&format!(
                "{} accuracy {:.2} % {:.3} s after the start",
                score.split,
                100.0 * score.accuracy,
                score.seconds
            ));
            self.results.event(&score)?;
        }
        Ok(())
    }

    /// Scores an epoch, if there is a target.
    fn score(&mut self, record: &EpochRecord) -> anyhow::Result<Option<ScoreEvent>> {
        let Some(target) = self.settings().target_accuracy else {
            return Ok(None);
        };
        let split = self.settings().target_on.clone().unwrap_or_default();
        if split == "test" && self.is_far(record, target) {
            return Ok(None);
        }
        let accuracy = if split == "validation" {
            record.validation_accuracy.unwrap_or(f64::NAN)
        } else {
            let test = evaluate(self.backend.as_mut(), &self.dataset.test)?;
            self.test.insert(test).accuracy()
        };
        let seconds = self.clock.elapsed().as_secs_f64();
        // NaN reaches nothing.
        if accuracy >= target {
            self.reached_after = Some(seconds);
        }
        Ok(Some(ScoreEvent {
            epoch: self.trainer.epochs_trained(),
            split,
            accuracy,
            seconds,
        }))
    }

    fn checkpoint_if_due(&mut self) -> anyhow::Result<()> {
        let settings = self.settings();
        let is_late = self.last.elapsed().as_secs_f64() >= 60.0 * settings.checkpoint_minutes;
        let epochs = self.trainer.epochs_done() - self.epochs_at_last;
        let has_come = settings.checkpoint_every.is_some_and(|it| epochs >= it);
        if has_come || is_late {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Writes one if any are wanted. That it cannot be written is told, and no error.
    ///
    /// # Errors
    /// If the data are not those that the training began with.
    fn checkpoint(&mut self) -> anyhow::Result<()> {
        let is_written = self.steps_at_last == Some(self.trainer.steps_done());
        if is_written || self.settings().checkpoint_every == Some(0) {
            return Ok(());
        }
        self.check_data()?;
        let (data, dataset) = (&self.record.start.data, self.dataset);
        self.identity
            .get_or_insert_with(|| DataIdentity::new(data.folder.clone(), dataset));
        // Again, so that both the steps and the checksums are of what was opened.
        self.check_data()?;
        let written = self.write_checkpoint();
        self.saving.note(CHECKPOINT, written);
        Ok(())
    }

    /// The lines of the epoch under way must not be in the run folder yet.
    fn write_checkpoint(&mut self) -> anyhow::Result<()> {
        // A failure is tried again when the next is due.
        self.last = Instant::now();
        self.epochs_at_last = self.trainer.epochs_done();
        let stopping = self.stopping.as_ref();
        let best = stopping.and_then(EarlyStopping::best);
        let environment = &self.record.start.environment;
        let identity = self.identity.clone();
        let checkpoint = Checkpoint {
            description: Description {
                producer: concat!("fused-mlp ", env!("CARGO_PKG_VERSION")).to_owned(),
                settings: self.settings().clone(),
                isa: environment.isa.clone(),
                threads: environment.threads,
                network: self.network,
                data: identity.context("no checkpoint without its data")?,
                trainer: self.trainer.state(),
                history: self
                    .folder
                    .marks()
                    .context("no checkpoint without its history")?,
                stopping: stopping.zip(best).map(|(stopping, best)| StoppingState {
                    best_epoch: best.epoch,
                    best_loss: best.loss,
                    stale_epochs: stopping.stale_epochs(),
                }),
                reached_after: self.reached_after,
                elapsed_seconds: self.clock.elapsed().as_secs_f64(),
            },
            backend: self.backend.state(),
            best: best.map(|best| best.parameters.clone()),
        };
        // The last step may have overflowed; then the next loss tells, and the checkpoint before
        // this one is the last good one.
        if !checkpoint.is_finite() {
            return Ok(());
        }
        let steps = self.trainer.steps_done();
        let folder = CheckpointFolder::new(self.folder.path());
        self.newest = Some(folder.write(&checkpoint, steps)?);
        self.steps_at_last = Some(steps);
        Ok(())
    }
}
