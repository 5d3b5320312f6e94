//! `fused-mlp data`: what a data set holds and whether it is sound.

mod synthetic;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::train::open_data;
use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::output_name;
use crate::terminal::output::{message, shown};
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
    #[command(after_help = include_str!("data/synth.txt"), allow_negative_numbers = true)]
    Synth(SynthArgs),
}

/// Options of `fused-mlp data info`.
#[derive(Debug, Clone, Args)]
pub struct InfoArgs {
    /// Folder with the four files [default: FUSED_MLP_DATA, else the nearest data/mnist].
    #[arg(id = "data", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    #[command(flatten)]
    pub access: AccessArgs,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Options of `fused-mlp data verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Folder with the four files [default: FUSED_MLP_DATA, else the nearest data/mnist].
    #[arg(id = "data", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Options of `fused-mlp data synth`.
#[derive(Debug, Clone, Args)]
pub struct SynthArgs {
    /// What the samples are like.
    #[arg(long, value_enum, default_value_t = Like::Mnist)]
    pub like: Like,
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

/// What synthetic samples are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Like {
    /// Images of the real data set, shifted and noised.
    Mnist,
}

/// Runs the command; results go to standard output, messages to standard error.
///
/// # Errors
///
/// If the data set is not found or not sound, or if standard output cannot be written.
pub fn run(args: &DataArgs) -> anyhow::Result<Ending> {
    let mut stdout = io::stdout().lock();
    let result = match &args.command {
        DataCommand::Info(args) => info(args, &mut stdout).map(|()| Ending::Success),
        DataCommand::Verify(args) => verify(args, &mut stdout).map(|()| Ending::Success),
        DataCommand::Synth(args) => synth(args, &mut stdout),
    };
    result
        .and_then(|ending| Ok(stdout.flush().map(|()| ending)?))
        .map_err(|error| match error.is::<io::Error>() {
            true => error.context("standard output cannot be written"),
            false => error,
        })
}

#[derive(Serialize)]
struct InfoRecord<'a> {
    folder: String,
    #[serde(flatten)]
    summary: &'a DatasetSummary,
}

fn info(args: &InfoArgs, output: &mut impl Write) -> anyhow::Result<()> {
    let (folder, dataset) = open_data(args.folder.as_deref(), None, args.access.access())?;
    let summary = DatasetSummary::new(&dataset);
    if args.json {
        let record = InfoRecord {
            folder: folder.display().to_string(),
            summary: &summary,
        };
        writeln!(output, "{}", serde_json::to_string(&record)?)?;
        return Ok(());
    }
    writeln!(output, "folder     {}", shown(&folder))?;
    writeln!(
        output,
        "images     {} x {} pixels",
        summary.rows, summary.columns
    )?;
    writeln!(output, "classes    {}", summary.classes)?;
    writeln!(
        output,
        "canonical  {}",
        if summary.is_canonical { "yes" } else { "no" }
    )?;
    write_split(output, "training", &summary.train)?;
    write_split(output, "test", &summary.test)
}

fn write_split(output: &mut impl Write, name: &str, split: &SplitSummary) -> anyhow::Result<()> {
    writeln!(output, "\n{name}")?;
    writeln!(output, "  samples        {}", split.samples)?;
    writeln!(
        output,
        "  non-zero       {:.2} %",
        100.0 * split.nonzero_share
    )?;
    writeln!(output, "  images sha256  {}", split.images_sha256)?;
    writeln!(output, "  labels sha256  {}", split.labels_sha256)?;
    for (class, count) in split.class_counts.iter().enumerate() {
        writeln!(output, "  class {class:<8} {count}")?;
    }
    Ok(())
}

fn verify(args: &VerifyArgs, output: &mut impl Write) -> anyhow::Result<()> {
    let (_, dataset) = open_data(args.folder.as_deref(), None, args.access.access())?;
    let summary = DatasetSummary::new(&dataset);
    let checked = [
        (dataset.train.images.source(), &summary.train.images_sha256),
        (dataset.train.labels.source(), &summary.train.labels_sha256),
        (dataset.test.images.source(), &summary.test.images_sha256),
        (dataset.test.labels.source(), &summary.test.labels_sha256),
    ];
    for (file, (path, sha256)) in MnistFile::ALL.iter().zip(checked) {
        let canonical = if sha256 == file.canonical_sha256() {
            "canonical"
        } else {
            "not canonical"
        };
        writeln!(output, "{}: ok ({canonical})", shown(path))?;
    }
    let verdict = if summary.is_canonical {
        "the data set is canonical MNIST"
    } else {
        "the data set is sound but is not canonical MNIST"
    };
    writeln!(output, "{verdict}")?;
    Ok(())
}

#[derive(Serialize)]
struct SynthRecord {
    folder: String,
    samples: usize,
    test_samples: usize,
    density: Option<f64>,
    seed: u64,
}

fn synth(args: &SynthArgs, output: &mut impl Write) -> anyhow::Result<Ending> {
    let Like::Mnist = args.like;
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
    if args.json {
        writeln!(output, "{}", serde_json::to_string(&record)?)?;
    } else {
        writeln!(
            output,
            "{}: {} training and {} test samples",
            record.folder, record.samples, record.test_samples
        )?;
    }
    Ok(Ending::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fused_mlp::mnist::Kind;
    use std::path::Path;

    fn canonical() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist")
    }

    #[test]
    #[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
    fn info_prints_text_and_json() {
        let print = |json: bool| {
            let mut output = Vec::new();
            info(
                &InfoArgs {
                    folder: Some(canonical()),
                    access: AccessArgs { no_mmap: json },
                    json,
                },
                &mut output,
            )
            .unwrap();
            String::from_utf8(output).unwrap()
        };
        let text = print(false);
        assert!(text.contains("canonical  yes"), "{text}");
        assert!(text.contains("  samples        60000"), "{text}");
        assert!(text.contains("  class 5        5421"), "{text}");

        let json = print(true);
        assert_eq!(json.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["is_canonical"], true);
        assert_eq!(value["test"]["samples"], 10_000);
        assert_eq!(value["train"]["class_counts"].as_array().unwrap().len(), 10);
        assert_eq!(value["folder"], canonical().display().to_string());
    }

    #[test]
    #[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
    fn verify_prints_one_line_a_file_and_the_verdict() {
        let mut output = Vec::new();
        verify(
            &VerifyArgs {
                folder: Some(canonical()),
                access: AccessArgs { no_mmap: true },
            },
            &mut output,
        )
        .unwrap();
        let text = String::from_utf8(output).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(
            lines[..4]
                .iter()
                .all(|line| line.ends_with(": ok (canonical)")),
            "{text}"
        );
        assert_eq!(lines[4], "the data set is canonical MNIST");
    }

    #[test]
    fn verify_accepts_other_data_and_refuses_broken_data() {
        let folder = tempfile::tempdir().unwrap();
        let images = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6];
        let labels = [0, 0, 8, 1, 0, 0, 0, 1, 1];
        for file in MnistFile::ALL {
            let bytes: &[u8] = if file.kind() == Kind::Images {
                &images
            } else {
                &labels
            };
            std::fs::write(folder.path().join(file.names()[1]), bytes).unwrap();
        }
        let args = VerifyArgs {
            folder: Some(folder.path().into()),
            access: AccessArgs { no_mmap: false },
        };
        let mut output = Vec::new();
        verify(&args, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(
            text.ends_with("the data set is sound but is not canonical MNIST\n"),
            "{text}"
        );
        assert_eq!(text.matches(": ok (not canonical)").count(), 4, "{text}");

        std::fs::write(folder.path().join("t10k-labels.idx1-ubyte"), &labels[..8]).unwrap();
        let mut output = Vec::new();
        let error = verify(&args, &mut output).unwrap_err();
        assert!(format!("{error:#}").contains("truncated"), "{error:#}");
        assert_eq!(output, b"");
    }
}
