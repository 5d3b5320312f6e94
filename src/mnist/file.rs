//! Opening an idx file: mapped, or read into memory.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::SystemTime;

use memmap2::Mmap;

use super::error::DataError;
use super::idx::{Header, Kind, MAX_HEADER};

/// How the images come into memory.
///
/// A mapping keeps one risk that no check can remove: the file belongs to the file system, not to
/// this process. If another process shortens the file while it is mapped, touching a page beyond
/// the new end ends this process with SIGBUS; if another process overwrites it, pixels change
/// under the reader. [`Dataset::check_mappings`](super::Dataset::check_mappings) tells the
/// first if it is asked before the page is touched, and the second afterwards. Choose [`FileAccess::InMemory`] where others may write to the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileAccess {
    /// Map the file: pages are loaded when they are touched and shared with other processes.
    #[default]
    Mapped,
    /// Read the file into memory once; later changes to it have no effect.
    InMemory,
}

/// The bytes of a file, or a vector.
pub(super) enum Storage {
    /// With its file, and when that had been written to last as it was opened, where the system tells.
    Mapped(Mmap, File, Option<SystemTime>),
    Memory(Vec<u8>),
}

impl Storage {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Mapped(map, ..) => map,
            Storage::Memory(bytes) => bytes,
        }
    }

    /// Checks that a mapped file has not been shortened or written to since it was opened.
    pub(super) fn check_mapping(&self, shown: &Path) -> Result<(), DataError> {
        let Storage::Mapped(map, file, opened) = self else {
            return Ok(());
        };
        let found = file
            .metadata()
            .map_err(|source| unreadable(shown, source))?;
        if found.len() < map.len() as u64 {
            return Err(DataError::Shortened {
                file: shown.into(),
                expected: map.len() as u64,
                found: found.len(),
            });
        }
        if found.len() > map.len() as u64 || found.modified().ok() != *opened {
            return Err(DataError::Changed { file: shown.into() });
        }
        Ok(())
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Storage::Mapped(..) => "Mapped",
            Storage::Memory(_) => "Memory",
        };
        write!(formatter, "{name}({} bytes)", self.bytes().len())
    }
}

/// Opens `path` as a regular file with at least one byte; returns it with its length.
///
/// `shown` names the file in errors.
pub(super) fn open_regular(path: &Path, shown: &Path) -> Result<(File, u64), DataError> {
    // Looked at before it is opened, because opening a pipe waits for a writer.
    let metadata = fs::metadata(path).map_err(|source| unreadable(shown, source))?;
    if metadata.is_dir() {
        return Err(DataError::IsFolder { file: shown.into() });
    }
    if !metadata.is_file() {
        return Err(DataError::NotRegular { file: shown.into() });
    }
    let file = File::open(path).map_err(|source| unreadable(shown, source))?;
    let length = file
        .metadata()
        .map_err(|source| unreadable(shown, source))?
        .len();
    if length == 0 {
        return Err(DataError::Empty { file: shown.into() });
    }
    Ok((file, length))
}

/// Opens the uncompressed idx file `path` and checks its header and its length.
///
/// The header is checked against the length of the file before anything of its size is mapped or
/// allocated. The storage holds the whole file, header included.
pub(super) fn open_idx(
    path: &Path,
    shown: &Path,
    kind: Kind,
    access: FileAccess,
) -> Result<(Header, Storage), DataError> {
    let (mut file, length) = open_regular(path, shown)?;
    // Asked for before the first byte is read.
    let metadata = file.metadata();
    let opened = metadata.and_then(|metadata| metadata.modified()).ok();
    let mut start = Vec::with_capacity(MAX_HEADER);
    (&mut file)
        .take(kind.header_len() as u64)
        .read_to_end(&mut start)
        .map_err(|source| unreadable(shown, source))?;
    let header = Header::parse(shown, kind, &start)?;
    header.check_len(shown, length)?;

    let storage = match access {
        FileAccess::Mapped => map(&file).map(|map| Storage::Mapped(map, file, opened)),
        FileAccess::InMemory => read(file, header.file_len()).map(Storage::Memory),
    }
    .map_err(|source| unreadable(shown, source))?;
    header.check_len(shown, storage.bytes().len() as u64)?;
    if !storage.bytes().starts_with(&start) {
        return Err(unreadable(shown, changed()));
    }
    Ok((header, storage))
}

#[expect(unsafe_code, reason = "a file mapping is unsafe by its nature")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapping is private to this process for reading and its length is the file's at
    // this moment. That no other process shortens or rewrites the file afterwards cannot be
    // established here; it is the condition that `FileAccess` states to the user. Labels, on which
    // indices depend, are never mapped.
    unsafe { Mmap::map(file) }
}

/// Reads the whole file, at most `expected` + 1 bytes.
fn read(mut file: File, expected: usize) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(expected + 1)
        .map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.take(expected as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn unreadable(file: &Path, source: io::Error) -> DataError {
    DataError::Unreadable {
        file: file.into(),
        source,
    }
}

pub(super) fn changed() -> io::Error {
    io::Error::other("changed while it was read")
}
