//! The folder that a run leaves behind.
//!
//! | file | content |
//! | --- | --- |
//! | `run.json` | options, environment, data set, results |
//! | `steps.csv` | loss, accuracy and learning rate of every minibatch |
//! | `epochs.csv` | losses and accuracies of every epoch |
//! | `times.csv` | wall time of every epoch |
//! | `model.safetensors` | the trained network |
//! | `loss.svg` | the learning curve |
//! | `checkpoints/` | the newest two checkpoints, if any were written |
//!
//! Times stand in a file of their own, so that all other CSV lines depend on the options and the
//! data alone.

use super::append_file::AppendFile;
use super::history::{
    EPOCHS_HEADER, HistoryError, STEPS_HEADER, TIMES_HEADER, epoch_line, parse_epochs, parse_steps,
    step_line, time_line,
};
use super::learning_curve::learning_curve_of_means;
use super::loss_series::LossSeries;
use super::new_folder::{create_folder, create_numbered_folder};
use super::saved_run::SavedRun;
use super::{EndEvent, StartEvent};
use crate::atomic_file;
use crate::bounded_file;
use crate::file_messages::{shown, unreadable};
use crate::training::checkpoint::HistoryMarks;
use crate::training::{EpochRecord, StepRecord};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Options, environment and results.
pub const RUN_FILE: &str = "run.json";
/// One line a minibatch.
pub const STEPS_FILE: &str = "steps.csv";
/// One line an epoch.
pub const EPOCHS_FILE: &str = "epochs.csv";
/// One line an epoch.
pub const TIMES_FILE: &str = "times.csv";
/// The trained network.
pub const MODEL_FILE: &str = "model.safetensors";
/// The learning curve.
const CURVE_FILE: &str = "loss.svg";

/// Why a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFolderError {
    /// The run ended before its first step, and before it told its options.
    #[error(
        "{folder} has no run.json: the run in it ended before its first step, and nothing is lost; remove \
         the folder and start the training again", folder = shown(folder)
    )]
    NotBegun {
        /// The folder.
        folder: PathBuf,
    },
    /// It is there already.
    #[error("{folder} exists already and is never overwritten; choose another folder with --out", folder = shown(folder))]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or the folder cannot be written.
    #[error("{path}: cannot be written: {source}", path = shown(path))]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of an earlier run cannot be read.
    #[error("{}", unreadable(path, source, "the folder of a run"))]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of an earlier run is not as it was left.
    #[error("{path}: {source}", path = shown(path))]
    History {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: HistoryError,
    },
    /// Another process works on it.
    #[error("{folder} is being written by another process; wait for its end", folder = shown(folder))]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
}

/// A run folder that is being filled.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    steps: AppendFile,
    epochs: AppendFile,
    times: AppendFile,
    losses: LossSeries,
    epoch_records: Vec<EpochRecord>,
}

#[derive(Serialize)]
struct RunRecord<'a> {
    started: &'a str,
    #[serde(flatten)]
    start: &'a StartEvent<'a>,
    results: Option<&'a EndEvent>,
}

impl RunFolder {
    /// Creates `path`, or where there is none `runs/<date-time>-<seed>` with the time in UTC, and
    /// opens its files.
    ///
    /// # Errors
    /// [`RunFolderError::Exists`] if `path` is there already, [`RunFolderError::Write`] if it cannot
    /// be made.
    pub fn create(path: Option<&Path>, seed: u64) -> Result<Self, RunFolderError> {
        let path = match path {
            Some(path) => {
                create_folder(path)?;
                path.to_owned()
            }
            None => {
                let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S");
                // Runs that start in the same second get a number.
                create_numbered_folder(&format!("runs/{time}-{seed}"))?
            }
        };
        let create = |name: &str, header: &str| {
            let path = path.join(name);
            AppendFile::create(path.clone(), header)
                .map_err(|source| RunFolderError::Write { path, source })
        };
        let open = || {
            let steps = create(STEPS_FILE, STEPS_HEADER)?;
            let epochs = create(EPOCHS_FILE, EPOCHS_HEADER)?;
            let times = create(TIMES_FILE, TIMES_HEADER)?;
            let folder = Self::new(path.clone(), [steps, epochs, times]);
            folder.lock()?;
            Ok(folder)
        };
        open().inspect_err(|_| Self::remove_unbegun(&path))
    }

