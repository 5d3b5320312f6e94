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

use super::{RunConfiguration, RunRecord, RunResult};
use fused_mlp::files::{atomic, bounded, create_folders, shown};
use fused_mlp::training::EpochRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
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
    #[error("{folder} exists already and holds no sweep; choose another folder with --out", folder = shown(folder))]
    NoSweep {
        /// The folder.
        folder: PathBuf,
    },
    /// The sweep there is another one.
    #[error(
        "{folder} holds a sweep with --{option} {found}, but now it is {expected}; give the same \
         options to go on with it, or choose another folder with --out", folder = shown(folder))]
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
    /// Another process has it open.
    #[error(
        "another process is at work on the sweep in {folder}; wait for it, or choose another \
         folder with --out", folder = shown(folder))]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file there is broken.
    #[error("{path}: {problem}", path = shown(path))]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A file or the folder cannot be read or written.
    #[error("{path}: {source}{advice}", path = shown(path), advice = advice(source))]
    Io {
        /// What was to be read or written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn advice(source: &io::Error) -> &'static str {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            "; the same command goes on with the sweep once there is room"
        }
        _ => "",
    }
}

/// The folder of a sweep, and the runs that are done.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    configurations: Vec<RunConfiguration>,
    results: Vec<RunResult>,
    /// `sweep.json`, locked while this exists, so that no two processes write here. A lock ends with
    /// its process, however that ends.
    _lock: Option<File>,
}

impl SweepFolder {
    /// Begins a sweep in a folder that is new or empty, or goes on with the one that is there.
    ///
    /// `description` is an object whose fields are the options of the sweep, by their names on the
    /// command line; a sweep is the same if they are equal, but for `data`: the folder of the data may
    /// have moved, and their checksums tell.
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
            _lock: None,
        };
        create_folders(path).map_err(|error| folder.failed("", error))?;
        let expected = folder.description(description)?;
        match bounded::read_to_string(&path.join(SWEEP_FILE), bounded::MAX_TEXT) {
            Ok(text) => {
                folder.check_same(&text, &expected)?;
                folder.lock()?;
                folder.read()?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let entries = fs::read_dir(path).map_err(|error| folder.failed("", error))?;
                // That of a sweep whose first write was cut off.
                let unfinished = format!("{SWEEP_FILE}.{}", atomic::PARTIAL);
                let is_other = |name: io::Result<fs::DirEntry>| {
                    name.map_or(true, |entry| *entry.file_name() != *unfinished)
                };
                if entries.into_iter().any(is_other) {
                    return Err(SweepFolderError::NoSweep {
                        folder: path.to_owned(),
                    });
                }
                let text = format!("{expected:#}\n");
                folder.replace(SWEEP_FILE, text.as_bytes())?;
                folder.lock()?;
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
        let done: BTreeSet<usize> = self.results.iter().map(|result| result.index).collect();
        let all = 0..self.configurations.len();
        all.filter(|index| !done.contains(index)).collect()
    }

    /// Keeps a run that has ended.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, result: &RunResult) -> Result<(), SweepFolderError> {
        self.append(SWEEP_EPOCHS_FILE, epoch_lines(result))?;
        self.append(SWEEP_RUNS_FILE, [self.run_line(result)])?;
        self.results.push(result.clone());
        Ok(())
    }

    fn run_line(&self, result: &RunResult) -> RunLine {
        let configuration = &self.configurations[result.index];
        (
            result.index + 1,
            configuration.texts(),
            RunRecord::new(result),
        )
    }

    fn description(&self, description: &impl Serialize) -> Result<Value, SweepFolderError> {
        // By way of text, in which a number has as few digits as tell it from others of its type.
        let text = serde_json::to_string(description);
        let value = text.and_then(|text| serde_json::from_str(&text));
        value.map_err(|error| self.broken(SWEEP_FILE, &error.to_string()))
    }

    fn lock(&mut self) -> Result<(), SweepFolderError> {
        let file = File::open(self.path.join(SWEEP_FILE));
        let file = file.map_err(|error| self.failed(SWEEP_FILE, error))?;
        match file.try_lock() {
            Ok(()) => {
                self._lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(SweepFolderError::InUse {
                folder: self.path.clone(),
            }),
            Err(TryLockError::Error(error)) => Err(self.failed(SWEEP_FILE, error)),
        }
    }

    /// Whether the sweep in the folder is this one.
    fn check_same(&self, text: &str, expected: &Value) -> Result<(), SweepFolderError> {
        let found: Value = serde_json::from_str(text)
            .map_err(|error| self.broken(SWEEP_FILE, &error.to_string()))?;
        let options = |value: &Value| -> BTreeMap<String, String> {
            let fields = value.as_object().into_iter().flatten();
            fields
                .map(|(name, value)| (name.clone(), value_text(value)))
                .collect()
        };
        let (found, expected) = (options(&found), options(expected));
        let none = || "absent".to_owned();
        let differs = |name: &&String| *name != "data" && found.get(*name) != expected.get(*name);
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
        for (run, record) in self.read_lines::<EpochRecord>(SWEEP_EPOCHS_FILE)? {
            epochs.entry(run).or_default().push(record);
        }
        for (run, record) in self.read_lines::<RunRecord>(SWEEP_RUNS_FILE)? {
            let epochs = epochs.remove(&run).unwrap_or_default();
            let is_known = (1..=self.configurations.len()).contains(&run);
            if !is_known || epochs.len() != record.epochs_done {
                let problem = format!(
                    "run {run} has {} epochs there, but {} in {SWEEP_EPOCHS_FILE}, or comes twice",
                    record.epochs_done,
                    epochs.len()
                );
                return Err(self.broken(SWEEP_RUNS_FILE, &problem));
            }
            self.results.push(record.result(run - 1, epochs));
        }
        Ok(())
    }

    /// The lines of a file, each with the number of its run; columns that nobody asks for are passed over.
    fn read_lines<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Vec<(usize, T)>, SweepFolderError> {
        let text = match bounded::read_to_string(&self.path.join(name), bounded::MAX_LINES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(name, error)),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let read = || -> Result<Vec<(usize, T)>, csv::Error> {
            let mut reader = csv::Reader::from_reader(whole.as_bytes());
            let headers = reader.headers()?.clone();
            let lines = reader.records().map(|line| {
                let line = line?;
                let Number { run } = line.deserialize(Some(&headers))?;
                Ok((run, line.deserialize(Some(&headers))?))
            });
            lines.collect()
        };
        read().map_err(|error| self.broken(name, &error.to_string()))
    }

    /// Writes both CSV files anew, with the runs that are done and nothing else.
    fn rewrite(&self) -> Result<(), SweepFolderError> {
        let epochs = self.results.iter().flat_map(epoch_lines);
        let epochs = csv_lines(epochs, true);
        let epochs = epochs.map_err(|error| self.failed(SWEEP_EPOCHS_FILE, error))?;
        self.replace(SWEEP_EPOCHS_FILE, &epochs)?;
        let runs = self.results.iter().map(|result| self.run_line(result));
        let runs = csv_lines(runs, true);
        self.replace(
            SWEEP_RUNS_FILE,
            &runs.map_err(|error| self.failed(SWEEP_RUNS_FILE, error))?,
        )
    }

    /// Appends lines in one write, after those with the names of the columns where there are none.
    fn append(
        &self,
        name: &str,
        lines: impl IntoIterator<Item = impl CsvLine>,
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
        let written = atomic::write(&self.path.join(name), bytes);
        written.map_err(|error| self.failed(name, error))
    }

    fn failed(&self, name: &str, source: io::Error) -> SweepFolderError {
        let path = match name {
            "" => self.path.clone(),
            name => self.path.join(name),
        };
        SweepFolderError::Io { path, source }
    }

    fn broken(&self, name: &str, problem: &str) -> SweepFolderError {
        let advice = match name {
            SWEEP_FILE => "remove the folder, or choose another one with --out",
            _ => "remove these lines, and the same command trains their runs again",
        };
        SweepFolderError::Broken {
            path: self.path.join(name),
            problem: format!("{problem}; {advice}"),
        }
    }
}

