//! `fused-mlp train`.

mod ending;
mod resume;
mod run;
mod saving;
mod session;
pub mod verify;

use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::backend::BackendArgs;
use crate::options::number_range::parse_positive;
use crate::options::training::RecipeArgs;
use crate::options::{Origins, output_name};
use crate::terminal::output::{message, shown};
use anyhow::{anyhow, bail};
use clap::{Args, Command, FromArgMatches};
use fused_mlp::backend::{Backend, Evaluation, Samples};
use fused_mlp::mnist::{self, Dataset, Defect, Images, OpenOptions, Split};
use fused_mlp::network::Shape;
use fused_mlp::training::{RunSettings, TrainingOptions};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Options of `fused-mlp train`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("train/examples.txt"))]
pub struct TrainArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Training samples set aside and scored after each epoch; the choice does not depend on the seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    validation: usize,
    #[command(flatten)]
    access: AccessArgs,
    /// Units of the hidden layer [default: 300, or those of --init]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    hidden: Option<usize>,
    /// Model file, folder of a run, or checkpoint with the initial weights, instead of random ones
    #[arg(long, value_name = "MODEL", conflicts_with = "init_scale")]
    init: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = TrainingOptions::default().seed)]
    seed: u64,
    /// Keep the samples in the order of the files
    #[arg(long)]
    no_shuffle: bool,
    /// Stop after the first evaluation that reaches this share of correct predictions, and exit with 1 if
    /// none does; where the learning rate is low, there are some within epochs, and where the share is
    /// far, none
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    target_accuracy: Option<f64>,
    /// Samples that decide on the target: those of the test, as is usual for records, or those set aside
    /// with --validation
    #[arg(long, value_name = "SPLIT", default_value = "test", value_parser = ["test", "validation"])]
    target_on: String,
    /// Stop when the validation loss has not improved for so many epochs in a row, and keep the
    /// network of the best epoch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    patience: Option<u32>,
    /// Fall of the validation loss that counts as an improvement, in nats
    #[arg(long, value_name = "NATS", default_value_t = 0.0, value_parser = parse_not_negative)]
    min_delta: f64,
    /// Folder for the results; must not exist [default: runs/<date-time>-<seed>]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Go on with an interrupted run from its newest checkpoint, to the same files, byte for byte
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Folder for an event file that TensorBoard shows, of this run alone: losses, accuracies, options, weights
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    tensorboard: Option<PathBuf>,
    /// Write a checkpoint every N epochs, and by the clock; 0 for none at all [default: by the clock]
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<u32>,
    /// Write a checkpoint when so many minutes have passed since the last, within long epochs too
    #[arg(long, value_name = "MINUTES", default_value_t = 1.0, value_parser = parse_not_negative)]
    checkpoint_minutes: f64,
    /// Print results as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Show no progress, only results
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Units of the hidden layer where no option tells.
pub const DEFAULT_HIDDEN: usize = 300;

/// A share of correct predictions.
pub fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("expected a share above 0, at most 1, such as 0.98".to_owned()),
    }
}

fn parse_not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number >= 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("expected a number, 0 or more".to_owned()),
    }
}

impl TrainArgs {
    /// Of these words, the first of which is the name of the command.
    ///
    /// # Errors
    /// If they are no arguments of it.
    pub fn of(words: &[String]) -> anyhow::Result<Self> {
        let command = Self::augment_args(Command::new("train"));
        Ok(Self::from_arg_matches(
            &command.try_get_matches_from(words)?,
        )?)
    }

    fn options(&self) -> TrainingOptions {
        TrainingOptions {
            validation: self.validation,
            shuffle: !self.no_shuffle,
            seed: self.seed,
            ..self.recipe.options()
        }
    }

    /// Checks what needs no data. What a run to go on with was asked for was checked when it began.
    fn check(&self) -> anyhow::Result<()> {
        if self.resume.is_some() {
            return Ok(());
        }
        // That the validation samples are no more than there are is left to the data.
        self.options().check(usize::MAX)?;
        let on_validation = self.target_on == "validation";
        let (validation, patience) = (self.validation > 0, self.patience.is_some());
        // An option, whether it is given, and the one without which it has no effect.
        for (option, is_given, needed, is_there) in [
            ("patience", patience, "validation", validation),
            ("min-delta", self.min_delta != 0.0, "patience", patience),
            ("target-on", on_validation, "validation", validation),
            (
                "target-on",
                on_validation,
                "target-accuracy",
                self.target_accuracy.is_some(),
            ),
        ] {
            if is_given && !is_there {
                bail!("--{option} needs another option: expected --{needed} with it, found none");
            }
        }
        Ok(())
    }

    /// All options that the results depend on, for a network of so many hidden units.
    fn settings(&self, hidden: usize) -> RunSettings {
        let absolute = |path: &PathBuf| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.display().to_string()
        };
        RunSettings {
            options: self.options(),
            backend: self.backend.backend.name().to_owned(),
            hidden,
            init: self.init.as_ref().map(absolute),
            target_accuracy: self.target_accuracy,
            target_on: self.target_accuracy.map(|_| self.target_on.clone()),
            patience: self.patience,
            min_delta: self.min_delta,
            checkpoint_every: self.checkpoint_every,
            checkpoint_minutes: self.checkpoint_minutes,
        }
    }
}

/// Opens the data set. Where there is a model, it must fit it: its inputs and classes hold.
pub fn open_data(
    folder: Option<&Path>,
    model: Option<(&Path, Shape)>,
    options: OpenOptions,
) -> anyhow::Result<(PathBuf, Dataset)> {
    let folder = mnist::locate_split(folder, options.only)?;
    let options = OpenOptions {
        classes: model.map(|(_, shape)| shape.classes),
        ..options
    };
    let opened = Dataset::open_with(&folder, &options);
    let dataset = opened.map_err(|error| match (error.defect, model) {
        (Defect::LabelBeyondClasses, Some((path, shape))) => anyhow!(
            "{} has {} classes, too few for the data set; choose another model or data set ({error})",
            shown(path),
            shape.classes
        ),
        _ => error.into(),
    })?;
    // What later checks compare with.
    dataset.check_mappings()?;
    note_appearance(&folder, &dataset.train.images);
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

/// Tells where images look transposed or dark on light, with what was changed in them.
pub fn note_appearance(file: &Path, images: &Images) {
    let (given, missing) = (images.adjustment(), images.missing_adjustment());
    for (is_missing, is_given, option, look) in [
        (
            missing.transpose,
            given.transpose,
            "--transpose",
            "transposed, as EMNIST's are",
        ),
        (
            missing.invert,
            given.invert,
            "--invert",
            "dark on light, where MNIST's are light on dark",
        ),
    ] {
        let advice = match is_given {
            true => format!("leave {option} out"),
            false => format!("give {option}"),
        };
        if is_missing {
            message(&format!(
                "note: the images of {} look {look}: {advice}, if `fused-mlp show` draws them so",
                shown(file)
            ));
        }
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
