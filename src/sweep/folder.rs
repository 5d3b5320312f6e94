//! The folder of a sweep: what is done is kept, and is not done again.
//!
//! | file | content |
//! | --- | --- |
//! | `sweep.json` | what the sweep is: its description and every configuration |
//! | `sweep.csv` | one line for each run that has ended |
//! | `epochs.csv` | one line for each of their epochs |
//!
//! The lines of a run are appended when it ends, its epochs first, so that a run in `sweep.csv` is
//! always whole.

use super::{RunConfiguration, RunOutcome, RunResult, TestScore};
use crate::atomic_file;
use crate::training::EpochRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Description of the sweep.
pub const SWEEP_FILE: &str = "sweep.json";
/// One line a run.
pub const SWEEP_RUNS_FILE: &str = "sweep.csv";
/// One line an epoch of a run.
pub const SWEEP_EPOCHS_FILE: &str = "epochs.csv";

/// Why the folder of a sweep cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepFolderError {
    /// Something else is there.
    #[error("{folder} exists already and holds no sweep; choose another folder with --out")]
    NoSweep {
        /// The folder.
        folder: PathBuf,
    },
    /// The sweep there is another one.
    #[error(
        "{folder} holds a sweep with --{option} {found}, but now it is {expected}; give the same \
         options to go on with it, or choose another folder with --out"
    )]
    Other {
        /// The folder.
        folder: PathBuf,
        /// The first option that differs.
        option: String,
        /// Its value in the folder.
        found: String,
        /// Its value now.
        expected: String,
    },
    /// A file there is broken.
    #[error("{path}: {problem}; remove the folder, or choose another one with --out")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or the folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// What was to be read or written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The folder of a sweep, and the runs that are done.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    configurations: Vec<RunConfiguration>,
    results: Vec<RunResult>,
}

/// A line of `sweep.csv`. The configuration stands in it for its readers; `run` alone is read back.
#[derive(Debug, Serialize, Deserialize)]
struct RunLine {
    run: usize,
    hidden: usize,
    init_scale: f32,
    epochs: u32,
    batch_size: usize,
    learning_rate: f32,
    schedule: String,
    warm_up: f32,
    momentum: f32,
    nesterov: bool,
    weight_decay: f32,
    validation: usize,
    seed: u64,
    outcome: RunOutcome,
    epochs_done: usize,
    train_loss: Option<f64>,
    train_accuracy: Option<f64>,
    validation_loss: Option<f64>,
    validation_accuracy: Option<f64>,
    best_epoch: Option<u32>,
    best_validation_accuracy: Option<f64>,
    test_loss: Option<f64>,
    test_accuracy: Option<f64>,
    seconds: f64,
}

/// A line of `epochs.csv`.
#[derive(Debug, Serialize, Deserialize)]
struct EpochLine {
    run: usize,
    epoch: u32,
    train_loss: f64,
    train_accuracy: f64,
    validation_loss: Option<f64>,
    validation_accuracy: Option<f64>,
    learning_rate: f32,
    seconds: f64,
    samples_per_second: f64,
}

impl RunLine {
    fn new(configuration: &RunConfiguration, result: &RunResult) -> Self {
        let options = &configuration.options;
        let (last, best) = (result.epochs.last(), result.best_epoch());
        Self {
            run: result.index + 1,
            hidden: configuration.hidden,
            init_scale: options.init_scale,
            epochs: options.epochs,
            batch_size: options.batch_size,
            learning_rate: options.learning_rate,
            schedule: options.schedule.to_string(),
            warm_up: options.warm_up,
            momentum: options.momentum,
            nesterov: options.nesterov,
            weight_decay: options.weight_decay,
            validation: options.validation,
            seed: options.seed,
            outcome: result.outcome,
            epochs_done: result.epochs.len(),
            train_loss: last.map(|record| record.train_loss),
            train_accuracy: last.map(|record| record.train_accuracy),
            validation_loss: last.and_then(|record| record.validation_loss),
            validation_accuracy: last.and_then(|record| record.validation_accuracy),
            best_epoch: best.map(|record| record.epoch),
            best_validation_accuracy: best.and_then(|record| record.validation_accuracy),
            test_loss: result.test.map(|test| test.loss),
            test_accuracy: result.test.map(|test| test.accuracy),
            seconds: result.seconds,
        }
    }

