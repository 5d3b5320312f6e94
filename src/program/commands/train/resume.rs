//! `train --resume`: a run goes on from its newest checkpoint.

use super::target::TargetOn;
use super::{TrainArgs, from_here};
use crate::options::backend::BackendKind;
use crate::options::training::{RecipeArgs, kebab};
use crate::options::{Origins, Resolved};
use crate::run_folder::{
    DataDescription, MODEL_FILE, RUN_FILE, RunFiles, RunFolderError, SavedRun,
};
use crate::terminal::output::{message, shown};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use fused_mlp::mnist::Dataset;
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::checkpoint::{
    Checkpoint, CheckpointError, CheckpointFolder, DataIdentity, Description, Loaded,
};
use fused_mlp::training::{RunSettings, TrainingOptions};
use std::path::{Path, PathBuf};

/// Options of checkpoints.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Go on with an interrupted run from its newest checkpoint, to the same files, byte for byte
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
    /// Write a checkpoint every N epochs, and by the clock; 0 for none at all [default: by the clock]
    #[arg(long, value_name = "N")]
    pub checkpoint_every: Option<u32>,
    /// Write a checkpoint when so many minutes have passed since the last, within long epochs too
    #[arg(long, value_name = "MINUTES", default_value_t = 1.0)]
    pub checkpoint_minutes: f64,
}

impl ResumeArgs {
    /// Checks the ranges.
    pub fn check(&self) -> anyhow::Result<()> {
        let minutes = self.checkpoint_minutes;
        // As many as a Duration can hold, and more than any run takes.
        if !(0.0..=1e9).contains(&minutes) {
            bail!("--checkpoint-minutes is {minutes}; expected a number from 0 to 1e9");
        }
        Ok(())
    }
}

/// A run that goes on.
pub struct Resumption {
    /// Its files, which no other process writes to.
    pub files: RunFiles,
    /// What it was asked for.
    pub saved: SavedRun,
    /// Where it stands, and the file that tells; none if it begins anew.
    pub checkpoint: Option<(PathBuf, Checkpoint)>,
}

impl Resumption {
    /// The files with the time of the run's start, and the checkpoint with its file.
    pub fn split(self) -> ((RunFiles, String), Option<(PathBuf, Checkpoint)>) {
        ((self.files, self.saved.started), self.checkpoint)
    }
}

/// The options and the state of the run in `folder`; `None` if it has come to its end. Nothing is
/// changed.
///
/// # Errors
/// If it cannot go on, or an option would change its results.
pub fn prepare(
    args: &TrainArgs,
    origins: &Origins,
    folder: &Path,
) -> anyhow::Result<Option<(TrainArgs, Resumption)>> {
    let run = shown(folder);
    let saved = SavedRun::read(folder).context("--resume")?;
    refuse_changes(args, origins, &saved.settings)?;
    if saved.is_over() {
        let checked = saved.check_files(folder);
        if let Err(error) = checked
            && !restore_model(&error, folder, &saved)?
        {
            bail!(
                "{error}; the run is over and is never trained again in its folder: train it into another \
                 one (--out) with its options, which fused-mlp train --resume {run} --print-config \
                 prints as a file for --config"
            );
        }
        message(&format!("{run} has come to its end: nothing is left to do"));
        return Ok(None);
    }
    if saved
        .results
        .as_ref()
        .is_some_and(|it| it.outcome == "diverged")
    {
        bail!(
            "the training in {run} diverged, and would again; start a new one from one of its \
             checkpoints, if there are any: fused-mlp train --init FILE, with a smaller \
             --learning-rate"
        );
    }
    let mut files = RunFiles::open(folder, &saved).context("--resume")?;
    let newest = newest_checkpoint(folder, &mut files)?;
    if let Some(loaded) = &newest {
        refuse_contradiction(&saved.settings, folder, loaded)?;
    }
    let checkpoint = newest.map(|loaded| {
        for error in &loaded.skipped {
            message(&format!(
                "warning: {error}; going on from {} instead",
                shown(&loaded.file)
            ));
        }
        (loaded.file, loaded.checkpoint)
    });
    warn_of_recipe(args, origins, &saved.settings.options);
    let found = checkpoint.as_ref().map(|(_, found)| found);
    let args = resolved((args, origins), &saved, found)?;
    let resumption = Resumption {
        files,
        saved,
        checkpoint,
    };
    Ok(Some((args, resumption)))
}

