//! Why a picture cannot be used.

use crate::files::shown;
use std::path::PathBuf;

/// Why a file cannot be read as a picture. Every message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// It has no bytes.
    #[error("{}: is empty; expected a PNG, JPEG, PGM or idx file", shown(file))]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// It is in no format that can be read.
    #[error(
        "{}: expected a PNG, JPEG, PGM or idx file, found {found}; save it as PNG or JPEG",
        shown(file)
    )]
    Format {
        /// The file.
        file: PathBuf,
        /// What it seems to be.
        found: String,
    },
    /// Its pixels would take too much memory.
    #[error(
        "{}: {width} x {height} pixels take {bytes} bytes of memory, at most {limit} are allowed; \
         scale it down or crop it to the digit",
        shown(file)
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Pixels of a row.
        width: u32,
        /// Pixels of a column.
        height: u32,
        /// Bytes that all pixels take.
        bytes: u64,
        /// The most that are allowed.
        limit: u64,
    },
    /// It is damaged, or a variant that cannot be read.
    #[error(
        "{}: is damaged or of an unknown variant: {reason}; save it anew as PNG",
        shown(file)
    )]
    Decode {
        /// The file.
        file: PathBuf,
        /// What the decoder says, in one line.
        reason: String,
    },
}

/// Why a picture shows no digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoDigit {
    /// Nothing stands out from the background.
    #[error(
        "shows no digit: nothing large enough stands out from the background; expected one digit, dark \
         on light or light on dark, that fills a good part of the picture; crop the picture to it"
    )]
    Blank,
    /// What stands out are specks.
    #[error(
        "shows no digit: only specks stand out from the background; crop the picture closer to the \
         digit"
    )]
    Specks,
}
