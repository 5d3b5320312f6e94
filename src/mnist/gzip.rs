//! Compressed files: decompressed once into a cache folder, then opened from there.
//!
//! The cached file's name holds the SHA-256 of the compressed bytes, so a changed file never meets
//! an old copy. It is written under a temporary name of its own and renamed when it is complete:
//! processes that decompress the same file at the same time each rename a complete file. Its CRC-32
//! stands beside it and is compared whenever the file is opened.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;
use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use super::checksum::hex;
use super::error::DataError;
use super::file::{FileAccess, Storage, changed, open_idx, open_regular, unreadable};
use super::idx::{Header, MAX_HEADER};
use super::names::MnistFile;
use crate::bounded_file;
use crate::file_messages::shown;

/// The first two bytes of a gzip file.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate expands one byte to at most 1032 (zlib technical details): 258 bytes from two bits.
const MAX_EXPANSION: u64 = 1032;

/// Opens the compressed `path` through the cache; errors of the data name `path`.
pub(super) fn open(
    path: &Path,
    file: MnistFile,
    access: FileAccess,
    cache_dir: Option<&Path>,
    message: &mut dyn FnMut(&str),
) -> Result<(Header, Storage), DataError> {
    let (mut compressed, length) = open_regular(path, path)?;
    check_magic(path, &mut compressed)?;
    let cache_dir = match cache_dir {
        Some(folder) => folder.to_path_buf(),
        None => default_cache_dir(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
            .ok_or_else(|| DataError::NoCacheFolder { file: path.into() })?,
    };
    let digest = digest(&mut compressed).map_err(|source| unreadable(path, source))?;
    let cached = cache_dir.join(format!("{}-{}", hex(&digest), file.names()[0]));
    // A cached file that is damaged or cannot be read is made again.
    if let Ok((header, storage)) = open_idx(&cached, &cached, file.kind(), access)
        && is_intact(&cached, storage.bytes())
    {
        return Ok((header, storage));
    }
    let source = Compressed {
        path,
        length,
        digest,
        file,
    };
    decompress(compressed, &source, &cache_dir, &cached)?;
    message(&format!(
        "decompressed {} to {}",
        shown(path),
        shown(&cached)
    ));
    open_idx(&cached, &cached, file.kind(), access)
}

/// Where the CRC-32 of a cached file stands.
fn checksum_file(cached: &Path) -> PathBuf {
    let mut name = cached.as_os_str().to_os_string();
    name.push(".crc32");
    name.into()
}

/// Whether a cached file is as it was when it was decompressed.
fn is_intact(cached: &Path, bytes: &[u8]) -> bool {
    let mut crc = Crc::new();
    crc.update(bytes);
    let found = bounded_file::read_to_string(&checksum_file(cached), 64);
    found.is_ok_and(|text| text == checksum_text(&crc))
}

fn checksum_text(crc: &Crc) -> String {
    // The length is counted modulo 2^32, as in gzip itself.
    format!("{:08x} {}\n", crc.sum(), crc.amount())
}

/// The cache folder by the XDG base directory rules: a relative path counts as none.
fn default_cache_dir(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    let base = xdg
        .and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(".cache")))?;
    Some(base.join("fused-mlp"))
}

fn check_magic(path: &Path, compressed: &mut File) -> Result<(), DataError> {
    let mut found = Vec::with_capacity(MAGIC.len());
    compressed
        .take(MAGIC.len() as u64)
        .read_to_end(&mut found)
        .map_err(|source| unreadable(path, source))?;
    if found == MAGIC {
        Ok(())
    } else {
        Err(DataError::NotGzip {
            file: path.into(),
            found,
        })
    }
}

fn digest(compressed: &mut File) -> io::Result<[u8; 32]> {
    compressed.rewind()?;
    let mut reader = HashingReader {
        inner: compressed,
        hasher: Sha256::new(),
    };
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.hasher.finalize().into())
}

/// A compressed file as it was when it was hashed.
struct Compressed<'a> {
    path: &'a Path,
    length: u64,
    digest: [u8; 32],
    file: MnistFile,
}

/// Decompresses into a temporary file in `cache_dir` and renames it to `cached`.
fn decompress(
    mut compressed: File,
    source: &Compressed<'_>,
    cache_dir: &Path,
    cached: &Path,
) -> Result<(), DataError> {
    compressed
        .rewind()
        .map_err(|error| unreadable(source.path, error))?;
    let mut reader = HashingReader {
        inner: compressed,
        hasher: Sha256::new(),
    };
    let mut decoder = Members(Some(GzDecoder::new(BufReader::new(&mut reader))));
    let header = read_header(&mut decoder, source)?;

    fs::create_dir_all(cache_dir).map_err(|error| unwritable(cache_dir, error))?;
    let mut output = Temporary::create(cached)?;
    output.write(&header.to_bytes())?;
    copy_payload(&mut decoder, &header, source, &mut output)?;

    io::copy(&mut reader, &mut io::sink()).map_err(|error| unreadable(source.path, error))?;
    if <[u8; 32]>::from(reader.hasher.finalize()) != source.digest {
        return Err(unreadable(source.path, changed()));
    }
    let mut checksum = Temporary::create(&checksum_file(cached))?;
    checksum.write(checksum_text(&output.crc).as_bytes())?;
    checksum.persist(&checksum_file(cached))?;
    output.persist(cached)
}

