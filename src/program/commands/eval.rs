//! `fused-mlp eval`.

mod confusion;
mod mistakes;
mod predictions;

use super::model;
use super::train::{evaluate, open_data};
use crate::charts::picture_style;
use crate::ending::Ending;
use crate::options::Origins;
use crate::options::access::AccessArgs;
use crate::options::backend::BackendArgs;
use crate::options::output_name;
use crate::pages::template::render;
use crate::run_folder::{NewFile, OverwriteArgs};
use crate::terminal::output::Results;
use clap::Args;
use fused_mlp::backend::{Backend, BackendError, Optimizer, Samples};
use fused_mlp::engine::Precision;
use fused_mlp::evaluation::ConfusionMatrix;
use fused_mlp::mnist::{OpenOptions, Split, SplitName};
use serde_json::json;
use std::path::PathBuf;

/// Options of `fused-mlp eval`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("eval/examples.txt"))]
pub struct EvalArgs {
    /// Model file, checkpoint, or folder of a run [default: the newest of the folders in runs/]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Samples to score: test or train
    #[arg(long, value_enum, default_value_t = SplitArg::Test)]
    split: SplitArg,
    /// Also write the probabilities of every sample, as .csv
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["csv"]))]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    mistakes: mistakes::MistakesArgs,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    access: AccessArgs,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SplitArg {
    Test,
    Train,
}

impl SplitArg {
    /// Opens this split, and does not need the other.
    pub fn alone(self, options: OpenOptions) -> OpenOptions {
        let only = Some(match self {
            Self::Test => SplitName::Test,
            Self::Train => SplitName::Train,
        });
        OpenOptions { only, ..options }
    }

    /// Name used in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "train",
        }
    }
}

/// Scores a model and prints the result.
///
/// # Errors
/// If the model, the data or an option cannot be used.
pub fn run(args: &EvalArgs, origins: &Origins) -> anyhow::Result<Ending> {
    args.mistakes.check(origins)?;
    let model = model::load_named_or_newest(args.model.as_deref())?;
    let parameters = &model.parameters;
    let shape = parameters.shape;
    let (folder, dataset) = open_data(
        args.data.as_deref(),
        Some((&model.file, shape)),
        args.split.alone(args.access.access()),
    )?;
    model.check_images(&dataset)?;
    model.warn_of_other_adjustment(&dataset);
    let split = match args.split {
        SplitArg::Test => &dataset.test,
        SplitArg::Train => &dataset.train,
    };
    if parameters.may_overflow() {
        return Ok(model.without_classes());
    }
    let table = args.predictions.as_deref();
    let table = NewFile::asked(table, "--predictions", args.overwrite)?;
    let sheet = args.mistakes.file(&model.file, args.overwrite)?;
    let (mut backend, _) = args
        .backend
        .select(parameters, Optimizer::default(), Precision::F32)?;
    let evaluation = evaluate(backend.as_mut(), split)?;
    let (labels, predicted) = (split.labels.bytes(), &evaluation.predicted);
    let matrix = ConfusionMatrix::new(labels, predicted, shape.classes);
    let event = json!({
        "event": "evaluation",
        "model": model.file.display().to_string(),
        "network": shape.to_string(),
        "data": folder.display().to_string(),
        "split": args.split.name(),
        "samples": labels.len(),
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy(),
        "correct": evaluation.correct,
        "classes": matrix.scores(),
        "confusion": matrix,
    });
    let logits = match table {
        Some(_) => all_logits(backend.as_mut(), split)?,
        None => Vec::new(),
    };
    // Nothing is told of data that changed.
    dataset.check_mappings()?;
    if let Some(file) = table {
        file.write(&predictions::csv(labels, predicted, &logits)?)?;
    }
    let mut results = Results::new(args.json);
    results.event(&event)?;
    results.text(render("evaluation.txt", &event)?.trim_end());
    confusion::print(matrix.rows(), picture_style::style(), &mut results);
    let written = args
        .mistakes
        .write(sheet, parameters, (split, predicted), &mut results);
    results.finish()?;
    written?;
    Ok(Ending::Success)
}

/// Logits of all samples, `[samples][classes]`.
fn all_logits(backend: &mut dyn Backend, split: &Split) -> Result<Vec<f32>, BackendError> {
    let order: Vec<u32> = (0..).take(split.len()).collect();
    backend.logits(Samples::from(split), &order)
}
