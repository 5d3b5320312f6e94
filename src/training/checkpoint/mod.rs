//! Checkpoints: all that a training needs to go on to the same bits.
//!
//! A file is a header of 64 bytes and a payload:
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..8 | `FMLPCKPT` |
//! | 8..12 | version of the format, little-endian: 1 |
//! | 12..16 | 0 |
//! | 16..24 | length of the payload, little-endian |
//! | 24..56 | SHA-256 of the payload |
//! | 56..64 | 0 |
//!
//! The payload is in the safetensors format. Its tensors:
//!
//! | tensors | type | |
//! | --- | --- | --- |
//! | `linear1.weight`, `linear1.bias`, `linear2.weight`, `linear2.bias` | f32, or f64 of the reference backend | parameters |
//! | the same after `velocity.` | the same | velocities, if there is momentum |
//! | the same after `best.` | f32 | parameters of the best epoch, if there is early stopping |
//! | the same after `weights.` | f32 | weights that the next step begins with, where the parameters are a mean of them |
//! | `steps.loss`, `steps.correct` | f64, u64 | minibatches of the epoch under way |
//! | `steps.skipped` | u64 | of these, where gradients are skipped |
//! | `focus.queue`, `focus.known`, `focus.passes` | u32, u64, u64 | what is visited next, where there is a focus |
//!
//! Its metadata have one entry, `fused_mlp_checkpoint`: a [`Description`] as JSON.

mod folder;
mod format;

pub use folder::{CheckpointFolder, FOLDER, Loaded};
pub use format::{MAGIC, from_bytes, load, to_bytes};

use super::{RunSettings, TrainerState};
use crate::backend::BackendState;
use crate::files::{shown, unreadable};
use crate::mnist::{Adjustment, Dataset};
use crate::network::{Parameters, Shape};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// A training at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Everything but tensors.
    pub description: Description,
    /// Parameters and velocities.
    pub backend: BackendState,
    /// Parameters of the best epoch, if there is early stopping and an epoch was validated.
    pub best: Option<Parameters>,
}

impl Checkpoint {
    /// Whether no value of a tensor is NaN or infinite: no other checkpoint is read again.
    pub fn is_finite(&self) -> bool {
        let sets = [&self.best, &self.description.trainer.weights];
        let mut sets = sets.into_iter().flatten();
        self.backend.is_finite() && sets.all(Parameters::is_finite)
    }

    /// The network of the moment; those of an f64 backend are rounded to f32.
    pub fn into_parameters(self) -> Parameters {
        match self.backend {
            BackendState::F32(values) => values.parameters,
            BackendState::F64(values) => values.parameters.to_parameters(),
        }
    }
}

/// A checkpoint without its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Program that wrote the file, with its version.
    pub producer: String,
    /// Resolved options.
    pub settings: RunSettings,
    /// Instruction set of the kernels; none for backends that have none of ours.
    pub isa: Option<String>,
    /// Threads that trained.
    pub threads: usize,
    /// Shape of the network.
    pub network: Shape,
    /// The data set.
    pub data: DataIdentity,
    /// Where the training stands.
    pub trainer: TrainerState,
    /// Where the run's files stand.
    pub history: HistoryMarks,
    /// Where early stopping stands; none without it, or before the first epoch has ended.
    pub stopping: Option<StoppingState>,
    /// Seconds from the start to the evaluation that reached the target, if one did.
    pub reached_after: Option<f64>,
    /// Wall time that the run has taken.
    pub elapsed_seconds: f64,
}

/// Early stopping without the parameters of the best epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoppingState {
    /// Number of the best epoch.
    pub best_epoch: u32,
    /// Its validation loss.
    pub best_loss: f64,
    /// Epochs since.
    pub stale_epochs: u32,
}

/// A data set: where it was, what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Folder of the files.
    pub folder: String,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
    /// What is changed in the images; nothing is left out.
    #[serde(default, skip_serializing_if = "Adjustment::is_none")]
    pub adjustment: Adjustment,
    /// SHA-256 of the four files, uncompressed: training images and labels, test images and labels.
    pub sha256: [String; 4],
}

impl DataIdentity {
    /// Reads all of `dataset`, which lies in `folder`.
    pub fn new(folder: String, dataset: &Dataset) -> Self {
        let (train, test) = (&dataset.train, &dataset.test);
        Self {
            folder,
            rows: train.images.rows(),
            columns: train.images.columns(),
            adjustment: train.images.adjustment(),
            sha256: [
                train.images.sha256(),
                train.labels.sha256(),
                test.images.sha256(),
                test.labels.sha256(),
            ],
        }
    }
}

/// The beginning of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Its bytes.
    pub bytes: u64,
    /// Their CRC-32.
    pub crc32: u32,
}

/// How far the files of a run were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryMarks {
    /// Of `steps.csv`.
    pub steps: FileMark,
    /// Of `epochs.csv`.
    pub epochs: FileMark,
    /// Of `times.csv`.
    pub times: FileMark,
}

/// Checkpoints are found, not named, so the way out is another one than for a file that is named.
fn unreadable_checkpoint(file: &Path, source: &io::Error) -> String {
    if source.kind() == io::ErrorKind::IsADirectory {
        let file = shown(file);
        return format!("{file}: is a folder; expected a checkpoint; move it elsewhere");
    }
    unreadable(file, source, "a checkpoint")
}

/// Why a checkpoint cannot be used or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("{}", unreadable_checkpoint(file, source))]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{file}: cannot be written: {source}", file = shown(file))]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is whole, but not of the run as it is.
    #[error("{file} does not fit its run: {reason}", file = shown(file))]
    Unfit {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// It is no checkpoint, of another version, torn or damaged.
    #[error("{file}: not a whole checkpoint: expected {expected}, found {found}", file = shown(file))]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What a checkpoint has.
        expected: String,
        /// What this file has.
        found: String,
    },
}