/// Reads and checks the header before a byte is written.
fn read_header(decoder: &mut impl Read, source: &Compressed<'_>) -> Result<Header, DataError> {
    let kind = source.file.kind();
    let mut start = Vec::with_capacity(MAX_HEADER);
    decoder
        .take(kind.header_len() as u64)
        .read_to_end(&mut start)
        .map_err(|error| decoding_error(source.path, error))?;
    let header = Header::parse(source.path, kind, &start)?;
    let possible = source.length.saturating_mul(MAX_EXPANSION);
    let promised = header.file_len() as u64;
    if promised > possible {
        return Err(DataError::ImpossibleExpansion {
            file: source.path.into(),
            compressed: source.length,
            possible,
            promised,
        });
    }
    Ok(header)
}

/// Copies the elements that the header promises and demands that nothing follows.
fn copy_payload(
    decoder: &mut impl Read,
    header: &Header,
    source: &Compressed<'_>,
    output: &mut Temporary,
) -> Result<(), DataError> {
    let expected = header.file_len() as u64;
    let mut found = header.kind().header_len() as u64;
    let mut buffer = vec![0; 1 << 16];
    // One byte beyond the promise is asked for: it shows trailing bytes, and its absence makes the
    // decoder verify the checksum at the end.
    while found <= expected {
        let room =
            usize::try_from(expected + 1 - found).map_or(buffer.len(), |n| n.min(buffer.len()));
        let count = match decoder.read(&mut buffer[..room]) {
            Ok(0) => return header.check_len(source.path, found),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(decoding_error(source.path, error)),
        };
        output.write(&buffer[..count])?;
        found += count as u64;
    }
    let file = source.path.into();
    Err(DataError::TrailingBytes {
        file,
        expected,
        found,
        counted: false,
    })
}

fn decoding_error(path: &Path, source: io::Error) -> DataError {
    match source.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            DataError::CorruptGzip {
                file: path.into(),
                source,
            }
        }
        _ => unreadable(path, source),
    }
}

fn unwritable(path: &Path, source: io::Error) -> DataError {
    DataError::CacheUnwritable {
        path: path.into(),
        source,
    }
}

/// The members of a gzip file, one after the other; none when the last has ended. Zeros may follow it,
/// with which blocks are filled up: gzip(1) reads such files, too.
struct Members<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut decoder) = self.0.take() {
            let result = decoder.read(buffer);
            if !matches!(result, Ok(0)) {
                self.0 = Some(decoder);
                return result;
            }
            let mut rest = decoder.into_inner();
            if rest.fill_buf()?.first() == Some(&MAGIC[0]) {
                self.0 = Some(GzDecoder::new(rest));
                continue;
            }
            loop {
                let bytes = rest.fill_buf()?;
                let count = bytes.len();
                if bytes.iter().any(|&byte| byte != 0) {
                    let text = "other bytes after the end of the compressed data";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                if count == 0 {
                    break;
                }
                rest.consume(count);
            }
        }
        Ok(0)
    }
}

/// Passes bytes on and hashes them.
struct HashingReader<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// A file beside its final place, removed unless it is persisted.
struct Temporary {
    path: PathBuf,
    file: File,
    crc: Crc,
    persisted: bool,
}

impl Temporary {
    /// Creates a file that no other process and no other thread writes to.
    fn create(cached: &Path) -> Result<Temporary, DataError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let mut name = cached.as_os_str().to_os_string();
            name.push(format!(".{}-{number}.tmp", process::id()));
            let path = PathBuf::from(name);
            match File::create_new(&path) {
                Ok(file) => {
                    return Ok(Temporary {
                        path,
                        file,
                        crc: Crc::new(),
                        persisted: false,
                    });
                }
                // Left by a process that was killed and had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(unwritable(&path, error)),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.crc.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(|error| unwritable(&self.path, error))
    }

    fn persist(mut self, cached: &Path) -> Result<(), DataError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, cached))
            .map_err(|error| unwritable(cached, error))?;
        self.persisted = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.persisted {
            // Nothing can be done about a file that cannot be removed; it is never read.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_follows_xdg_then_home() {
        let some = |text: &str| Some(OsString::from(text));
        let expect = |path: &str| Some(PathBuf::from(path));
        assert_eq!(
            default_cache_dir(some("/x"), some("/h")),
            expect("/x/fused-mlp")
        );
        assert_eq!(
            default_cache_dir(None, some("/h")),
            expect("/h/.cache/fused-mlp")
        );
        assert_eq!(
            default_cache_dir(some("x"), some("/h")),
            expect("/h/.cache/fused-mlp")
        );
        assert_eq!(default_cache_dir(some(""), None), None);
        assert_eq!(default_cache_dir(None, some("h")), None);
    }
}
