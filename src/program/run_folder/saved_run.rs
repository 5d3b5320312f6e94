//! What `run.json` tells to a run that goes on.

use super::folder::CSV_FILES;
use super::folder::{MODEL_FILE, RUN_FILE, RunFolderError};
use super::history::{HistoryError, check_lines};
use fused_mlp::files::bounded;
use fused_mlp::model_file;
use fused_mlp::training::{RunSettings, checkpoint};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};

/// What `run.json` tells to a run that goes on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SavedRun {
    /// When the run started.
    pub started: String,
    /// Its options.
    #[serde(flatten)]
    pub settings: RunSettings,
    /// Inputs, hidden units and classes, as 784-300-10.
    pub network: String,
    /// SHA-256 of the file of the initial parameters; none without one, and in folders of earlier
    /// versions.
    pub init_sha256: Option<String>,
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
    /// Epochs that were trained in full.
    pub epochs: usize,
}

impl SavedRun {
    /// Reads the `run.json` of a folder. Nothing is changed or created.
    ///
    /// # Errors
    /// [`RunFolderError::NotBegun`] if the run ended before it could tell what it was asked for,
    /// [`RunFolderError::Read`] or [`RunFolderError::History`] if it is no run's folder.
    pub fn read(folder: &Path) -> Result<Self, RunFolderError> {
        let path = folder.join(RUN_FILE);
        let is_there = |name: &str| folder.join(name).exists();
        // A folder with results is not one to be removed.
        let has_results = || is_there(MODEL_FILE) || is_there(checkpoint::FOLDER);
        let has_not_begun = || !has_results() && CSV_FILES.iter().any(|(name, _)| is_there(name));
        let text = match bounded::read_to_string(&path, bounded::MAX_TEXT) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_not_begun() => {
                return Err(RunFolderError::NotBegun {
                    folder: folder.to_owned(),
                });
            }
            Err(source) => return Err(RunFolderError::Read { path, source }),
            Ok(text) => text,
        };
        Self::parse(&text).map_err(|source| RunFolderError::History { path, source })
    }

    /// Whether the run has come to its end: it is never trained again, nor changed.
    pub fn is_over(&self) -> bool {
        let outcome = self.results.as_ref().map(|it| it.outcome.as_str());
        matches!(outcome, Some("finished" | "missed"))
    }

    /// Compares what a run that is over has in `folder` with what it left there.
    ///
    /// # Errors
    /// The first file that is missing, damaged or of another run.
    pub fn check_files(&self, folder: &Path) -> Result<(), RunFolderError> {
        let epochs = self.results.as_ref().map_or(0, |results| results.epochs);
        let options = &self.settings.options;
        let samples = self.data.train_samples.saturating_sub(options.validation);
        let steps = samples.div_ceil(options.batch_size.max(1));
        let lines = [epochs.saturating_mul(steps), epochs, epochs];
        for ((name, header), expected) in CSV_FILES.into_iter().zip(lines) {
            let path = folder.join(name);
            let text = match bounded::read_to_string(&path, bounded::MAX_LINES) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(RunFolderError::Missing { path });
                }
                Err(source) => return Err(RunFolderError::Read { path, source }),
                Ok(text) => text,
            };
            let checked = check_lines(&text, header, expected);
            checked.map_err(|source| RunFolderError::History { path, source })?;
        }
        // The last of all: where it is missing, nothing else is.
        let path = folder.join(MODEL_FILE);
        if !path.exists() {
            return Err(RunFolderError::Missing { path });
        }
        let found = model_file::load(&path)?.0.shape.to_string();
        let expected = self.network.clone();
        if found != expected {
            return Err(RunFolderError::OtherModel {
                path,
                expected,
                found,
            });
        }
        Ok(())
    }

    /// Reads the text of `run.json`.
    ///
    /// # Errors
    /// [`HistoryError`] if it is not that of a run.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let expected = "the run.json of a run";
        if text.is_empty() {
            return Err(HistoryError::new(0, expected, ""));
        }
        serde_json::from_str(text)
            .map_err(|error| HistoryError::new(0, expected, error.to_string()))
    }
}
