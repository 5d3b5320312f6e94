//! Everything that can be wrong with a data set.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::files::shown;

/// A defect of a data set, as one line: the file, what was expected, what was found, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub struct DataError {
    /// What is wrong.
    pub defect: Defect,
    line: String,
    source: Option<io::Error>,
}

impl DataError {
    /// `text` tells what is wrong with the file or folder.
    pub(super) fn of(file: &Path, defect: Defect, text: impl Display) -> Self {
        Self::new(defect, format!("{}: {text}", shown(file)))
    }

    pub(super) fn new(defect: Defect, line: String) -> Self {
        Self {
            defect,
            line,
            source: None,
        }
    }

    /// With the operating system's answer, which the line tells too.
    pub(super) fn caused_by(self, source: io::Error) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }
}

/// The ways in which a data set can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// The first two bytes of an idx file are not zero.
    WrongMagic,
    /// The third byte, the element type, is not 0x08 (unsigned byte).
    WrongTypeCode,
    /// The fourth byte, the number of dimensions, is not that of the kind of file.
    WrongDimensionCount,
    /// A dimension is zero.
    ZeroDimension,
    /// The product of the dimensions exceeds what this machine can address.
    AbsurdDimensions,
    /// The header itself is cut.
    ShortHeader,
    /// The data end before the size that the header promises.
    Truncated,
    /// The data go on after the size that the header promises.
    TrailingBytes,
    /// Elements in memory have another length than their dimensions say.
    WrongLength,
    /// Another process has shortened the file while it was mapped.
    Shortened,
    /// Another process has changed the file while it was mapped.
    Changed,
    /// The file holds no byte.
    Empty,
    /// A folder stands where a file should.
    IsFolder,
    /// A pipe, socket or device stands where a file should.
    NotRegular,
    /// The operating system refused to open, read or map the file.
    Unreadable,
    /// A file whose name ends in `.gz` does not start like one.
    NotGzip,
    /// The compressed data are cut or damaged.
    CorruptGzip,
    /// The header inside a `.gz` promises more than deflate can expand the file to.
    ImpossibleExpansion,
    /// A split holds more images than labels, or fewer.
    CountMismatch,
    /// Training and test images differ in size.
    SizeMismatch,
    /// A label is not below the number of classes that was asked for.
    LabelBeyondClasses,
    /// The number of classes that was asked for is out of range.
    ClassesOutOfRange,
    /// A folder lacks some of the four files.
    MissingFiles,
    /// The folder that was asked for does not exist.
    FolderMissing,
    /// The path that was asked for is not a folder.
    NotAFolder,
    /// No data set was named and none was found.
    NotFound,
}
