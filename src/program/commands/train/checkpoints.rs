//! When checkpoints are written, and what they hold.

use crate::run_folder::{Environment, RunFolder};
use anyhow::Context;
use fused_mlp::backend::Backend;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::training::checkpoint::{
    Checkpoint, CheckpointFolder, DataIdentity, Description, StoppingState,
};
use fused_mlp::training::{EarlyStopping, RunSettings, Trainer};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The checkpoints of one run.
pub struct Checkpoints<'a> {
    folder: CheckpointFolder,
    settings: &'a RunSettings,
    environment: &'a Environment,
    network: Shape,
    dataset: &'a Dataset,
    data_folder: &'a str,
    /// Reading all data takes as long as some epochs, so it waits for the first checkpoint.
    identity: Option<DataIdentity>,
    program_start: Instant,
    last: Instant,
    epochs_at_last: u32,
    steps_at_last: Option<u64>,
    newest: Option<PathBuf>,
}

/// What does not change during a run.
pub struct Setup<'a> {
    pub run: &'a Path,
    pub settings: &'a RunSettings,
    pub environment: &'a Environment,
    pub network: Shape,
    pub dataset: &'a Dataset,
    pub data_folder: &'a str,
    pub identity: Option<DataIdentity>,
    pub program_start: Instant,
}

/// What a checkpoint holds of a training.
pub struct Moment<'a> {
    pub trainer: &'a Trainer<'a>,
    pub backend: &'a dyn Backend,
    pub stopping: Option<&'a EarlyStopping>,
    pub reached_after: Option<f64>,
}

impl<'a> Checkpoints<'a> {
    /// Of a run that has come to `epochs` epochs; `newest` is the checkpoint it goes on from.
    pub fn new(setup: Setup<'a>, epochs: u32, newest: Option<PathBuf>) -> Self {
        Self {
            folder: CheckpointFolder::new(setup.run),
            settings: setup.settings,
            environment: setup.environment,
            network: setup.network,
            dataset: setup.dataset,
            data_folder: setup.data_folder,
            identity: setup.identity,
            program_start: setup.program_start,
            last: Instant::now(),
            epochs_at_last: epochs,
            steps_at_last: None,
            newest,
        }
    }

    /// Whether there are any.
    pub fn are_wanted(&self) -> bool {
        self.settings.checkpoint_every != Some(0)
    }

    /// Reads the data for their checksums, unless they are known.
    pub fn identify_data(&mut self) -> &DataIdentity {
        let (folder, dataset) = (self.data_folder, self.dataset);
        self.identity
            .get_or_insert_with(|| DataIdentity::new(folder.to_owned(), dataset))
    }

    /// Whether it is time for one, between or within epochs.
    pub fn is_due(&self, epochs: u32) -> bool {
        let minutes = self.settings.checkpoint_minutes;
        let is_late = || self.last.elapsed() >= Duration::from_secs_f64(60.0 * minutes);
        let every = self.settings.checkpoint_every;
        let has_come = every.is_some_and(|every| epochs - self.epochs_at_last >= every);
        self.are_wanted() && (has_come || is_late())
    }

    /// The newest one.
    pub fn newest(&self) -> Option<&Path> {
        self.newest.as_deref()
    }

    /// Steps of the training when the last one was written by this process.
    pub fn steps_at_last(&self) -> Option<u64> {
        self.steps_at_last
    }

    /// Writes one. The lines of the epoch under way must not be in the run folder yet.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&mut self, moment: &Moment<'_>, run_folder: &mut RunFolder) -> anyhow::Result<()> {
        // A failure is tried again when the next is due.
        self.last = Instant::now();
        self.epochs_at_last = moment.trainer.epochs_done();
        let backend = moment.backend.state();
        // The last step may have overflowed; then the next loss tells, and the checkpoint before
        // this one is the last good one.
        if !backend.is_finite() {
            return Ok(());
        }
        let data = self.identify_data().clone();
        let best = moment.stopping.and_then(EarlyStopping::best);
        let stopping = moment
            .stopping
            .zip(best)
            .map(|(stopping, best)| StoppingState {
                best_epoch: best.epoch,
                best_loss: best.loss,
                stale_epochs: stopping.stale_epochs(),
            });
        let checkpoint = Checkpoint {
            description: Description {
                producer: concat!("fused-mlp ", env!("CARGO_PKG_VERSION")).to_owned(),
                settings: self.settings.clone(),
                isa: self.environment.isa.map(str::to_owned),
                threads: self.environment.threads,
                network: self.network,
                data,
                trainer: moment.trainer.state(),
                history: run_folder
                    .marks()
                    .context("no checkpoint without its history")?,
                stopping,
                reached_after: moment.reached_after,
                elapsed_seconds: self.program_start.elapsed().as_secs_f64(),
            },
            backend,
            best: best.map(|best| best.parameters.clone()),
        };
        let steps = moment.trainer.steps_done();
        self.newest = Some(self.folder.write(&checkpoint, steps)?);
        self.steps_at_last = Some(steps);
        Ok(())
    }
}
