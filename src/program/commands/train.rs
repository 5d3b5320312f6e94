//! `fused-mlp train`.

mod checkpoints;
mod ending;
mod epochs;
mod live;
mod memory;
mod messages;
mod open_run;
mod resolved;
mod resume;
mod run;
mod saving;
mod session;
mod stopping;
mod target;

use super::model::{self, LoadedModel};
use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::backend::BackendArgs;
use crate::options::training::RecipeArgs;
use crate::options::{Origin, Origins, output_name};
use crate::terminal::output::{message, shown};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::{Backend, Evaluation, Samples, check_shape};
use fused_mlp::mnist::{self, Dataset, Defect, FileAccess, OpenOptions, Split};
use fused_mlp::network::Shape;
use fused_mlp::training::{RunSettings, TrainingOptions};
pub use resolved::{resolved, useless};
use resume::ResumeArgs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use stopping::StoppingArgs;
pub use target::parse_share;
use target::{TargetArgs, TargetOn};

const EXAMPLES: &str = "Examples:
  fused-mlp train
  fused-mlp train --epochs 2 --validation 5000 --out runs/first
  fused-mlp train --target-accuracy 0.98
  fused-mlp train --resume runs/first
  fused-mlp train --epochs 100 --validation 5000 --patience 3
  fused-mlp train --recipe best --seed 2
  fused-mlp train --json --quiet | tail -1

The clock of --target-accuracy starts with the program: opening the data, training and every
evaluation are on it. What the system does before, loading the program, is not.";

/// Options of `fused-mlp train`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct TrainArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Units of the hidden layer [default: 300, or those of --init]
    #[arg(long, value_name = "N")]
    hidden: Option<usize>,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = TrainingOptions::default().seed)]
    seed: u64,
    #[command(flatten)]
    backend: BackendArgs,
    /// Training samples set aside and scored after each epoch; the choice does not depend on the seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    validation: usize,
    #[command(flatten)]
    target: TargetArgs,
    /// Model file, folder of a run, or checkpoint with the initial weights, instead of random ones
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    /// Keep the samples in the order of the files
    #[arg(long)]
    no_shuffle: bool,
    #[command(flatten)]
    stopping: StoppingArgs,
    /// Folder for the results; must not exist [default: runs/<date-time>-<seed>]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    #[command(flatten)]
    resume: ResumeArgs,
    #[command(flatten)]
    access: AccessArgs,
    /// Print results as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Show no progress, only results
    #[arg(long)]
    quiet: bool,
}

/// Units of the hidden layer where no option tells.
pub const DEFAULT_HIDDEN: usize = 300;

impl TrainArgs {
    fn options(&self) -> TrainingOptions {
        TrainingOptions {
            validation: self.validation,
            shuffle: !self.no_shuffle,
            seed: self.seed,
            ..self.recipe.options.clone()
        }
    }

    /// Checks what needs no data; without a run to go on with, whose options count.
    fn check(&self) -> anyhow::Result<()> {
        if self.resume.resume.is_none() {
            // That the validation samples are no more than there are is left to the data.
            self.options().check(usize::MAX)?;
        }
        if self.hidden == Some(0) {
            bail!("--hidden is 0; expected at least 1");
        }
        if self.backend.engine.threads.is_some() {
            self.backend.engine.threads()?;
        }
        if self.target.target_on == TargetOn::Validation && self.validation == 0 {
            bail!(
                "--target-on validation needs samples to decide: expected --validation N, found \
                 none"
            );
        }
        self.stopping.check(self.validation)?;
        self.resume.check()
    }

