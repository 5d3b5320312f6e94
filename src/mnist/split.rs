//! Images, their labels, and the two together.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::adjustment::{Adjustment, adjusted, missing};
use super::checksum::hex;
use super::error::{DataError, Defect};
use super::file::Storage;
use super::idx::{Header, Kind};
use crate::files::shown;

/// Elements of one idx file: a range of a storage that clones share.
#[derive(Debug, Clone)]
struct Elements {
    header: Header,
    storage: Arc<Storage>,
    range: Range<usize>,
    source: Arc<Path>,
    /// What is changed in them against the file.
    adjustment: Adjustment,
}

impl Elements {
    /// `storage` is a whole file whose header and length were checked.
    fn from_file(header: Header, storage: Storage, source: PathBuf) -> Elements {
        let range = header.header_len()..header.file_len();
        Elements {
            header,
            storage: Arc::new(storage),
            range,
            source: source.into(),
            adjustment: Adjustment::default(),
        }
    }

    /// `bytes` are the elements alone.
    fn from_vec(kind: Kind, dimensions: [usize; 3], bytes: Vec<u8>) -> Result<Elements, DataError> {
        let source = PathBuf::from(format!("{kind} in memory"));
        let header = Header::new(&source, kind, dimensions)?;
        let expected = header.payload_len();
        if bytes.len() != expected {
            let [count, rows, columns] = dimensions;
            let text = format!(
                "expected {expected} bytes for {count} of {rows} x {columns}, found {}",
                bytes.len()
            );
            return Err(DataError::of(&source, Defect::WrongLength, text));
        }
        let range = 0..bytes.len();
        let storage = Arc::new(Storage::Memory(bytes));
        Ok(Elements {
            header,
            storage,
            range,
            source: source.into(),
            adjustment: Adjustment::default(),
        })
    }

    fn bytes(&self) -> &[u8] {
        &self.storage.bytes()[self.range.clone()]
    }

    /// The header is a function of the dimensions, so data from memory have a checksum too.
    fn sha256(&self) -> String {
        let hasher = Sha256::new_with_prefix(self.header.to_bytes());
        hex(&hasher.chain_update(self.bytes()).finalize())
    }
}

/// count · rows · columns bytes, row-major, one image after the other; 0 is background, 255 ink.
///
/// Clones share the bytes.
#[derive(Debug, Clone)]
pub struct Images(Elements);

impl Images {
    /// Images from memory: `bytes` has count · rows · columns elements, row-major.
    ///
    /// # Errors
    ///
    /// [`Defect::AbsurdDimensions`] (a dimension must be above 0 and fit in 32 bits) or
    /// [`Defect::WrongLength`].
    pub fn from_vec(
        count: usize,
        rows: usize,
        columns: usize,
        bytes: Vec<u8>,
    ) -> Result<Images, DataError> {
        Elements::from_vec(Kind::Images, [count, rows, columns], bytes).map(Images)
    }

    /// Images from the bytes of a whole idx file, header included; `source` names it.
    ///
    /// # Errors
    ///
    /// As [`Header::parse`], and [`Defect::Truncated`] or [`Defect::TrailingBytes`].
    pub fn from_idx(source: &Path, bytes: Vec<u8>) -> Result<Images, DataError> {
        let header = Header::parse(source, Kind::Images, &bytes)?;
        header.check_len(source, bytes.len())?;
        let storage = Storage::Memory(bytes);
        Ok(Images::from_file(header, storage, source.to_owned()))
    }

    pub(super) fn from_file(header: Header, storage: Storage, source: PathBuf) -> Images {
        Images(Elements::from_file(header, storage, source))
    }

    /// The images in memory, transposed or inverted.
    ///
    /// # Errors
    ///
    /// None of images that there are.
    pub fn adjusted(self, adjustment: Adjustment) -> Result<Images, DataError> {
        if adjustment.is_none() {
            return Ok(self);
        }
        let (mut rows, mut columns) = (self.rows(), self.columns());
        let bytes = adjusted(self.bytes(), self.pixels(), columns, adjustment);
        if adjustment.transpose {
            (rows, columns) = (columns, rows);
        }
        let mut images = Images::from_vec(self.count(), rows, columns, bytes)?;
        let own = self.adjustment();
        images.0.source = self.0.source;
        images.0.adjustment = Adjustment {
            transpose: own.transpose != adjustment.transpose,
            invert: own.invert != adjustment.invert,
        };
        Ok(images)
    }

