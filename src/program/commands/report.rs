//! `fused-mlp report`.

use super::sweep;
use super::train::{evaluate, open_data};
use crate::ending::Ending;
use crate::options::access::MappingArgs;
use crate::options::backend::{BackendArgs, BackendKind, EngineArgs};
use crate::options::output_name;
use crate::pages::comparison::{ComparedRun, TestResult, comparison_page, sort_by_result};
use crate::run_folder::{DataDescription, NewFile, OverwriteArgs};
use crate::sweep::{SWEEP_FILE, SweepFolder};
use crate::terminal::output::{Results, message, shown};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::{BackendError, Optimizer};
use fused_mlp::engine::Precision;
use fused_mlp::mnist::OpenOptions;
use fused_mlp::prediction::{Mistake, Predictor};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The page where none is named.
const PAGE: &str = "reports/report.html";
/// The worst mistakes of each run that are drawn.
const MISTAKES: usize = 20;

/// Options of `fused-mlp report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("report_examples.txt"))]
pub struct ReportArgs {
    /// Folders of runs, as train leaves them, or that of a sweep
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// File for the page [default: reports/report.html, or report-2.html and so on]
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["html", "htm"]))]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Folder of the data set whose test data the networks predict [default: that of each run]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Hidden units of each run that are drawn, the strongest first [default: 100; of several runs 30, shared among them]
    #[arg(long, value_name = "N")]
    units: Option<usize>,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    access: MappingArgs,
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
    /// What is wrong with its files.
    damages: Vec<String>,
}

/// Writes the page and prints its name.
///
/// # Errors
/// If a folder is not that of a run, or the page cannot be written.
pub fn run(args: &ReportArgs) -> anyhow::Result<Ending> {
    if let [folder] = &args.runs[..]
        && let Some(description) = SweepFolder::description(folder)?
    {
        if args.out.is_some() || args.units.is_some() || args.data.is_some() {
            bail!(
                "{} is a sweep, which has a table and a picture in its folder and no page; leave out --out, \
                 --units and --data",
                shown(folder)
            );
        }
        return sweep::report(folder, description, args.json);
    }
    let mut runs = open(&args.runs)?;
    if args.data.is_some() {
        // Data that somebody names must be there; those of a run may be gone.
        open_data(args.data.as_deref(), None, args.access.access()).context("--data")?;
    }
    let file = NewFile::named_or(args.out.as_deref(), PAGE.into(), args.overwrite)?;
    for run in &mut runs {
        if let Ok((model, _)) = &run.network {
            run.test = match test(args, run, model) {
                Ok((test, labels)) => {
                    run.damages.extend(run.other_accuracy(&test, &labels));
                    Ok(test)
                }
                Err(error) => Err(crate::terminal::output::one_line(&error)),
            };
        }
        for damage in &run.damages {
            message(&format!("warning: {}: {damage}", shown(&run.folder)));
        }
        if let Err(reason) = &run.test {
            message(&format!("{}: not evaluated: {reason}", shown(&run.folder)));
        }
    }
    let names: Vec<String> = runs.iter().map(|run| shown(&run.folder)).collect();
    sort_by_result(&mut runs);
    let command = format!("fused-mlp report {}", names.join(" "));
    let page = comparison_page(&runs, args.units, &command)?;
    let path = file.write(page.as_bytes())?;
    let mut results = Results::new(args.json);
    results.event(&event(&path, &runs))?;
    results.text(&shown(&path));
    results.finish()?;
    Ok(Ending::Success)
}

/// Opens all runs; each has a name of its own.
fn open(folders: &[PathBuf]) -> anyhow::Result<Vec<ComparedRun>> {
    let mut runs: Vec<ComparedRun> = Vec::new();
    for folder in folders {
        if folder.join(SWEEP_FILE).exists() {
            let (sweep, best) = (shown(folder), shown(&folder.join("best")));
            bail!("{sweep} is a sweep; expected a run: {best}, if sweep --keep best has left it");
        }
        let run = ComparedRun::open(folder)?;
        let place = folder.canonicalize().ok();
        let same = |other: &ComparedRun| other.folder.canonicalize().ok() == place;
        if runs.iter().any(same) {
            bail!("{} is given twice; expected each run once", shown(folder));
        }
        runs.push(run);
    }
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    for run in &mut runs {
        if names.iter().filter(|name| **name == run.name).count() > 1 {
            run.name = shown(&run.folder);
        }
    }
    Ok(runs)
}

/// Predicts the test data with the network of a run. Also gives the SHA-256 of the training labels,
/// which tells the data set.
fn test(
    args: &ReportArgs,
    run: &ComparedRun,
    model: &Path,
) -> anyhow::Result<(TestResult, String)> {
    let Ok((_, parameters)) = &run.network else {
        bail!("it has no network");
    };
    let folder = args.data.as_deref().unwrap_or_else(|| run.data_folder());
    let (folder, dataset) = open_data(
        Some(folder),
        Some((model, parameters.shape)),
        OpenOptions {
            adjustment: run.adjustment(),
            ..args.access.access()
        },
    )?;
    if parameters.may_overflow() {
        bail!(BackendError::NotFinite);
    }
    let backend = BackendArgs {
        backend: BackendKind::Fused,
        engine: args.engine.clone(),
    };
    let (mut backend, _) = backend.select(parameters, Optimizer::default(), Precision::F32)?;
    let evaluation = evaluate(backend.as_mut(), &dataset.test)?;
    let confusion = evaluation.confusion(&dataset.test, parameters.shape.classes);
    let confusion = confusion.ok_or(BackendError::NotFinite)?;
    let data = DataDescription::new(&folder, &dataset);
    let (images, labels) = (&dataset.test.images, dataset.test.labels.bytes());
    let predicted = &evaluation.predicted;
    let mut mistakes = Predictor::new(parameters).mistakes(images.bytes(), labels, predicted);
    mistakes.truncate(MISTAKES);
    let with_pixels = |it: Mistake| (it, images.image(it.index).to_vec());
    let test = TestResult {
        data: data.folder,
        labels: labels.to_vec(),
        confusion,
        mistakes: mistakes.into_iter().map(with_pixels).collect(),
        size: (images.rows(), images.columns()),
        evaluation,
    };
    Ok((test, data.train_labels_sha256.unwrap_or_default()))
}

fn event(path: &Path, runs: &[ComparedRun]) -> ReportEvent {
    let record = |run: &ComparedRun| {
        let evaluation = run.test.as_ref().ok().map(|test| &test.evaluation);
        RunRecord {
            run: run.folder.display().to_string(),
            test_accuracy: evaluation.map(fused_mlp::backend::Evaluation::accuracy),
            test_loss: evaluation.map(|evaluation| evaluation.loss),
            not_evaluated: run.test.as_ref().err().cloned(),
            damages: run.damages.clone(),
        }
    };
    ReportEvent {
        report: path.display().to_string(),
        runs: runs.iter().map(record).collect(),
    }
}
