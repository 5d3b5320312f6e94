//! The folder of a sweep: what is done is kept, and is not done again.
//!
//! | file | content |
//! | --- | --- |
//! | `sweep.json` | what the sweep is: its options and the checksums of its data |
//! | `sweep.csv` | one line for each run that has ended |
//! | `epochs.csv` | one line for each of their epochs |
//!
//! The lines of a run are appended when it ends, its epochs first, so that a run in `sweep.csv` is
//! always whole.

use super::{RunConfiguration, RunRecord, RunResult};
use crate::run_folder::unwritable_by;
use anyhow::{Context, anyhow, bail};
use fused_mlp::files::{atomic, bounded, create_folders, shown};
use fused_mlp::training::EpochRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Description of the sweep.
pub const SWEEP_FILE: &str = "sweep.json";
/// One line a run.
const RUNS_FILE: &str = "sweep.csv";
/// One line an epoch of a run.
const EPOCHS_FILE: &str = "epochs.csv";

/// The folder of a sweep, and the runs that are done.
#[derive(Debug)]
pub struct SweepFolder {
    /// Where it is.
    pub path: PathBuf,
    configurations: Vec<RunConfiguration>,
    /// Runs that are done, in the order in which they ended.
    pub results: Vec<RunResult>,
    /// `sweep.json`, locked while this exists, so that no two processes write here. A lock ends with
    /// its process, however that ends.
    _lock: File,
}

impl SweepFolder {
    /// Begins a sweep in a folder that is new or empty, or goes on with the one that is there.
    ///
    /// `description` has the options of the sweep by their names on the command line; a sweep is the same
    /// if they are equal, but for `data`: the folder of the data may have moved, and their checksums tell.
    ///
    /// # Errors
    /// If the folder holds something else, another sweep or broken files, or cannot be
    /// written.
    pub fn open(
        path: &Path,
        description: Map<String, Value>,
        configurations: &[RunConfiguration],
    ) -> anyhow::Result<Self> {
        create_folders(path).map_err(|error| unwritable_by(path, &error, "--out"))?;
        let file = path.join(SWEEP_FILE);
        match bounded::read_to_string(&file, bounded::MAX_TEXT) {
            Ok(text) => {
                let found = serde_json::from_str(&text).with_context(|| {
                    let file = shown(&file);
                    format!("{file}: expected a sweep; remove the folder, or choose another one with --out")
                });
                check_same(path, &found?, &description)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                check_empty(path)?;
                let text = format!("{:#}\n", Value::from(description));
                atomic::write(&file, text.as_bytes())
                    .map_err(|error| unwritable_by(&file, &error, "--out"))?;
            }
            Err(error) => return Err(failed(&file, "read")(error)),
        }
        let mut folder = Self {
            path: path.to_owned(),
            configurations: configurations.to_vec(),
            results: Vec::new(),
            _lock: lock(path, &file)?,
        };
        folder.read()?;
        folder.rewrite()?;
        Ok(folder)
    }

    /// Places in the list of configurations of the runs that are not done.
    pub fn todo(&self) -> Vec<usize> {
        let done: BTreeSet<usize> = self.results.iter().map(|result| result.index).collect();
        let all = 0..self.configurations.len();
        all.filter(|index| !done.contains(index)).collect()
    }

