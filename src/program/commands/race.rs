//! `fused-mlp race`.

mod summary;

use super::train::parse_share;
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::number_range::SeedArgs;
use crate::options::{clear_options, named_value, output_name};
use crate::run_folder::{
    ScoreEvent, create_folder, create_numbered_folder, name_of, now, unwritable,
};
use crate::terminal::output::{Results, message, shown};
use crate::terminal::signals::Signals;
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::engine::Precision;
use fused_mlp::files::atomic;
use fused_mlp::machine::Machine;
use fused_mlp::training::Recipe;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use summary::{RaceRun, RaceSummary};

/// Folder of the folders of races that are given no name.
const RACES: &str = "races";

/// What stands in no run's options of train.
const NOT_PASSED_ON: [&str; 10] = [
    "--seed",
    "-s",
    "-o",
    "--target-accuracy",
    "--out",
    "--resume",
    "--json",
    "--help",
    "-h",
    "--print-config",
];

/// Options of `fused-mlp race`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("race/notes.txt"))]
pub struct RaceArgs {
    /// Share of correct predictions to reach
    #[arg(long, alias = "target", value_name = "SHARE", default_value = "0.98", value_parser = parse_share)]
    target_accuracy: f64,
    #[command(flatten)]
    seeds: SeedArgs,
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Format of the numbers in the first layer's products: f32 or int16 [default: the recipe's]
    #[arg(long, value_name = "FORMAT", value_parser = named_value::precision(), hide_possible_values = true)]
    precision: Option<Precision>,
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

/// A run, or the whole race, has ended, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum RaceEvent<'a> {
    Run(&'a RaceRun),
    Summary(&'a RaceSummary),
}

/// What `race.json` holds.
#[derive(Serialize)]
struct RaceRecord<'a> {
    started: String,
    train: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<Precision>,
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
    let started = now();
    let folder = match &args.out {
        Some(path) => create_folder(path).map(|()| path.clone())?,
        None => create_numbered_folder(&format!("{RACES}/{}", name_of(&started)))?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let mut results = Results::new(args.json);
    let mut runs = Vec::new();
    signals.advise(format!(
        "the run under way is lost; those before it are in {}",
        shown(&folder)
    ));
    let seeds = args.seeds.all();
    for &seed in seeds.iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
        let run = train(&program, args, seed, &folder, &signals);
        let run = run.inspect_err(|_| {
            // Nothing is in it if the first run failed at once; else it stays.
            let _ = fs::remove_dir(&folder);
        })?;
        let Some(run) = run else { break };
        if runs.is_empty() {
            results.text("seed  epochs  seconds  accuracies, %");
        }
        results.event(&RaceEvent::Run(&run))?;
        results.text(&line(&run));
        runs.push(run);
        if let Some(line) = results.lost_reader("race") {
            message(&line);
        }
    }
    let record = RaceRecord {
        started,
        train: &args.train,
        precision: args.precision,
        machine: Machine::here(),
        summary: RaceSummary::of(args.target_accuracy, &runs),
        results: &runs,
    };
    results.event(&RaceEvent::Summary(&record.summary))?;
    results.text(&format!(
        "\n{}\nresults: {}",
        record.summary,
        shown(&folder)
    ));
    let json = serde_json::to_string_pretty(&record)? + "\n";
    let file = folder.join("race.json");
    atomic::write(&file, json.as_bytes()).map_err(|error| unwritable(&file, &error))?;
    results.finish()?;
    Ok(ending(&record, seeds.len(), &folder, &signals))
}

/// Says why a race has not ended well.
fn ending(record: &RaceRecord<'_>, seeds: usize, folder: &Path, signals: &Signals) -> Ending {
    let RaceSummary { runs, failures, .. } = record.summary;
    if runs < seeds {
        let folder = shown(folder);
        message(&format!(
            "interrupted: {runs} of {seeds} runs are in {folder}"
        ));
        return Ending::Signal(signals.received().unwrap_or(2));
    }
    if failures > 0 {
        message(&format!(
            "error: {failures} of {runs} runs missed the target; try more epochs: -- --epochs N"
        ));
        return Ending::Missed(EXIT_MISSED);
    }
    Ending::Success
}

