//! The header of an idx file.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

use super::error::{DataError, Defect};
use super::foreign::wrong_magic;

/// The element type of MNIST-format files: unsigned byte.
pub(super) const UNSIGNED_BYTE: u8 = 0x08;

/// The other element type that labels may have: big-endian integers of 32 bits.
pub(super) const INTEGER: u8 = 0x0c;

/// Columns of the labels of QMNIST, of which the first is the class.
const LABEL_COLUMNS: usize = 8;

/// The longest header: four bytes of magic and four dimensions.
pub(super) const MAX_HEADER: usize = 20;

/// What to do with a file that is damaged.
const REPLACE: &str = "replace the file by a good copy";

/// What an idx file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Three dimensions: count, rows, columns.
    Images,
    /// One dimension: count.
    Labels,
}

impl Kind {
    /// Number of dimensions: 3 for images, 1 for labels.
    pub fn dimensions(self) -> u8 {
        match self {
            Kind::Images => 3,
            Kind::Labels => 1,
        }
    }

    /// Length of the header in bytes: 4 + 4 · dimensions.
    pub fn header_len(self) -> usize {
        4 + 4 * usize::from(self.dimensions())
    }

    /// The first bytes.
    pub(super) fn magic(self) -> [u8; 4] {
        [0, 0, UNSIGNED_BYTE, self.dimensions()]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Images => "images",
            Kind::Labels => "labels",
        })
    }
}

/// The header of an idx file.
///
/// ```text
/// offset  bytes  content
/// 0       2      00 00
/// 2       1      08: elements are unsigned bytes
/// 3       1      number of dimensions d: 03 for images, 01 for labels
/// 4       4·d    dimensions, big-endian u32, each at least 1: count[, rows, columns]
/// 4+4·d   ∏ dim  elements, row-major
/// ```
///
/// The file's length is exactly 4 + 4·d + ∏ dimensions.
///
/// Images may also have a fourth dimension of 1, or two: count and a square number of pixels. Labels may be
/// big-endian integers of 32 bits (0c), and may have a second dimension of 1; integers also one of 8, as in
/// QMNIST, where column 0 is the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    kind: Kind,
    dimensions: [usize; 3],
    /// Length of the header in the file.
    start: usize,
    /// Bytes of a pixel, or of all that a file says of a label.
    width: usize,
    /// Bytes of an element.
    element: usize,
    payload: usize,
}

impl Header {
    /// Parses the header at the start of `bytes`; bytes after it are not looked at.
    ///
    /// `file` only serves to name the file in errors. Nothing is allocated from the header's
    /// words, and the product of the dimensions is checked for overflow.
    ///
    /// # Errors
    ///
    /// [`Defect::WrongMagic`], [`Defect::ShortHeader`], [`Defect::AbsurdDimensions`] or
    /// [`Defect::UnclearDimensions`].
    pub fn parse(file: &Path, kind: Kind, bytes: &[u8]) -> Result<Header, DataError> {
        let start = &bytes[..bytes.len().min(4)];
        let (element, rank) = match (kind, start) {
            (Kind::Images, &[0, 0, UNSIGNED_BYTE, rank @ 2..=4])
            | (Kind::Labels, &[0, 0, UNSIGNED_BYTE, rank @ 1..=2]) => (1, rank),
            (Kind::Labels, &[0, 0, INTEGER, rank @ 1..=2]) => (4, rank),
            (_, start) if kind.magic().starts_with(start) => (1, kind.dimensions()),
            _ => return Err(wrong_magic(file, kind, bytes)),
        };
        let header_len = 4 + 4 * usize::from(rank);
        let Some(words) = bytes.get(4..header_len) else {
            let text = format!(
                "header too short: expected {header_len} bytes for {kind}, found {}; {REPLACE}",
                bytes.len()
            );
            return Err(DataError::of(file, Defect::ShortHeader, text));
        };
        let mut found = [1; 4];
        for (dimension, word) in found.iter_mut().zip(words.as_chunks().0) {
            // A dimension beyond the address space stays beyond it as usize::MAX.
            *dimension = usize::try_from(u32::from_be_bytes(*word)).unwrap_or(usize::MAX);
        }
        let found = &found[..usize::from(rank)];
        let payload = payload(file, found, element)?;
        let dimensions = match (kind, found) {
            (Kind::Images, &[count, rows, columns] | &[count, rows, columns, 1]) => {
                [count, rows, columns]
            }
            (Kind::Images, &[count, pixels]) if pixels.isqrt().pow(2) == pixels => {
                [count, pixels.isqrt(), pixels.isqrt()]
            }
            (Kind::Labels, &[count] | &[count, 1]) => [count, 1, 1],
            (Kind::Labels, &[count, LABEL_COLUMNS]) if element == 4 => [count, 1, 1],
            _ => return Err(unclear(file, kind, found)),
        };
        Ok(Header {
            kind,
            dimensions,
            start: header_len,
            width: payload / dimensions.iter().product::<usize>(),
            element,
            payload,
        })
    }