/// A run in `sweep.csv`: its number, its options and what it gave.
type RunLine = (usize, Vec<(&'static str, String)>, RunRecord);

/// The epochs of a run, each with the run's number.
fn epoch_lines(result: &RunResult) -> impl Iterator<Item = (usize, EpochRecord)> {
    let run = result.index + 1;
    result.epochs.iter().map(move |&record| (run, record))
}

/// The number of a line's run.
#[derive(Deserialize)]
struct Number {
    run: usize,
}

/// A line of a CSV file, with the names of its columns.
trait CsvLine {
    fn names(&self) -> io::Result<Vec<String>>;
    fn write(&self, writer: &mut csv::Writer<Vec<u8>>) -> Result<(), csv::Error>;
}

impl CsvLine for RunLine {
    fn names(&self) -> io::Result<Vec<String>> {
        let (_, options, record) = self;
        let mut names = vec!["run".to_owned()];
        names.extend(options.iter().map(|(name, _)| (*name).to_owned()));
        names.extend(fields(record)?);
        Ok(names)
    }

    fn write(&self, writer: &mut csv::Writer<Vec<u8>>) -> Result<(), csv::Error> {
        let (run, options, record) = self;
        let options: Vec<&String> = options.iter().map(|(_, text)| text).collect();
        writer.serialize((run, options, record))
    }
}

impl CsvLine for (usize, EpochRecord) {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = vec!["run".to_owned()];
        names.extend(fields(&self.1)?);
        Ok(names)
    }

    fn write(&self, writer: &mut csv::Writer<Vec<u8>>) -> Result<(), csv::Error> {
        writer.serialize(self)
    }
}

/// Names of the fields of a record.
fn fields(record: &impl Serialize) -> io::Result<Vec<String>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.serialize(record)?;
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    Ok(reader.headers()?.iter().map(str::to_owned).collect())
}

/// Lines of a CSV file, after the names of its columns if those are asked for.
fn csv_lines(
    lines: impl IntoIterator<Item = impl CsvLine>,
    mut has_headers: bool,
) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    for line in lines {
        if std::mem::take(&mut has_headers) {
            writer.write_record(line.names()?)?;
        }
        line.write(&mut writer)?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

/// A value of the description as on the command line: lists with commas.
fn value_text(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(value_text).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
