//! The folder that a run leaves behind.
//!
//! | file | content |
//! | --- | --- |
//! | `run.json` | options, environment, data set, results |
//! | `steps.csv` | loss, accuracy and learning rate of every minibatch |
//! | `epochs.csv` | losses, accuracies and times of every epoch |
//! | `model.safetensors` | the trained network |
//! | `loss.svg` | the learning curve |

use super::{EndEvent, StartEvent, learning_curve_svg};
use crate::atomic_file;
use crate::training::{EpochRecord, StepRecord};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Options, environment and results.
pub const RUN_FILE: &str = "run.json";
/// One line a minibatch.
pub const STEPS_FILE: &str = "steps.csv";
/// One line an epoch.
pub const EPOCHS_FILE: &str = "epochs.csv";
/// The trained network.
pub const MODEL_FILE: &str = "model.safetensors";
/// The learning curve.
const CURVE_FILE: &str = "loss.svg";

/// Why a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFolderError {
    /// It is there already.
    #[error("{folder} exists already and is never overwritten; choose another folder with --out")]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or the folder cannot be written.
    #[error("{path}: cannot be written: {source}")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A run folder that is being filled.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    steps: BufWriter<File>,
    epochs: BufWriter<File>,
    step_losses: Vec<f64>,
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
        let open = |name: &str| {
            let path = path.join(name);
            File::create_new(&path)
                .map(BufWriter::new)
                .map_err(|source| RunFolderError::Write { path, source })
        };
        let (steps, epochs) = (open(STEPS_FILE)?, open(EPOCHS_FILE)?);
        let mut folder = Self {
            path,
            steps,
            epochs,
            step_losses: Vec::new(),
            epoch_records: Vec::new(),
        };
        folder
            .write_headers()
            .map_err(|error| folder.failed(STEPS_FILE, error))?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
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

    fn write_headers(&mut self) -> io::Result<()> {
        writeln!(self.steps, "step,epoch,samples,learning_rate,loss,accuracy")?;
        writeln!(
            self.epochs,
            "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,\
             seconds,samples_per_second"
        )?;
        self.steps.flush()?;
        self.epochs.flush()
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
    /// [`RunFolderError::Write`].
    pub fn add_epoch(
        &mut self,
        record: &EpochRecord,
        steps: &[StepRecord],
    ) -> Result<(), RunFolderError> {
        self.step_losses
            .extend(steps.iter().map(|step| step.minibatch.loss));
        self.epoch_records.push(*record);
        write_steps(&mut self.steps, steps).map_err(|error| self.failed(STEPS_FILE, error))?;
        write_epoch(&mut self.epochs, record).map_err(|error| self.failed(EPOCHS_FILE, error))
    }

    /// Draws the learning curve of the epochs added so far.
    ///
    /// # Errors
    /// [`RunFolderError::Write`].
    pub fn write_curve(&self) -> Result<(), RunFolderError> {
        let svg = learning_curve_svg(&self.step_losses, &self.epoch_records);
        let failed = |error| self.failed(CURVE_FILE, error);
        let svg = svg.map_err(|message| failed(io::Error::other(message)))?;
        fs::write(self.path.join(CURVE_FILE), svg).map_err(failed)
    }
}

/// Creates a folder, and those that it lies in.
///
/// # Errors
/// [`RunFolderError::Exists`] if it is there already, [`RunFolderError::Write`] if it cannot be
/// made.
pub fn create_folder(path: &Path) -> Result<(), RunFolderError> {
    let failed = |source| RunFolderError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(RunFolderError::Exists {
            folder: path.to_owned(),
        }),
        other => other.map_err(failed),
    }
}

/// Creates `base`, or if that is there already the first of `base-2`, `base-3`, ... that is not.
///
/// # Errors
/// As [`create_folder`].
pub fn create_numbered_folder(base: &str) -> Result<PathBuf, RunFolderError> {
    let numbered = (2..1000).map(|number| format!("{base}-{number}"));
    for name in std::iter::once(base.to_owned()).chain(numbered) {
        let path = PathBuf::from(name);
        match create_folder(&path) {
            Ok(()) => return Ok(path),
            Err(RunFolderError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(RunFolderError::Exists {
        folder: base.into(),
    })
}

fn write_steps(file: &mut impl Write, steps: &[StepRecord]) -> io::Result<()> {
    for step in steps {
        let minibatch = step.minibatch;
        writeln!(
            file,
            "{},{},{},{},{},{}",
            step.step,
            step.epoch,
            minibatch.samples,
            step.learning_rate,
            minibatch.loss,
            minibatch.correct as f64 / minibatch.samples as f64,
        )?;
    }
    file.flush()
}

fn write_epoch(file: &mut impl Write, record: &EpochRecord) -> io::Result<()> {
    let optional = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    writeln!(
        file,
        "{},{},{},{},{},{},{},{}",
        record.epoch,
        record.train_loss,
        record.train_accuracy,
        optional(record.validation_loss),
        optional(record.validation_accuracy),
        record.learning_rate,
        record.seconds,
        record.samples_per_second,
    )?;
    file.flush()
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
