//! `run.json`, and the JSON events of `train`, of which it is made.

use super::history::{CSV_FILES, HistoryError, rows};
use super::new::unwritable;
use anyhow::{anyhow, bail};
use fused_mlp::files::{atomic, bounded, shown, unreadable};
use fused_mlp::machine::{available_parallelism, cpu_name};
use fused_mlp::mnist::{Adjustment, Dataset};
use fused_mlp::model_file;
use fused_mlp::training::{RunSettings, checkpoint};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io;
use std::path::Path;

/// Options, environment and results of a run.
pub const RUN_FILE: &str = "run.json";
/// The trained network.
pub const MODEL_FILE: &str = "model.safetensors";

/// The data set of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDescription {
    /// Folder of the files.
    pub folder: String,
    /// Training samples, those set aside for validation included.
    pub train_samples: usize,
    /// Test samples.
    pub test_samples: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
    /// What was changed in the images of the files.
    #[serde(default)]
    pub adjustment: Adjustment,
    /// Number of classes.
    pub classes: usize,
    /// SHA-256 of the training labels, which tells data sets apart at once, for images take longer; none in
    /// folders of earlier versions.
    pub train_labels_sha256: Option<String>,
}

impl DataDescription {
    /// Describes `dataset`, which lies in `folder`.
    pub fn new(folder: &Path, dataset: &Dataset) -> Self {
        Self {
            folder: folder.display().to_string(),
            train_samples: dataset.train.len(),
            test_samples: dataset.test.len(),
            rows: dataset.train.images.rows(),
            columns: dataset.train.images.columns(),
            adjustment: dataset.train.images.adjustment(),
            classes: dataset.classes,
            train_labels_sha256: Some(dataset.train.labels.sha256()),
        }
    }
}

/// Machine and program of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of this crate.
    pub version: String,
    /// Model name of the CPU, `unknown` where the system does not tell.
    pub cpu: String,
    /// Instruction set of the kernels; none for backends that have none of ours.
    pub isa: Option<String>,
    /// Threads that train.
    pub threads: usize,
    /// CPUs that this process may use.
    pub available_parallelism: usize,
    /// Operating system.
    pub os: String,
    /// Architecture of the CPU.
    pub arch: String,
}

impl Environment {
    /// The environment of this process.
    pub fn new(isa: Option<&str>, threads: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cpu: cpu_name().unwrap_or_else(|| "unknown".to_owned()),
            isa: isa.map(str::to_owned),
            threads,
            available_parallelism: available_parallelism(),
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
        }
    }
}

/// A run begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "start")]
pub struct StartEvent {
    /// Resolved options.
    #[serde(flatten)]
    pub settings: RunSettings,
    /// Inputs, hidden units and classes, as 784-300-10.
    pub network: String,
    /// Pixels of an image.
    pub inputs: usize,
    /// Number of classes.
    pub classes: usize,
    /// Number of weights and biases.
    pub parameters: usize,
    /// Steps that had been taken when the run went on; null for a run from its beginning.
    pub resumed_at_step: Option<u64>,
    /// SHA-256 of the file of the initial parameters; null if they were drawn, and in folders of earlier
    /// versions.
    pub init_sha256: Option<String>,
    /// Machine and program.
    #[serde(flatten)]
    pub environment: Environment,
    /// The data set.
    pub data: DataDescription,
    /// Folder that the run leaves.
    pub run: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it was to.
    Finished,
    /// No epoch reached the target.
    Missed,
    /// Trained to the end, but a result could not be written.
    Unsaved,
    /// A signal asked to stop.
    Interrupted,
    /// A number is not finite.
    Diverged,
}

