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
use super::history::{EPOCHS_HEADER, STEPS_HEADER, TIMES_HEADER};
use super::history::{HistoryError, epoch_line, step_line, time_line};
use super::loss_series::LossSeries;
use super::{EndEvent, StartEvent};
use fused_mlp::files::{atomic, shown, unreadable};
use fused_mlp::model_file::ModelError;
use fused_mlp::training::checkpoint::HistoryMarks;
use fused_mlp::training::{EpochRecord, StepRecord};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::{fs, io};

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

/// The CSV files and their first lines, in the order of [`HistoryMarks`].
pub const CSV_FILES: [(&str, &str); 3] = [
    (STEPS_FILE, STEPS_HEADER),
    (EPOCHS_FILE, EPOCHS_HEADER),
    (TIMES_FILE, TIMES_HEADER),
];

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
    /// A file of an earlier run does not begin as it did when a checkpoint was written.
    #[error("{path}: expected its first {bytes} bytes as they were when the checkpoint was written, \
             found {found}", path = shown(path))]
    Changed {
        /// The file.
        path: PathBuf,
        /// How many bytes may not change.
        bytes: u64,
        /// What is there instead.
        found: String,
    },
    /// A file of an earlier run is gone.
    #[error("{path} is missing", path = shown(path))]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The model of an earlier run cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model of an earlier run is another one.
    #[error("{path}: expected a network of shape {expected}, found {found}", path = shown(path))]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The shape of the run's network.
        expected: String,
        /// That of the model.
        found: String,
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
    pub fn new(path: PathBuf, [steps, epochs, times]: [AppendFile; 3]) -> Self {
        Self {
            path,
            steps,
            epochs,
            times,
            losses: LossSeries::default(),
            epoch_records: Vec::new(),
        }
    }

    /// With what its files hold already.
    pub fn with_history(mut self, steps: &[StepRecord], epochs: Vec<EpochRecord>) -> Self {
        let losses = steps.iter().map(|step| step.minibatch.loss);
        losses.for_each(|loss| self.losses.push(loss));
        self.epoch_records = epochs;
        self
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

    /// What the learning curve shows: means of so many losses of steps each, and the epochs added so far.
    pub fn curve(&self) -> (&[f64], usize, &[EpochRecord]) {
        let (means, steps) = (self.losses.means(), self.losses.steps_per_mean());
        (means, steps, &self.epoch_records)
    }

    /// Writes the learning curve into a file, which is returned.
    ///
    /// # Errors
    /// [`RunFolderError::Write`].
    pub fn write_curve(&self, svg: &str) -> Result<PathBuf, RunFolderError> {
        let file = self.path.join(CURVE_FILE);
        fs::write(&file, svg).map_err(|error| self.failed(CURVE_FILE, error))?;
        Ok(file)
    }
}

/// Writes the `run.json` of the folder `path`; `results` are those of a run that has ended.
///
/// # Errors
/// [`RunFolderError::Write`].
pub fn write_run(
    path: &Path,
    started: &str,
    start: &StartEvent<'_>,
    results: Option<&EndEvent>,
) -> Result<(), RunFolderError> {
    let record = RunRecord {
        started,
        start,
        results,
    };
    let path = path.join(RUN_FILE);
    let text = serde_json::to_string_pretty(&record).map_err(io::Error::from);
    let written = text.and_then(|text| atomic::write(&path, format!("{text}\n").as_bytes()));
    written.map_err(|source| RunFolderError::Write { path, source })
}

pub fn write_failed(file: &AppendFile, source: io::Error) -> RunFolderError {
    RunFolderError::Write {
        path: file.path().to_owned(),
        source,
    }
}
