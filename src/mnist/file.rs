//! Opening an idx file: mapped, or read into memory.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use flate2::Crc;
use flate2::read::MultiGzDecoder;
use memmap2::Mmap;
use rayon::prelude::*;

use super::error::{DataError, Defect};
use super::foreign::{check_gzip, is_gzip_name};
use super::idx::{Header, Kind, MAX_HEADER};
use crate::files::bounded;

/// Deflate expands one byte to at most 1032 (zlib technical details): 258 bytes from two bits.
const MAX_EXPANSION: u64 = 1032;

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

impl Storage {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Mapped(mapping) => &mapping.map,
            Storage::Memory(bytes) => bytes,
        }
    }

    /// Checks that a mapped file has the bytes that it had when it was opened.
    ///
    /// The first check reads the whole file, for its checksums. A later one does so only where the file has
    /// been changed, or its permissions, times or links, since the one before.
    pub(super) fn check_mapping(&self, shown: &Path) -> Result<(), DataError> {
        let Storage::Mapped(mapping) = self else {
            return Ok(());
        };
        // Its length before its bytes are touched.
        mapping.last_change(shown)?;
        let is_first = mapping.checksums.get().is_none();
        let before = mapping.checksums.get_or_init(|| checksums(&mapping.map));
        let mut last_change = mapping
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = mapping.last_change(shown)?;
        if found != *last_change {
            if is_first || checksums(&mapping.map) != *before {
                return Err(changed(shown, "changed"));
            }
            *last_change = found;
        }
        Ok(())
    }
}

impl Mapping {
    /// When the file was changed last, if it is still as long as when it was opened.
    fn last_change(&self, shown: &Path) -> Result<Option<ChangeTime>, DataError> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|source| DataError::unreadable(shown, &source))?;
        if metadata.len() < self.map.len() as u64 {
            return Err(changed(shown, "shortened"));
        }
        Ok(change_time(&metadata))
    }
}

fn changed(file: &Path, how: &str) -> DataError {
    let text = format!(
        "was {how} while it was in use: expected the bytes that it had when it was opened; restore it, or read \
         it into memory with --no-mmap"
    );
    DataError::of(file, Defect::Changed, text)
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.bytes().len())
    }
}

/// Opens the idx file `path`, decompressing it if its name ends in `.gz`, and checks its header and its
/// length. The storage holds the whole file, header included.
pub(super) fn open_idx(
    path: &Path,
    kind: Kind,
    access: FileAccess,
) -> Result<(Header, Storage), DataError> {
    let failed = |source: io::Error| DataError::unreadable(path, &source);
    let (mut file, length) = bounded::open(path).map_err(failed)?;
    if is_gzip_name(path) {
        check_gzip(path, &start(&mut file).map_err(failed)?)?;
        file.rewind().map_err(failed)?;
        let most = length.saturating_mul(MAX_EXPANSION);
        return read(path, kind, MultiGzDecoder::new(file), most);
    }
    if access == FileAccess::InMemory {
        return read(path, kind, file, length);
    }
    // Asked for before the first byte is read.
    let opened = file.metadata().ok().as_ref().and_then(change_time);
    let map = map(&file).map_err(failed)?;
    let header = Header::parse(path, kind, &map)?;
    header.check_len(path, map.len())?;
    let storage = Storage::Mapped(Mapping {
        map,
        file,
        changed: Mutex::new(opened),
        checksums: OnceLock::new(),
    });
    Ok((header, storage))
}

/// Reads a whole idx file into memory, which has at most `most` bytes.
fn read(
    path: &Path,
    kind: Kind,
    mut reader: impl Read,
    most: u64,
) -> Result<(Header, Storage), DataError> {
    let failed = |source: io::Error| DataError::unreadable(path, &source);
    let mut bytes = start(&mut reader).map_err(failed)?;
    let header = Header::parse(path, kind, &bytes)?;
    // One byte beyond the promise shows trailing bytes, and that there is none makes the decoder verify
    // the checksum at the end.
    let rest = (header.file_len() as u64 + 1).saturating_sub(bytes.len() as u64);
    // No memory is taken for a promise that the file cannot hold.
    let room = usize::try_from(rest.min(most)).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(room)
        .map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    reader.take(rest).read_to_end(&mut bytes).map_err(failed)?;
    header.check_len(path, bytes.len())?;
    Ok((header, Storage::Memory(bytes)))
}

/// The first bytes of a file, as many as a header has at most.
fn start(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(MAX_HEADER);
    reader.take(MAX_HEADER as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[expect(unsafe_code, reason = "a file mapping is unsafe by its nature")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapping is private to this process for reading and its length is the file's at
    // this moment. That no other process shortens or rewrites the file afterwards cannot be
    // established here; it is the condition that `FileAccess` states to the user. Labels, on which
    // indices depend, are never mapped.
    unsafe { Mmap::map(file) }
}
