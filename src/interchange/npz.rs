//! NumPy's `.npz` format: a zip archive of `.npy` files.

use super::npy::{npy_bytes, parse_npy};
use super::{NamedTensor, ReadError};
use crate::model_file::MAX_BYTES;
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use std::io::{self, Read, Write};

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
    let written = || {
        let mut archive = ZipArchiveWriter::new(Vec::new());
        for tensor in tensors {
            let file = archive.new_file(format!("{}.npy", tensor.name));
            let (mut entry, data) = file.start()?;
            let mut data = data.wrap(&mut entry);
            data.write_all(&npy_bytes(&tensor.dimensions, &tensor.values))?;
            let (_, descriptor) = data.finish()?;
            entry.finish(descriptor)?;
        }
        archive.finish()
    };
    written().expect("memory can be written, and names of tensors are short")
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
    let archive = ZipArchive::from_slice(bytes).map_err(|error| broken(&error))?;
    let mut entries = archive.entries();
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().map_err(|error| broken(&error))? {
        let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        match &*name {
            "model.weights.h5" => return Err(ReadError::Keras("a .keras file")),
            // torch.save writes a zip archive with the names in ARCHIVE/data.pkl and the values beside it.
            name if name.ends_with("data.pkl") => return Err(ReadError::Pickle),
            _ => files.push((name, entry)),
        }
    }
    let mut tensors = Vec::new();
    // What all arrays together may still take, however well they are compressed.
    let mut room = MAX_BYTES;
    for (name, entry) in files {
        let mut array = Vec::new();
        let mut read = || -> Result<usize, rawzip::Error> {
            let found = archive.get_entry(entry.wayfinder())?;
            let data = found.data();
            let data: &mut dyn Read = match entry.compression_method() {
                CompressionMethod::STORE => &mut { data },
                CompressionMethod::DEFLATE => &mut DeflateDecoder::new(data),
                _ => return Err(io::Error::other("neither stored nor deflated").into()),
            };
            let mut data = found.verifying_reader(data).take(room + 1);
            Ok(data.read_to_end(&mut array)?)
        };
        read().map_err(|error| broken(&format_args!("{name}: {error}")))?;
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
