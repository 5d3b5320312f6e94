//! `fused-mlp assignment`.

mod progress;

use super::backend::EngineArgs;
use super::output::{Results, message};
use super::signals::Signals;
use super::train::{open_data, shown};
use super::{EXIT_MISSED, Ending};
use anyhow::Context;
use clap::Args;
use fused_mlp::assignment::{Answers, AssignmentError, Part, Progress, Question, Settings, Times};
use fused_mlp::mnist::Dataset;
use fused_mlp::report::{AssignmentFolder, AssignmentRun, DataDescription, Environment};
use progress::Follower;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const NOTES: &str = "\
q1, q2  derivatives of softmax and cross-entropy   q3  the drawn 2-3-2 network
q4      points in the plane                        q5, q6  MNIST image by image and in minibatches
q7      learning curves, initialisations, learning rates over 1000 epochs, the test data

The folder holds report.html (open it in any browser), figures/ (SVG and PNG), data/ (CSV) and
results.json, in which all but `times` and `machine` is the same for the same seed. They are written
after each question; Ctrl-C leaves what is known.

Examples:
  fused-mlp assignment --quick
  fused-mlp assignment --only q1,q3
  fused-mlp assignment --out report --seed 2

Exit codes: as for every command; 1 if a check of an answer does not hold";

/// Options of `fused-mlp assignment`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub struct AssignmentArgs {
    /// Folder for the report; must not exist [default: assignment-report, or the first of
    /// assignment-report-2, -3, ... that is not there]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Answer these questions alone, as q1,q3
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<Question>,
    /// Fewer epochs: 30 for each learning rate instead of 1000, and so on; under a minute
    #[arg(long)]
    quick: bool,
    /// Seed of all that is drawn
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print answers as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Show no progress, only answers
    #[arg(long)]
    quiet: bool,
}

impl AssignmentArgs {
    fn parts(&self) -> Vec<Part> {
        let asked = |part: &Part| {
            let mut questions = self.only.iter();
            self.only.is_empty() || questions.any(|&question| part.answers(question))
        };
        Part::ALL.into_iter().filter(asked).collect()
    }
}

/// An answer as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "answer")]
struct AnswerEvent<'a> {
    part: &'static str,
    answer: serde_json::Value,
    seconds: Option<f64>,
    folder: &'a str,
}

/// The end as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "end")]
struct EndEvent<'a> {
    outcome: &'static str,
    failures: &'a [&'static str],
    parts: usize,
    total_seconds: f64,
    report: String,
}

/// Answers the questions and writes the report.
///
/// # Errors
/// If an option, the data or a file cannot be used.
pub fn run(args: &AssignmentArgs, program_start: Instant) -> anyhow::Result<Ending> {
    let parts = args.parts();
    let settings = Settings {
        seed: args.seed,
        is_quick: args.quick,
        isa: args.engine.isa()?,
        threads: args.engine.threads()?,
    };
    let opened = parts.iter().any(|part| part.needs_images());
    let opened = opened.then(|| open_data(args.data.as_deref(), None));
    let opened = opened.transpose()?;
    let dataset = opened.as_ref().map(|(_, dataset)| dataset);
    let data = opened
        .as_ref()
        .map(|(folder, dataset)| describe(folder, dataset));
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let mut run = AssignmentRun {
        arguments: std::env::args().skip(1).collect(),
        started: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string(),
        settings,
        environment: Environment::new(Some(settings.isa.name()), settings.threads),
        data,
        answers: Answers::default(),
        times: Times::default(),
        total_seconds: 0.0,
        is_interrupted: false,
    };
    let folder = AssignmentFolder::create(args.out.as_deref())?;
    let follower = Follower::new(args.quiet);
    follower.heading(&run, folder.path());
    let listener = |what: &str, share: f64| follower.report(what, share);
    let progress = Progress::new(&listener, &stop);
    let mut results = Results::new(args.json);
    let mut answered = 0;
    for part in parts.iter().copied() {
        follower.begin();
        let times = &mut run.times;
        let computed = run
            .answers
            .compute(part, &settings, dataset, &progress, times);
        follower.end();
        match computed {
            Ok(()) => {}
            Err(AssignmentError::Stopped) => break,
            Err(error) => {
                write(&mut run, &folder, program_start)?;
                return Err(error).context(part.name());
            }
        }
        if let Some(text) = run.answers.text(part) {
            answered += 1;
            results.text(&text);
            results.event(&answer_event(&run, part, folder.path())?)?;
        }
        run.is_interrupted = stop.load(Ordering::Relaxed);
        write(&mut run, &folder, program_start)?;
        if run.is_interrupted {
            break;
        }
    }
    run.is_interrupted = stop.load(Ordering::Relaxed);
    write(&mut run, &folder, program_start)?;
    let ending = ending(&run, &signals, folder.path());
    let failures = run.answers.failures();
    results.event(&EndEvent {
        outcome: match ending {
            Ending::Success => "finished",
            Ending::Missed(_) => "missed",
            Ending::Signal(_) => "interrupted",
        },
        failures: &failures,
        parts: answered,
        total_seconds: run.total_seconds,
        report: folder.report().display().to_string(),
    })?;
    results.text(&format!("report: {}", folder.report().display()));
    results.finish()?;
    Ok(ending)
}

fn describe(folder: &Path, dataset: &Dataset) -> DataDescription {
    let mut data = DataDescription::new(folder, dataset);
    data.folder = shown(&data.folder);
    data
}

fn answer_event<'a>(
    run: &AssignmentRun,
    part: Part,
    folder: &'a Path,
) -> anyhow::Result<AnswerEvent<'a>> {
    let mut answers = serde_json::to_value(&run.answers)?;
    Ok(AnswerEvent {
        part: part.name(),
        answer: answers[part.name()].take(),
        seconds: run.times.parts.last().map(|part| part.seconds),
        folder: folder.to_str().unwrap_or_default(),
    })
}

fn write(
    run: &mut AssignmentRun,
    folder: &AssignmentFolder,
    program_start: Instant,
) -> anyhow::Result<()> {
    run.total_seconds = program_start.elapsed().as_secs_f64();
    folder.write(run)?;
    Ok(())
}

/// Says why not all went well.
fn ending(run: &AssignmentRun, signals: &Signals, folder: &Path) -> Ending {
    if let Some(signal) = signals.received() {
        message(&format!(
            "interrupted: all answers so far are in {}",
            folder.display()
        ));
        return Ending::Signal(signal);
    }
    let failures = run.answers.failures();
    if failures.is_empty() {
        return Ending::Success;
    }
    message(&format!(
        "error: a check does not hold; expected {}; the answers are in {}",
        failures.join("; "),
        folder.display()
    ));
    Ending::Missed(EXIT_MISSED)
}
