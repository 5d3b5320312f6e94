//! NumPy's `.npz` format: a zip archive of `.npy` files.

use super::npy::{npy_bytes, parse_npy};
use super::{NamedTensor, ReadError};
use crate::model_file::MAX_BYTES;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Whether a file is a zip archive, as `.npz` files are.
pub fn is_npz(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The bytes of an uncompressed archive, as `numpy.savez` writes it. The same tensors give the same
/// bytes.
///
/// # Panics
/// If the number of values of a tensor is not that of its dimensions.
pub fn npz_bytes(tensors: &[NamedTensor]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .large_file(false);
    for tensor in tensors {
        let name = format!("{}.npy", tensor.name);
        archive
            .start_file(name, options)
            .expect("names of tensors differ");
        archive
            .write_all(&npy_bytes(&tensor.dimensions, &tensor.values))
            .expect("memory can be written, and a network is smaller than 4 GiB");
    }
    let archive = archive.finish().expect("memory can be written");
    archive.into_inner()
}

/// All arrays of an archive, without the ending `.npy` of their names.
///
/// # Errors
/// A [`ReadError`] for each way in which the archive can be wrong.
pub fn read_npz(bytes: &[u8]) -> Result<Vec<NamedTensor>, ReadError> {
    let broken = |reason: &dyn std::fmt::Display| ReadError::Container {
        format: "npz",
        reason: reason.to_string(),
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.index_for_name("model.weights.h5").is_some() {
        return Err(ReadError::Keras("a .keras file"));
    }
    let mut tensors = Vec::new();
    // What all arrays together may still take, however well they are compressed.
    let mut room = MAX_BYTES;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = entry.name().map_err(|error| broken(&error))?.into_owned();
        // torch.save writes a zip archive with the names in ARCHIVE/data.pkl and the values beside it.
        if name == "data.pkl" || name.ends_with("/data.pkl") {
            return Err(ReadError::Pickle);
        }
        let mut array = Vec::new();
        let read = entry.take(room + 1).read_to_end(&mut array);
        read.map_err(|error| broken(&format_args!("{name}: {error}")))?;
        room = room
            .checked_sub(array.len() as u64)
            .ok_or_else(|| broken(&format_args!("more than {MAX_BYTES} bytes of arrays")))?;
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let (dimensions, values) = parse_npy(&array).map_err(|reason| ReadError::Array {
            name: name.escape_debug().to_string(),
            reason,
        })?;
        tensors.push(NamedTensor {
            name,
            dimensions,
            values,
        });
    }
    Ok(tensors)
}