/// Writes the model of a run that is over, if that alone is missing and the newest checkpoint is of the
/// very end of the run.
fn restore_model(
    missing: &RunFolderError,
    folder: &Path,
    saved: &SavedRun,
) -> anyhow::Result<bool> {
    let RunFolderError::Missing { path } = missing else {
        return Ok(false);
    };
    if !path.ends_with(MODEL_FILE) {
        return Ok(false);
    }
    let mut files = RunFiles::open(folder, saved)?;
    let Ok(Some(loaded)) = newest_checkpoint(folder, &mut files) else {
        return Ok(false);
    };
    let Description {
        trainer,
        stopping,
        data,
        ..
    } = &loaded.checkpoint.description;
    let epochs = saved.results.as_ref().map(|results| results.epochs);
    // With early stopping, the model is that of the best epoch.
    if epochs != usize::try_from(trainer.epochs_done).ok() || stopping.is_some() {
        return Ok(false);
    }
    refuse_contradiction(&saved.settings, folder, &loaded)?;
    let metadata = Metadata::new(data.rows, data.columns);
    model_file::save(path, &loaded.checkpoint.into_parameters(), &metadata)?;
    message(&format!(
        "{missing}; it is written again from {}, which is of the end of the run",
        shown(&loaded.file)
    ));
    Ok(true)
}

/// The newest checkpoint that is whole and that the CSV files fit; `None` if there is none at all.
fn newest_checkpoint(folder: &Path, files: &mut RunFiles) -> anyhow::Result<Option<Loaded>> {
    let run = shown(folder);
    let fits = |checkpoint: &Checkpoint| files.read_before(&checkpoint.description.history);
    match CheckpointFolder::new(folder).newest_that(fits) {
        Err(CheckpointError::Unfit { file, reason }) => bail!(
            "no checkpoint in {run} fits its files: {reason}; put the file back, or start from the \
             network of the checkpoint in another folder: fused-mlp train --init {} --out DIR",
            shown(&file)
        ),
        other => other.with_context(|| {
            format!("no checkpoint in {run} can be used; start the training anew")
        }),
    }
}

/// The value of an option that nobody set and that has no default.
const NONE: &str = "none";

/// Names and values of all options of a run, as on the command line.
fn texts(settings: &RunSettings) -> Vec<(&'static str, String)> {
    fn text<T: ToString>(value: Option<&T>) -> String {
        value.map_or_else(|| NONE.to_owned(), ToString::to_string)
    }
    let mut texts = settings.options.texts();
    for (name, text) in &mut texts {
        if *name == "shuffle" {
            (*name, *text) = ("no_shuffle", (!settings.options.shuffle).to_string());
        }
    }
    texts.extend([
        ("init", text(settings.init.as_ref())),
        ("target_accuracy", text(settings.target_accuracy.as_ref())),
        ("target_on", text(settings.target_on.as_ref())),
        ("patience", text(settings.patience.as_ref())),
        ("hidden", settings.hidden.to_string()),
        ("backend", settings.backend.clone()),
        ("min_delta", settings.min_delta.to_string()),
    ]);
    texts
}

/// Options that differ: name, and both values.
fn differences(one: &RunSettings, other: &RunSettings) -> Vec<(&'static str, String, String)> {
    let pairs = texts(one).into_iter().zip(texts(other));
    let pairs = pairs.map(|((name, one), (_, other))| (name, one, other));
    pairs.filter(|(_, one, other)| one != other).collect()
}

