//! NumPy's `.npy` format: one array.
//!
//! ```text
//! \x93NUMPY, version (2 bytes), header length (2 or 4 bytes), header, values
//! ```
//!
//! The header is a Python dictionary with `descr` (the type), `fortran_order` and `shape`.
//!
//! Source: NumPy's documentation, "NumPy format", versions 1.0 to 3.0.

use super::transposed;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The values start at a multiple of it.
const ALIGNMENT: usize = 64;

/// Why an array cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// It does not start as the format does, or ends before its header.
    #[error("not an array in NumPy's format")]
    Magic,
    /// The header is not the dictionary that NumPy writes.
    #[error("its header has no sound {0}")]
    Header(&'static str),
    /// Values of another type.
    #[error("it holds numbers of the type {0}; expected 32-bit or 64-bit floats")]
    Type(String),
    /// Fewer or more bytes than its shape needs.
    #[error("its shape {shape:?} needs {expected} bytes of values, found {found}")]
    Length {
        /// The shape.
        shape: Vec<usize>,
        /// Bytes it needs; the largest number where they cannot be counted.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
}

/// The bytes of a file with one f32 array, row-major.
///
/// # Panics
/// If there are not as many values as the dimensions tell.
pub fn npy_bytes(dimensions: &[usize], values: &[f32]) -> Vec<u8> {
    assert_eq!(dimensions.iter().product::<usize>(), values.len());
    let shape: String = dimensions.iter().map(|size| format!("{size}, ")).collect();
    // Python writes a tuple of one as (n,) and of several as (m, n).
    let shape = match dimensions.len() {
        1 => shape.trim_end(),
        _ => shape.trim_end_matches(", "),
    };
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}").into_bytes();
    let start = MAGIC.len() + 4;
    let len = (start + header.len() + 1).next_multiple_of(ALIGNMENT) - start;
    header.resize(len - 1, b' ');
    header.push(b'\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    let len = u16::try_from(len).expect("a header of a few short numbers");
    bytes.extend(len.to_le_bytes());
    bytes.extend(header);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Dimensions and row-major values of an array of f32, or of f64 rounded to it.
pub(super) fn parse_npy(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f32>), NpyError> {
    let (header, values) = split(bytes).ok_or(NpyError::Magic)?;
    let header = std::str::from_utf8(header).map_err(|_| NpyError::Magic)?;
    let descr = field(header, "descr").ok_or(NpyError::Header("descr"))?;
    let descr = descr
        .strip_prefix('\'')
        .and_then(|text| text.split_once('\''))
        .map(|(descr, _)| descr)
        .ok_or(NpyError::Header("descr"))?;
    let order = field(header, "fortran_order").ok_or(NpyError::Header("fortran_order"))?;
    let is_fortran = match order.split([',', '}']).next().map(str::trim) {
        Some("True") => true,
        Some("False") => false,
        _ => return Err(NpyError::Header("fortran_order")),
    };
    let dimensions = shape(header).ok_or(NpyError::Header("shape"))?;
    let size = match descr {
        "<f4" | ">f4" => 4,
        "<f8" | ">f8" => 8,
        other => return Err(NpyError::Type(other.to_owned())),
    };
    let expected = dimensions
        .iter()
        .try_fold(size, |bytes: usize, &size| bytes.checked_mul(size));
    if expected != Some(values.len()) {
        return Err(NpyError::Length {
            shape: dimensions,
            expected: expected.unwrap_or(usize::MAX),
            found: values.len(),
        });
    }
    let values = floats(descr, values);
    let values = match dimensions[..] {
        // Column-major [m, n] is row-major [n, m].
        [rows, _] if is_fortran => transposed(&values, rows),
        _ => values,
    };
    Ok((dimensions, values))
}

/// Header and values.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (&[major, _], rest) = rest.split_first_chunk()?;
    let (len, rest) = match major {
        1 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_le_bytes(*len)).ok()?, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// What follows a key of the header.
fn field<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}':"))?;
    Some(rest.trim_start())
}

fn shape(header: &str) -> Option<Vec<usize>> {
    let (inside, _) = field(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    let sizes = inside.split(',').map(str::trim).filter(|s| !s.is_empty());
    sizes.map(|size| size.parse().ok()).collect()
}

fn floats(descr: &str, bytes: &[u8]) -> Vec<f32> {
    let (words, longs) = (bytes.as_chunks::<4>().0, bytes.as_chunks::<8>().0);
    match descr {
        "<f4" => words.iter().map(|&word| f32::from_le_bytes(word)).collect(),
        ">f4" => words.iter().map(|&word| f32::from_be_bytes(word)).collect(),
        "<f8" => longs
            .iter()
            .map(|&long| f64::from_le_bytes(long) as f32)
            .collect(),
        _ => longs
            .iter()
            .map(|&long| f64::from_be_bytes(long) as f32)
            .collect(),
    }
}
