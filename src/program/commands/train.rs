//! `fused-mlp train`.

mod ending;
mod memory;
mod resolved;
mod resume;
mod run;
mod saving;
mod session;

use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::backend::BackendArgs;
use crate::options::training::RecipeArgs;
use crate::options::{Origin, Origins, output_name};
use crate::terminal::output::{message, shown};
use anyhow::bail;
use clap::{Args, ValueEnum};
use fused_mlp::backend::{Backend, Evaluation, Samples};
use fused_mlp::mnist::{self, DataError, Dataset, FileAccess, OpenOptions, Split};
use fused_mlp::network::Shape;
use fused_mlp::training::{RunSettings, TrainingOptions};
pub use resolved::{resolved, useless};
use std::path::{Path, PathBuf};
use std::time::Instant;

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
    /// Stop after the first epoch whose evaluation reaches this share of correct predictions, and
    /// exit with 1 if none does
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    target_accuracy: Option<f64>,
    /// Samples that decide on the target
    #[arg(long, value_enum, value_name = "SPLIT", default_value = "test")]
    target_on: TargetOn,
    /// Model file, folder of a run, or checkpoint with the initial weights, instead of random ones
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    /// Keep the samples in the order of the files
    #[arg(long)]
    no_shuffle: bool,
    /// Stop when the validation loss has not improved for so many epochs in a row, and keep the
    /// network of the best epoch
    #[arg(long, value_name = "N")]
    patience: Option<u32>,
    /// Fall of the validation loss that counts as an improvement, in nats
    #[arg(long, value_name = "NATS", default_value_t = 0.0)]
    min_delta: f64,
    /// Folder for the results; must not exist [default: runs/<date-time>-<seed>]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Go on with an interrupted run from its newest checkpoint, to the same files, byte for byte
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Write a checkpoint every N epochs, and by the clock; 0 for none at all [default: by the clock]
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<u32>,
    /// Write a checkpoint when so many minutes have passed since the last, within long epochs too
    #[arg(long, value_name = "MINUTES", default_value_t = 1.0)]
    checkpoint_minutes: f64,
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

/// What decides on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TargetOn {
    /// The test samples, as is usual for records
    Test,
    /// The samples set aside with --validation
    Validation,
}

impl TargetOn {
    fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

/// A share of correct predictions.
pub fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("expected a share above 0, at most 1, such as 0.98".to_owned()),
    }
}

impl TrainArgs {
    fn options(&self) -> TrainingOptions {
        TrainingOptions {
            validation: self.validation,
            shuffle: !self.no_shuffle,
            seed: self.seed,
            ..self.recipe.options.clone()
        }
    }

    /// Checks what needs no data. What a run to go on with was asked for was checked when it began.
    fn check(&self) -> anyhow::Result<()> {
        let (delta, minutes) = (self.min_delta, self.checkpoint_minutes);
        let is_new = self.resume.is_none();
        if is_new {
            // That the validation samples are no more than there are is left to the data.
            self.options().check(usize::MAX)?;
        }
        if self.backend.engine.threads.is_some() {
            self.backend.engine.threads()?;
        }
        let is_validated = self.validation > 0;
        let mistakes = [
            (
                self.hidden == Some(0),
                "--hidden is 0; expected at least 1".to_owned(),
            ),
            (
                is_new && self.target_on == TargetOn::Validation && !is_validated,
                "--target-on validation needs samples to decide: expected --validation N, found none"
                    .to_owned(),
            ),
            (
                self.patience == Some(0),
                "--patience is 0; expected at least 1".to_owned(),
            ),
            (
                is_new && self.patience.is_some() && !is_validated,
                "--patience needs samples to decide: expected --validation N, found none".to_owned(),
            ),
            (
                self.patience.is_some() && !(delta.is_finite() && delta >= 0.0),
                format!("--min-delta is {delta}; expected a finite number, 0 or more"),
            ),
            (
                // As many as a Duration can hold, and more than any run takes.
                !(0.0..=1e9).contains(&minutes),
                format!("--checkpoint-minutes is {minutes}; expected a number from 0 to 1e9"),
            ),
        ];
        match mistakes.into_iter().find(|(is_made, _)| *is_made) {
            Some((_, mistake)) => bail!(mistake),
            None => Ok(()),
        }
    }

    /// Refuses options that mean nothing without another one. Their defaults may stand in a file.
    fn check_dependent(&self, origins: &Origins) -> anyhow::Result<()> {
        let is_given = |id: &str, is_default: bool| match origins.get(id) {
            Some(Origin::CommandLine) => true,
            Some(_) => !is_default,
            None => false,
        };
        if is_given("min_delta", self.min_delta == 0.0) && self.patience.is_none() {
            bail!(
                "--min-delta{} is a part of early stopping: expected --patience N with it, found none",
                origins.note("min_delta")
            );
        }
        let is_test = self.target_on == TargetOn::Test;
        if is_given("target_on", is_test) && self.target_accuracy.is_none() {
            bail!(
                "--target-on{} says where a target is to be reached: expected --target-accuracy SHARE \
                 with it, found none",
                origins.note("target_on")
            );
        }
        Ok(())
    }

    /// All options that the results depend on, for a network of so many hidden units.
    fn settings(&self, hidden: usize) -> RunSettings {
        let absolute = |path: &PathBuf| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.display().to_string()
        };
        let target_on = self.target_on.name().to_owned();
        RunSettings {
            options: self.options(),
            backend: self.backend.backend.name().to_owned(),
            hidden,
            init: self.init.as_ref().map(absolute),
            target_accuracy: self.target_accuracy,
            target_on: self.target_accuracy.map(|_| target_on),
            patience: self.patience,
            min_delta: self.min_delta,
            checkpoint_every: self.checkpoint_every,
            checkpoint_minutes: self.checkpoint_minutes,
        }
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
        Err(DataError::LabelBeyondClasses {
            file,
            position,
            label,
            classes,
        }) => {
            let model = model.map_or(Path::new("the network"), |(path, _)| path);
            bail!(
                "{} has {classes} classes, but {} holds class {label} at position {position}; \
                 choose another model or data set",
                shown(model),
                shown(&file)
            );
        }
        other => other?,
    };
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

/// Trains, reports, and leaves a run folder.
///
/// # Errors
/// If an option, the data or a file cannot be used.
pub fn run(args: &TrainArgs, origins: &Origins, start: Instant) -> anyhow::Result<Ending> {
    args.check()?;
    let Some(folder) = &args.resume else {
        args.check_dependent(origins)?;
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