/// The options of a run that goes on, for `--print-config`.
///
/// # Errors
/// If it cannot be read.
pub fn saved_options(folder: &Path) -> anyhow::Result<Vec<Resolved>> {
    let saved = SavedRun::read(folder).context("--resume")?;
    let settings = &saved.settings;
    let why = format!("run {}", folder.display());
    let mut found: Vec<Resolved> = texts(settings)
        .into_iter()
        .map(|(id, text)| match text.as_str() {
            NONE => Resolved::none(id, why.as_str()),
            text => Resolved::new(id, text, why.as_str()),
        })
        .collect();
    found.push(Resolved::new(
        "checkpoint_minutes",
        settings.checkpoint_minutes,
        why.as_str(),
    ));
    if let Some(epochs) = settings.checkpoint_every {
        found.push(Resolved::new("checkpoint_every", epochs, why.as_str()));
    }
    found.push(Resolved::new(
        "data",
        from_here(&saved.data.folder.display().to_string()),
        why.as_str(),
    ));
    found.push(match &saved.isa {
        Some(isa) => Resolved::new("isa", isa, why.as_str()),
        None => Resolved::none("isa", "only the fused backend has a choice"),
    });
    // Only the matrix products depend on their number.
    if settings.backend == BackendKind::Matrixmultiply.name() {
        found.push(Resolved::new("threads", saved.threads, why));
    }
    Ok(found)
}

/// Refuses options that somebody set and that differ from those of the run.
fn refuse_changes(args: &TrainArgs, origins: &Origins, own: &RunSettings) -> anyhow::Result<()> {
    let mut args = args.clone();
    // What decides on the target counts even where the target itself is that of the run.
    let target = &mut args.target.target_accuracy;
    *target = target.or(own.target_accuracy);
    let given = args.settings(args.hidden.unwrap_or(own.hidden));
    for (option, given, own) in differences(&given, own) {
        if origins.get(option).is_some() {
            bail!(
                "--{} is {given}{}, but the run that is resumed has {own}; leave it out, or start \
                 a new training",
                kebab(option),
                origins.note(option)
            );
        }
    }
    Ok(())
}

/// Refuses a `run.json` that has other options than the checkpoint, which is protected by a checksum: one
/// of the two is not of this run.
fn refuse_contradiction(
    told: &RunSettings,
    folder: &Path,
    checkpoint: &Loaded,
) -> anyhow::Result<()> {
    let own = &checkpoint.checkpoint.description.settings;
    if let Some((option, told, own)) = differences(told, own).into_iter().next() {
        bail!(
            "{}: --{} is {told}, but {own} in {}: the run had {own}; put run.json back, or start \
             a new training",
            shown(&folder.join(RUN_FILE)),
            kebab(option),
            shown(&checkpoint.file)
        );
    }
    Ok(())
}

/// Says that a recipe that was set is not that of the run: its options are not given ones,
/// so they are not refused.
fn warn_of_recipe(args: &TrainArgs, origins: &Origins, own: &TrainingOptions) {
    let is_other = args.recipe.options().of_recipe() != own.of_recipe();
    if origins.get("recipe").is_some() && is_other {
        message("warning: --recipe changes nothing: the run that is resumed keeps its own options");
    }
}

/// The options of the run, with those that were set and change no result.
fn resolved(
    (args, origins): (&TrainArgs, &Origins),
    saved: &SavedRun,
    checkpoint: Option<&Checkpoint>,
) -> anyhow::Result<TrainArgs> {
    let settings = &saved.settings;
    let mut args = args.clone();
    let options = &settings.options;
    args.recipe = RecipeArgs::resolved(options);
    args.validation = options.validation;
    args.no_shuffle = !options.shuffle;
    args.seed = options.seed;
    args.hidden = Some(settings.hidden);
    args.init = settings.init.as_ref().map(PathBuf::from);
    args.target.target_accuracy = settings.target_accuracy;
    let from_name = |name: &String| TargetOn::from_str(name, false).ok();
    args.target.target_on = settings
        .target_on
        .as_ref()
        .and_then(from_name)
        .unwrap_or(TargetOn::Test);
    args.stopping.patience = settings.patience;
    args.stopping.min_delta = settings.min_delta;
    if origins.get("checkpoint_every").is_none() {
        args.resume.checkpoint_every = settings.checkpoint_every;
    }
    if origins.get("checkpoint_minutes").is_none() {
        args.resume.checkpoint_minutes = settings.checkpoint_minutes;
    }
    if args.data.is_none() {
        args.data = Some(match checkpoint {
            Some(checkpoint) => PathBuf::from(&checkpoint.description.data.folder),
            None => saved.data.folder.clone(),
        });
    }
    let backend = BackendKind::from_str(&settings.backend, false);
    args.backend.backend = backend.map_err(|_| {
        anyhow::anyhow!(
            "the run has the backend {:?}, which this program lacks",
            settings.backend
        )
    })?;
    let (isa, threads) = match checkpoint {
        Some(checkpoint) => {
            let description = &checkpoint.description;
            (description.isa.as_ref(), description.threads)
        }
        None => (saved.isa.as_ref(), saved.threads),
    };
    resolve_engine((&mut args, origins), isa, threads)?;
    Ok(args)
}

