//! One training, from its data to its results.

use super::resume::Resumption;
use super::saving::Saving;
use super::session::Session;
use super::{DEFAULT_HIDDEN, TrainArgs, from_here, open_data};
use crate::commands::memory;
use crate::commands::model::{self, LoadedModel};
use crate::ending::Ending;
use crate::options::backend::BackendKind;
use crate::options::training::described_by_nearest;
use crate::run_folder::{
    DataDescription, Environment, RunFolder, RunRecord, StartEvent, now, remove_unbegun,
};
use crate::tensorboard::{Beginning, EventFile};
use crate::terminal::output::{Results, counted, message, shown};
use crate::terminal::progress::Progress;
use crate::terminal::signals::Signals;
use anyhow::{Context, bail};
use fused_mlp::backend::{PassControl, Samples, check_shape};
use fused_mlp::engine::Precision;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::training::checkpoint::{Checkpoint, CheckpointFolder, DataIdentity};
use fused_mlp::training::{BestEpoch, EarlyStopping, RunSettings, Trainer, TrainingOptions};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a training begins with.
struct Prepared {
    settings: RunSettings,
    dataset: Dataset,
    data: DataDescription,
    /// Known where a checkpoint was compared with it.
    identity: Option<DataIdentity>,
    parameters: Parameters,
    /// Of the file that the parameters were read from when the run began.
    init_sha256: Option<String>,
}

/// The model that the training starts from, if one is named, and the SHA-256 of its file: that with which
/// the run began, if it has begun before.
fn initial_model(
    args: &TrainArgs,
    resumption: Option<&Resumption>,
) -> anyhow::Result<Option<(LoadedModel, String)>> {
    let own = resumption.map(|it| &it.record.start);
    let saved = own.and_then(|own| own.settings.init.as_ref());
    let Some(path) = args.init.as_deref().or(saved.map(Path::new)) else {
        return Ok(None);
    };
    let model = model::load(path)?;
    let sha256 = model.sha256()?;
    let began_with = own.and_then(|own| own.init_sha256.as_ref());
    if let Some(expected) = began_with.filter(|&expected| *expected != sha256) {
        bail!(
            "{} is not the model that the run began with: expected SHA-256 {expected}, found {sha256}; \
             put it back, or start a new training",
            shown(&model.file)
        );
    }
    let found = model.parameters.shape.hidden;
    if let Some(hidden) = args.hidden.filter(|&hidden| hidden != found) {
        bail!(
            "--hidden is {hidden}, but {} has {found} hidden units; leave --hidden out",
            shown(&model.file)
        );
    }
    Ok(Some((model, sha256)))
}