    /// What is changed in the images against those of their file.
    pub fn adjustment(&self) -> Adjustment {
        self.0.adjustment
    }

    /// What would make the images look more like those of MNIST, which are upright and light on dark. Nothing
    /// for fewer than 100 images.
    pub fn missing_adjustment(&self) -> Adjustment {
        missing(self)
    }

    /// Number of images, at least 1.
    pub fn count(&self) -> usize {
        self.0.header.count()
    }

    /// Rows of an image.
    pub fn rows(&self) -> usize {
        self.0.header.rows()
    }

    /// Columns of an image.
    pub fn columns(&self) -> usize {
        self.0.header.columns()
    }

    /// Pixels of an image: rows · columns.
    pub fn pixels(&self) -> usize {
        self.rows() * self.columns()
    }

    /// All images, count · pixels bytes. A hot loop fetches this slice once.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Image `i`, pixels bytes.
    ///
    /// # Panics
    ///
    /// If `i` is not below `count`.
    pub fn image(&self, i: usize) -> &[u8] {
        assert!(i < self.count(), "image {i} of {}", self.count());
        &self.bytes()[i * self.pixels()..(i + 1) * self.pixels()]
    }

    /// The file that the images come from, or `images in memory`.
    pub fn source(&self) -> &Path {
        &self.0.source
    }

    pub(super) fn check_mapping(&self) -> Result<(), DataError> {
        self.0.storage.check_mapping(&self.0.source)
    }

    /// SHA-256 of the uncompressed idx3 file of these images, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        self.0.sha256()
    }
}

/// One class a byte, counted from 0.
///
/// Always held in memory, never mapped: a label serves as an index, so one that was checked must
/// not change afterwards. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct Labels(Elements);

impl Labels {
    /// Labels from memory.
    ///
    /// # Errors
    ///
    /// [`Defect::AbsurdDimensions`] if `labels` is empty or its length does not fit in 32 bits.
    pub fn from_vec(labels: Vec<u8>) -> Result<Labels, DataError> {
        Elements::from_vec(Kind::Labels, [labels.len(), 1, 1], labels).map(Labels)
    }

    /// # Errors
    ///
    /// [`Defect::LabelBeyondClasses`] if a label of 32 bits is not from 0 to 255.
    pub(super) fn from_file(
        header: Header,
        storage: Storage,
        source: PathBuf,
    ) -> Result<Labels, DataError> {
        let Some(classes) = header.classes(&source, storage.bytes())? else {
            return Ok(Labels(Elements::from_file(header, storage, source)));
        };
        let mut labels = Labels::from_vec(classes)?;
        labels.0.source = source.into();
        Ok(labels)
    }

    /// All labels.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Number of labels, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "labels are never empty")]
    pub fn len(&self) -> usize {
        self.0.header.count()
    }

    /// The file that the labels come from, or `labels in memory`.
    pub fn source(&self) -> &Path {
        &self.0.source
    }

    /// SHA-256 of the uncompressed idx1 file of these labels, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        self.0.sha256()
    }
}

impl std::ops::Index<usize> for Labels {
    type Output = u8;

    fn index(&self, i: usize) -> &u8 {
        &self.bytes()[i]
    }
}

/// Images and as many labels: label `i` is the class of image `i`.
#[derive(Debug, Clone)]
pub struct Split {
    /// The images.
    pub images: Images,
    /// Their labels.
    pub labels: Labels,
}

impl Split {
    /// Puts images and labels together.
    ///
    /// # Errors
    ///
    /// [`Defect::CountMismatch`] if there are not as many labels as images.
    pub fn new(images: Images, labels: Labels) -> Result<Split, DataError> {
        if images.count() != labels.len() {
            let text = format!(
                "expected as many labels as there are images in {} ({}), found {}; take both files from the \
                 same data set",
                shown(images.source()),
                images.count(),
                labels.len()
            );
            return Err(DataError::of(labels.source(), Defect::CountMismatch, text));
        }
        Ok(Split { images, labels })
    }

    /// Number of samples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a split is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }
}
