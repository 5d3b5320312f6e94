//! One training, from its data to its results.

use super::checkpoints::{Checkpoints, Moment, Setup};
use super::ending::{Epochs, Finish};
use super::live;
use super::memory;
use super::messages::heading;
use super::open_run::{begin, open_run};
use super::resume::{self, Resumption};
use super::saving::{CHECKPOINT, Saving};
use super::target::{Target, score_line};
use super::{TrainArgs, arguments, open_data};
use crate::cli::Ending;
use crate::cli::backend::Selected;
use crate::cli::output::{Results, shown};
use crate::cli::progress::Progress;
use crate::cli::signals::Signals;
use anyhow::Context;
use fused_mlp::backend::{Backend, PassControl, Samples};
use fused_mlp::mnist::{Dataset, FileAccess};
use fused_mlp::network::Parameters;
use fused_mlp::report::{
    DataDescription, Environment, EpochEvent, RunFiles, RunFolder, StartEvent, write_run,
};
use fused_mlp::training::checkpoint::{Checkpoint, DataIdentity};
use fused_mlp::training::{
    EarlyStopping, Epoch, EpochEnd, RunSettings, StepRecord, Trainer, TrainingOptions,
};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Samples after which the clock of the checkpoints is looked at within an epoch: one of MNIST is
/// not cut.
const PART_SAMPLES: usize = 1 << 16;

/// Data and network before the first step.
struct Prepared {
    dataset: Dataset,
    data_folder: String,
    /// Known where a checkpoint was compared with it.
    identity: Option<DataIdentity>,
    parameters: Parameters,
    /// Of the file that the parameters were read from when the run began.
    init_sha256: Option<String>,
}

impl Prepared {
    /// The order of the samples and the rates of the steps to come.
    fn trainer(
        &self,
        options: &TrainingOptions,
        checkpoint: Option<&Checkpoint>,
    ) -> anyhow::Result<Trainer<'_>> {
        let samples = Samples::from(&self.dataset.train);
        Ok(match checkpoint {
            Some(found) => Trainer::resume(samples, options, &found.description.trainer)?,
            None => Trainer::new(samples, options)?,
        })
    }

    /// What checkpoints hold of it.
    fn setup<'a>(
        &'a self,
        run: &'a Path,
        settings: &'a RunSettings,
        environment: &'a Environment,
        program_start: Instant,
    ) -> Setup<'a> {
        Setup {
            run,
            environment,
            settings,
            network: self.parameters.shape,
            dataset: &self.dataset,
            data_folder: &self.data_folder,
            identity: self.identity.clone(),
            program_start,
        }
    }
}

/// Opens the data of a training, and finds the network that it begins with.
fn prepare(args: &TrainArgs, resumption: Option<&Resumption>) -> anyhow::Result<Prepared> {
    args.check()?;
    let checkpoint = resumption.and_then(|it| it.checkpoint.as_ref());
    let saved_sha256 = resumption.and_then(|it| it.saved.init_sha256.clone());
    let (model, init_sha256) = match checkpoint {
        Some(_) => (None, saved_sha256),
        None => args.initial_model(saved_sha256.as_deref())?.unzip(),
    };
    let own = checkpoint.map(|(file, found)| (file.as_path(), found.description.network));
    let named = model
        .as_ref()
        .map(|model| (model.file.as_path(), model.parameters.shape));
    let (folder, dataset) = open_data(
        args.data.as_deref(),
        own.or(named),
        FileAccess::chosen(args.no_mmap),
    )?;
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let data_folder = folder.display().to_string();
    let mut identity = None;
    if let Some((_, found)) = checkpoint {
        identity = Some(resume::check_data(found, data_folder.clone(), &dataset)?);
    } else if let Some(resumption) = resumption {
        resumption.begin_anew(&data_folder, &dataset)?;
    }
    let shape = match (checkpoint, &model) {
        (Some((_, found)), _) => found.description.network,
        (None, Some(model)) => {
            model.check_images(&dataset)?;
            model.parameters.shape
        }
        (None, None) => args.shape(&dataset)?,
    };
    memory::check(shape, args.backend.backend, &args.options())?;
    let parameters = match (checkpoint, model) {
        // They come with the state of the backend.
        (Some(_), _) => Parameters::zeros(shape),
        (None, Some(model)) => model.parameters,
        (None, None) => args.options().initial_parameters(shape),
    };
    Ok(Prepared {
        dataset,
        data_folder,
        identity,
        parameters,
        init_sha256,
    })
}