    /// Keeps a run that has ended, and gives it back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, result: RunResult) -> anyhow::Result<&RunResult> {
        self.append(EPOCHS_FILE, &csv(epoch_lines(&result))?)?;
        self.append(RUNS_FILE, &csv([self.run_line(&result)])?)?;
        self.results.push(result);
        Ok(&self.results[self.results.len() - 1])
    }

    fn append(&self, name: &str, lines: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| {
            file.write_all(lines)?;
            file.sync_data()
        });
        written.map_err(failed(&path, "written"))
    }

    /// Reads the runs that are done. What was being written when the program ended is left out: a
    /// last line without an end, and epochs of a run that is not in `sweep.csv`.
    fn read(&mut self) -> anyhow::Result<()> {
        let mut all_epochs: BTreeMap<usize, Vec<EpochRecord>> = BTreeMap::new();
        for (run, record) in read_lines(&self.path.join(EPOCHS_FILE))? {
            all_epochs.entry(run).or_default().push(record);
        }
        let path = self.path.join(RUNS_FILE);
        for (run, record) in read_lines::<RunRecord>(&path)? {
            let epochs = all_epochs.remove(&run).unwrap_or_default();
            let is_known = (1..=self.configurations.len()).contains(&run);
            if !is_known || epochs.len() != record.epochs_done {
                let problem = format!(
                    "run {run} has {} epochs there, but {} in {EPOCHS_FILE}, or comes twice",
                    record.epochs_done,
                    epochs.len()
                );
                return Err(broken(&path, &problem));
            }
            self.results.push(RunResult {
                index: run - 1,
                record,
                epochs,
            });
        }
        Ok(())
    }

    /// Writes both CSV files anew, with the runs that are done and nothing else.
    fn rewrite(&self) -> anyhow::Result<()> {
        let options = self.configurations[0].texts().into_iter();
        let options: Vec<&str> = options.map(|(name, _)| name).collect();
        let options = options.join(",");
        let epochs = csv(self.results.iter().flat_map(epoch_lines))?;
        let runs = csv(self.results.iter().map(|result| self.run_line(result)))?;
        for (name, columns, lines) in [
            (EPOCHS_FILE, EPOCH_COLUMNS.to_owned(), epochs),
            (RUNS_FILE, format!("{options},{RUN_COLUMNS}"), runs),
        ] {
            let path = self.path.join(name);
            let text = [format!("run,{columns}\n").as_bytes(), &lines].concat();
            atomic::write(&path, &text).map_err(failed(&path, "written"))?;
        }
        Ok(())
    }

    /// A run in `sweep.csv`: its number, its options and what it gave.
    fn run_line<'a>(&self, result: &'a RunResult) -> (usize, Vec<String>, &'a RunRecord) {
        let options = self.configurations[result.index].texts().into_iter();
        let options = options.map(|(_, text)| text).collect();
        (result.index + 1, options, &result.record)
    }
}

/// Names of the fields of a [`RunRecord`] and of an [`EpochRecord`].
const RUN_COLUMNS: &str = "outcome,epochs_done,train_loss,train_accuracy,validation_loss,\
                           validation_accuracy,best_epoch,best_validation_accuracy,test_loss,\
                           test_accuracy,seconds";
const EPOCH_COLUMNS: &str = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,\
                             visited,learning_rate,seconds,samples_per_second";

/// The epochs of a run, each with the run's number.
fn epoch_lines(result: &RunResult) -> impl Iterator<Item = (usize, EpochRecord)> {
    let run = result.index + 1;
    result.epochs.iter().map(move |&record| (run, record))
}

/// Lines of a CSV file.
fn csv(lines: impl IntoIterator<Item = impl Serialize>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new();
    let mut writer = writer.has_headers(false).from_writer(Vec::new());
    lines
        .into_iter()
        .try_for_each(|line| writer.serialize(line))?;
    Ok(writer.into_inner()?)
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

/// Refuses a folder that holds something else than a sweep whose first write was cut off.
fn check_empty(path: &Path) -> anyhow::Result<()> {
    let unfinished = format!("{SWEEP_FILE}.{}", atomic::PARTIAL);
    let entries = fs::read_dir(path).map_err(failed(path, "read"))?;
    for entry in entries {
        if *entry.map_err(failed(path, "read"))?.file_name() != *unfinished {
            let path = shown(path);
            bail!("{path} exists already and holds no sweep; choose another folder with --out");
        }
    }
    Ok(())
}

/// Refuses another sweep than that of the folder by the first thing that differs.
fn check_same(
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
fn value_text(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(value_text).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn lock(folder: &Path, file: &Path) -> anyhow::Result<File> {
    let opened = File::open(file).map_err(failed(file, "read"))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => bail!(
            "another process is at work on the sweep in {}; wait for it, or choose another folder \
             with --out",
            shown(folder)
        ),
        Err(TryLockError::Error(error)) => Err(failed(file, "locked")(error)),
    }
}

/// That a file or the folder cannot be read or written.
fn failed(path: &Path, what: &'static str) -> impl Fn(io::Error) -> anyhow::Error {
    let advice = "the same command goes on with the sweep once that is no more";
    move |error| anyhow!("{}: cannot be {what}: {error}; {advice}", shown(path))
}

/// That lines of a file are not those that a sweep writes.
fn broken(path: &Path, problem: &dyn std::fmt::Display) -> anyhow::Error {
    let advice = "remove these lines, and the same command trains their runs again";
    anyhow!("{}: {problem}; {advice}", shown(path))
}
