//! One training, from its data to its results.

use super::checkpoints::{Checkpoints, Setup};
use super::ending::Finish;
use super::messages::heading;
use super::open_run::{begin, open_run};
use super::resume::{self, Resumption};
use super::saving::Saving;
use super::session::Session;
use super::target::Target;
use super::{TrainArgs, live, memory, open_data};
use crate::ending::Ending;
use crate::options::backend::Selected;
use crate::options::training::arguments;
use crate::run_folder::{DataDescription, Environment, RunFiles, StartEvent, write_run};
use crate::terminal::output::Results;
use crate::terminal::progress::Progress;
use crate::terminal::signals::Signals;
use fused_mlp::backend::{PassControl, Samples};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Parameters;
use fused_mlp::training::checkpoint::{Checkpoint, DataIdentity};
use fused_mlp::training::{RunSettings, Trainer, TrainingOptions};
use std::path::Path;
use std::time::{Duration, Instant};

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
    let (folder, dataset) = open_data(args.data.as_deref(), own.or(named), args.access.access())?;
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
    live::begin(&mut progress, args, &trainer);
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
