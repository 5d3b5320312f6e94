//! What `run.json` tells to a run that goes on.

use super::history::HistoryError;
use crate::training::RunSettings;
use serde::Deserialize;
use std::path::PathBuf;

/// What `run.json` tells to a run that goes on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SavedRun {
    /// When the run started.
    pub started: String,
    /// Its options.
    #[serde(flatten)]
    pub settings: RunSettings,
    /// Instruction set of its kernels; none for backends that have none of ours.
    pub isa: Option<String>,
    /// Threads that trained.
    pub threads: usize,
    /// Its data set.
    pub data: SavedData,
    /// How it ended, if it did.
    pub results: Option<SavedResults>,
}

/// The data set of a [`SavedRun`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SavedData {
    /// Folder of the files.
    pub folder: PathBuf,
    /// Training samples.
    pub train_samples: usize,
    /// Test samples.
    pub test_samples: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
    /// SHA-256 of the training labels; none in folders of earlier versions.
    pub train_labels_sha256: Option<String>,
}

/// The results of a [`SavedRun`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SavedResults {
    /// As in [`EndEvent`](super::EndEvent).
    pub outcome: String,
}

impl SavedRun {
    /// Reads the text of `run.json`.
    ///
    /// # Errors
    /// [`HistoryError`] if it is not that of a run.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        serde_json::from_str(text).map_err(|error| HistoryError::new(0, "a run", error.to_string()))
    }
}
