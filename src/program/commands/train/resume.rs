//! `train --resume`: a run goes on from its newest checkpoint.

use super::{TrainArgs, from_here};
use crate::options::backend::{BackendKind, EngineArgs};
use crate::options::training::kebab;
use crate::options::{Origins, Resolved};
use crate::run_folder::{
    DataDescription, MODEL_FILE, Outcome, RUN_FILE, RunFolder, RunRecord, StartEvent,
};
use crate::terminal::output::{message, shown};
use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use fused_mlp::mnist::Dataset;
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::RunSettings;
use fused_mlp::training::checkpoint::{
    Checkpoint, CheckpointError, CheckpointFolder, DataIdentity, Loaded,
};
use std::path::{Path, PathBuf};

/// A run that goes on.
pub struct Resumption {
    /// Its files, which no other process writes to.
    pub folder: RunFolder,
    /// What it was asked for.
    pub record: RunRecord,
    /// Where it stands, and the file that tells; none if it begins anew.
    pub checkpoint: Option<(PathBuf, Checkpoint)>,
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
    let mut record = RunRecord::read(folder).context("--resume")?;
    refuse_changes(args, origins, &record.start)?;
    match record.outcome() {
        Some(Outcome::Finished | Outcome::Missed) => {
            check_whole(&record, folder).map_err(|error| {
                anyhow!(
                    "{error}; the run is over and is never trained again in its folder: train it into \
                     another one (--out) with its options, which fused-mlp train --resume {run} \
                     --print-config prints as a file for --config"
                )
            })?;
            message(&format!("{run} has come to its end: nothing is left to do"));
            return Ok(None);
        }
        Some(Outcome::Diverged) => bail!(
            "the training in {run} diverged, and would again; start a new one from one of its \
             checkpoints, if there are any: fused-mlp train --init FILE, with a smaller \
             --learning-rate"
        ),
        _ => {}
    }
    let mut files = RunFolder::open(folder, &record).context("--resume")?;
    let newest = newest_checkpoint(&mut files, &record)?;
    let checkpoint = newest.map(|loaded| {
        for error in &loaded.skipped {
            message(&format!(
                "warning: {error}; going on from {} instead",
                shown(&loaded.file)
            ));
        }
        let own = &loaded.checkpoint.description;
        record.start.data.folder.clone_from(&own.data.folder);
        record.start.environment.isa.clone_from(&own.isa);
        (loaded.file, loaded.checkpoint)
    });
    let settings = &mut record.start.settings;
    if origins.get("checkpoint_every").is_some() {
        settings.checkpoint_every = args.checkpoint_every;
    }
    if origins.get("checkpoint_minutes").is_some() {
        settings.checkpoint_minutes = args.checkpoint_minutes;
    }
    let resumption = Resumption {
        folder: files,
        record,
        checkpoint,
    };
    let args = resumption.arguments(args, origins)?;
    Ok(Some((args, resumption)))
}

/// Compares the files of a run that is over with what it left. Its model is written again, if that alone
/// is missing.
fn check_whole(record: &RunRecord, folder: &Path) -> anyhow::Result<()> {
    record.check_lines(folder)?;
    if !folder.join(MODEL_FILE).exists() {
        restore_model(record, folder)?;
    }
    record.check_model(folder)
}

/// Writes the model of a run that is over, if the newest checkpoint is of the very end of the run.
fn restore_model(record: &RunRecord, folder: &Path) -> anyhow::Result<()> {
    let mut files = RunFolder::open(folder, record)?;
    let Ok(Some(loaded)) = newest_checkpoint(&mut files, record) else {
        return Ok(());
    };
    let own = &loaded.checkpoint.description;
    let epochs = record.results.as_ref().map(|results| results.epochs);
    // With early stopping, the model is that of the best epoch.
    if epochs != Some(own.trainer.epochs_done) || own.stopping.is_some() {
        return Ok(());
    }
    let metadata = Metadata::new(own.data.rows, own.data.columns);
    let path = folder.join(MODEL_FILE);
    model_file::save(&path, &loaded.checkpoint.into_parameters(), &metadata)?;
    message(&format!(
        "{} is missing; it is written again from {}, which is of the end of the run",
        shown(&path),
        shown(&loaded.file)
    ));
    Ok(())
}