/// Trains from the beginning or from a checkpoint, reports, and leaves a run folder.
///
/// # Errors
/// If an option, the data or a file cannot be used.
pub fn train(
    args: &TrainArgs,
    resumption: Option<Resumption>,
    program_start: Instant,
) -> anyhow::Result<Ending> {
    let prepared = prepare(args, resumption.as_ref())?;
    let (opened, checkpoint) = resumption.map(Resumption::split).unzip();
    let mut checkpoint = checkpoint.flatten();
    let found = checkpoint.as_ref().map(|(_, found)| found);
    let dataset = &prepared.dataset;
    let trainer = prepared.trainer(&args.options(), found)?;
    let mut selected = select_backend(args, &prepared.parameters, found)?;
    let threads = selected.backend.threads();
    let environment = Environment::new(selected.isa.map(|isa| isa.name()), threads);
    let settings = args.settings(prepared.parameters.shape.hidden);

    let control = PassControl::default();
    let signals = Signals::watch(&control.stop)?;
    let run = open_run(args, opened)?;
    let data = DataDescription::new(Path::new(&prepared.data_folder), dataset);
    let shape = prepared.parameters.shape;
    let start = run.start_event(
        shape,
        prepared.init_sha256.clone(),
        &settings,
        &environment,
        &data,
        trainer.steps_done(),
    );
    // Before anything is cut off: it says from now on that the run is under way.
    let run_path = run.files.path().to_owned();
    let written = write_run(&run_path, &run.started, &start, None).map_err(anyhow::Error::from);
    let begun = written.and_then(|()| begin(run.files, found));
    if begun.is_err() && !run.is_resumed {
        RunFiles::remove_unbegun(&run_path);
    }
    let (run_folder, last_step) = begun?;
    let mut results = Results::new(args.json);
    let mut progress = announce(args, &start, &trainer, &mut results)?;

    let start_up_seconds = program_start.elapsed().as_secs_f64();
    live::begin(&mut progress, args, dataset, &trainer, &selected);
    let program_start = shifted(program_start, found);
    let mut target = Target::new(args.target, &dataset.test, program_start);
    target.reached_after = found.and_then(|found| found.description.reached_after);
    let setup = prepared.setup(&run_path, &settings, &environment, program_start);
    let newest = checkpoint.as_ref().map(|(file, _)| file.clone());
    let mut session = Session {
        stopping: args
            .stopping
            .start(checkpoint.as_mut().map(|(_, found)| found)),
        checkpoints: Checkpoints::new(setup, trainer.epochs_done(), newest),
        trainer,
        backend: selected.backend.as_mut(),
        dataset,
        control: &control,
        target,
        progress,
        run_folder,
        results,
        saving: Saving::default(),
    };
    let epochs = live::train(&mut session, last_step)?;
    Finish {
        args,
        started: &run.started,
        start: &start,
        dataset,
        program_start,
        start_up_seconds,
        signal: signals.received(),
    }
    .run(session, epochs)
}

/// The backend with the parameters that the training begins with, or the state of its checkpoint.
fn select_backend(
    args: &TrainArgs,
    parameters: &Parameters,
    checkpoint: Option<&Checkpoint>,
) -> anyhow::Result<Selected> {
    let optimizer = args.options().optimizer();
    let mut selected = args.backend.select(parameters, optimizer)?;
    if let Some(found) = checkpoint {
        selected.backend.restore(&found.backend)?;
    }
    Ok(selected)
}

/// Says what is about to be trained.
fn announce(
    args: &TrainArgs,
    start: &StartEvent<'_>,
    trainer: &Trainer<'_>,
    results: &mut Results,
) -> anyhow::Result<Progress> {
    results.event(start)?;
    let progress = Progress::new(args.quiet, trainer.options().epochs);
    progress.line(&if start.resumed_at_step.is_some() {
        format!("options of the run: {}", arguments(trainer.options()))
    } else {
        args.recipe.describe()
    });
    progress.line(&heading(start, trainer));
    Ok(progress)
}

/// The start of the run's clock: it has counted the time of the processes before this one, too.
fn shifted(program_start: Instant, checkpoint: Option<&Checkpoint>) -> Instant {
    let before = checkpoint.map_or(0.0, |found| found.description.elapsed_seconds);
    let before = Duration::try_from_secs_f64(before).unwrap_or_default();
    program_start.checked_sub(before).unwrap_or(program_start)
}

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
