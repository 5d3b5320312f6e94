//! Measured epochs in a file, for comparing with later ones.

use super::epoch::Configuration;
use crate::atomic_file;
use crate::bounded_file;
use crate::file_messages::{shown, unreadable};
use crate::machine::Machine;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What a bench has measured, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedBench {
    /// The machine.
    pub machine: Machine,
    /// The rows, in their order.
    pub rows: Vec<SavedRow>,
}

/// One row: what was measured, and every time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedRow {
    /// What.
    #[serde(flatten)]
    pub configuration: Configuration,
    /// Seconds of each repeat.
    pub seconds: Vec<f64>,
    /// FMA peak of the row's instruction set and threads.
    pub peak_gflops: f64,
}

/// Why a file cannot be written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedBenchError {
    /// It cannot be written.
    #[error("{path}: cannot be written: {source}", path = shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be read.
    #[error(
        "{}",
        unreadable(path, source, "a file that `bench --save` has written")
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else is in the file.
    #[error(
        "{path} is no file that `bench --save` has written: {reason}; measure again with --save",
        path = shown(path)
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl SavedBench {
    /// Writes the file; an earlier one is replaced when the new one is complete.
    ///
    /// # Errors
    /// [`SavedBenchError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), SavedBenchError> {
        let failed = |source: io::Error| SavedBenchError::Write {
            path: path.to_owned(),
            source,
        };
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        atomic_file::write(path, &text).map_err(failed)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`SavedBenchError`].
    pub fn load(path: &Path) -> Result<Self, SavedBenchError> {
        let text =
            bounded_file::read_to_string(path, bounded_file::MAX_TEXT).map_err(|source| {
                SavedBenchError::Read {
                    path: path.to_owned(),
                    source,
                }
            })?;
        let failed = |reason: String| SavedBenchError::Content {
            path: path.to_owned(),
            reason,
        };
        let saved: Self = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let is_time = |seconds: &f64| seconds.is_finite() && *seconds > 0.0;
        match saved
            .rows
            .iter()
            .find(|row| row.seconds.is_empty() || !row.seconds.iter().all(is_time))
        {
            Some(row) => Err(failed(format!(
                "a row has times {:?}; expected one or more above 0",
                row.seconds
            ))),
            None => Ok(saved),
        }
    }

    /// The row that measured the same.
    pub fn row(&self, configuration: &Configuration) -> Option<&SavedRow> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.configuration == *configuration)
    }
}
