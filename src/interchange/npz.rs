//! NumPy's `.npz` format: a zip archive of `.npy` files.

use super::npy::{npy_bytes, parse_npy};
use super::{NamedTensor, ReadError};
use crate::model_file::MAX_BYTES;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use std::io::{self, Read};

/// What a file's own header, its entry in the directory, and the end of the archive begin with.
const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

/// Whether a file is a zip archive, as `.npz` files are.
pub fn is_npz(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL)
}

/// The bytes of an uncompressed archive, with its sizes before the data, as `numpy.savez` writes it, so that readers may
/// go from header to header. The same tensors give the same bytes.
///
/// Source: "APPNOTE", PKWARE's specification of zip files.
///
/// # Panics
/// If the number of values of a tensor is not that of its dimensions, a name is longer than 65,531 bytes, or the
/// archive is larger than 4 GiB or has more than 65,535 files.
pub fn npz_bytes(tensors: &[NamedTensor]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let number = |length: usize| {
        let length = u32::try_from(length).expect("a network is smaller than 4 GiB");
        length.to_le_bytes()
    };
    for tensor in tensors {
        let name = format!("{}.npy", tensor.name);
        let array = npy_bytes(&tensor.dimensions, &tensor.values);
        let mut sum = Crc::new();
        sum.update(&array);
        let length = u16::try_from(name.len()).expect("a name of at most 65,531 bytes");
        // Version 2.0, names in UTF-8, stored, midnight of 1 January 1980; no further fields.
        let mut header = [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0].to_vec();
        header.extend(sum.sum().to_le_bytes());
        header.extend([number(array.len()), number(array.len())].concat());
        header.extend(length.to_le_bytes());
        header.extend([0, 0]);
        let start = number(archive.len());
        for part in [LOCAL, &header, name.as_bytes(), &array] {
            archive.extend_from_slice(part);
        }
        // By version 2.0; no comment, the first disk, no attributes.
        let entry = [
            CENTRAL,
            &[20, 0],
            &header,
            &[0; 10],
            &start,
            name.as_bytes(),
        ];
        directory.extend(entry.concat());
    }
    let files = u16::try_from(tensors.len()).expect("a network has four tensors");
    let [files, disks] = [files, 0].map(u16::to_le_bytes);
    let (size, start) = (number(directory.len()), number(archive.len()));
    let end = [END, &disks, &disks, &files, &files, &size, &start, &[0, 0]];
    archive.extend(directory);
    archive.extend(end.concat());
    archive
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
            "data.pkl" => return Err(ReadError::Pickle),
            name if name.ends_with("/data.pkl") => return Err(ReadError::Pickle),
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
            if entry.flags().is_encrypted() {
                return Err(io::Error::other("it is encrypted").into());
            }
            let data: &mut dyn Read = match entry.compression_method() {
                CompressionMethod::STORE => &mut { data },
                CompressionMethod::DEFLATE => &mut DeflateDecoder::new(data),
                _ => return Err(io::Error::other("neither stored nor deflated").into()),
            };
            let mut data = found.verifying_reader(data).take(room + 1);
            Ok(data.read_to_end(&mut array)?)
        };
        read().map_err(|error| broken(&format_args!("{}: {error}", name.escape_debug())))?;
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