/// Threads and instruction set: free where they change no bit, else those of the run.
fn resolve_engine(
    (args, origins): (&mut TrainArgs, &Origins),
    isa: Option<&String>,
    threads: usize,
) -> anyhow::Result<()> {
    if args.backend.backend == BackendKind::Matrixmultiply {
        // Its sums depend on the number of threads.
        match args.backend.engine.threads {
            Some(given) if given != threads => bail!(
                "--threads is {given}{}, but the run that is resumed has {threads}, on which the \
                 results of --backend matrixmultiply depend; leave it out",
                origins.note("threads")
            ),
            _ => args.backend.engine.threads = Some(threads),
        }
    }
    let Some(isa) = isa else {
        return Ok(());
    };
    let own: IsaRequest = isa.parse()?;
    let is_given = args.backend.engine.isa.is_some();
    let found = match Isa::select(own) {
        Ok(_) if !is_given => {
            args.backend.engine.isa = Some(own);
            return Ok(());
        }
        _ => args.backend.engine.isa()?,
    };
    // All instruction sets with fused multiply-add give the same bits; the portable tier is alone.
    let is_same = found.name() == isa || (found.is_fused() && isa != "portable");
    if !is_same {
        bail!(
            "--isa is {}{}, but the run that is resumed has {isa}, which gives other bits; leave \
             it out, or go on on the machine where it began",
            found.name(),
            origins.note("isa")
        );
    }
    Ok(())
}

impl Resumption {
    /// Says that the run begins anew. Refuses another data set than that which it began with, by what its
    /// `run.json` tells: sizes, and the checksum of the training labels.
    ///
    /// # Errors
    /// If something differs, naming it.
    pub fn begin_anew(&self, folder: &str, dataset: &Dataset) -> anyhow::Result<()> {
        let (run, saved) = (shown(self.files.path()), &self.saved.data);
        let found = DataDescription::new(Path::new(folder), dataset);
        let image = |rows: usize, columns: usize| format!("{rows} x {columns}");
        let pairs = [
            (
                "training samples",
                saved.train_samples.to_string(),
                found.train_samples.to_string(),
            ),
            (
                "test samples",
                saved.test_samples.to_string(),
                found.test_samples.to_string(),
            ),
            (
                "size of images",
                image(saved.rows, saved.columns),
                image(found.rows, found.columns),
            ),
            (
                "SHA-256 of the training labels",
                saved
                    .train_labels_sha256
                    .clone()
                    .unwrap_or_else(|| found.train_labels_sha256.clone()),
                found.train_labels_sha256,
            ),
        ];
        for (name, expected, found) in pairs {
            if expected != found {
                bail!(
                    "the data in {folder} are not those of the run that is resumed: {name}: expected \
                     {expected}, found {found}; name its data set with --data"
                );
            }
        }
        message(&format!(
            "{run} has no checkpoint yet: the training begins anew"
        ));
        Ok(())
    }
}

/// Refuses another data set than the checkpoint's; gives its identity.
///
/// # Errors
/// If a file differs, naming it.
pub fn check_data(
    checkpoint: &Checkpoint,
    folder: String,
    dataset: &Dataset,
) -> anyhow::Result<DataIdentity> {
    let expected = &checkpoint.description.data;
    let found = DataIdentity::new(folder, dataset);
    let names = [
        "training images",
        "training labels",
        "test images",
        "test labels",
    ];
    for ((name, expected), found_sum) in names.iter().zip(&expected.sha256).zip(&found.sha256) {
        if expected != found_sum {
            bail!(
                "the {name} in {} are not those of the run that is resumed: expected SHA-256 \
                 {expected}, found {found_sum}; name its data set with --data",
                found.folder
            );
        }
    }
    Ok(found)
}