/// Opens the data of a training, and finds the network that it begins with.
fn prepare(args: &TrainArgs, resumption: Option<&Resumption>) -> anyhow::Result<Prepared> {
    let mut settings = match resumption {
        Some(it) => it.record.start.settings.clone(),
        None => args.settings(args.hidden.unwrap_or(DEFAULT_HIDDEN)),
    };
    let checkpoint = resumption.and_then(|it| it.checkpoint.as_ref());
    let (model, init_sha256) = match resumption {
        Some(it) if checkpoint.is_some() => (None, it.record.start.init_sha256.clone()),
        _ => initial_model(args, resumption)?.unzip(),
    };
    let own = checkpoint.map(|(file, found)| (file.as_path(), found.description.network));
    let named = model.as_ref();
    let named = named.map(|model| (model.file.as_path(), model.parameters.shape));
    let known = own.or(named);
    let (folder, dataset) = open_data(args.data.as_deref(), known, args.access.access())?;
    if resumption.is_none() {
        let samples = Samples::from(&dataset.train);
        if let Some((rate, why)) = args.recipe.fitting_rate(samples) {
            settings.options.learning_rate = rate;
            message(&why);
        }
        let (size, has_model) = (samples.size(), model.is_some());
        if let Some(why) = args.recipe.unfit_for_coarse(size, has_model) {
            settings.options.coarse = 0.0;
            message(&why);
        }
    }
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let data = DataDescription::new(&folder, &dataset);
    let identity = match resumption {
        Some(resumption) => resumption.check_data(&data, &dataset)?,
        None => None,
    };
    if let Some(model) = &model {
        model.check_images(&dataset)?;
    }
    let drawn = Shape {
        inputs: dataset.train.images.pixels(),
        hidden: settings.hidden,
        classes: dataset.classes,
    };
    let shape = known.map_or(drawn, |(_, shape)| shape);
    check_shape(shape).context("--hidden")?;
    memory::check(shape, args.backend.backend, &settings.options, 1)?;
    settings.hidden = shape.hidden;
    let parameters = match (checkpoint, model) {
        // They come with the state of the backend.
        (Some(_), _) => Parameters::zeros(shape),
        (None, Some(model)) => model.parameters,
        (None, None) => settings.options.initial_parameters(shape),
    };
    Ok(Prepared {
        settings,
        dataset,
        data,
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
    with_session(args, resumption, program_start, |session, signal| {
        session.finish(signal)
    })
}

/// Trains, and ends as `finish` says, which is told the signal that asked to stop.
///
/// # Errors
/// As [`train`], and what `finish` says.
pub fn with_session(
    args: &TrainArgs,
    resumption: Option<Resumption>,
    program_start: Instant,
    finish: impl FnOnce(Session<'_>, Option<u8>) -> anyhow::Result<Ending>,
) -> anyhow::Result<Ending> {
    let prepared = prepare(args, resumption.as_ref())?;
    let control = Arc::new(PassControl::default());
    let signals = Signals::watch(&control.stop)?;
    let is_repetition = resumption.as_ref().is_some_and(|it| it.is_repetition);
    let mut session = open(args, &prepared, resumption, (control, program_start))?;
    if !is_repetition {
        signals.advise(format!(
            "what was trained since the last checkpoint, or where there is none since the start, is lost; \
             fused-mlp train --resume {} goes on from there",
            shown(session.folder.path())
        ));
    }
    let progress = session.progress.clone();
    match progress.during(|| session.train_epochs()) {
        Ok(trained) => trained?,
        Err(panic) => {
            session.explain_panic();
            resume_unwind(panic)
        }
    }
    finish(session, signals.received())
}

/// The training before its first step, when its folder is ready and it is told what is about to be trained.
fn open<'a>(
    args: &TrainArgs,
    prepared: &'a Prepared,
    resumption: Option<Resumption>,
    (control, program_start): (Arc<PassControl>, Instant),
) -> anyhow::Result<Session<'a>> {
    let is_repetition = resumption.as_ref().is_some_and(|it| it.is_repetition);
    let (opened, checkpoint) = match resumption {
        Some(it) => (Some((it.folder, it.record.started)), it.checkpoint),
        None => (None, None),
    };
    let (newest, mut checkpoint) = checkpoint.unzip();
    let options = &prepared.settings.options;
    let samples = Samples::from(&prepared.dataset.train);
    check_backend(args.backend.backend, options)?;
    let (mut backend, isa) =
        args.backend
            .select(&prepared.parameters, options.optimizer(), options.precision)?;
    let trainer = match &checkpoint {
        Some(found) => {
            backend.restore(&found.backend)?;
            Trainer::resume(samples, options, &found.description.trainer)?
        }
        None => Trainer::new(samples, options)?,
    };
    let environment = Environment::new(isa.map(|isa| isa.name()), backend.threads());
    let is_resumed = opened.is_some();
    let (folder, record) = begin(args, prepared, opened, environment, trainer.steps_done())?;
    let events = event_file(args, &record.start, &trainer, is_resumed)?;
    let mut results = Results::new(args.json);
    results.event(&record.start)?;
    Ok(Session {
        progress: announce(args, &record.start, &trainer, (&control, is_repetition)),
        stopping: early_stopping(&prepared.settings, checkpoint.as_mut()),
        start_up_seconds: program_start.elapsed().as_secs_f64(),
        clock: clock(program_start, checkpoint.as_ref()),
        reached_after: checkpoint.and_then(|found| found.description.reached_after),
        identity: prepared.identity.clone(),
        newest,
        last: Instant::now(),
        epochs_at_last: trainer.epochs_done(),
        steps_at_last: None,
        complete: trainer.epochs_done(),
        record,
        folder,
        events,
        trainer,
        backend,
        network: prepared.parameters.shape,
        dataset: &prepared.dataset,
        control,
        results,
        saving: Saving::default(),
        test: None,
        diverged: None,
    })
}

/// Refuses what only the fused engine does.
fn check_backend(backend: BackendKind, options: &TrainingOptions) -> anyhow::Result<()> {
    for (name, value) in [
        ("--focus", options.focus),
        ("--skip", options.skip),
        ("--average", options.average),
    ] {
        if value > 0.0 && backend != BackendKind::Fused {
            bail!("{name} is of --backend fused; leave one of them out");
        }
    }
    Ok(())
}

/// The folder of the run, new or `opened` with the time of the run's start, ready to be filled: cut back to
/// the checkpoint, or with nothing in it. Its `run.json` says before that the run is under way.
fn begin(
    args: &TrainArgs,
    prepared: &Prepared,
    opened: Option<(RunFolder, String)>,
    environment: Environment,
    steps_done: u64,
) -> anyhow::Result<(RunFolder, RunRecord)> {
    let is_resumed = opened.is_some();
    let settings = prepared.settings.clone();
    let (mut folder, started) = match opened {
        Some(opened) => opened,
        None => {
            let folder = RunFolder::create(args.out.as_deref(), settings.options.seed)?;
            (folder, now())
        }
    };
    let path = folder.path().to_owned();
    let shape = prepared.parameters.shape;
    let start = StartEvent {
        settings,
        network: shape.to_string(),
        inputs: shape.inputs,
        classes: shape.classes,
        parameters: shape.parameters(),
        resumed_at_step: is_resumed.then_some(steps_done),
        init_sha256: prepared.init_sha256.clone(),
        environment,
        data: prepared.data.clone(),
        run: path.display().to_string(),
    };
    let record = RunRecord {
        started,
        start,
        results: None,
    };
    let begun = record.write(&path).and_then(|()| {
        CheckpointFolder::new(&path).remove_partial();
        folder.begin()
    });
    if begun.is_err() && !is_resumed {
        remove_unbegun(&path);
    }
    begun.map(|()| (folder, record))
}

/// The event file for TensorBoard, if one is asked for, from the beginning of the epoch under way on. Where there is none,
/// a run that begins leaves nothing.
fn event_file(
    args: &TrainArgs,
    start: &StartEvent,
    trainer: &Trainer<'_>,
    goes_on: bool,
) -> anyhow::Result<Option<EventFile>> {
    let Some(folder) = &args.tensorboard else {
        return Ok(None);
    };
    let beginning = Beginning {
        done: trainer.steps_done() - trainer.steps_of_epoch_done() as u64,
        steps: trainer.steps(),
        goes_on,
    };
    let isa = start.environment.isa.clone().unwrap_or_default();
    let mut options = start.settings.options.texts();
    options.extend([
        ("network", start.network.clone()),
        ("backend", format!("{} {isa}", start.settings.backend)),
        ("threads", start.environment.threads.to_string()),
        ("data", start.data.folder.clone()),
        ("run", start.run.clone()),
    ]);
    let events = EventFile::create(folder, beginning, &options).map(Some);
    if events.is_err() && !goes_on {
        remove_unbegun(Path::new(&start.run));
    }
    events
}

/// Says what is about to be trained, and begins the live view if it would be seen.
fn announce(
    args: &TrainArgs,
    start: &StartEvent,
    trainer: &Trainer<'_>,
    (control, is_repetition): (&Arc<PassControl>, bool),
) -> Progress {
    let settings = &start.settings;
    let options = &settings.options;
    let samples_per_epoch = trainer.samples_per_epoch();
    let epochs = |count: u32| u64::from(count) * samples_per_epoch as u64;
    let of_epoch = trainer.steps_of_epoch_done() * options.batch_size;
    let done = epochs(trainer.epochs_done()) + of_epoch as u64;
    let progress = Progress::live(args.quiet, epochs(options.epochs), done, control);
    progress.line(&match start.resumed_at_step {
        Some(_) => format!("options of the run: {}", described_by_nearest(options)),
        None => args.recipe.describe(),
    });
    let isa = start.environment.isa.as_ref();
    let precision = match options.precision {
        Precision::F32 => String::new(),
        other => format!(", {}", other.name()),
    };
    let adjustment = start.data.adjustment;
    let adjustment = match adjustment.is_none() {
        true => String::new(),
        false => format!(" (read with {adjustment})"),
    };
    let results = match is_repetition {
        true => String::new(),
        false => format!("; results in {}", shown(Path::new(&start.run))),
    };
    progress.line(&format!(
        "training {} on {} samples of {}{adjustment}: backend {}{}, {}{results}",
        start.network,
        samples_per_epoch,
        from_here(&start.data.folder),
        settings.backend,
        isa.map_or_else(String::new, |isa| format!(" ({isa}{precision})")),
        counted(start.environment.threads, "thread"),
    ));
    progress
}

/// Early stopping, if it is asked for, from where the checkpoint stands.
fn early_stopping(
    settings: &RunSettings,
    checkpoint: Option<&mut Checkpoint>,
) -> Option<EarlyStopping> {
    let (patience, min_delta) = (settings.patience?, settings.min_delta);
    let seen = checkpoint.and_then(|it| it.description.stopping.zip(it.best.take()));
    let Some((state, parameters)) = seen else {
        return Some(EarlyStopping::new(patience, min_delta));
    };
    let best = BestEpoch {
        epoch: state.best_epoch,
        loss: state.best_loss,
        parameters,
    };
    let stale = state.stale_epochs;
    Some(EarlyStopping::resume(
        patience,
        min_delta,
        Some(best),
        stale,
    ))
}

/// The start of the run's clock: it has counted the time of the processes before this one, too.
fn clock(program_start: Instant, checkpoint: Option<&Checkpoint>) -> Instant {
    let before = checkpoint.map_or(0.0, |found| found.description.elapsed_seconds);
    let before = Duration::try_from_secs_f64(before).unwrap_or_default();
    program_start.checked_sub(before).unwrap_or(program_start)
}
