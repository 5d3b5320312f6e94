//! `fused-mlp race`.

use super::train::{from_here, parse_share};
use crate::charts::{RaceRun, RaceSummary, race_svg};
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::{clear_options, output_name};
use crate::run_folder::{ScoreEvent, create_folder, create_numbered_folder, write_new_file};
use crate::terminal::output::{Results, message, one_line, shown};
use crate::terminal::signals::Signals;
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::machine::Machine;
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const NOTES: &str = "Each run is a fresh process of fused-mlp train --target-accuracy, one after the other. Its clock
starts with the program: opening the data, training and every evaluation are on it. The files of
the data set are in the system's memory if they were read before. A run that misses the target
is counted as slower than all others, never dropped.

What stands after -- goes to every train, such as a recipe or threads. Of the environment, train
sees FUSED_MLP_DATA, FUSED_MLP_ISA and RAYON_NUM_THREADS, but no other options.

Examples:
  fused-mlp race --target 0.98 --seeds 10
  fused-mlp race --target 0.97 --seeds 10 -- --threads 1
  fused-mlp race --target 0.985 --seeds 3 -- --recipe best

Exit codes: as for every command; 1 if a run missed the target";

/// Folder of the folders of races that are given no name.
const RACES: &str = "races";

/// Options of `fused-mlp race`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub struct RaceArgs {
    /// Share of correct predictions to reach
    #[arg(long, value_name = "SHARE", default_value = "0.98", value_parser = parse_share)]
    target: f64,
    /// Number of runs: their seeds are 1 to N
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Folder for the results; must not exist [default: races/<date-time>]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Print results as JSON, one object a line: the runs, then the summary
    #[arg(long)]
    json: bool,
    /// Options of train for every run
    #[arg(last = true, value_name = "OPTIONS OF TRAIN")]
    train: Vec<String>,
}

/// A run has ended, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "run")]
struct RunEvent<'a> {
    #[serde(flatten)]
    run: &'a RaceRun,
}

/// The race has ended, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct SummaryEvent {
    target: f64,
    #[serde(flatten)]
    summary: RaceSummary,
}

/// What `race.json` holds.
#[derive(Serialize)]
struct RaceRecord<'a> {
    started: String,
    target: f64,
    train: &'a [String],
    /// Resolved options of the training, and where it ran.
    start: Option<Value>,
    machine: Machine,
    #[serde(flatten)]
    summary: RaceSummary,
    results: &'a [RaceRun],
}