    /// Removes the folder of a run that this process has made and could not begin, so that the same
    /// command can be given again. It stays if there is anything else in it.
    #[doc(hidden)]
    pub fn remove_unbegun(path: &Path) {
        for name in [STEPS_FILE, EPOCHS_FILE, TIMES_FILE] {
            // What is not there, or cannot be removed, changes nothing.
            let _ = fs::remove_file(path.join(name));
        }
        let _ = fs::remove_dir(path);
    }

    /// Which of the CSV files of a run are not there.
    ///
    /// # Errors
    /// [`RunFolderError::NotBegun`] if the run ended before it could tell what it was asked for.
    pub fn missing(path: &Path) -> Result<Vec<&'static str>, RunFolderError> {
        let is_there = |name: &&str| path.join(name).exists();
        let files = [STEPS_FILE, EPOCHS_FILE, TIMES_FILE];
        if !is_there(&RUN_FILE) && files.iter().any(is_there) {
            return Err(RunFolderError::NotBegun {
                folder: path.to_owned(),
            });
        }
        Ok(files.into_iter().filter(|name| !is_there(name)).collect())
    }

    /// Opens the folder of a run that has not come to its end, and reads what it was asked for.
    /// Nothing is changed before [`cut_back`](Self::cut_back) or [`restart`](Self::restart).
    ///
    /// # Errors
    /// [`RunFolderError::Read`] or [`RunFolderError::History`] if it is no run's folder,
    /// [`RunFolderError::Busy`] if another process works on it.
    pub fn open(path: &Path) -> Result<(Self, SavedRun), RunFolderError> {
        let record = path.join(RUN_FILE);
        let text = bounded_file::read_to_string(&record, bounded_file::MAX_TEXT);
        let text = text.map_err(|source| RunFolderError::Read {
            path: record.clone(),
            source,
        })?;
        let saved = SavedRun::parse(&text).map_err(|source| RunFolderError::History {
            path: record,
            source,
        })?;
        let open = |name: &str| {
            let path = path.join(name);
            AppendFile::open(path.clone()).map_err(|source| RunFolderError::Write { path, source })
        };
        let files = [open(STEPS_FILE)?, open(EPOCHS_FILE)?, open(TIMES_FILE)?];
        let folder = Self::new(path.to_owned(), files);
        folder.lock()?;
        Ok((folder, saved))
    }

    fn new(path: PathBuf, [steps, epochs, times]: [AppendFile; 3]) -> Self {
        Self {
            path,
            steps,
            epochs,
            times,
            losses: LossSeries::default(),
            epoch_records: Vec::new(),
        }
    }

    fn lock(&self) -> Result<(), RunFolderError> {
        let folder = self.path.clone();
        let is_free = self.steps.lock();
        is_free.then_some(()).ok_or(RunFolderError::Busy { folder })
    }

    /// Goes back to the moment of a checkpoint: what was written later is cut off. Returns the last
    /// step before it.
    ///
    /// # Errors
    /// [`RunFolderError::Read`] or [`RunFolderError::History`] if a file is not as it was then.
    pub fn cut_back(&mut self, marks: &HistoryMarks) -> Result<Option<StepRecord>, RunFolderError> {
        let cut = |file: &mut AppendFile, mark| {
            let text = file.cut_back(mark);
            text.map_err(|source| RunFolderError::Read {
                path: file.path().to_owned(),
                source,
            })
        };
        let steps = cut(&mut self.steps, marks.steps)?;
        let epochs = cut(&mut self.epochs, marks.epochs)?;
        let times = cut(&mut self.times, marks.times)?;
        let wrong = |name: &str, source| RunFolderError::History {
            path: self.path.join(name),
            source,
        };
        let steps = parse_steps(&steps).map_err(|error| wrong(STEPS_FILE, error))?;
        let epochs = parse_epochs(&epochs, &times).map_err(|error| wrong(EPOCHS_FILE, error))?;
        self.losses = LossSeries::default();
        steps
            .iter()
            .for_each(|step| self.losses.push(step.minibatch.loss));
        self.epoch_records = epochs;
        Ok(steps.last().copied())
    }

    /// Goes back to the beginning.
    ///
    /// # Errors
    /// [`RunFolderError::Write`].
    pub fn restart(&mut self) -> Result<(), RunFolderError> {
        let headers = [STEPS_HEADER, EPOCHS_HEADER, TIMES_HEADER];
        for (file, header) in self.files().into_iter().zip(headers) {
            let result = file.restart(header);
            result.map_err(|source| write_failed(file, source))?;
        }
        Ok(())
    }

    fn files(&mut self) -> [&mut AppendFile; 3] {
        [&mut self.steps, &mut self.epochs, &mut self.times]
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The epochs added so far.
    pub fn epochs(&self) -> &[EpochRecord] {
        &self.epoch_records
    }

    /// Path of the model file.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL_FILE)
    }

    fn failed(&self, name: &str, source: io::Error) -> RunFolderError {
        RunFolderError::Write {
            path: self.path.join(name),
            source,
        }
    }

    /// Writes `run.json`; `results` are those of a run that has ended.
    ///
    /// # Errors
    /// [`RunFolderError::Write`].
    pub fn write_run(
        &self,
        started: &str,
        start: &StartEvent<'_>,
        results: Option<&EndEvent>,
    ) -> Result<(), RunFolderError> {
        let record = RunRecord {
            started,
            start,
            results,
        };
        let mut text = serde_json::to_string_pretty(&record)
            .map_err(|error| self.failed(RUN_FILE, error.into()))?;
        text.push('\n');
        atomic_file::write(&self.path.join(RUN_FILE), text.as_bytes())
            .map_err(|error| self.failed(RUN_FILE, error))
    }

    /// Appends an epoch and its steps to the CSV files.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn add_epoch(
        &mut self,
        record: &EpochRecord,
        steps: &[StepRecord],
    ) -> Result<(), RunFolderError> {
        for step in steps {
            self.losses.push(step.minibatch.loss);
            self.steps.append(step_line(step).as_bytes());
        }
        self.epoch_records.push(*record);
        self.epochs.append(epoch_line(record).as_bytes());
        self.times.append(time_line(record).as_bytes());
        self.flush()
    }

    /// Writes all lines that were added.
    ///
    /// # Errors
    /// [`RunFolderError::Write`]; the lines are kept and written by the next call that can.
    pub fn flush(&mut self) -> Result<(), RunFolderError> {
        for file in self.files() {
            let result = file.flush();
            result.map_err(|source| write_failed(file, source))?;
        }
        Ok(())
    }

    /// Writes all lines through to the disk, and tells where the files stand.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn marks(&mut self) -> Result<HistoryMarks, RunFolderError> {
        let mark = |file: &mut AppendFile| {
            let result = file.mark();
            result.map_err(|source| write_failed(file, source))
        };
        Ok(HistoryMarks {
            steps: mark(&mut self.steps)?,
            epochs: mark(&mut self.epochs)?,
            times: mark(&mut self.times)?,
        })
    }

    /// Draws the learning curve of the epochs added so far into a file, which is returned.
    ///
    /// # Errors
    /// [`RunFolderError::Write`].
    pub fn write_curve(&self) -> Result<PathBuf, RunFolderError> {
        let (means, steps) = (self.losses.means(), self.losses.steps_per_mean());
        let svg = learning_curve_of_means(means, steps, &self.epoch_records);
        let failed = |error| self.failed(CURVE_FILE, error);
        let svg = svg.map_err(|message| failed(io::Error::other(message)))?;
        let file = self.path.join(CURVE_FILE);
        fs::write(&file, svg).map_err(failed)?;
        Ok(file)
    }
}

fn write_failed(file: &AppendFile, source: io::Error) -> RunFolderError {
    RunFolderError::Write {
        path: file.path().to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/run");
        RunFolder::create(Some(&path), 1).unwrap();
        let error = RunFolder::create(Some(&path), 1).unwrap_err();
        assert!(matches!(error, RunFolderError::Exists { .. }), "{error}");
        // Something in the way of the parent.
        let below_a_file = path.join(STEPS_FILE).join("run");
        let error = RunFolder::create(Some(&below_a_file), 1).unwrap_err();
        assert!(matches!(error, RunFolderError::Write { .. }), "{error}");
    }
}
