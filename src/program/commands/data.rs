//! `fused-mlp data`: what a data set holds and whether it is sound.

mod synthetic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::train::open_data;
use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::output_name;
use crate::terminal::output::{Results, message, shown};
use crate::terminal::progress::Progress;
use crate::terminal::signals::Signals;
use fused_mlp::mnist::{DatasetSummary, MnistFile, SplitSummary};
use synthetic::{Stopped, SyntheticOptions, synthesize};

/// Describe or check a data set.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("data/examples.txt"))]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// The commands of `fused-mlp data`.
#[derive(Debug, Clone, Subcommand)]
pub enum DataCommand {
    /// Print shapes, class counts, share of non-zero bytes and checksums.
    #[command(after_help = include_str!("data/info.txt"))]
    Info(InfoArgs),
    /// Check all four files; exit status 0 if they are sound, 2 if not.
    #[command(after_help = include_str!("data/verify.txt"))]
    Verify(VerifyArgs),
    /// Make a data set of any size from a real one: its images, shifted and noised.
    #[command(after_help = include_str!("data/synth.txt"))]
    Synth(SynthArgs),
}

/// The folder of the data set, with or without the name of the option.
#[derive(Debug, Clone, Args)]
pub struct FolderArgs {
    /// Folder with the four files, as --data.
    #[arg(value_name = "DIR", conflicts_with = "data")]
    folder: Option<PathBuf>,
    /// Folder with the four files [default: FUSED_MLP_DATA, else the nearest data/mnist].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl FolderArgs {
    fn path(&self) -> Option<&Path> {
        self.folder.as_deref().or(self.data.as_deref())
    }
}

/// Options of `fused-mlp data info`.
#[derive(Debug, Clone, Args)]
pub struct InfoArgs {
    #[command(flatten)]
    pub folder: FolderArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Options of `fused-mlp data verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub folder: FolderArgs,
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Options of `fused-mlp data synth`.
#[derive(Debug, Clone, Args)]
pub struct SynthArgs {
    /// Training samples; each takes 785 bytes.
    #[arg(long, value_name = "N")]
    pub samples: usize,
    /// Test samples.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub test_samples: usize,
    /// Folder for the four files; they must not be there.
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    pub out: PathBuf,
    /// Share of the bytes that are not 0 [default: as in the source].
    #[arg(long, value_name = "SHARE")]
    pub density: Option<f64>,
    /// Seed of all draws.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// Folder of the real data set [default: FUSED_MLP_DATA, else the nearest data/mnist].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub access: AccessArgs,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
    /// Show no progress.
    #[arg(long)]
    pub quiet: bool,
}

/// Runs the command; results go to standard output, messages to standard error.
///
/// # Errors
///
/// If the data set is not found or not sound, or if standard output cannot be written.
pub fn run(args: &DataArgs) -> anyhow::Result<Ending> {
    match &args.command {
        DataCommand::Info(args) => info(args),
        DataCommand::Verify(args) => verify(args),
        DataCommand::Synth(args) => synth(args),
    }
}

#[derive(Serialize)]
struct InfoRecord<'a> {
    folder: String,
    #[serde(flatten)]
    summary: &'a DatasetSummary,
}

fn info(args: &InfoArgs) -> anyhow::Result<Ending> {
    let (folder, dataset) = open_data(args.folder.path(), None, args.access.access())?;
    let summary = DatasetSummary::new(&dataset);
    let mut results = Results::new(args.json);
    results.event(&InfoRecord {
        folder: folder.display().to_string(),
        summary: &summary,
    })?;
    results.text(&format!(
        "folder     {}\nimages     {} x {} pixels\nclasses    {}\ncanonical  {}",
        shown(&folder),
        summary.rows,
        summary.columns,
        summary.classes,
        if summary.is_canonical { "yes" } else { "no" }
    ));
    results.text(&split_text("training", &summary.train));
    results.text(&split_text("test", &summary.test));
    results.finish()?;
    Ok(Ending::Success)
}

fn split_text(name: &str, split: &SplitSummary) -> String {
    let mut text = format!(
        "\n{name}\n  samples        {}\n  non-zero       {:.2} %\n  images sha256  {}\n  labels sha256  {}",
        split.samples,
        100.0 * split.nonzero_share,
        split.images_sha256,
        split.labels_sha256
    );
    for (class, count) in split.class_counts.iter().enumerate() {
        text += &format!("\n  class {class:<8} {count}");
    }
    text
}

/// A line for each file, and the verdict.
fn verify(args: &VerifyArgs) -> anyhow::Result<Ending> {
    let (_, dataset) = open_data(args.folder.path(), None, args.access.access())?;
    let summary = DatasetSummary::new(&dataset);
    let checked = [
        (dataset.train.images.source(), &summary.train.images_sha256),
        (dataset.train.labels.source(), &summary.train.labels_sha256),
        (dataset.test.images.source(), &summary.test.images_sha256),
        (dataset.test.labels.source(), &summary.test.labels_sha256),
    ];
    let mut results = Results::new(false);
    for (file, (path, sha256)) in MnistFile::ALL.iter().zip(checked) {
        let canonical = if sha256 == file.canonical_sha256() {
            "canonical"
        } else {
            "not canonical"
        };
        results.text(&format!("{}: ok ({canonical})", shown(path)));
    }
    results.text(if summary.is_canonical {
        "the data set is canonical MNIST"
    } else {
        "the data set is sound but is not canonical MNIST"
    });
    results.finish()?;
    Ok(Ending::Success)
}

#[derive(Serialize)]
struct SynthRecord {
    folder: String,
    samples: usize,
    test_samples: usize,
    density: Option<f64>,
    seed: u64,
}

fn synth(args: &SynthArgs) -> anyhow::Result<Ending> {
    let (_, source) = open_data(args.data.as_deref(), None, args.access.access())?;
    let options = SyntheticOptions {
        train: args.samples,
        test: args.test_samples,
        density: args.density,
        seed: args.seed,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let total = args.samples.saturating_add(args.test_samples);
    let progress = Progress::lines(args.quiet);
    let bar = progress.bar(total as u64);
    let result = synthesize(&source, &options, &args.out, |done| {
        bar.set_position(done as u64);
        !stop.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let is_stopped = result.as_ref().is_err_and(|error| error.is::<Stopped>());
    if let (true, Some(signal)) = (is_stopped, signals.received()) {
        message(&format!(
            "interrupted: no data set is in {}",
            shown(&args.out)
        ));
        return Ok(Ending::Signal(signal));
    }
    result?;
    let record = SynthRecord {
        folder: args.out.display().to_string(),
        samples: args.samples,
        test_samples: args.test_samples,
        density: args.density,
        seed: args.seed,
    };
    let mut results = Results::new(args.json);
    results.event(&record)?;
    results.text(&format!(
        "{}: {} training and {} test samples",
        record.folder, record.samples, record.test_samples
    ));
    results.finish()?;
    Ok(Ending::Success)
}
