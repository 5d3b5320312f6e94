//! Why a question was not answered.

use fused_mlp::backend::BackendError;
use fused_mlp::mnist::DataError;
use fused_mlp::training::OptionError;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
    /// The data do not fit the question.
    #[error(
        "{question} needs more than {expected} training samples, found {found}; choose another data set"
    )]
    Samples {
        /// The question.
        question: &'static str,
        /// Samples that are not enough.
        expected: usize,
        /// Samples there are.
        found: usize,
    },
    /// A network or its threads cannot be had.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// An option of a training is out of its range.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A data set cannot be made from another.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Several trainings cannot be run.
    #[error(transparent)]
    Sweep(#[from] anyhow::Error),
}
