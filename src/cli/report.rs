//! `fused-mlp report`.

use super::Ending;
use super::backend::{BackendArgs, BackendKind, EngineArgs};
use super::output::{Results, message};
use super::train::{evaluate, open_data};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::Optimizer;
use fused_mlp::report::{ComparedRun, ConfusionMatrix, TestResult, comparison_page};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  fused-mlp report runs/first
  fused-mlp report runs/* --out comparison.html
  fused-mlp report runs/first runs/second --units 300

The page has learning curves, the options that differ, confusion matrices of the test data and
pictures of the weights of hidden units. It needs no other file and no network.";

/// Name of the page where none is given.
const PAGE: &str = "report.html";

/// Options of `fused-mlp report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Folders of runs, as train leaves them
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// File for the page; must not exist [default: report.html, or report-2.html and so on]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder of the data set whose test data the networks predict [default: that of each run]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Hidden units of each run that are drawn, the strongest first
    #[arg(long, value_name = "N", default_value_t = 100)]
    units: usize,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print one JSON object instead of the page's name
    #[arg(long)]
    json: bool,
}

/// A page was written.
#[derive(Serialize)]
#[serde(tag = "event", rename = "report")]
struct ReportEvent {
    /// The page.
    report: String,
    /// The runs, in the order of the page.
    runs: Vec<RunRecord>,
}

/// One run of the page.
#[derive(Serialize)]
struct RunRecord {
    run: String,
    test_accuracy: Option<f64>,
    test_loss: Option<f64>,
    /// Why there is no test; null if there is one.
    not_evaluated: Option<String>,
}

/// Writes the page and prints its name.
///
/// # Errors
/// If a folder is not that of a run, or the page cannot be written.
pub fn run(args: &ReportArgs) -> anyhow::Result<Ending> {
    if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
        bail!(exists(out));
    }
    let mut runs = open(&args.runs)?;
    for run in &mut runs {
        if let Ok((model, _)) = &run.network {
            let tested = test(args, run, model);
            run.test = tested.map_err(|error| super::output::one_line(&error));
        }
        if let Err(reason) = &run.test {
            message(&format!(
                "{}: not evaluated: {reason}",
                run.folder.display()
            ));
        }
    }
    let names: Vec<String> = runs
        .iter()
        .map(|run| run.folder.display().to_string())
        .collect();
    let command = format!("fused-mlp report {}", names.join(" "));
    let page = comparison_page(&runs, args.units, &command)?;
    let path = write(args.out.as_deref(), &page)?;
    let mut results = Results::new(args.json);
    results.event(&event(&path, &runs))?;
    results.text(&path.display().to_string());
    results.finish()?;
    Ok(Ending::Success)
}

/// Opens all runs; each has a name of its own.
fn open(folders: &[PathBuf]) -> anyhow::Result<Vec<ComparedRun>> {
    let mut runs: Vec<ComparedRun> = Vec::new();
    for folder in folders {
        let run = ComparedRun::open(folder)?;
        let place = folder.canonicalize().ok();
        let same = |other: &ComparedRun| other.folder.canonicalize().ok() == place;
        if runs.iter().any(same) {
            bail!(
                "{} is given twice; expected each run once",
                folder.display()
            );
        }
        runs.push(run);
    }
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    for run in &mut runs {
        if names.iter().filter(|name| **name == run.name).count() > 1 {
            run.name = run.folder.display().to_string();
        }
    }
    Ok(runs)
}

/// Predicts the test data with the network of a run.
fn test(args: &ReportArgs, run: &ComparedRun, model: &Path) -> anyhow::Result<TestResult> {
    let Ok((_, parameters)) = &run.network else {
        bail!("it has no network");
    };
    let folder = args.data.as_deref().unwrap_or_else(|| run.data_folder());
    let (folder, dataset) = open_data(Some(folder), Some((model, parameters.shape)))?;
    let backend = BackendArgs {
        backend: BackendKind::Fused,
        engine: args.engine.clone(),
    };
    let mut selected = backend.select(parameters, Optimizer::default())?;
    let evaluation = evaluate(selected.backend.as_mut(), &dataset.test)?;
    let labels = dataset.test.labels.bytes();
    let confusion = ConfusionMatrix::new(labels, &evaluation.predicted, parameters.shape.classes);
    Ok(TestResult {
        data: folder.display().to_string(),
        evaluation,
        confusion,
    })
}

fn exists(path: &Path) -> String {
    format!(
        "{} exists already and is never overwritten; choose another file with --out",
        path.display()
    )
}

/// Writes a file that was not there; returns its path.
fn write(out: Option<&Path>, page: &str) -> anyhow::Result<PathBuf> {
    let candidates: Vec<PathBuf> = match out {
        Some(path) => vec![path.to_owned()],
        None => std::iter::once(PAGE.into())
            .chain((2..1000).map(|number| format!("report-{number}.html").into()))
            .collect(),
    };
    for path in &candidates {
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut file) => {
                let written = file.write_all(page.as_bytes());
                written.with_context(|| format!("{}: cannot be written", path.display()))?;
                return Ok(path.clone());
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                let context = format!("{}: cannot be written", path.display());
                return Err(anyhow::Error::new(error).context(context));
            }
        }
    }
    bail!(exists(&candidates[0]))
}

fn event(path: &Path, runs: &[ComparedRun]) -> ReportEvent {
    let record = |run: &ComparedRun| {
        let evaluation = run.test.as_ref().ok().map(|test| &test.evaluation);
        RunRecord {
            run: run.folder.display().to_string(),
            test_accuracy: evaluation.map(fused_mlp::backend::Evaluation::accuracy),
            test_loss: evaluation.map(|evaluation| evaluation.loss),
            not_evaluated: run.test.as_ref().err().cloned(),
        }
    };
    ReportEvent {
        report: path.display().to_string(),
        runs: runs.iter().map(record).collect(),
    }
}
