//! The data set: two splits and the number of classes.

use std::path::{Path, PathBuf};

use super::adjustment::Adjustment;
use super::error::{DataError, Defect};
use super::file::{FileAccess, open_idx};
use super::idx::Kind;
use super::names::{SplitName, find_files};
use super::split::{Images, Labels, Split};
use crate::files::shown;

/// A training and a test split with images of one size.
///
/// Clones share the bytes; it can be sent and shared between threads.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The training split.
    pub train: Split,
    /// The test split.
    pub test: Split,
    /// Number of classes, 2 to 256; every label is below it.
    pub classes: usize,
}

/// How a data set is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// How images come into memory. Default: [`FileAccess::Mapped`].
    pub access: FileAccess,
    /// Number of classes, 2 to 256. Default: the largest label plus one, at least 2.
    pub classes: Option<usize>,
    /// The split that is needed alone: it stands in for the other one where that has a file missing.
    /// Default: both are needed.
    pub only: Option<SplitName>,
    /// What is changed in the images, which are then read into memory. Default: nothing.
    pub adjustment: Adjustment,
}

impl Dataset {
    /// A data set from memory: images of so many rows and columns, one byte a pixel, one image after
    /// the other, and a label for each.
    ///
    /// ```
    /// use fused_mlp::Dataset;
    ///
    /// // Three images of 2 x 2 pixels to learn from, and one to test with.
    /// let images = [[0, 0, 255, 255], [255, 255, 0, 0], [0, 0, 200, 210]].concat();
    /// let train = (images, vec![0, 1, 0]);
    /// let test = (vec![250, 240, 0, 0], vec![1]);
    /// let data = Dataset::from_memory(2, 2, train, test)?;
    /// assert_eq!((data.train.len(), data.test.len(), data.classes), (3, 1, 2));
    /// # Ok::<(), fused_mlp::mnist::DataError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Images::from_vec`], [`Labels::from_vec`] and [`Dataset::from_splits`]: a number is 0, or
    /// does not fit the others.
    pub fn from_memory(
        rows: usize,
        columns: usize,
        train: (Vec<u8>, Vec<u8>),
        test: (Vec<u8>, Vec<u8>),
    ) -> Result<Dataset, DataError> {
        let split = |(images, labels): (Vec<u8>, Vec<u8>)| {
            let images = Images::from_vec(labels.len(), rows, columns, images)?;
            Split::new(images, Labels::from_vec(labels)?)
        };
        Dataset::from_splits(split(train)?, split(test)?, None)
    }

    /// Opens the four files in a folder, as by default: images are mapped, the labels tell the number of
    /// classes.
    ///
    /// # Errors
    ///
    /// As [`Dataset::open_with`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Dataset, DataError> {
        Dataset::open_with(dir, &OpenOptions::default())
    }

    /// Opens the four files in a folder.
    ///
    /// Where only `NAME.gz` is present, it is decompressed into memory.
    ///
    /// # Errors
    ///
    /// Any [`Defect`] but [`Defect::NotFound`]: each tells one way in which the folder, a file or a pair
    /// of files is wrong.
    pub fn open_with(dir: impl AsRef<Path>, options: &OpenOptions) -> Result<Dataset, DataError> {
        let files = find_files(dir.as_ref(), "the path", options.only)?;
        let split = |images: PathBuf, labels: PathBuf| {
            let (header, storage) = open_idx(&images, Kind::Images, options.access)?;
            let images = Images::from_file(header, storage, images).adjusted(options.adjustment)?;
            let (header, storage) = open_idx(&labels, Kind::Labels, FileAccess::InMemory)?;
            Split::new(images, Labels::from_file(header, storage, labels)?)
        };
        let [train_images, train_labels, test_images, test_labels] = files;
        let train = split(train_images, train_labels)?;
        let test = split(test_images, test_labels)?;
        Dataset::from_splits(train, test, options.classes)
    }

    /// Checks that no mapped file has been shortened by another process, as touching its missing pages
    /// would end this process, and that none has other bytes than when it was opened. The first call reads
    /// all of them; later ones ask for the time of the last change, and read only where that has moved.
    ///
    /// # Errors
    ///
    /// [`Defect::Changed`], or [`Defect::Unreadable`] if the system does not tell.
    pub fn check_mappings(&self) -> Result<(), DataError> {
        self.train.images.check_mapping()?;
        self.test.images.check_mapping()
    }

    /// Puts two splits together; `classes` is the largest label plus one, at least 2, if `None`.
    ///
    /// # Errors
    ///
    /// [`Defect::CountMismatch`], [`Defect::SizeMismatch`], [`Defect::ClassesOutOfRange`] or
    /// [`Defect::LabelBeyondClasses`].
    pub fn from_splits(
        train: Split,
        test: Split,
        classes: Option<usize>,
    ) -> Result<Dataset, DataError> {
        // The fields of a split are public, so its counts are checked here again.
        let train = Split::new(train.images, train.labels)?;
        let test = Split::new(test.images, test.labels)?;
        let (expected, found) = (&train.images, &test.images);
        if (expected.rows(), expected.columns()) != (found.rows(), found.columns()) {
            let text = format!(
                "expected images of {}x{} as in {}, found {}x{}; take all files from the same data set",
                expected.rows(),
                expected.columns(),
                shown(expected.source()),
                found.rows(),
                found.columns()
            );
            return Err(DataError::of(found.source(), Defect::SizeMismatch, text));
        }
        let classes = match classes {
            Some(classes) => {
                check_class_range(classes)?;
                check_labels(&train.labels, classes)?;
                check_labels(&test.labels, classes)?;
                classes
            }
            None => {
                let largest = train.labels.bytes().iter().chain(test.labels.bytes()).max();
                largest.map_or(2, |&label| (usize::from(label) + 1).max(2))
            }
        };
        Ok(Dataset {
            train,
            test,
            classes,
        })
    }
}

fn check_class_range(found: usize) -> Result<(), DataError> {
    if (2..=256).contains(&found) {
        return Ok(());
    }
    let line = format!(
        "number of classes: expected 2 to 256, found {found}; choose a number in that range, or none to take it \
         from the labels"
    );
    Err(DataError::new(Defect::ClassesOutOfRange, line))
}

fn check_labels(labels: &Labels, classes: usize) -> Result<(), DataError> {
    let beyond = |&label: &u8| usize::from(label) >= classes;
    let Some(position) = labels.bytes().iter().position(beyond) else {
        return Ok(());
    };
    let label = usize::from(labels[position]);
    let text = format!(
        "label {position}: expected a class below {classes}, found {label}; ask for at least {} classes or \
         correct the file",
        label + 1
    );
    let file = labels.source();
    Err(DataError::of(file, Defect::LabelBeyondClasses, text))
}
