//! A training under way: its epochs, scores and checkpoints.

use super::checkpoints::{Checkpoints, Moment};
use super::epochs::Epochs;
use super::saving::{CHECKPOINT, Saving};
use super::target::{Target, score_line};
use crate::run_folder::{EpochEvent, RunFolder};
use crate::terminal::output::{Results, shown};
use crate::terminal::progress::Progress;
use anyhow::Context;
use fused_mlp::backend::{Backend, PassControl};
use fused_mlp::mnist::Dataset;
use fused_mlp::training::{EarlyStopping, Epoch, EpochEnd, StepRecord, Trainer};
use std::sync::atomic::Ordering;

/// Samples after which the clock of the checkpoints is looked at within an epoch: one of MNIST is
/// not cut.
const PART_SAMPLES: usize = 1 << 16;

/// A training under way.
pub struct Session<'a> {
    pub trainer: Trainer<'a>,
    pub backend: &'a mut dyn Backend,
    pub dataset: &'a Dataset,
    pub control: &'a PassControl,
    pub target: Target<'a>,
    pub stopping: Option<EarlyStopping>,
    pub progress: Progress,
    pub run_folder: RunFolder,
    pub results: Results,
    pub checkpoints: Checkpoints<'a>,
    pub saving: Saving,
}

impl Session<'_> {
    pub fn is_interrupted(&self) -> bool {
        self.control.stop.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        let stopping = self.stopping.as_ref();
        self.trainer.is_finished()
            || self.target.reached_after.is_some()
            || stopping.is_some_and(EarlyStopping::should_stop)
    }

    /// Trains until the last epoch, a goal, a signal or a number that is not finite.
    pub fn train_epochs(&mut self, last_finite: Option<StepRecord>) -> anyhow::Result<Epochs> {
        let mut epochs = Epochs::new(last_finite, self.run_folder.epochs());
        while !self.is_over() && !self.is_interrupted() {
            self.check_data()?;
            let epoch = self.train_epoch()?;
            // Nothing is kept of an epoch whose data changed.
            self.check_data()?;
            if epoch.end == EpochEnd::Stopped {
                // Before its lines: a run that goes on writes them anew.
                self.checkpoint()?;
            }
            self.end_epoch(&epoch)?;
            epochs.add(&epoch);
            if epochs.diverged.is_some() || epoch.end == EpochEnd::Stopped {
                break;
            }
            if self.checkpoints.is_due(self.trainer.epochs_done()) {
                self.checkpoint()?;
            }
        }
        let is_saved = self.checkpoints.steps_at_last() == Some(self.trainer.steps_done());
        let is_between = self.trainer.steps_of_epoch_done() == 0;
        if self.is_interrupted() && is_between && !is_saved && epochs.diverged.is_none() {
            self.checkpoint()?;
        }
        epochs.is_target_missed = self.target.is_missed();
        Ok(epochs)
    }

    /// A file that was shortened ends the training before it ends the process; one that was changed
    /// ends it before its results are taken for those of the data. No checkpoint is written then: the
    /// steps since the last check may have seen other data.
    fn check_data(&self) -> anyhow::Result<()> {
        let checked = self.dataset.check_mappings();
        let run = shown(self.run_folder.path());
        checked.with_context(|| {
            format!("the training ended; fused-mlp train --resume {run} goes on with whole data")
        })
    }

    /// Trains to the end of an epoch, with checkpoints within it if it is long.
    fn train_epoch(&mut self) -> anyhow::Result<Epoch> {
        let batch = self.trainer.options().batch_size;
        let done = self.trainer.steps_of_epoch_done() * batch;
        self.progress.begin_epoch(done, self.control);
        loop {
            let part = PART_SAMPLES / batch;
            let epoch = self.trainer.train_part(self.backend, self.control, part)?;
            if let Some(epoch) = epoch {
                return Ok(epoch);
            }
            if self.checkpoints.is_due(self.trainer.epochs_done()) {
                self.checkpoint()?;
            }
        }
    }

    /// Scores, shows and writes an epoch.
    fn end_epoch(&mut self, epoch: &Epoch) -> anyhow::Result<()> {
        let record = &epoch.record;
        let scored = match epoch.end {
            EpochEnd::Complete => self.target.score(self.backend, record)?,
            _ => None,
        };
        if let (EpochEnd::Complete, Some(stopping), Some(loss)) =
            (epoch.end, &mut self.stopping, record.validation_loss)
            && loss.is_finite()
        {
            stopping.update(record.epoch, loss, || self.backend.parameters());
        }
        self.progress.epoch(epoch, self.control);
        if let Some(score) = &scored {
            self.progress.line(&score_line(score));
        }
        let added = self.run_folder.add_epoch(record, &epoch.steps);
        self.saving
            .note("steps.csv, epochs.csv or times.csv", added);
        self.results.event(&EpochEvent { record: *record })?;
        scored
            .iter()
            .try_for_each(|score| self.results.event(score))
    }

    /// Writes one if any are wanted. That it cannot be written is told, and no error.
    ///
    /// # Errors
    /// If the data are not those that the training began with.
    fn checkpoint(&mut self) -> anyhow::Result<()> {
        if !self.checkpoints.are_wanted() {
            return Ok(());
        }
        self.check_data()?;
        self.checkpoints.identify_data();
        // Again, so that both the steps and the checksums are of what was opened.
        self.check_data()?;
        let moment = Moment {
            trainer: &self.trainer,
            backend: self.backend,
            stopping: self.stopping.as_ref(),
            reached_after: self.target.reached_after,
        };
        let result = self.checkpoints.write(&moment, &mut self.run_folder);
        self.saving.note(CHECKPOINT, result);
        Ok(())
    }
}