    fn result(&self, epochs: Vec<EpochRecord>) -> RunResult {
        let test = self.test_loss.zip(self.test_accuracy);
        RunResult {
            index: self.run - 1,
            outcome: self.outcome,
            epochs,
            test: test.map(|(loss, accuracy)| TestScore { loss, accuracy }),
            seconds: self.seconds,
        }
    }
}

impl EpochLine {
    fn new(run: usize, record: &EpochRecord) -> Self {
        Self {
            run,
            epoch: record.epoch,
            train_loss: record.train_loss,
            train_accuracy: record.train_accuracy,
            validation_loss: record.validation_loss,
            validation_accuracy: record.validation_accuracy,
            learning_rate: record.learning_rate,
            seconds: record.seconds,
            samples_per_second: record.samples_per_second,
        }
    }

    fn record(&self) -> EpochRecord {
        EpochRecord {
            epoch: self.epoch,
            train_loss: self.train_loss,
            train_accuracy: self.train_accuracy,
            validation_loss: self.validation_loss,
            validation_accuracy: self.validation_accuracy,
            learning_rate: self.learning_rate,
            seconds: self.seconds,
            samples_per_second: self.samples_per_second,
        }
    }
}

impl SweepFolder {
    /// Begins a sweep in a folder that is new or empty, or goes on with the one that is there.
    ///
    /// `description` is an object whose fields are the options of the sweep, by their names on the
    /// command line; a sweep is the same if they are equal.
    ///
    /// # Errors
    /// If the folder holds something else, another sweep or broken files, or cannot be written.
    pub fn open(
        path: &Path,
        description: &impl Serialize,
        configurations: &[RunConfiguration],
    ) -> Result<Self, SweepFolderError> {
        let mut folder = Self {
            path: path.to_owned(),
            configurations: configurations.to_vec(),
            results: Vec::new(),
        };
        fs::create_dir_all(path).map_err(|error| folder.failed("", error))?;
        let expected = folder.description(description)?;
        match fs::read_to_string(path.join(SWEEP_FILE)) {
            Ok(text) => {
                folder.check_same(&text, &expected)?;
                folder.read()?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut entries = fs::read_dir(path).map_err(|error| folder.failed("", error))?;
                if entries.next().is_some() {
                    return Err(SweepFolderError::NoSweep {
                        folder: path.to_owned(),
                    });
                }
                let text = format!("{expected:#}\n");
                folder.replace(SWEEP_FILE, text.as_bytes())?;
            }
            Err(error) => return Err(folder.failed(SWEEP_FILE, error)),
        }
        folder.rewrite()?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs that are done, in the order in which they ended.
    pub fn results(&self) -> &[RunResult] {
        &self.results
    }

    /// Places in the list of configurations of the runs that are not done.
    pub fn todo(&self) -> Vec<usize> {
        let is_done = |index: &usize| self.results.iter().any(|result| result.index == *index);
        let all = 0..self.configurations.len();
        all.filter(|index| !is_done(index)).collect()
    }

    /// Keeps a run that has ended.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, result: &RunResult) -> Result<(), SweepFolderError> {
        let run = result.index + 1;
        let epochs = result
            .epochs
            .iter()
            .map(|record| EpochLine::new(run, record));
        self.append(SWEEP_EPOCHS_FILE, epochs)?;
        let line = RunLine::new(&self.configurations[result.index], result);
        self.append(SWEEP_RUNS_FILE, [line])?;
        self.results.push(result.clone());
        Ok(())
    }

    fn description(&self, description: &impl Serialize) -> Result<Value, SweepFolderError> {
        // By way of text, in which a number has as few digits as tell it from others of its type.
        let text = serde_json::to_string(description);
        let value = text.and_then(|text| serde_json::from_str(&text));
        value.map_err(|error| self.broken(SWEEP_FILE, &error.to_string()))
    }

    /// Whether the sweep in the folder is this one.
    fn check_same(&self, text: &str, expected: &Value) -> Result<(), SweepFolderError> {
        let found: Value = serde_json::from_str(text)
            .map_err(|error| self.broken(SWEEP_FILE, &error.to_string()))?;
        let options = |value: &Value| -> BTreeMap<String, String> {
            let fields = value.as_object().into_iter().flatten();
            fields
                .map(|(name, value)| (name.clone(), shown(value)))
                .collect()
        };
        let (found, expected) = (options(&found), options(expected));
        let none = || "absent".to_owned();
        let differs = |name: &&String| found.get(*name) != expected.get(*name);
        let other = expected.keys().chain(found.keys()).find(differs);
        other.map_or(Ok(()), |name| {
            Err(SweepFolderError::Other {
                folder: self.path.clone(),
                option: name.clone(),
                found: found.get(name).cloned().unwrap_or_else(none),
                expected: expected.get(name).cloned().unwrap_or_else(none),
            })
        })
    }

