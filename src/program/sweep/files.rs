//! The files of a sweep's folder, as they are read back, and what is wrong with them.

use super::{RunRecord, RunResult, Shard};
use crate::run_folder::history::{EPOCHS, TIMES};
use anyhow::{Context, anyhow, bail};
use fused_mlp::files::{atomic, bounded, shown};
use fused_mlp::training::EpochRecord;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// Description of the sweep.
pub const SWEEP_FILE: &str = "sweep.json";
/// One line a run.
pub const RUNS_FILE: &str = "sweep.csv";

/// A line of `times.csv`.
#[derive(Deserialize)]
struct Time {
    seconds: f64,
    samples_per_second: Option<f64>,
}

/// Reads the runs that are done of a part of so many. What was being written when the program ended is left
/// out: a last line without an end, and epochs of a run that is not in `sweep.csv`.
pub fn read_results(folder: &Path, part: Shard, runs: usize) -> anyhow::Result<Vec<RunResult>> {
    let path = folder.join(RUNS_FILE);
    // Before the others, to which a part that is at work adds lines first.
    let records = read_lines::<RunRecord>(&path)?;
    let mut all_epochs = by_run::<EpochRecord>(&folder.join(EPOCHS.name))?;
    let mut all_times = by_run::<Time>(&folder.join(TIMES.name))?;
    let here: BTreeSet<usize> = part.places(runs).map(|index| index + 1).collect();
    let result = |(run, record): (usize, RunRecord)| {
        let mut epochs = all_epochs.remove(&run).unwrap_or_default();
        let mut times = all_times.remove(&run).unwrap_or_default();
        let whole = times.pop();
        let counts = [(EPOCHS.name, epochs.len()), (TIMES.name, times.len())];
        let mut wrong = counts.iter().filter(|it| it.1 != record.epochs_done);
        let (wrong, is_here) = (wrong.next(), here.contains(&run));
        let (Some(Time { seconds, .. }), None, true) = (whole, wrong, is_here) else {
            let (name, count) = wrong.unwrap_or(&counts[0]);
            let problem = format!(
                "run {run} has {} epochs there, but {count} in {name}, or comes twice",
                record.epochs_done,
            );
            return Err(broken(&path, &problem));
        };
        for (epoch, time) in epochs.iter_mut().zip(times) {
            (epoch.seconds, epoch.samples_per_second) = (time.seconds, time.samples_per_second);
        }
        Ok(RunResult {
            index: run - 1,
            record,
            epochs,
            seconds,
        })
    };
    records.into_iter().map(result).collect()
}

/// The lines of a file by the numbers of their runs.
fn by_run<T: DeserializeOwned>(path: &Path) -> anyhow::Result<BTreeMap<usize, Vec<T>>> {
    let mut all: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for (run, line) in read_lines(path)? {
        all.entry(run).or_default().push(line);
    }
    Ok(all)
}

/// The number of a line's run.
#[derive(Deserialize)]
struct Number {
    run: usize,
}

/// The lines of a file, each with the number of its run; columns that nobody asks for are passed over.
fn read_lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<(usize, T)>> {
    let text = match bounded::read_to_string(path, bounded::MAX_LINES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(failed(path, "read"))?,
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let read = || -> csv::Result<Vec<(usize, T)>> {
        let mut reader = csv::Reader::from_reader(whole.as_bytes());
        let headers = reader.headers()?.clone();
        let lines = reader.records().map(|line| {
            let line = line?;
            let Number { run } = line.deserialize(Some(&headers))?;
            Ok((run, line.deserialize(Some(&headers))?))
        });
        lines.collect()
    };
    read().map_err(|error| broken(path, &error))
}

/// What the sweep in a folder is, if there is one.
pub fn read_description(folder: &Path) -> anyhow::Result<Option<Map<String, Value>>> {
    let file = folder.join(SWEEP_FILE);
    let text = match bounded::read_to_string(&file, bounded::MAX_TEXT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed(&file, "read"))?,
    };
    let advice = "remove the folder, or choose another one with --out";
    let found = serde_json::from_str(&text);
    found.with_context(|| format!("{}: expected a sweep; {advice}", shown(&file)))
}

/// Refuses a folder that holds something else than a sweep whose first write was cut off, and parts.
pub fn check_empty(path: &Path) -> anyhow::Result<()> {
    let unfinished = format!("{SWEEP_FILE}.{}", atomic::PARTIAL);
    let entries = fs::read_dir(path).map_err(failed(path, "read"))?;
    for entry in entries {
        let name = entry.map_err(failed(path, "read"))?.file_name();
        let is_part = name.to_str().and_then(Shard::of_folder).is_some();
        if *name != *unfinished && !is_part {
            let path = shown(path);
            bail!("{path} exists already and holds no sweep; choose another folder with --out");
        }
    }
    Ok(())
}

/// Refuses another sweep than that of the folder by the first thing that differs.
pub fn check_same(
    path: &Path,
    found: &Map<String, Value>,
    expected: &Map<String, Value>,
) -> anyhow::Result<()> {
    let text = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), value_text);
    let names = expected.keys().chain(found.keys());
    for name in names.filter(|name| *name != "data") {
        let [found, expected] = [found, expected].map(|it| text(it.get(name)));
        if found != expected {
            bail!(
                "{} holds a sweep with {name} {found}, but now it is {expected}; give the same options and \
                 data to go on with it, or choose another folder with --out",
                shown(path)
            );
        }
    }
    Ok(())
}

/// A value of the description as on the command line: lists with commas.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(value_text).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// That a file or the folder cannot be read or written.
pub fn failed(path: &Path, what: &'static str) -> impl Fn(io::Error) -> anyhow::Error {
    let advice = "the same command goes on with the sweep once that is no more";
    move |error| anyhow!("{}: cannot be {what}: {error}; {advice}", shown(path))
}

/// That lines of a file are not those that a sweep writes.
fn broken(path: &Path, problem: &dyn std::fmt::Display) -> anyhow::Error {
    let advice = "remove these lines, and the same command trains their runs again";
    anyhow!("{}: {problem}; {advice}", shown(path))
}
