//! Why a picture cannot be used.

use crate::files::shown;
use std::path::PathBuf;

/// Why a file cannot be read as a picture, as one line: what was expected, what was found, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", shown(file))]
pub struct ImageError {
    pub(super) file: PathBuf,
    pub(super) reason: String,
}

/// That a picture shows no digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "shows no digit: nothing large enough stands out from the background; expected one digit, dark \
     on light or light on dark, that fills a good part of the picture; crop the picture to it"
)]
pub struct NoDigit;