/// The newest checkpoint that is whole and that the CSV files fit; `None` if there is none at all.
///
/// # Errors
/// If none of those that are there fits, or `run.json` has other options than the checkpoint, which is
/// protected by a checksum: one of the two is not of this run.
fn newest_checkpoint(files: &mut RunFolder, record: &RunRecord) -> anyhow::Result<Option<Loaded>> {
    let folder = files.path().to_owned();
    let run = shown(&folder);
    let fits = |checkpoint: &Checkpoint| files.read_before(&checkpoint.description.history);
    let newest = match CheckpointFolder::new(&folder).newest_that(fits) {
        Err(CheckpointError::Unfit { file, reason }) => bail!(
            "no checkpoint in {run} fits its files: {reason}; put the file back, or start from the \
             network of the checkpoint in another folder: fused-mlp train --init {} --out DIR",
            shown(&file)
        ),
        other => other.with_context(|| {
            format!("no checkpoint in {run} can be used; start the training anew")
        })?,
    };
    if let Some(loaded) = &newest {
        let own = &loaded.checkpoint.description;
        let own = texts(&own.settings, own.threads);
        let told = texts(&record.start.settings, record.start.environment.threads);
        if let Some((option, told, own)) = differences(told, own).first() {
            bail!(
                "{}: --{} is {told}, but {own} in {}: the run had {own}; put run.json back, or start \
                 a new training",
                shown(&folder.join(RUN_FILE)),
                kebab(option),
                shown(&loaded.file)
            );
        }
    }
    Ok(newest)
}

