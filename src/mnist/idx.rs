//! The header of an idx file.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

use super::error::{DataError, Defect};

/// The element type of MNIST-format files: unsigned byte.
const UNSIGNED_BYTE: u8 = 0x08;

/// The longest header: four bytes of magic and three dimensions.
pub(super) const MAX_HEADER: usize = 16;

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
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Images => "images",
            Kind::Labels => "labels",
        })
    }
}

/// The header of an idx file of unsigned bytes.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    kind: Kind,
    dimensions: [usize; 3],
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
    /// [`Defect::WrongMagic`], [`Defect::ShortHeader`] or [`Defect::AbsurdDimensions`].
    pub fn parse(file: &Path, kind: Kind, bytes: &[u8]) -> Result<Header, DataError> {
        let magic = [0, 0, UNSIGNED_BYTE, kind.dimensions()];
        let start = &bytes[..bytes.len().min(magic.len())];
        if !magic.starts_with(start) {
            let advice = match start {
                [0x1f, 0x8b, ..] => "this is a gzip file, add .gz to its name",
                [0, 0, UNSIGNED_BYTE, _] => "check that images and labels are not exchanged",
                _ => "replace it by a file in the idx format, of unsigned bytes",
            };
            let text = format!(
                "wrong magic: expected a file of {kind} that starts with the bytes {magic:02x?}, found {start:02x?}; \
                 {advice}"
            );
            return Err(DataError::of(file, Defect::WrongMagic, text));
        }
        let Some(words) = bytes.get(4..kind.header_len()) else {
            let text = format!(
                "header too short: expected {} bytes for {kind}, found {}; {REPLACE}",
                kind.header_len(),
                bytes.len()
            );
            return Err(DataError::of(file, Defect::ShortHeader, text));
        };
        let mut dimensions = [1; 3];
        for (dimension, word) in dimensions.iter_mut().zip(words.as_chunks().0) {
            // A dimension beyond the address space stays beyond it as usize::MAX.
            *dimension = usize::try_from(u32::from_be_bytes(*word)).unwrap_or(usize::MAX);
        }
        Header::new(file, kind, dimensions)
    }

    /// A header from dimensions; labels have `[count, 1, 1]`.
    pub(super) fn new(
        file: &Path,
        kind: Kind,
        dimensions: [usize; 3],
    ) -> Result<Header, DataError> {
        let used = &dimensions[..usize::from(kind.dimensions())];
        let product = used
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size))
            .filter(|product| (1..=isize::MAX.unsigned_abs() - MAX_HEADER).contains(product));
        match product {
            Some(payload) if used.iter().all(|&size| u32::try_from(size).is_ok()) => Ok(Header {
                kind,
                dimensions,
                payload,
            }),
            _ => {
                let text = format!(
                    "absurd dimensions: expected none to be 0 and a size that memory can address (at most {} \
                     bytes), found {used:?}; the header is damaged, {REPLACE}",
                    isize::MAX
                );
                Err(DataError::of(file, Defect::AbsurdDimensions, text))
            }
        }
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

    /// Length of the elements in bytes: the product of the dimensions.
    pub fn payload_len(&self) -> usize {
        self.payload
    }

    /// Length of the whole file in bytes: header and elements.
    pub fn file_len(&self) -> usize {
        self.kind.header_len() + self.payload
    }

    /// The header as it stands in a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rank = self.kind.dimensions();
        let mut bytes = vec![0, 0, UNSIGNED_BYTE, rank];
        for &dimension in &self.dimensions[..usize::from(rank)] {
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
