//! The header of an idx file.

use std::fmt;
use std::path::Path;

use super::error::DataError;

/// The element type of MNIST-format files: unsigned byte.
const UNSIGNED_BYTE: u8 = 0x08;

/// The longest header: four bytes of magic and three dimensions.
pub(super) const MAX_HEADER: usize = 16;

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

    /// Name of dimension `index`, from 0: count, rows, columns.
    pub fn dimension_name(self, index: usize) -> &'static str {
        match index {
            0 => "count",
            1 => "rows",
            _ => "columns",
        }
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
    /// [`DataError::Empty`], [`DataError::WrongMagic`], [`DataError::WrongTypeCode`],
    /// [`DataError::WrongDimensionCount`], [`DataError::ShortHeader`],
    /// [`DataError::ZeroDimension`] or [`DataError::AbsurdDimensions`], checked in this order.
    pub fn parse(file: &Path, kind: Kind, bytes: &[u8]) -> Result<Header, DataError> {
        if bytes.is_empty() {
            return Err(DataError::Empty { file: file.into() });
        }
        if let [first, second, ..] = *bytes
            && [first, second] != [0, 0]
        {
            return Err(DataError::WrongMagic {
                file: file.into(),
                found: [first, second],
            });
        }
        if let Some(&found) = bytes.get(2)
            && found != UNSIGNED_BYTE
        {
            return Err(DataError::WrongTypeCode {
                file: file.into(),
                found,
            });
        }
        if let Some(&found) = bytes.get(3)
            && found != kind.dimensions()
        {
            return Err(DataError::WrongDimensionCount {
                file: file.into(),
                kind,
                found,
            });
        }
        let Some(words) = bytes.get(4..kind.header_len()) else {
            return Err(DataError::ShortHeader {
                file: file.into(),
                kind,
                expected: kind.header_len(),
                found: bytes.len(),
            });
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
        if let Some(index) = used.iter().position(|&dimension| dimension == 0) {
            return Err(DataError::ZeroDimension {
                file: file.into(),
                kind,
                index,
            });
        }
        let payload = used
            .iter()
            .try_fold(1_usize, |product, &dimension| {
                product.checked_mul(dimension)
            })
            .filter(|&payload| payload <= isize::MAX.unsigned_abs() - MAX_HEADER)
            .filter(|_| {
                used.iter()
                    .all(|&dimension| u32::try_from(dimension).is_ok())
            });
        match payload {
            Some(payload) => Ok(Header {
                kind,
                dimensions,
                payload,
            }),
            None => Err(DataError::AbsurdDimensions {
                file: file.into(),
                dimensions: used.to_vec(),
            }),
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
    pub(super) fn check_len(&self, file: &Path, found: u64) -> Result<(), DataError> {
        let expected = self.file_len() as u64;
        if found < expected {
            return Err(DataError::Truncated {
                file: file.into(),
                expected,
                found,
            });
        }
        if found > expected {
            let file = file.into();
            return Err(DataError::TrailingBytes {
                file,
                expected,
                found,
                counted: true,
            });
        }
        Ok(())
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
        assert!(matches!(
            parse(Kind::Images, &[]),
            Err(DataError::Empty { .. })
        ));
        for length in 1..16 {
            let result = parse(Kind::Images, &bytes[..length]);
            assert!(
                matches!(result, Err(DataError::ShortHeader { expected: 16, found, .. }) if found == length),
                "{length}: {result:?}"
            );
        }
    }

    #[test]
    fn the_largest_words_are_absurd_and_not_an_overflow() {
        let result = parse(Kind::Images, &header(&[u32::MAX; 3]));
        assert!(
            matches!(result, Err(DataError::AbsurdDimensions { .. })),
            "{result:?}"
        );
        // 2^22 · 2^21 · 2^21 = 2^64 wraps to zero without a check.
        let result = parse(Kind::Images, &header(&[1 << 22, 1 << 21, 1 << 21]));
        assert!(
            matches!(result, Err(DataError::AbsurdDimensions { .. })),
            "{result:?}"
        );
        // 2^63 fits in u64 but not in an address space.
        let result = parse(Kind::Images, &header(&[1 << 21, 1 << 21, 1 << 21]));
        assert!(
            matches!(result, Err(DataError::AbsurdDimensions { .. })),
            "{result:?}"
        );
    }

    #[test]
    fn a_zero_dimension_is_named() {
        for (index, name) in ["count", "rows", "columns"].into_iter().enumerate() {
            let mut dimensions = [u32::MAX; 3];
            dimensions[index] = 0;
            let error = parse(Kind::Images, &header(&dimensions)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