/// Name and value of an option, as on the command line; no value if nobody set it and it has no default.
type Text = (&'static str, Option<String>);

/// All options that decide the results of a run on so many threads.
fn texts(settings: &RunSettings, threads: usize) -> Vec<Text> {
    let options = settings.options.texts().into_iter();
    let mut texts: Vec<Text> = options.map(|(name, text)| (name, Some(text))).collect();
    for text in &mut texts {
        if text.0 == "shuffle" {
            *text = ("no_shuffle", Some((!settings.options.shuffle).to_string()));
        }
    }
    let target = settings.target_accuracy.map(|it| it.to_string());
    texts.extend([
        ("init", settings.init.clone()),
        ("target_accuracy", target),
        ("target_on", settings.target_on.clone()),
        ("patience", settings.patience.map(|it| it.to_string())),
        ("hidden", Some(settings.hidden.to_string())),
        ("backend", Some(settings.backend.clone())),
        ("min_delta", Some(settings.min_delta.to_string())),
    ]);
    // Only the sums of matrix products depend on their number.
    if settings.backend == BackendKind::Matrixmultiply.name() {
        texts.push(("threads", Some(threads.to_string())));
    }
    texts
}

/// Options that differ: name, and both values.
fn differences(one: Vec<Text>, other: Vec<Text>) -> Vec<(&'static str, String, String)> {
    let shown = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let pairs = one.into_iter().zip(other);
    let pairs = pairs.filter(|(one, other)| one.1 != other.1);
    let pairs = pairs.map(|((name, one), (_, other))| (name, shown(one), shown(other)));
    pairs.collect()
}

/// The options of a run that goes on, for `--print-config`.
///
/// # Errors
/// If it cannot be read.
pub fn saved_options(folder: &Path) -> anyhow::Result<Vec<Resolved>> {
    let start = RunRecord::read(folder).context("--resume")?.start;
    let settings = &start.settings;
    let minutes = settings.checkpoint_minutes.to_string();
    let every = settings.checkpoint_every.map(|it| it.to_string());
    let mut texts = texts(settings, start.environment.threads);
    texts.extend([
        ("checkpoint_minutes", Some(minutes)),
        ("checkpoint_every", every),
        ("data", Some(from_here(&start.data.folder))),
        ("isa", start.environment.isa),
    ]);
    let why = format!("run {}", folder.display());
    let resolved = texts.into_iter().map(|(id, text)| Resolved {
        id,
        text,
        why: why.clone(),
    });
    Ok(resolved.collect())
}

/// Refuses options that somebody set and that differ from those of the run; says that a recipe is passed
/// over.
fn refuse_changes(args: &TrainArgs, origins: &Origins, start: &StartEvent) -> anyhow::Result<()> {
    let (own, threads) = (&start.settings, start.environment.threads);
    let is_other = args.recipe.options().of_recipe() != own.options.of_recipe();
    if origins.get("recipe").is_some() && is_other {
        // Its options are not given ones, so they are not refused.
        message("warning: --recipe changes nothing: the run that is resumed keeps its own options");
    }
    let mut args = args.clone();
    // What decides on the target counts even where the target itself is that of the run.
    args.target_accuracy = args.target_accuracy.or(own.target_accuracy);
    let mut given = args.settings(args.hidden.unwrap_or(own.hidden));
    if origins.get("backend").is_none() {
        // The threads count if they do for the backend of the run.
        given.backend.clone_from(&own.backend);
    }
    let given = texts(&given, args.backend.engine.threads.unwrap_or(threads));
    for (option, given, own) in differences(given, texts(own, threads)) {
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

impl Resumption {
    /// The arguments with the data, the backend, the threads and the instruction set of the run.
    fn arguments(&self, args: &TrainArgs, origins: &Origins) -> anyhow::Result<TrainArgs> {
        let start = &self.record.start;
        let mut args = args.clone();
        args.data.get_or_insert_with(|| (&start.data.folder).into());
        let backend = &start.settings.backend;
        args.backend.backend = BackendKind::from_str(backend, false).map_err(|_| {
            anyhow!("the run has the backend {backend:?}, which this program lacks")
        })?;
        let engine = &mut args.backend.engine;
        if args.backend.backend == BackendKind::Matrixmultiply {
            engine.threads = Some(start.environment.threads);
        }
        if let Some(isa) = &start.environment.isa {
            resolve_isa(engine, origins, isa)?;
        }
        Ok(args)
    }

    /// Refuses other data than those that the run began with: by the checksums of all files, which are
    /// returned, or where there is no checkpoint by what `run.json` tells. Says that a run begins anew.
    ///
    /// # Errors
    /// If something differs, naming it.
    pub fn check_data(
        &self,
        found: &DataDescription,
        dataset: &Dataset,
    ) -> anyhow::Result<Option<DataIdentity>> {
        let mut identity = None;
        let (expected, other) = match &self.checkpoint {
            Some((_, checkpoint)) => {
                let found = identity.insert(DataIdentity::new(found.folder.clone(), dataset));
                (checksums(&checkpoint.description.data), checksums(found))
            }
            None => {
                let mut own = self.record.start.data.clone();
                let labels = &mut own.train_labels_sha256;
                *labels = labels.take().or_else(|| found.train_labels_sha256.clone());
                (sizes(&own), sizes(found))
            }
        };
        let mut pairs = expected.into_iter().zip(other);
        if let Some(((name, expected), (_, other))) = pairs.find(|(own, other)| own != other) {
            bail!(
                "the data in {} are not those of the run that is resumed: {name}: expected {expected}, \
                 found {other}; name its data set with --data",
                found.folder
            );
        }
        if self.checkpoint.is_none() {
            let run = shown(self.folder.path());
            message(&format!(
                "{run} has no checkpoint yet: the training begins anew"
            ));
        }
        Ok(identity)
    }
}

/// What tells data sets apart for certain.
fn checksums(data: &DataIdentity) -> [(&'static str, String); 4] {
    let [train_images, train_labels, test_images, test_labels] = data.sha256.clone();
    [
        ("SHA-256 of the training images", train_images),
        ("SHA-256 of the training labels", train_labels),
        ("SHA-256 of the test images", test_images),
        ("SHA-256 of the test labels", test_labels),
    ]
}

/// What `run.json` tells of a data set.
fn sizes(data: &DataDescription) -> [(&'static str, String); 4] {
    let labels = data.train_labels_sha256.clone();
    [
        ("training samples", data.train_samples.to_string()),
        ("test samples", data.test_samples.to_string()),
        (
            "size of images",
            format!("{} x {}", data.rows, data.columns),
        ),
        ("SHA-256 of the training labels", labels.unwrap_or_default()),
    ]
}

/// The instruction set is free where it changes no bit, else that of the run.
fn resolve_isa(engine: &mut EngineArgs, origins: &Origins, isa: &str) -> anyhow::Result<()> {
    let own: IsaRequest = isa.parse()?;
    if engine.isa.is_none() && Isa::select(own).is_ok() {
        engine.isa = Some(own);
        return Ok(());
    }
    let found = engine.isa()?;
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