/// Races, prints every run and leaves a folder.
///
/// # Errors
/// If a run cannot be started or has an error, or files cannot be written.
pub fn run(args: &RaceArgs) -> anyhow::Result<Ending> {
    check_passed_on(&args.train)?;
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    let now = jiff::Timestamp::now();
    let races = Path::new(RACES);
    let is_first = args.out.is_none() && !races.exists();
    let folder = match &args.out {
        Some(path) => create_folder(path).map(|()| path.clone())?,
        None => create_numbered_folder(&format!("{RACES}/{}", now.strftime("%Y-%m-%dT%H-%M-%S")))?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let mut results = Results::new(args.json);
    let (mut runs, mut start, mut failure) = (Vec::new(), None, None);
    for seed in 1..=args.seeds {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match train(&program, args, seed, &folder, &signals) {
            Ok(Some((first, run))) => {
                if runs.is_empty() {
                    results.text("seed  epochs  seconds  accuracies after each epoch, %");
                }
                results.event(&RunEvent { run: &run })?;
                results.text(&line(&run));
                start.get_or_insert(first);
                runs.push(run);
            }
            Ok(None) => break,
            Err(error) if runs.is_empty() => {
                // Nothing is in it if the first run failed at once; else it stays.
                let _ = fs::remove_dir(&folder);
                if is_first {
                    let _ = fs::remove_dir(races);
                }
                return Err(error);
            }
            // The runs before it are worth their summary.
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let summary = RaceSummary::of(&runs);
    results.event(&SummaryEvent {
        target: args.target,
        summary,
    })?;
    results.text(&text(&summary, args.target, &folder));
    if let Some(first) = &mut start {
        // It is only read by people: as the folder is called here.
        let folder = &mut first["data"]["folder"];
        if let Some(shown) = folder.as_str().map(from_here) {
            *folder = shown.into();
        }
    }
    let record = RaceRecord {
        started: now.to_string(),
        target: args.target,
        train: &args.train,
        start,
        machine: Machine::here(),
        summary,
        results: &runs,
    };
    let json = serde_json::to_string_pretty(&record)? + "\n";
    let svg = race_svg(&runs, args.target);
    let written = [("race.json", json), ("race.svg", svg)]
        .map(|(name, text)| write_new_file(&folder.join(name), text.as_bytes()));
    if let Some(failure) = failure {
        // The disk may be full: that is why the run failed, and it is told once as the error.
        for error in written.into_iter().filter_map(Result::err) {
            message(&format!("warning: {error}"));
        }
        bail!(
            "{}; the runs before it are in {}",
            one_line(&failure),
            shown(&folder)
        );
    }
    written.into_iter().collect::<Result<Vec<_>, _>>()?;
    results.finish()?;
    if (runs.len() as u64) < args.seeds {
        message(&format!(
            "interrupted: {} of {} runs are in {}",
            runs.len(),
            args.seeds,
            shown(&folder)
        ));
        return Ok(Ending::Signal(signals.received().unwrap_or(2)));
    }
    if summary.failures > 0 {
        message(&format!(
            "error: {} of {} runs missed the target; try more epochs: -- --epochs N",
            summary.failures, summary.runs
        ));
        return Ok(Ending::Missed(EXIT_MISSED));
    }
    Ok(Ending::Success)
}

/// Refuses options of train that the race sets itself, with what to do instead.
fn check_passed_on(options: &[String]) -> anyhow::Result<()> {
    const NOT_TRAINED: &str = "no run would train; give it to fused-mlp train itself";
    const OWN: [(&str, &str); 8] = [
        (
            "--seed",
            "race sets it; --seeds N before the -- is the number of runs",
        ),
        (
            "--target-accuracy",
            "race sets it; name the target as --target before the --",
        ),
        (
            "--out",
            "race sets it; name a folder for all runs as --out before the --",
        ),
        ("--resume", "every run of a race starts anew; leave it out"),
        ("--json", "race has it, too; give it before the --"),
        ("--help", NOT_TRAINED),
        ("-h", NOT_TRAINED),
        ("--print-config", NOT_TRAINED),
    ];
    for option in options {
        let name = option.split('=').next().unwrap_or_default();
        if let Some((_, advice)) = OWN.iter().find(|(own, _)| *own == name) {
            bail!("{name} stands after the --, among the options of train: {advice}");
        }
    }
    Ok(())
}

/// Trains in a fresh process. Gives what it told when it started, and how it went; nothing if a
/// signal that came to this process, too, ended it.
fn train(
    program: &Path,
    args: &RaceArgs,
    seed: u64,
    folder: &Path,
    signals: &Signals,
) -> anyhow::Result<Option<(Value, RaceRun)>> {
    let start = Instant::now();
    let mut command = Command::new(program);
    // They are options of the race, not of its trainings.
    clear_options(&mut command);
    command.arg("train");
    if let Some(data) = &args.data {
        command.arg("--data").arg(data);
    }
    let output = command
        .args(args.access.no_mmap.then_some("--no-mmap"))
        .args(["--json", "--quiet"])
        .args(["--target-accuracy", &args.target.to_string()])
        .args(["--seed", &seed.to_string()])
        .arg("--out")
        .arg(folder.join(format!("seed-{seed}")))
        .args(&args.train)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let process_seconds = start.elapsed().as_secs_f64();
    match output.status.code() {
        Some(code) if code == 0 || code == i32::from(EXIT_MISSED) => {}
        Some(129 | 130 | 143) | None if signals.received().is_some() => return Ok(None),
        code => {
            let status = output.status.to_string().replace(": ", " ");
            let ended = code.map_or(status, |code| format!("exit code {code}"));
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "the run with seed {seed} ended with {ended}: {}",
                reason(&said)
            );
        }
    }
    let parse = |line: &str| serde_json::from_str::<Value>(line);
    let text = String::from_utf8_lossy(&output.stdout);
    let events: Vec<Value> = text.lines().map(parse).collect::<Result<_, _>>()?;
    let (Some(first), Some(end)) = (events.first(), events.last()) else {
        bail!("the run with seed {seed} printed nothing");
    };
    let scores = events.iter().filter(|event| event["event"] == "score");
    let scores = scores.map(|event| serde_json::from_value::<ScoreEvent>(event.clone()));
    let run = RaceRun {
        seed,
        outcome: end["outcome"].as_str().unwrap_or_default().to_owned(),
        seconds: end["time_to_accuracy_seconds"].as_f64(),
        start_up_seconds: end["start_up_seconds"].as_f64().unwrap_or(f64::NAN),
        process_seconds,
        epochs: end["epochs"].as_u64().unwrap_or_default(),
        scores: scores.collect::<Result<_, _>>()?,
    };
    Ok(Some((first.clone(), run)))
}

/// Why a training failed, in one line: what it said at last, and what a panic said before.
fn reason(said: &str) -> String {
    let is_other = |line: &&str| !line.starts_with("warning: ") && !line.starts_with("error: ");
    let (before, last) = said.trim().rsplit_once('\n').unwrap_or(("", said.trim()));
    let lines = before
        .lines()
        .filter(is_other)
        .chain([last.trim_start_matches("error: ")]);
    match lines.collect::<Vec<_>>().join(" ").trim() {
        "" => "it said nothing".to_owned(),
        reason => reason.to_owned(),
    }
}

fn line(run: &RaceRun) -> String {
    let seconds = match run.seconds {
        Some(seconds) => format!("{seconds:.3}"),
        None => run.outcome.clone(),
    };
    let scores = run.scores.iter();
    let accuracies: Vec<String> = scores
        .map(|score| format!("{:.2}", 100.0 * score.accuracy))
        .collect();
    format!(
        "{:>4}  {:>6}  {seconds:>7}  {}",
        run.seed,
        run.epochs,
        accuracies.join(" ")
    )
}

fn epochs_text(epochs: f64) -> String {
    format!("{epochs} epoch{}", if epochs == 1.0 { "" } else { "s" })
}

fn text(summary: &RaceSummary, target: f64, folder: &Path) -> String {
    let folder = shown(folder);
    let Some(fastest) = summary.fastest_seconds else {
        let none = match summary.runs {
            0 => "no run has ended".to_owned(),
            1 => format!("the run missed accuracy {target}"),
            runs => format!("all {runs} runs missed accuracy {target}"),
        };
        return format!("\n{none}\nresults: {folder}");
    };
    let seconds = |seconds: f64| format!("{seconds:.3} s");
    let mut parts = vec![match summary.median_seconds {
        Some(median) => format!("median {}", seconds(median)),
        None => "no median, as too many runs missed it".to_owned(),
    }];
    parts.push(format!("fastest {}", seconds(fastest)));
    parts.extend(
        summary
            .slowest_seconds
            .map(|it| format!("slowest {}", seconds(it))),
    );
    let mut text = format!("\naccuracy {target}: {}; ", parts.join(", "));
    if let Some(epochs) = summary.median_epochs {
        text += &format!("{} (median); ", epochs_text(epochs));
    }
    text += &format!("{} of {} runs missed it", summary.failures, summary.runs);
    if let Some(start_up) = summary.median_start_up_seconds {
        text += &format!("\nstart to first step: {} (median)", seconds(start_up));
    }
    text + &format!("\nresults: {folder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_of_a_training_is_why_it_failed() {
        let said =
            "warning: no space left\nerror: the target was missed\nerror: not all is saved\n";
        assert_eq!(reason(said), "not all is saved");
        assert_eq!(
            reason("thread panicked:\nindex 7\nerror: a fault"),
            "thread panicked: index 7 a fault"
        );
        assert_eq!(reason("\n"), "it said nothing");
    }

    fn run(seed: u64, seconds: Option<f64>) -> RaceRun {
        RaceRun {
            seed,
            outcome: "finished".to_owned(),
            seconds,
            start_up_seconds: 0.004,
            process_seconds: 1.0,
            epochs: 3,
            scores: Vec::new(),
        }
    }

    #[test]
    fn the_summary_tells_only_what_there_is() {
        let told = |runs: &[RaceRun]| text(&RaceSummary::of(runs), 0.98, Path::new("races/a"));
        assert_eq!(told(&[]), "\nno run has ended\nresults: races/a");
        assert_eq!(
            told(&[run(1, None)]),
            "\nthe run missed accuracy 0.98\nresults: races/a"
        );
        assert!(told(&[run(1, None), run(2, None)]).contains("all 2 runs missed accuracy 0.98"));
        let half = told(&[run(1, Some(0.5)), run(2, None)]);
        assert!(
            half.contains("no median, as too many runs missed it, fastest 0.500 s"),
            "{half}"
        );
        assert_eq!(
            told(&[run(1, Some(0.5))]),
            "\naccuracy 0.98: median 0.500 s, fastest 0.500 s, slowest 0.500 s; 3 epochs (median); \
             0 of 1 runs missed it\nstart to first step: 0.004 s (median)\nresults: races/a"
        );
    }
}
