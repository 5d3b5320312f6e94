//! `train --resume`: a run goes on from its newest checkpoint.

use super::TrainArgs;
use crate::options::Origins;
use crate::options::backend::{BackendKind, EngineArgs};
use crate::options::training::kebab;
use crate::run_folder::{DataDescription, Outcome, RUN_FILE, RunFolder, RunRecord};
use crate::terminal::output::{message, shown};
use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use fused_mlp::engine::Precision;
use fused_mlp::mnist::Dataset;
use fused_mlp::simd::{ISA_VARIABLE, Isa, IsaRequest};
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
    /// Whether it is trained again in another folder, to compare.
    pub is_repetition: bool,
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
    refuse_changes(args, origins, &record, folder)?;
    match record.outcome() {
        Some(Outcome::Finished | Outcome::Missed) => {
            record.check_files(folder).map_err(|error| {
                anyhow!(
                    "{error}; the run is over and is never trained again in its folder: train it into \
                     another one (--out) with its options, which its run.json tells, or predict with a \
                     checkpoint, if there are any"
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
        is_repetition: false,
    };
    let args = resumption.arguments(args)?;
    Ok(Some((args, resumption)))
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
    let options = options.map(|(name, text)| match name {
        "shuffle" => ("no_shuffle", Some((!settings.options.shuffle).to_string())),
        _ => (name, Some(text)),
    });
    let mut texts: Vec<Text> = options.collect();
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

/// Refuses options that somebody set and that differ from those of the run; says that a recipe is passed
/// over.
fn refuse_changes(
    args: &TrainArgs,
    origins: &Origins,
    record: &RunRecord,
    folder: &Path,
) -> anyhow::Result<()> {
    let start = &record.start;
    let (own, threads) = (&start.settings, start.environment.threads);
    let is_other = args.recipe.options().of_recipe() != own.options.of_recipe();
    if origins.get("recipe").is_some() && is_other {
        // Its options are not given ones, so they are not refused.
        message("warning: --recipe changes nothing: the run that is resumed keeps its own options");
    }
    let (given, of_run) = (args.access.access().adjustment, start.data.adjustment);
    let is_given = ["transpose", "invert"]
        .iter()
        .any(|it| origins.get(it).is_some());
    if is_given && given != of_run {
        bail!(
            "the images are read with {given}, but the run that is resumed has read them with {of_run}; leave \
             these options out, or start a new training"
        );
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
            let otherwise = match record.outcome() {
                Some(Outcome::Finished | Outcome::Missed) => format!(
                    "the run is over; train on from its network in a new run: fused-mlp train --init {} \
                     --{} {given}",
                    shown(folder),
                    kebab(option)
                ),
                _ => "leave it out, or start a new training".to_owned(),
            };
            bail!(
                "--{} is {given}, but the run that is resumed has {own}; {otherwise}",
                kebab(option)
            );
        }
    }
    Ok(())
}

impl Resumption {
    /// The arguments with the data, the backend, the threads and the instruction set of the run.
    pub fn arguments(&self, args: &TrainArgs) -> anyhow::Result<TrainArgs> {
        let start = &self.record.start;
        let mut args = args.clone();
        args.data.get_or_insert_with(|| (&start.data.folder).into());
        args.access.adjustment = start.data.adjustment.into();
        let backend = &start.settings.backend;
        args.backend.backend = BackendKind::from_str(backend, false).map_err(anyhow::Error::msg)?;
        let engine = &mut args.backend.engine;
        if args.backend.backend == BackendKind::Matrixmultiply {
            engine.threads = Some(start.environment.threads);
        }
        if let Some(isa) = &start.environment.isa {
            resolve_isa(engine, isa, start.settings.options.precision)?;
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
                (description(&own), description(found))
            }
        };
        let mut pairs = expected.iter().zip(&other);
        if let Some((expected, other)) = pairs.find(|(own, other)| own != other) {
            bail!(
                "the data in {} are not those of the run: expected {expected}, found \
                 {other}; name its data set with --data",
                found.folder
            );
        }
        if self.checkpoint.is_none() && !self.is_repetition {
            let run = shown(self.folder.path());
            message(&format!(
                "{run} has no checkpoint yet: the training begins anew"
            ));
        }
        Ok(identity)
    }
}

/// What tells data sets apart for certain.
fn checksums(data: &DataIdentity) -> Vec<String> {
    let files = [
        "training images",
        "training labels",
        "test images",
        "test labels",
    ];
    let named = files.iter().zip(&data.sha256);
    named
        .map(|(file, sum)| format!("{file} of SHA-256 {sum}"))
        .collect()
}

/// What `run.json` tells of a data set.
fn description(data: &DataDescription) -> Vec<String> {
    let labels = data.train_labels_sha256.as_deref().unwrap_or_default();
    vec![
        format!("{} training samples", data.train_samples),
        format!("{} test samples", data.test_samples),
        format!("images of {} x {}", data.rows, data.columns),
        format!("training labels of SHA-256 {labels}"),
    ]
}

/// The instruction set is free where it changes no bit, else that of the run.
fn resolve_isa(engine: &mut EngineArgs, isa: &str, precision: Precision) -> anyhow::Result<()> {
    let own = isa
        .parse::<IsaRequest>()
        .ok()
        .filter(|&own| Isa::select(own).is_ok_and(|found| found.name() == isa));
    if engine.isa.is_none() && own.is_some() {
        engine.isa = own;
        return Ok(());
    }
    let found = engine.isa()?;
    // In f32 all instruction sets with fused multiply-add give the same bits, on ARM, too; the others are alone.
    let is_same = precision == Precision::Int16
        || found.name() == isa
        || (found.is_fused() && Isa::is_name_of_fused(isa));
    if !is_same {
        bail!(
            "--isa is {}, but the run has {isa}, which gives other bits; leave it out \
             (or {ISA_VARIABLE}), or use the machine where the run began",
            found.name()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_another_architecture_goes_on_where_the_bits_are_the_same() {
        let resolved = |asked: Option<IsaRequest>, isa: &str, precision| {
            let mut engine = EngineArgs {
                threads: None,
                isa: asked,
            };
            resolve_isa(&mut engine, isa, precision).map(|()| engine.isa)
        };
        let best = Isa::select(IsaRequest::Auto).unwrap();
        let auto = Some(IsaRequest::Auto);
        for absent in ["neon", "portable-fma"] {
            let found = resolved(auto, absent, Precision::F32);
            assert_eq!(found.is_ok(), best.is_fused() || best.name() == absent);
            let portable = Isa::select(IsaRequest::Portable).unwrap();
            let found = resolved(Some(IsaRequest::Portable), absent, Precision::F32);
            assert_eq!(found.is_ok(), portable.is_fused());
            assert!(resolved(auto, absent, Precision::Int16).is_ok());
        }
        let own = resolved(None, best.name(), Precision::F32).unwrap();
        assert_eq!(own.map(|own| Isa::select(own).unwrap()), Some(best));
    }
}
