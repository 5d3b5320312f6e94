//! Objects that `--json` prints, one a line, besides those in `run.json`. Their field names are part of
//! the contract.

use fused_mlp::backend::Evaluation;
use fused_mlp::evaluation::{ClassScores, ConfusionMatrix};
use fused_mlp::training::EpochRecord;
use serde::{Deserialize, Serialize};

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
