//! The objects that `--json` prints, one a line. Their field names are part of the contract.

use super::Environment;
use fused_mlp::backend::Evaluation;
use fused_mlp::evaluation::{ClassScores, ConfusionMatrix};
use fused_mlp::mnist::Dataset;
use fused_mlp::training::{EpochRecord, RunSettings};
use serde::{Deserialize, Serialize};

/// The data set of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// Number of classes.
    pub classes: usize,
    /// SHA-256 of the training labels: what tells data sets apart at once, for images take longer.
    pub train_labels_sha256: String,
}

impl DataDescription {
    /// Describes `dataset`, which lies in `folder`.
    pub fn new(folder: &std::path::Path, dataset: &Dataset) -> Self {
        Self {
            folder: folder.display().to_string(),
            train_samples: dataset.train.len(),
            test_samples: dataset.test.len(),
            rows: dataset.train.images.rows(),
            columns: dataset.train.images.columns(),
            classes: dataset.classes,
            train_labels_sha256: dataset.train.labels.sha256(),
        }
    }
}

/// A run begins.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename = "start")]
pub struct StartEvent<'a> {
    /// Resolved options.
    #[serde(flatten)]
    pub settings: &'a RunSettings,
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
    /// SHA-256 of the file of the initial parameters; null if they were drawn.
    pub init_sha256: Option<String>,
    /// Machine and program.
    #[serde(flatten)]
    pub environment: &'a Environment,
    /// The data set.
    pub data: &'a DataDescription,
    /// Folder that the run leaves.
    pub run: String,
}

/// An epoch has ended.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "event", rename = "epoch")]
pub struct EpochEvent {
    /// What the epoch gave; its fields stand beside `event`.
    #[serde(flatten)]
    pub record: EpochRecord,
}

/// An evaluation on the way to a target accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "score")]
pub struct ScoreEvent {
    /// Epochs trained until then.
    pub epoch: u32,
    /// `test` or `validation`.
    pub split: String,
    /// Share of correct predictions.
    pub accuracy: f64,
    /// Wall time from the start of the program to the end of the evaluation.
    pub seconds: f64,
}

/// A run has ended.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename = "end")]
pub struct EndEvent {
    /// `finished`, `missed` where no epoch reached the target, `unsaved` where a result could not be
    /// written, `interrupted` or `diverged`.
    pub outcome: &'static str,
    /// Loss of the test samples in nats; null if they were not scored, as where the training was
    /// interrupted.
    pub test_loss: Option<f64>,
    /// Accuracy for the test samples; null as `test_loss` is.
    pub test_accuracy: Option<f64>,
    /// Epochs that were trained in full.
    pub epochs: u32,
    /// Sum of the epochs' seconds.
    pub train_seconds: f64,
    /// Full epochs by `train_seconds`; null if there was none.
    pub epochs_per_second: Option<f64>,
    /// Wall time from the start of the program to the first step.
    pub start_up_seconds: f64,
    /// Wall time since the program started.
    pub total_seconds: f64,
    /// Share of correct predictions that was to be reached; null if none was asked for.
    pub target_accuracy: Option<f64>,
    /// `test` or `validation`: what decides on the target; null if there is none.
    pub target_on: Option<&'static str>,
    /// Seconds from the start of the program to the end of the evaluation that reached the target;
    /// null if none did.
    pub time_to_accuracy_seconds: Option<f64>,
    /// Epoch whose parameters are the result of early stopping; null without it.
    pub best_epoch: Option<u32>,
    /// Whether early stopping ended the training.
    pub stopped_early: bool,
    /// The model file; null if none was written.
    pub model: Option<String>,
    /// The picture of the learning curve; null if none was written.
    pub learning_curve: Option<String>,
}

/// A model was evaluated.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename = "evaluation")]
pub struct EvaluationEvent {
    /// The model file.
    pub model: String,
    /// Inputs, hidden units and classes.
    pub network: String,
    /// Folder of the data set.
    pub data: String,
    /// `test` or `train`.
    pub split: &'static str,
    /// Samples evaluated.
    pub samples: usize,
    /// Mean loss in nats.
    pub loss: f64,
    /// Share of correct predictions.
    pub accuracy: f64,
    /// Number of correct predictions.
    pub correct: usize,
    /// Precision and recall of each class.
    pub classes: Vec<ClassScores>,
    /// `confusion[t][p]`: samples of class t predicted as p.
    pub confusion: ConfusionMatrix,
}

impl EvaluationEvent {
    /// From an evaluation of the samples with these labels.
    pub fn new(
        (model, network, data): (String, String, String),
        split: &'static str,
        labels: &[u8],
        classes: usize,
        evaluation: &Evaluation,
    ) -> Self {
        let confusion = ConfusionMatrix::new(labels, &evaluation.predicted, classes);
        Self {
            model,
            network,
            data,
            split,
            samples: labels.len(),
            loss: evaluation.loss,
            accuracy: evaluation.accuracy(),
            correct: evaluation.correct,
            classes: confusion.scores(),
            confusion,
        }
    }
}
