//! NumPy's `.npy` format: one array.
//!
//! ```text
//! \x93NUMPY, version (2 bytes), header length (2 bytes), header, values
//! ```
//!
//! The header is a Python dictionary with `descr` (the type), `fortran_order` and `shape`.
//!
//! Source: NumPy's documentation, "NumPy format", version 1.0.

use super::{floats, transposed};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The values start at a multiple of it.
const ALIGNMENT: usize = 64;

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

/// Dimensions and row-major values of an array of f32, or of f64 rounded to it; else what is wrong.
pub(super) fn parse_npy(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f32>), String> {
    let (header, values) = split(bytes).ok_or("expected an array in NumPy's format 1.0")?;
    let no_sound = |key: &str| format!("expected a header of NumPy's, found no sound {key}");
    let descr = field(header, "descr").and_then(|text| text.strip_prefix('\'')?.split_once('\''));
    let (descr, _) = descr.ok_or_else(|| no_sound("descr"))?;
    let order = field(header, "fortran_order").unwrap_or_default();
    let is_fortran = match (order.starts_with("True"), order.starts_with("False")) {
        (false, false) => return Err(no_sound("fortran_order")),
        (is_fortran, _) => is_fortran,
    };
    let dimensions = shape(header).ok_or_else(|| no_sound("shape"))?;
    let size: usize = match descr {
        "<f4" => 4,
        "<f8" => 8,
        _ => {
            return Err(format!(
                "expected 32-bit or 64-bit floats, found numbers of the type {}",
                descr.escape_debug()
            ));
        }
    };
    let expected = dimensions
        .iter()
        .try_fold(size, |bytes, &size| bytes.checked_mul(size));
    if expected != Some(values.len()) {
        return Err(format!(
            "its values have {} bytes, expected as many as the shape {dimensions:?} of {descr} needs",
            values.len()
        ));
    }
    let values = floats(values, size == 8);
    let values = match dimensions[..] {
        // Column-major [m, n] is row-major [n, m].
        [rows, _] if is_fortran => transposed(&values, rows),
        _ => values,
    };
    Ok((dimensions, values))
}

/// Header and values of version 1.0, which has room for the header of any array of numbers.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&[1, 0])?;
    let (len, rest) = rest.split_first_chunk()?;
    let (header, values) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some((std::str::from_utf8(header).ok()?, values))
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
