//! `fused-mlp eval`.

mod mistakes;
mod predictions;

use super::model;
use super::train::{evaluate, open_data};
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::Origins;
use crate::options::access::AccessArgs;
use crate::options::backend::BackendArgs;
use crate::run_folder::EvaluationEvent;
use crate::terminal::output::{Results, message};
use clap::Args;
use fused_mlp::backend::{BackendError, Optimizer, Samples};
use predictions::{Predictions, PredictionsFile};
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
    /// Also write the probabilities of every sample, as .csv or .npy; a file that is there is replaced
    #[arg(long, value_name = "FILE", value_parser = predictions::parse)]
    predictions: Option<PredictionsFile>,
    #[command(flatten)]
    mistakes: mistakes::MistakesArgs,
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
        args.access.access(),
    )?;
    model.check_images(&dataset)?;
    let split = match args.split {
        SplitArg::Test => &dataset.test,
        SplitArg::Train => &dataset.train,
    };
    let (mut backend, _) = args.backend.select(parameters, Optimizer::default())?;
    let evaluation = evaluate(backend.as_mut(), split)?;
    if !evaluation.loss.is_finite() {
        let reason = BackendError::NotFinite;
        message(&format!("error: not every image has a class: {reason}"));
        return Ok(Ending::Missed(EXIT_MISSED));
    }
    let event = EvaluationEvent::new(
        (
            model.file.display().to_string(),
            shape.to_string(),
            folder.display().to_string(),
        ),
        args.split.name(),
        split.labels.bytes(),
        shape.classes,
        &evaluation,
    );
    let mut logits = Vec::new();
    if args.predictions.is_some() {
        let order: Vec<u32> = (0..).take(split.len()).collect();
        logits = backend.logits(Samples::from(split), &order)?;
    }
    // Nothing is told of data that changed.
    dataset.check_mappings()?;
    if let Some(file) = &args.predictions {
        let predictions = Predictions {
            labels: split.labels.bytes(),
            predicted: &evaluation.predicted,
            logits: &logits,
        };
        predictions.write(file)?;
    }
    let mut results = Results::new(args.json);
    results.event(&event)?;
    results.text(&text(&event));
    let predicted = &evaluation.predicted;
    let written = args
        .mistakes
        .write(parameters, split, predicted, &mut results);
    results.finish()?;
    written?;
    Ok(Ending::Success)
}

fn text(event: &EvaluationEvent) -> String {
    let mut text = format!(
        "{} accuracy {:.2} % ({} of {}), {} loss {:.4}\n\nclass  samples  precision  recall",
        event.split,
        100.0 * event.accuracy,
        event.correct,
        event.samples,
        event.split,
        event.loss
    );
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", 100.0 * share))
    };
    for scores in &event.classes {
        text += &format!(
            "\n{:>5}  {:>7}  {:>9}  {:>7}",
            scores.class,
            scores.samples,
            percent(scores.precision),
            percent(scores.recall)
        );
    }
    text += "\n\nconfusion matrix: a row for each true class, a column for each predicted one\n";
    text += &" ".repeat(5);
    for class in 0..event.confusion.rows().len() {
        text += &format!(" {class:>5}");
    }
    for (class, row) in event.confusion.rows().iter().enumerate() {
        text += &format!("\n{class:>5}");
        for count in row {
            text += &format!(" {count:>5}");
        }
    }
    text
}
