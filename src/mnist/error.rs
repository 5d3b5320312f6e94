//! Everything that can be wrong with a data set.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::files::{shown, unreadable};

/// What a file of a data set is expected to be.
const EXPECTED: &str = "a whole idx file, compressed by gzip if its name ends in .gz";

/// A defect of a data set, as one line: the file, what was expected, what was found, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub struct DataError {
    /// What is wrong.
    pub defect: Defect,
    line: String,
}

impl DataError {
    /// `text` tells what is wrong with the file or folder.
    pub(super) fn of(file: &Path, defect: Defect, text: impl Display) -> Self {
        Self::new(defect, format!("{}: {text}", shown(file)))
    }

    pub(super) fn new(defect: Defect, line: String) -> Self {
        Self { defect, line }
    }

    pub(super) fn unreadable(file: &Path, source: &io::Error) -> Self {
        Self::new(Defect::Unreadable, unreadable(file, source, EXPECTED))
    }
}

/// The ways in which a data set can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// A file does not start as an idx file of its content.
    WrongMagic,
    /// A dimension is zero, or their product exceeds what this machine can address.
    AbsurdDimensions,
    /// The dimensions do not tell the size of an image, or which number of a label is the class.
    UnclearDimensions,
    /// The header itself is cut.
    ShortHeader,
    /// The data end before the size that the header promises.
    Truncated,
    /// The data go on after the size that the header promises.
    TrailingBytes,
    /// Elements in memory have another length than their dimensions say.
    WrongLength,
    /// Another process has changed or shortened the file while it was mapped.
    Changed,
    /// It is no regular file, the operating system refused to open, read or map it, or it cannot be
    /// decompressed.
    Unreadable,
    /// A split holds more images than labels, or fewer.
    CountMismatch,
    /// Training and test images differ in size.
    SizeMismatch,
    /// A label is not below the number of classes that was asked for, or not from 0 to 255.
    LabelBeyondClasses,
    /// The number of classes that was asked for is out of range.
    ClassesOutOfRange,
    /// A folder lacks some of the four files.
    MissingFiles,
    /// The path that was asked for is not a folder.
    NotAFolder,
    /// No data set was named and none was found, or the folder that was named has none of the four files and
    /// nothing like them.
    NotFound,
}