    /// A header from dimensions; labels have `[count, 1, 1]`.
    pub(super) fn new(
        file: &Path,
        kind: Kind,
        dimensions: [usize; 3],
    ) -> Result<Header, DataError> {
        let used = &dimensions[..usize::from(kind.dimensions())];
        Ok(Header {
            kind,
            dimensions,
            start: kind.header_len(),
            width: 1,
            element: 1,
            payload: payload(file, used, 1)?,
        })
    }

    /// The classes that the labels in `bytes`, a whole file of the right length, tell; `None` if they stand
    /// there one a byte.
    pub(super) fn classes(&self, file: &Path, bytes: &[u8]) -> Result<Option<Vec<u8>>, DataError> {
        if self.width == 1 {
            return Ok(None);
        }
        let class = |(position, label): (usize, &[u8])| {
            let value = label[..self.element].iter();
            let value = value.fold(0, |value: u32, &byte| value << 8 | u32::from(byte)) as i32;
            u8::try_from(value).map_err(|_| {
                let text = format!(
                    "label {position}: expected a class from 0 to 255, found {value}; correct the file"
                );
                DataError::of(file, Defect::LabelBeyondClasses, text)
            })
        };
        let labels = bytes[self.start..].chunks_exact(self.width).enumerate();
        labels.map(class).collect::<Result<_, _>>().map(Some)
    }

    /// What the file holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of images or labels.
    pub fn count(&self) -> usize {
        self.dimensions[0]
    }

    /// Rows of an image; 1 for labels.
    pub fn rows(&self) -> usize {
        self.dimensions[1]
    }

    /// Columns of an image; 1 for labels.
    pub fn columns(&self) -> usize {
        self.dimensions[2]
    }

    /// Length of the header in bytes: 4 + 4 for each dimension in the file.
    pub fn header_len(&self) -> usize {
        self.start
    }

    /// Length of the elements in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload
    }

    /// Length of the whole file in bytes: header and elements.
    pub fn file_len(&self) -> usize {
        self.start + self.payload
    }

    /// The header of a file with three dimensions of images or one of labels, whatever this one has.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.kind.magic().to_vec();
        for &dimension in &self.dimensions[..usize::from(self.kind.dimensions())] {
            // The constructor admits only dimensions that fit in 32 bits.
            bytes.extend_from_slice(&(dimension as u32).to_be_bytes());
        }
        bytes
    }

    /// Checks a length, header included, against the dimensions.
    pub(super) fn check_len(&self, file: &Path, found: usize) -> Result<(), DataError> {
        let expected = self.file_len();
        let (defect, what, found) = match found.cmp(&expected) {
            Ordering::Equal => return Ok(()),
            Ordering::Less => (Defect::Truncated, "truncated", found.to_string()),
            Ordering::Greater => (Defect::TrailingBytes, "trailing bytes", "more".to_owned()),
        };
        let text = format!(
            "{what}: expected {expected} bytes by its dimensions, found {found}; {REPLACE}"
        );
        Err(DataError::of(file, defect, text))
    }
}

