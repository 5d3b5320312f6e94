//! Files that downloads come as and that are no idx files: what they are, and what to do with them.

use std::path::Path;

use super::error::{DataError, Defect};
use super::idx::{INTEGER, Kind, UNSIGNED_BYTE};

/// First bytes, name and advice.
const FORMATS: [(&[u8], &str, &str); 7] = [
    (b"\x1f\x8b", "a gzip file", "add .gz to its name"),
    (b"PK\x03\x04", "a ZIP archive", UNPACK),
    (b"\xfd7zXZ", "an xz file", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (
        b"<",
        "an HTML page",
        "the download failed, get the file again, from another address",
    ),
    (
        b"version https",
        "a pointer of Git LFS",
        "get the file itself by git lfs pull",
    ),
    (
        b"\x93NUMPY",
        "a NumPy array",
        "write its values as an idx file",
    ),
];
const UNPACK: &str = "unpack it, and put the file that is in it here";

/// The format of a file that begins so, and what to do with it.
fn format_of(start: &[u8]) -> Option<(&'static str, &'static str)> {
    // A page may begin with the mark of UTF-8 and blank lines.
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let text = text.trim_ascii_start();
    let mut formats = FORMATS.into_iter();
    let found = formats.find(|(magic, ..)| text.starts_with(magic))?;
    Some((found.1, found.2))
}

/// Whether the name of a file says that it is compressed.
pub(super) fn is_gzip_name(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "gz")
}

/// `bytes` are the start of a file, or of what is compressed in it, that does not hold images or labels.
pub(super) fn wrong_magic(file: &Path, kind: Kind, bytes: &[u8]) -> DataError {
    let start = &bytes[..bytes.len().min(4)];
    let advice = match (format_of(bytes), start) {
        (Some(("a gzip file", _)), _) if is_gzip_name(file) => {
            "it was compressed twice, unpack it once more: gunzip -c NAME.gz | gunzip > NAME"
                .to_owned()
        }
        (Some((name, advice)), _) => format!("this is {name}: {advice}"),
        (None, [0, 0, UNSIGNED_BYTE, _] | [0, 0, INTEGER, 1..=2]) => {
            "check that images and labels are not exchanged".to_owned()
        }
        _ => "replace it by a file in the idx format, of unsigned bytes".to_owned(),
    };
    let text = format!(
        "wrong magic: expected a file of {kind} that starts with the bytes {:02x?}, found {start:02x?}; {advice}",
        kind.magic()
    );
    DataError::of(file, Defect::WrongMagic, text)
}

/// An error if a file whose name ends in `.gz` begins as one of another format.
pub(super) fn check_gzip(file: &Path, start: &[u8]) -> Result<(), DataError> {
    let (name, advice) = match (start, format_of(start)) {
        ([] | [0x1f] | [0x1f, 0x8b, ..], _) => return Ok(()),
        ([0, 0, UNSIGNED_BYTE | INTEGER, ..], _) => (
            "an idx file that is not compressed",
            "take .gz off its name",
        ),
        (_, Some(found)) => found,
        _ => ("another format", "get a good copy"),
    };
    let text = format!(
        "cannot be read: expected a gzip file, as its name ends in .gz, found {name}; {advice}"
    );
    Err(DataError::of(file, Defect::Unreadable, text))
}