/// Refuses options of train that the race sets itself, and those with which no run would train.
fn check_passed_on(options: &[String]) -> anyhow::Result<()> {
    let names = options.iter().map(|option| {
        // The value of a short option may follow without a space.
        let is_short = !option.starts_with("--") && option.is_char_boundary(2);
        let end = if is_short { 2 } else { option.len() };
        option[..end].split('=').next().unwrap_or_default()
    });
    let mut names = names;
    match names.find(|name| NOT_PASSED_ON.contains(name)) {
        None => Ok(()),
        Some(name) => bail!(
            "{name} stands after the --, among the options of train, but race decides it; give --seeds, \
             --target-accuracy, --out or --json before the --, or leave it out"
        ),
    }
}

/// The recipe that reaches a share of MNIST's test data in the least time.
fn fastest(target: f64) -> Recipe {
    match target {
        ..=0.981 => Recipe::Sprint,
        ..=0.991 => Recipe::Sprint99,
        _ => Recipe::Augmented,
    }
}

/// Trains in a fresh process. Gives how it went; nothing if a signal that came to this process, too, ended it.
fn train(
    program: &Path,
    args: &RaceArgs,
    seed: u64,
    folder: &Path,
    signals: &Signals,
) -> anyhow::Result<Option<RaceRun>> {
    let start = Instant::now();
    let mut command = Command::new(program);
    // They are options of the race, not of its trainings.
    clear_options(&mut command);
    let data = args
        .data
        .iter()
        .flat_map(|data| ["--data".as_ref(), data.as_os_str()]);
    let names_recipe = args
        .train
        .iter()
        .any(|it| it.split('=').next() == Some("--recipe"));
    let output = command
        .arg("train")
        .args(data)
        .args(args.access.words())
        .args(["--json", "--quiet"])
        .args(["--target-accuracy", &args.target_accuracy.to_string()])
        .args(["--seed", &seed.to_string()])
        .arg("--out")
        .arg(folder.join(format!("seed-{seed}")))
        .args(
            args.precision
                .map(|it| format!("--precision={}", it.name())),
        )
        .args((!names_recipe).then(|| format!("--recipe={}", fastest(args.target_accuracy).name())))
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
            let said = reason(&String::from_utf8_lossy(&output.stderr));
            let folder = shown(folder);
            bail!(
                "the run with seed {seed} ended with {ended}: {said}; the runs before it, if any, are in \
                 {folder}"
            );
        }
    }
    let told = read(
        &String::from_utf8_lossy(&output.stdout),
        seed,
        process_seconds,
    );
    let told = told.with_context(|| format!("the results of the run with seed {seed}"))?;
    Ok(Some(told))
}

/// What the events of a training tell.
fn read(events: &str, seed: u64, process_seconds: f64) -> anyhow::Result<RaceRun> {
    let events = events.lines().map(serde_json::from_str);
    let mut events: Vec<Value> = events.collect::<Result<_, _>>()?;
    let end = events.pop().context("nothing was printed")?;
    let scores = events.iter().filter(|event| event["event"] == "score");
    let scores: Vec<_> = scores
        .map(ScoreEvent::deserialize)
        .collect::<Result<_, _>>()?;
    Ok(RaceRun {
        seed,
        outcome: end["outcome"].as_str().unwrap_or_default().to_owned(),
        seconds: end["time_to_accuracy_seconds"].as_f64(),
        start_up_seconds: end["start_up_seconds"].as_f64().unwrap_or(f64::NAN),
        process_seconds,
        epochs: scores.last().map_or(0.0, |score| score.epoch),
        scores,
    })
}

/// What a training said that failed, in one line.
fn reason(said: &str) -> String {
    match said.trim() {
        "" => "it said nothing".to_owned(),
        said => said.replace("error: ", "").replace('\n', " "),
    }
}

fn line(run: &RaceRun) -> String {
    let seconds = match run.seconds {
        Some(seconds) => format!("{seconds:.3}"),
        None => run.outcome.clone(),
    };
    let (seed, epochs, scores) = (run.seed, run.epochs, run.scores.iter());
    let accuracies: Vec<String> = scores
        .map(|score| format!("{:.2}", 100.0 * score.accuracy))
        .collect();
    format!(
        "{seed:>4}  {epochs:>6.2}  {seconds:>7}  {}",
        accuracies.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_training_said_is_one_line() {
        assert_eq!(
            reason("thread panicked:\nindex 7\nerror: a fault\n"),
            "thread panicked: index 7 a fault"
        );
        assert_eq!(reason("\n"), "it said nothing");
    }
}