/// The product of dimensions and of the bytes of an element, if there can be such a file.
fn payload(file: &Path, dimensions: &[usize], element: usize) -> Result<usize, DataError> {
    let product = dimensions
        .iter()
        .try_fold(element, |product, &size| product.checked_mul(size))
        .filter(|product| (1..=isize::MAX.unsigned_abs() - MAX_HEADER).contains(product));
    match product {
        Some(payload) if dimensions.iter().all(|&size| u32::try_from(size).is_ok()) => Ok(payload),
        _ => {
            let text = format!(
                "absurd dimensions: expected none to be 0 and a size that memory can address (at most {} \
                 bytes), found {dimensions:?}; the header is damaged, {REPLACE}",
                isize::MAX
            );
            Err(DataError::of(file, Defect::AbsurdDimensions, text))
        }
    }
}

fn unclear(file: &Path, kind: Kind, found: &[usize]) -> DataError {
    let expected = match kind {
        Kind::Images => {
            "images of [count, rows, columns], of [count, rows, columns, 1], or of [count, pixels] with a \
             square number of pixels"
        }
        Kind::Labels => {
            "labels of [count] or [count, 1], or integers of [count, 8] with the class in column 0"
        }
    };
    let text = format!(
        "unclear dimensions: expected {expected}, found {found:?}; write the file with the first of these"
    );
    DataError::of(file, Defect::UnclearDimensions, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(dimensions: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
        bytes.extend(
            dimensions
                .iter()
                .flat_map(|dimension| dimension.to_be_bytes()),
        );
        bytes
    }

    fn parse(kind: Kind, bytes: &[u8]) -> Result<Header, DataError> {
        Header::parse(Path::new("file"), kind, bytes)
    }

    #[test]
    fn a_header_survives_the_round_trip() {
        let bytes = header(&[60_000, 28, 29]);
        let parsed = parse(Kind::Images, &bytes).unwrap();
        assert_eq!(
            (parsed.count(), parsed.rows(), parsed.columns()),
            (60_000, 28, 29)
        );
        assert_eq!(parsed.file_len(), 16 + 60_000 * 28 * 29);
        assert_eq!(parsed.to_bytes(), bytes);
        let bytes = header(&[7]);
        let parsed = parse(Kind::Labels, &bytes).unwrap();
        assert_eq!((parsed.count(), parsed.file_len()), (7, 15));
        assert_eq!(parsed.to_bytes(), bytes);
    }

    #[test]
    fn every_cut_of_a_header_is_refused() {
        let bytes = header(&[5, 4, 3]);
        let error = |bytes: &[u8]| parse(Kind::Images, bytes).unwrap_err();
        for length in 0..16 {
            let error = error(&bytes[..length]);
            assert_eq!(error.defect, Defect::ShortHeader, "{error}");
            let told = format!("expected 16 bytes for images, found {length};");
            assert!(error.to_string().contains(&told), "{error}");
        }
    }

    #[test]
    fn the_largest_words_are_absurd_and_not_an_overflow() {
        for dimensions in [
            [u32::MAX; 3],
            // 2^64 wraps to zero without a check.
            [1 << 22, 1 << 21, 1 << 21],
            // 2^63 fits in u64 but not in an address space.
            [1 << 21, 1 << 21, 1 << 21],
        ] {
            let error = parse(Kind::Images, &header(&dimensions)).unwrap_err();
            assert_eq!(error.defect, Defect::AbsurdDimensions, "{error}");
        }
    }

    #[test]
    fn a_dimension_of_zero_is_refused() {
        for index in 0..3 {
            let mut dimensions = [u32::MAX; 3];
            dimensions[index] = 0;
            let error = parse(Kind::Images, &header(&dimensions)).unwrap_err();
            assert_eq!(error.defect, Defect::AbsurdDimensions, "{error}");
        }
    }
}