    /// Reads the runs that are done. What was being written when the program ended is left out: a
    /// last line without an end, and epochs of a run that is not in `sweep.csv`.
    fn read(&mut self) -> Result<(), SweepFolderError> {
        let mut epochs: BTreeMap<usize, Vec<EpochRecord>> = BTreeMap::new();
        for line in self.read_lines::<EpochLine>(SWEEP_EPOCHS_FILE)? {
            let records = epochs.entry(line.run).or_default();
            // A run that was under way twice has its first, incomplete epochs before the others.
            if line.epoch == 1 {
                records.clear();
            }
            records.push(line.record());
        }
        for line in self.read_lines::<RunLine>(SWEEP_RUNS_FILE)? {
            let epochs = epochs.remove(&line.run).unwrap_or_default();
            let is_known = (1..=self.configurations.len()).contains(&line.run);
            if !is_known || epochs.len() != line.epochs_done {
                let problem = format!(
                    "run {} has {} epochs there, but {} in {SWEEP_EPOCHS_FILE}, or comes twice",
                    line.run,
                    line.epochs_done,
                    epochs.len()
                );
                return Err(self.broken(SWEEP_RUNS_FILE, &problem));
            }
            self.results.push(line.result(epochs));
        }
        Ok(())
    }

    fn read_lines<T: for<'a> Deserialize<'a>>(
        &self,
        name: &str,
    ) -> Result<Vec<T>, SweepFolderError> {
        let text = match fs::read_to_string(self.path.join(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(name, error)),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let lines: Result<Vec<T>, csv::Error> = csv::Reader::from_reader(whole.as_bytes())
            .deserialize()
            .collect();
        lines.map_err(|error| self.broken(name, &error.to_string()))
    }

    /// Writes both CSV files anew, with the runs that are done and nothing else.
    fn rewrite(&self) -> Result<(), SweepFolderError> {
        let epochs = self.results.iter().flat_map(|result| {
            let lines = result.epochs.iter();
            lines.map(|record| EpochLine::new(result.index + 1, record))
        });
        let runs = self.results.iter();
        let runs = runs.map(|result| RunLine::new(&self.configurations[result.index], result));
        let epochs =
            csv_lines(epochs, true).map_err(|error| self.failed(SWEEP_EPOCHS_FILE, error))?;
        self.replace(SWEEP_EPOCHS_FILE, &epochs)?;
        let runs = csv_lines(runs, true).map_err(|error| self.failed(SWEEP_RUNS_FILE, error))?;
        self.replace(SWEEP_RUNS_FILE, &runs)
    }

    /// Appends lines in one write, after those with the names of the columns where there are none.
    fn append(
        &self,
        name: &str,
        lines: impl IntoIterator<Item = impl Serialize>,
    ) -> Result<(), SweepFolderError> {
        let write = || {
            let path = self.path.join(name);
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            let is_empty = file.metadata()?.len() == 0;
            file.write_all(&csv_lines(lines, is_empty)?)?;
            file.sync_data()
        };
        write().map_err(|error| self.failed(name, error))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), SweepFolderError> {
        let written = atomic_file::write(&self.path.join(name), bytes);
        written.map_err(|error| self.failed(name, error))
    }

    fn failed(&self, name: &str, source: io::Error) -> SweepFolderError {
        let path = self.path.join(name);
        SweepFolderError::Io { path, source }
    }

    fn broken(&self, name: &str, problem: &str) -> SweepFolderError {
        SweepFolderError::Broken {
            path: self.path.join(name),
            problem: problem.to_owned(),
        }
    }
}

/// Lines of a CSV file, after the names of its columns if those are asked for.
fn csv_lines(
    lines: impl IntoIterator<Item = impl Serialize>,
    has_headers: bool,
) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(has_headers)
        .from_writer(Vec::new());
    for line in lines {
        writer.serialize(line)?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

/// A value of the description as on the command line: lists with commas.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
