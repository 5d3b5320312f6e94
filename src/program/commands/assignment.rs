//! `fused-mlp assignment`.

use super::train::{DEFAULT_HIDDEN, from_here, open_data};
use crate::assignment::{Answers, PARTS, Part, Settings, Stopped, Work};
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::backend::EngineArgs;
use crate::options::output_name;
use crate::pages::assignment::{AssignmentFolder, AssignmentRun, PartTime, RunRecord};
use crate::run_folder::{DataDescription, Environment, minute_of, now};
use crate::terminal::output::{Results, counted, message, shown};
use crate::terminal::progress::Progress;
use crate::terminal::signals::Signals;
use anyhow::Context;
use clap::Args;
use fused_mlp::mnist::Dataset;
use indicatif::{HumanDuration, ProgressBar};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Options of `fused-mlp assignment`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("assignment_notes.txt"))]
pub struct AssignmentArgs {
    /// Folder for the report; must not exist [default: assignment-report, or the first of
    /// assignment-report-2, -3, ... that is not there]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Answer these questions alone, as q1,q3
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = question)]
    only: Vec<String>,
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

/// The name of a question, in small letters.
fn question(text: &str) -> Result<String, String> {
    let name = text.to_lowercase();
    match PARTS.iter().any(|part| part.answers(&name)) {
        true => Ok(name),
        false => Err(format!("no question is called {text:?}; expected q1 to q7")),
    }
}

impl AssignmentArgs {
    /// A run of which nothing is known yet.
    fn start(&self, data: Option<DataDescription>) -> anyhow::Result<AssignmentRun> {
        let settings = Settings {
            seed: self.seed,
            is_quick: self.quick,
            isa: self.engine.isa()?,
            threads: self.engine.threads(DEFAULT_HIDDEN)?,
        };
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let started = minute_of(&now());
        let record = RunRecord {
            command: format!("fused-mlp {}", arguments.join(" ")),
            started,
            interrupted: false,
            machine: Environment::new(Some(settings.isa.name()), settings.threads),
            data,
            parts: Vec::new(),
            total_seconds: 0.0,
        };
        Ok(AssignmentRun {
            settings,
            answers: Answers::default(),
            record,
        })
    }
}

/// An answer as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "answer")]
struct AnswerEvent<'a> {
    part: &'static str,
    answer: serde_json::Value,
    seconds: f64,
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
    let is_asked =
        |part: &&Part| args.only.is_empty() || args.only.iter().any(|name| part.answers(name));
    let parts: Vec<&Part> = PARTS.iter().filter(is_asked).collect();
    let needs_images = parts.iter().any(|part| part.needs_images());
    let opened = needs_images.then(|| open_data(args.data.as_deref(), None, args.access.access()));
    let opened = opened.transpose()?;
    let data = opened.as_ref().map(|(folder, dataset)| {
        let mut data = DataDescription::new(folder, dataset);
        data.folder = from_here(&data.folder);
        data
    });
    let run = args.start(data)?;
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let folder = AssignmentFolder::create(args.out.as_deref())?;
    let progress = Progress::lines(args.quiet);
    let Settings { isa, threads, .. } = run.settings;
    progress.line(&format!(
        "assignment{}: {}, {}; results in {}",
        if args.quick { ", quick" } else { "" },
        isa.name(),
        counted(threads, "thread"),
        shown(&folder.path)
    ));
    let bar = progress.bar(1000);
    let follow = |what: &str, share: f64| {
        bar.set_position((1000.0 * share) as u64);
        bar.set_message(format!("{what}: {} left", HumanDuration(bar.eta())));
    };
    let work = Work {
        settings: run.settings,
        dataset: opened.as_ref().map(|(_, dataset)| dataset),
        listener: &follow,
        stop,
    };
    let session = Session {
        run,
        folder,
        results: Results::new(args.json),
        program_start,
    };
    session.answer(&parts, &work, &signals, &bar)
}

/// A run, and where it is told.
struct Session {
    run: AssignmentRun,
    folder: AssignmentFolder,
    results: Results,
    program_start: Instant,
}

impl Session {
    /// Computes the parts until one is stopped, and tells how it ended.
    fn answer(
        mut self,
        parts: &[&Part],
        work: &Work<'_>,
        signals: &Signals,
        bar: &ProgressBar,
    ) -> anyhow::Result<Ending> {
        let mut answered = 0;
        for part in parts {
            bar.reset();
            let start = Instant::now();
            let computed = (part.compute)(&mut self.run.answers, work);
            let seconds = start.elapsed().as_secs_f64();
            // The answer has the terminal to itself.
            bar.finish_and_clear();
            // Nothing is told of data that changed; what was written before stays.
            work.dataset.map_or(Ok(()), Dataset::check_mappings)?;
            match computed {
                Ok(()) => answered += usize::from(self.tell(part, seconds)?),
                Err(error) if error.is::<Stopped>() => break,
                Err(error) => {
                    self.write(work)?;
                    return Err(error).context(part.name);
                }
            }
            if work.is_stopped() {
                break;
            }
            self.write(work)?;
        }
        self.write(work)?;
        self.end(answered, signals)
    }

    /// Tells the answer of a part; returns whether there is one.
    fn tell(&mut self, part: &Part, seconds: f64) -> anyhow::Result<bool> {
        let (run, name) = (&mut self.run, part.name);
        run.record.parts.push(PartTime {
            part: name,
            seconds,
        });
        let Some((answer, text)) = run.answer(part)? else {
            return Ok(false);
        };
        self.results.text(&text);
        self.results.event(&AnswerEvent {
            part: name,
            answer,
            seconds,
            folder: self.folder.path.to_str().unwrap_or_default(),
        })?;
        Ok(true)
    }

    /// Writes what is known.
    fn write(&mut self, work: &Work<'_>) -> anyhow::Result<()> {
        self.run.record.interrupted = work.is_stopped();
        self.run.record.total_seconds = self.program_start.elapsed().as_secs_f64();
        self.folder.write(&self.run)
    }

    /// Tells how it ended, and why not all went well.
    fn end(mut self, answered: usize, signals: &Signals) -> anyhow::Result<Ending> {
        let failures = self.run.answers.failures();
        let folder = shown(&self.folder.path);
        let (ending, outcome) = if let Some(signal) = signals.received() {
            message(&format!("interrupted: all answers so far are in {folder}"));
            (Ending::Signal(signal), "interrupted")
        } else if failures.is_empty() {
            (Ending::Success, "finished")
        } else {
            message(&format!(
                "error: a check does not hold; expected {}; the answers are in {folder}",
                failures.join("; ")
            ));
            (Ending::Missed(EXIT_MISSED), "missed")
        };
        let report = self.folder.report().display().to_string();
        self.results.text(&format!("report: {report}"));
        self.results.event(&EndEvent {
            outcome,
            failures: &failures,
            parts: answered,
            total_seconds: self.run.record.total_seconds,
            report,
        })?;
        self.results.finish()?;
        Ok(ending)
    }
}
