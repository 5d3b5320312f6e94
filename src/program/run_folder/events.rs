//! Objects that `--json` prints, one a line, besides those in `run.json`. Their field names are part of
//! the contract.

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
    pub epoch: f64,
    /// `test` or `validation`.
    pub split: String,
    /// Share of correct predictions.
    pub accuracy: f64,
    /// Wall time from the start of the program to the end of the evaluation.
    pub seconds: f64,
}
