//! Opening an idx file: mapped, or read into memory.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use flate2::Crc;
use memmap2::Mmap;
use rayon::prelude::*;

use super::error::{DataError, Defect};
use super::idx::{Header, Kind, MAX_HEADER, empty};

/// How the images come into memory.
///
/// A mapping keeps one risk that no check can remove: the file belongs to the file system, not to
/// this process. If another process shortens the file while it is mapped, touching a page beyond
/// the new end ends this process with SIGBUS; if another process overwrites it, pixels change
/// under the reader. [`Dataset::check_mappings`](super::Dataset::check_mappings) tells the
/// first if it is asked before the page is touched, and the second afterwards. Choose
/// [`FileAccess::InMemory`] where others may write to the folder.
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
    Mapped(Mapping),
    Memory(Vec<u8>),
}

/// A mapped file.
pub(super) struct Mapping {
    map: Mmap,
    file: File,
    /// When the file was changed last: as it was opened, or as its bytes were last compared.
    changed: Mutex<Option<ChangeTime>>,
    /// Of its bytes, from the first check on.
    checksums: OnceLock<Vec<u32>>,
}

/// When a file's bytes, times, permissions or links were changed last: nobody can put this time back, as
/// they can the time of writing.
#[cfg(unix)]
type ChangeTime = (i64, i64);
#[cfg(not(unix))]
type ChangeTime = std::time::SystemTime;

fn change_time(metadata: &fs::Metadata) -> Option<ChangeTime> {
    #[cfg(unix)]
    return {
        use std::os::unix::fs::MetadataExt;
        Some((metadata.ctime(), metadata.ctime_nsec()))
    };
    #[cfg(not(unix))]
    metadata.modified().ok()
}

/// Checksums of the bytes, one a MiB, computed on all cores.
fn checksums(bytes: &[u8]) -> Vec<u32> {
    let of_chunk = |chunk: &[u8]| {
        let mut crc = Crc::new();
        crc.update(chunk);
        crc.sum()
    };
    bytes.par_chunks(1 << 20).map(of_chunk).collect()
}

/// What to do about a mapped file that has changed.
const RESTORE: &str = "restore it, or read it into memory with --no-mmap";

impl Storage {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Mapped(mapping) => &mapping.map,
            Storage::Memory(bytes) => bytes,
        }
    }

    /// Checks that a mapped file has the length and the bytes that it had when it was opened.
    ///
    /// The first check reads the whole file, for its checksums. A later one does so only where the file has
    /// been changed, or its permissions, times or links, since the one before.
    pub(super) fn check_mapping(&self, shown: &Path) -> Result<(), DataError> {
        let Storage::Mapped(mapping) = self else {
            return Ok(());
        };
        let metadata = || {
            let metadata = mapping.file.metadata();
            metadata.map_err(|source| unreadable(shown, source))
        };
        let expected = mapping.map.len() as u64;
        let changed = || {
            let text = format!(
                "was changed while it was in use: expected the bytes that it had when it was opened, found \
                 others; {RESTORE}"
            );
            DataError::of(shown, Defect::Changed, text)
        };
        let check_len = |found: u64| match found {
            _ if found < expected => {
                let text = format!(
                    "was shortened while it was in use: expected {expected} bytes, found {found}; {RESTORE}"
                );
                Err(DataError::of(shown, Defect::Shortened, text))
            }
            _ if found > expected => Err(changed()),
            _ => Ok(()),
        };
        // Before its bytes are touched.
        check_len(metadata()?.len())?;
        let is_first = mapping.checksums.get().is_none();
        let before = mapping.checksums.get_or_init(|| checksums(&mapping.map));
        let mut last_change = mapping
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = metadata()?;
        check_len(found.len())?;
        let found = change_time(&found);
        if found != *last_change {
            if is_first || checksums(&mapping.map) != *before {
                return Err(changed());
            }
            *last_change = found;
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
        let text = "is a folder: expected a file; give the folder that holds the four files, or move the file \
                    out of this one";
        return Err(DataError::of(shown, Defect::IsFolder, text));
    }
    if !metadata.is_file() {
        let text =
            "expected a regular file, found a pipe, socket or device; copy the data into a file";
        return Err(DataError::of(shown, Defect::NotRegular, text));
    }
    let file = File::open(path).map_err(|source| unreadable(shown, source))?;
    let length = file
        .metadata()
        .map_err(|source| unreadable(shown, source))?
        .len();
    if length == 0 {
        return Err(empty(shown));
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
    let opened = file.metadata().ok().as_ref().and_then(change_time);
    let mut start = Vec::with_capacity(MAX_HEADER);
    (&mut file)
        .take(kind.header_len() as u64)
        .read_to_end(&mut start)
        .map_err(|source| unreadable(shown, source))?;
    let header = Header::parse(shown, kind, &start)?;
    header.check_len(shown, length)?;

    let storage = match access {
        FileAccess::Mapped => map(&file).map(|map| {
            Storage::Mapped(Mapping {
                map,
                file,
                changed: Mutex::new(opened),
                checksums: OnceLock::new(),
            })
        }),
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
    let text = format!(
        "unreadable: expected a file that can be opened and read, found \"{source}\"; check the path and its \
         permissions"
    );
    DataError::of(file, Defect::Unreadable, text).caused_by(source)
}

pub(super) fn changed() -> io::Error {
    io::Error::other("changed while it was read")
}