    /// All options that the results depend on, for a network of so many hidden units.
    fn settings(&self, hidden: usize) -> RunSettings {
        let target = self.target;
        let absolute = |path: &PathBuf| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.display().to_string()
        };
        RunSettings {
            options: self.options(),
            backend: self.backend.backend.name().to_owned(),
            hidden,
            init: self.init.as_ref().map(absolute),
            target_accuracy: target.target_accuracy,
            target_on: target
                .target_accuracy
                .map(|_| target.target_on.name().to_owned()),
            patience: self.stopping.patience,
            min_delta: self.stopping.min_delta,
            checkpoint_every: self.resume.checkpoint_every,
            checkpoint_minutes: self.resume.checkpoint_minutes,
        }
    }

    /// The model that the training starts from, if one is named, and the SHA-256 of its file: that with
    /// which the run began, if it has begun before.
    fn initial_model(
        &self,
        began_with: Option<&str>,
    ) -> anyhow::Result<Option<(LoadedModel, String)>> {
        let Some(path) = &self.init else {
            return Ok(None);
        };
        let model = model::load(path)?;
        let sha256 = model.sha256()?;
        if let Some(expected) = began_with.filter(|&expected| expected != sha256) {
            bail!(
                "{} is not the model that the run began with: expected SHA-256 {expected}, found {sha256}; \
                 put it back, or start a new training",
                shown(&model.file)
            );
        }
        let found = model.parameters.shape.hidden;
        match self.hidden {
            Some(hidden) if hidden != found => bail!(
                "--hidden is {hidden}, but {} has {found} hidden units; leave --hidden out",
                shown(&model.file)
            ),
            _ => Ok(Some((model, sha256))),
        }
    }

    /// The shape of a network without a model, for a data set.
    fn shape(&self, dataset: &Dataset) -> anyhow::Result<Shape> {
        let shape = Shape {
            inputs: dataset.train.images.pixels(),
            hidden: self.hidden.unwrap_or(DEFAULT_HIDDEN),
            classes: dataset.classes,
        };
        check_shape(shape).context("--hidden")?;
        Ok(shape)
    }
}

/// Opens the data set, with a choice how the images come into memory. Where there is a model, it must
/// fit it: its inputs and classes hold.
pub fn open_data(
    folder: Option<&Path>,
    model: Option<(&Path, Shape)>,
    access: FileAccess,
) -> anyhow::Result<(PathBuf, Dataset)> {
    let folder = mnist::locate(folder)?;
    let options = OpenOptions {
        access,
        classes: model.map(|(_, shape)| shape.classes),
        ..OpenOptions::default()
    };
    let dataset = match Dataset::open_with_messages(&folder, &options, &mut message) {
        Err(error) if error.defect == Defect::LabelBeyondClasses => {
            let model = model.map_or(Path::new("the network"), |(path, _)| path);
            bail!(
                "{} has too few classes for the data set: {error}; choose another model or data set",
                shown(model)
            );
        }
        other => other?,
    };
    // What later checks compare with.
    dataset.check_mappings()?;
    let pixels = dataset.train.images.pixels();
    match model {
        Some((path, shape)) if shape.inputs != pixels => bail!(
            "{}: a network of shape {shape} takes {} pixels, but the images of the data set have \
             {pixels}; choose another model or data set",
            shown(path),
            shape.inputs
        ),
        _ => Ok((folder, dataset)),
    }
}

/// Scores all samples of a split.
pub fn evaluate(backend: &mut dyn Backend, split: &Split) -> anyhow::Result<Evaluation> {
    let samples = Samples::from(split);
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    Ok(backend.evaluate(samples, &order)?)
}

/// Refuses options that mean nothing without another one. Their defaults may stand in a file.
fn check_dependent(args: &TrainArgs, origins: &Origins) -> anyhow::Result<()> {
    let is_given = |id: &str, is_default: bool| match origins.get(id) {
        Some(Origin::CommandLine) => true,
        Some(_) => !is_default,
        None => false,
    };
    let stopping = args.stopping;
    if is_given("min_delta", stopping.min_delta == 0.0) && stopping.patience.is_none() {
        bail!(
            "--min-delta{} is a part of early stopping: expected --patience N with it, found none",
            origins.note("min_delta")
        );
    }
    let target = args.target;
    let is_test = target.target_on == TargetOn::Test;
    if is_given("target_on", is_test) && target.target_accuracy.is_none() {
        bail!(
            "--target-on{} says where a target is to be reached: expected --target-accuracy SHARE \
             with it, found none",
            origins.note("target_on")
        );
    }
    Ok(())
}

/// Trains, reports, and leaves a run folder.
///
/// # Errors
/// If an option, the data or a file cannot be used.
pub fn run(args: &TrainArgs, origins: &Origins, start: Instant) -> anyhow::Result<Ending> {
    let Some(folder) = &args.resume.resume else {
        check_dependent(args, origins)?;
        return run::train(args, None, start);
    };
    match resume::prepare(args, origins, folder)? {
        None => Ok(Ending::Success),
        Some((args, resumption)) => run::train(&args, Some(resumption), start),
    }
}

/// A folder as seen from the current one, if it lies below.
pub fn from_here(folder: &str) -> String {
    let current = std::env::current_dir().ok();
    let below = current
        .as_deref()
        .and_then(|current| Path::new(folder).strip_prefix(current).ok());
    shown(below.unwrap_or(Path::new(folder)))
}
