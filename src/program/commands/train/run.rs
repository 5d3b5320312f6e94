//! One training, from its data to its results.

use super::resume::Resumption;
use super::session::{Checkpoints, Session};
use super::{DEFAULT_HIDDEN, TrainArgs, from_here, memory, open_data};
use crate::commands::model::{self, LoadedModel};
use crate::ending::Ending;
use crate::options::training::arguments;
use crate::run_folder::{
    DataDescription, Environment, RunFolder, RunRecord, StartEvent, remove_unbegun,
};
use crate::terminal::output::{Results, shown};
use crate::terminal::progress::{Outlook, Progress};
use crate::terminal::signals::Signals;
use anyhow::{Context, bail};
use fused_mlp::backend::{PassControl, Samples, check_shape};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::training::checkpoint::{Checkpoint, CheckpointFolder, DataIdentity};
use fused_mlp::training::{BestEpoch, EarlyStopping, RunSettings, Trainer};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Data and network before the first step.
struct Prepared {
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
    let Some(path) = saved.map(Path::new).or(args.init.as_deref()) else {
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
    match args.hidden {
        Some(hidden) if hidden != found => bail!(
            "--hidden is {hidden}, but {} has {found} hidden units; leave --hidden out",
            shown(&model.file)
        ),
        _ => Ok(Some((model, sha256))),
    }
}

/// Opens the data of a training, and finds the network that it begins with, with so many hidden units if
/// there is no model.
fn prepare(
    args: &TrainArgs,
    settings: &RunSettings,
    resumption: Option<&Resumption>,
) -> anyhow::Result<Prepared> {
    let checkpoint = resumption.and_then(|it| it.checkpoint.as_ref());
    let (model, init_sha256) = match resumption {
        Some(it) if checkpoint.is_some() => (None, it.record.start.init_sha256.clone()),
        _ => initial_model(args, resumption)?.unzip(),
    };
    let own = checkpoint.map(|(file, found)| (file.as_path(), found.description.network));
    let named = model.as_ref();
    let named = named.map(|model| (model.file.as_path(), model.parameters.shape));
    let (folder, dataset) = open_data(args.data.as_deref(), own.or(named), args.access.access())?;
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let data = DataDescription::new(&folder, &dataset);
    let identity = match resumption {
        Some(resumption) => resumption.check_data(&data, &dataset)?,
        None => None,
    };
    if let Some(model) = &model {
        model.check_images(&dataset)?;
    }
    let shape = match own.or(named) {
        Some((_, shape)) => shape,
        None => Shape {
            inputs: dataset.train.images.pixels(),
            hidden: settings.hidden,
            classes: dataset.classes,
        },
    };
    check_shape(shape).context("--hidden")?;
    memory::check(shape, args.backend.backend, &settings.options)?;
    let parameters = match (checkpoint, model) {
        // They come with the state of the backend.
        (Some(_), _) => Parameters::zeros(shape),
        (None, Some(model)) => model.parameters,
        (None, None) => settings.options.initial_parameters(shape),
    };
    Ok(Prepared {
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
    let mut settings = match &resumption {
        Some(it) => it.record.start.settings.clone(),
        None => args.settings(args.hidden.unwrap_or(DEFAULT_HIDDEN)),
    };
    let prepared = prepare(args, &settings, resumption.as_ref())?;
    let shape = prepared.parameters.shape;
    settings.hidden = shape.hidden;
    let (opened, checkpoint) = match resumption {
        Some(it) => (Some((it.folder, it.record.started)), it.checkpoint),
        None => (None, None),
    };
    let (newest, mut checkpoint) = checkpoint.unzip();
    let found = checkpoint.as_ref();
    let (options, samples) = (&settings.options, Samples::from(&prepared.dataset.train));
    let trainer = match found {
        Some(found) => Trainer::resume(samples, options, &found.description.trainer)?,
        None => Trainer::new(samples, options)?,
    };
    let selected = args
        .backend
        .select(&prepared.parameters, options.optimizer())?;
    let mut backend = selected.backend;
    if let Some(found) = found {
        backend.restore(&found.backend)?;
    }
    let environment = Environment::new(selected.isa.map(|isa| isa.name()), backend.threads());
    let control = Arc::new(PassControl::default());
    let signals = Signals::watch(&control.stop)?;

    let is_resumed = opened.is_some();
    let (mut folder, started) = match opened {
        Some(opened) => opened,
        None => {
            let folder = RunFolder::create(args.out.as_deref(), options.seed)?;
            (folder, jiff::Timestamp::now().to_string())
        }
    };
    let start = StartEvent {
        network: shape.to_string(),
        inputs: shape.inputs,
        classes: shape.classes,
        parameters: shape.parameters(),
        resumed_at_step: is_resumed.then(|| trainer.steps_done()),
        init_sha256: prepared.init_sha256,
        environment,
        data: prepared.data,
        run: folder.path().display().to_string(),
        settings,
    };
    let record = RunRecord {
        started,
        start,
        results: None,
    };
    begin(&record, &mut folder, is_resumed)?;
    let mut results = Results::new(args.json);
    results.event(&record.start)?;
    let progress = announce(args, &record.start, &trainer, &control);
    let settings = &record.start.settings;
    let mut session = Session {
        stopping: early_stopping(settings, checkpoint.as_mut()),
        start_up_seconds: program_start.elapsed().as_secs_f64(),
        clock: clock(program_start, checkpoint.as_ref()),
        reached_after: checkpoint.and_then(|found| found.description.reached_after),
        checkpoints: Checkpoints {
            identity: prepared.identity,
            newest,
            last: Instant::now(),
            epochs_at_last: trainer.epochs_done(),
            steps_at_last: None,
        },
        complete: trainer.epochs_done(),
        record,
        folder,
        trainer,
        backend,
        network: shape,
        dataset: &prepared.dataset,
        control,
        progress,
        results,
        saving: super::saving::Saving::default(),
        test: None,
        diverged: None,
    };
    train_in_view(&mut session)?;
    session.finish(signals.received())
}

/// Says that the run is under way before anything is cut off, and makes its files ready to be filled: cut
/// back to the checkpoint, or with nothing in them.
fn begin(record: &RunRecord, folder: &mut RunFolder, is_resumed: bool) -> anyhow::Result<()> {
    let path = folder.path().to_owned();
    let begun = record.write(&path).and_then(|()| {
        CheckpointFolder::new(&path).remove_partial();
        folder.begin()
    });
    begun.inspect_err(|_| {
        if !is_resumed {
            remove_unbegun(&path);
        }
    })
}

/// Says what is about to be trained, and begins the live view if it would be seen.
fn announce(
    args: &TrainArgs,
    start: &StartEvent,
    trainer: &Trainer<'_>,
    control: &Arc<PassControl>,
) -> Progress {
    let settings = &start.settings;
    let options = &settings.options;
    let outlook = Outlook {
        epochs: options.epochs,
        samples_per_epoch: trainer.samples_per_epoch(),
        may_stop_early: settings.target_accuracy.is_some() || settings.patience.is_some(),
    };
    let progress = Progress::live(args.quiet, outlook, trainer.epochs_done(), control);
    progress.line(&match start.resumed_at_step {
        Some(_) => format!("options of the run: {}", arguments(options)),
        None => args.recipe.describe(),
    });
    let isa = start.environment.isa.as_ref();
    let threads = start.environment.threads;
    progress.line(&format!(
        "training {} on {} samples of {}: backend {}{}, {threads} thread{}; results in {}",
        start.network,
        trainer.samples_per_epoch(),
        from_here(&start.data.folder),
        settings.backend,
        isa.map_or_else(String::new, |isa| format!(" ({isa})")),
        if threads == 1 { "" } else { "s" },
        shown(Path::new(&start.run)),
    ));
    progress
}

/// Early stopping, if it is asked for, from where the checkpoint stands.
fn early_stopping(
    settings: &RunSettings,
    checkpoint: Option<&mut Checkpoint>,
) -> Option<EarlyStopping> {
    let (patience, min_delta) = (settings.patience?, settings.min_delta);
    let seen = checkpoint.and_then(|checkpoint| {
        let state = checkpoint.description.stopping?;
        let best = BestEpoch {
            epoch: state.best_epoch,
            loss: state.best_loss,
            parameters: checkpoint.best.take()?,
        };
        Some((best, state.stale_epochs))
    });
    let (best, stale_epochs) = seen.unzip();
    let stale_epochs = stale_epochs.unwrap_or(0);
    Some(EarlyStopping::resume(
        patience,
        min_delta,
        best,
        stale_epochs,
    ))
}

/// The start of the run's clock: it has counted the time of the processes before this one, too.
fn clock(program_start: Instant, checkpoint: Option<&Checkpoint>) -> Instant {
    let before = checkpoint.map_or(0.0, |found| found.description.elapsed_seconds);
    let before = Duration::try_from_secs_f64(before).unwrap_or_default();
    program_start.checked_sub(before).unwrap_or(program_start)
}

/// Trains within the live view. However the training ends, its chart stays.
///
/// # Panics
/// If a thread of the training does; how to go on is told first.
fn train_in_view(session: &mut Session<'_>) -> anyhow::Result<()> {
    let drawing = session.progress.follow();
    let trained = catch_unwind(AssertUnwindSafe(|| session.train_epochs()));
    drop(drawing);
    trained.unwrap_or_else(|panic| {
        session.explain_panic();
        resume_unwind(panic)
    })
}
