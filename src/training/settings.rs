//! All options of a run, as resolved.

use super::TrainingOptions;
use serde::{Deserialize, Serialize};

/// What a run was asked for: with the same data, it determines the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Options of the training.
    pub options: TrainingOptions,
    /// `fused`, `matrixmultiply` or `reference`.
    pub backend: String,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// File of the initial parameters, if they were not drawn.
    pub init: Option<String>,
    /// Accuracy at which the training stops, if there is one.
    pub target_accuracy: Option<f64>,
    /// `test` or `validation`: what decides on the target; none without one.
    pub target_on: Option<String>,
    /// Epochs without an improvement after which the training stops, if it does.
    pub patience: Option<u32>,
    /// Fall of the validation loss that is an improvement, in nats.
    pub min_delta: f64,
    /// Epochs between two checkpoints; 0 for no checkpoints at all, none for the clock alone.
    pub checkpoint_every: Option<u32>,
    /// Minutes between two checkpoints.
    pub checkpoint_minutes: f64,
}