/// A run has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "end")]
pub struct EndEvent {
    /// How.
    pub outcome: Outcome,
    /// Loss of the test samples in nats; null if they were not scored, as where the training was
    /// interrupted.
    pub test_loss: Option<f64>,
    /// Accuracy for the test samples; null as `test_loss` is.
    pub test_accuracy: Option<f64>,
    /// Epochs that were trained in full.
    pub epochs: u32,
    /// Steps that were taken, with those of an epoch under way; null if it diverged, and in folders of earlier versions.
    #[serde(default)]
    pub steps: Option<u64>,
    /// Sum of the epochs' seconds.
    pub train_seconds: f64,
    /// Epochs, with the part of one under way, by `train_seconds`; null if none was trained in full.
    pub epochs_per_second: Option<f64>,
    /// Wall time from the start of the program to the first step.
    pub start_up_seconds: f64,
    /// Wall time since the program started.
    pub total_seconds: f64,
    /// Share of correct predictions that was to be reached; null if none was asked for.
    pub target_accuracy: Option<f64>,
    /// `test` or `validation`: what decides on the target; null if there is none.
    pub target_on: Option<String>,
    /// Seconds from the start of the program to the end of the evaluation that reached the target;
    /// null if none did.
    pub time_to_accuracy_seconds: Option<f64>,
    /// Epoch whose parameters are the result of early stopping; null without it.
    pub best_epoch: Option<u32>,
    /// Whether early stopping ended the training.
    pub stopped_early: bool,
    /// The model file; null if none was written.
    pub model: Option<String>,
    /// SHA-256 of that file; null in folders of earlier versions, too.
    pub model_sha256: Option<String>,
    /// The picture of the learning curve; null if none was written.
    pub learning_curve: Option<String>,
}

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// When the run started.
    pub started: String,
    /// What it was asked for, and where.
    #[serde(flatten)]
    pub start: StartEvent,
    /// How it ended, if it did.
    pub results: Option<EndEvent>,
}

impl RunRecord {
    /// Reads the `run.json` of a folder. Nothing is changed or created.
    ///
    /// # Errors
    /// If it is no run's folder, or that of a run that ended before it could tell what it was asked for.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(RUN_FILE);
        let is_there = |name: &str| folder.join(name).exists();
        // A folder with results is not one to be removed.
        let has_results = is_there(MODEL_FILE) || is_there(checkpoint::FOLDER);
        let has_not_begun = !has_results && CSV_FILES.iter().any(|file| is_there(file.name));
        match bounded::read_to_string(&path, bounded::MAX_TEXT) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_not_begun => bail!(
                "{} has no run.json: the run in it ended before its first step, and nothing is lost; \
                 remove the folder and start the training again",
                shown(folder)
            ),
            Err(error) => bail!(unreadable(&path, &error, "the folder of a run")),
            Ok(text) => Self::parse(&text).map_err(|error| anyhow!("{}: {error}", shown(&path))),
        }
    }

    /// Reads the text of `run.json`.
    ///
    /// # Errors
    /// If it is not that of a run.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let expected = "the run.json of a run";
        serde_json::from_str(text)
            .map_err(|error| HistoryError::new(0, expected, &error.to_string()))
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// If it cannot be written; what was there before still is.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(RUN_FILE);
        let text = serde_json::to_string_pretty(self)?;
        atomic::write(&path, format!("{text}\n").as_bytes())
            .map_err(|error| unwritable(&path, &error))
    }

    /// How the run ended, if it did.
    pub fn outcome(&self) -> Option<Outcome> {
        self.results.as_ref().map(|results| results.outcome)
    }

    /// Compares the files of a run that is over with what it left.
    ///
    /// # Errors
    /// The first file that is missing or damaged.
    pub fn check_files(&self, folder: &Path) -> anyhow::Result<()> {
        let epochs = self.results.as_ref().map_or(0, |it| it.epochs as usize);
        let options = &self.start.settings.options;
        let samples = self.start.data.train_samples;
        let samples = samples.saturating_sub(options.validation);
        let steps = samples.div_ceil(options.batch_size.max(1));
        let taken = self
            .results
            .as_ref()
            .and_then(|it| usize::try_from(it.steps?).ok());
        let taken = taken.unwrap_or(epochs.saturating_mul(steps));
        let epochs = taken.div_ceil(steps.max(1));
        let lines = [taken, epochs, epochs];
        for (file, expected) in CSV_FILES.into_iter().zip(lines) {
            let path = folder.join(file.name);
            let text = bounded::read_to_string(&path, bounded::MAX_LINES)
                .map_err(|error| anyhow!(unreadable(&path, &error, "a file of the run")))?;
            let found = rows(&text, file)
                .and_then(|mut rows| rows.try_fold(0, |count, row| row.map(|_| count + 1)));
            let found = found.map_err(|error| anyhow!("{}: {error}", shown(&path)))?;
            require(&path, expected, found, "lines after the first")?;
        }
        let path = folder.join(MODEL_FILE);
        let shape = model_file::load(&path)?.0.shape.to_string();
        require(
            &path,
            &self.start.network,
            &shape,
            "as the shape of the network",
        )
    }
}

/// That a file of a run holds what the run left.
fn require<T: PartialEq + Display>(
    path: &Path,
    expected: T,
    found: T,
    what: &str,
) -> anyhow::Result<()> {
    match expected == found {
        true => Ok(()),
        false => bail!("{}: expected {expected} {what}, found {found}", shown(path)),
    }
}
