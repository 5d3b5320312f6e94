//! `fused-mlp assignment`.

mod progress;

use super::train::{from_here, open_data};
use crate::assignment::{Answers, AssignmentError, Part, Progress, Question, Settings, Times};
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::backend::EngineArgs;
use crate::options::output_name;
use crate::pages::assignment::{AssignmentFolder, AssignmentRun};
use crate::run_folder::{DataDescription, Environment};
use crate::terminal::output::{Results, message, shown};
use crate::terminal::signals::Signals;
use anyhow::Context;
use clap::Args;
use fused_mlp::mnist::Dataset;
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
results.json, in which all but `run` is the same for the same seed. They are written
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
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Answer these questions alone, as q1,q3
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<Question>,
    /// Fewer epochs: 30 for each learning rate instead of 1000, and so on; about a minute instead of fifteen
    #[arg(long)]
    quick: bool,
    /// Seed of all that is drawn
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
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

    /// A run of which nothing is known yet.
    fn start(&self, data: Option<DataDescription>) -> anyhow::Result<AssignmentRun> {
        let settings = Settings {
            seed: self.seed,
            is_quick: self.quick,
            isa: self.engine.isa()?,
            threads: self.engine.threads()?,
        };
        let started = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC");
        Ok(AssignmentRun {
            arguments: std::env::args().skip(1).collect(),
            started: started.to_string(),
            settings,
            environment: Environment::new(Some(settings.isa.name()), settings.threads),
            data,
            answers: Answers::default(),
            times: Times::default(),
            total_seconds: 0.0,
            is_interrupted: false,
        })
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
    let needs_images = parts.iter().any(|part| part.needs_images());
    let opened = needs_images.then(|| open_data(args.data.as_deref(), None, args.access.access()));
    let opened = opened.transpose()?;
    let data = opened
        .as_ref()
        .map(|(folder, dataset)| describe(folder, dataset));
    let run = args.start(data)?;
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let mut session = Session {
        folder: AssignmentFolder::create(args.out.as_deref())?,
        follower: Follower::new(args.quiet),
        results: Results::new(args.json),
        program_start,
        run,
    };
    session
        .follower
        .heading(&session.run, session.folder.path());
    let dataset = opened.as_ref().map(|(_, dataset)| dataset);
    let answered = session.answer(&parts, dataset, &stop)?;
    session.run.is_interrupted = stop.load(Ordering::Relaxed);
    session.write()?;
    session.end(answered, &signals)
}

/// A run, and all that it tells.
struct Session {
    run: AssignmentRun,
    folder: AssignmentFolder,
    follower: Follower,
    results: Results,
    program_start: Instant,
}

impl Session {
    /// Computes the parts until one is stopped; returns how many have an answer.
    fn answer(
        &mut self,
        parts: &[Part],
        dataset: Option<&Dataset>,
        stop: &Arc<AtomicBool>,
    ) -> anyhow::Result<usize> {
        let settings = self.run.settings;
        let mut answered = 0;
        for &part in parts {
            let follower = &self.follower;
            let listener = |what: &str, share: f64| follower.report(what, share);
            let progress = Progress::new(&listener, stop);
            follower.begin();
            let (answers, times) = (&mut self.run.answers, &mut self.run.times);
            let computed = answers.compute(part, &settings, dataset, &progress, times);
            follower.end();
            // Nothing is told of data that changed; what was written before stays.
            dataset.map_or(Ok(()), Dataset::check_mappings)?;
            match computed {
                Ok(()) => {}
                Err(AssignmentError::Stopped) => break,
                Err(error) => {
                    self.write()?;
                    return Err(error).context(part.name());
                }
            }
            if let Some(text) = self.run.answers.text(part) {
                answered += 1;
                self.results.text(&text);
                let event = answer_event(&self.run, part, self.folder.path())?;
                self.results.event(&event)?;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
            self.write()?;
        }
        Ok(answered)
    }

    /// Writes what is known.
    fn write(&mut self) -> anyhow::Result<()> {
        self.run.total_seconds = self.program_start.elapsed().as_secs_f64();
        self.folder.write(&self.run)?;
        Ok(())
    }

    /// Tells how it ended.
    fn end(mut self, answered: usize, signals: &Signals) -> anyhow::Result<Ending> {
        let ending = ending(&self.run, signals, self.folder.path());
        let report = self.folder.report().display().to_string();
        self.results.event(&EndEvent {
            outcome: match ending {
                Ending::Success => "finished",
                Ending::Missed(_) => "missed",
                Ending::Signal(_) => "interrupted",
            },
            failures: &self.run.answers.failures(),
            parts: answered,
            total_seconds: self.run.total_seconds,
            report: report.clone(),
        })?;
        self.results.text(&format!("report: {report}"));
        self.results.finish()?;
        Ok(ending)
    }
}

fn describe(folder: &Path, dataset: &Dataset) -> DataDescription {
    let mut data = DataDescription::new(folder, dataset);
    data.folder = from_here(&data.folder);
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

/// Says why not all went well.
fn ending(run: &AssignmentRun, signals: &Signals, folder: &Path) -> Ending {
    if let Some(signal) = signals.received() {
        message(&format!(
            "interrupted: all answers so far are in {}",
            shown(folder)
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
        shown(folder)
    ));
    Ending::Missed(EXIT_MISSED)
}
