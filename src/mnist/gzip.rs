//! Compressed files: decompressed once into a cache folder, then opened from there.
//!
//! The cached file's name holds the SHA-256 of the compressed bytes, so a changed file never meets
//! an old copy. It is written under a temporary name and renamed when it is complete:
//! processes that decompress the same file at the same time each rename a complete file. Its CRC-32
//! stands beside it and is compared whenever the file is opened.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use flate2::{Crc, CrcReader};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::checksum::hex;
use super::error::{DataError, Defect};
use super::file::{FileAccess, Storage, changed, open_idx, open_regular, unreadable};
use super::idx::{Header, MAX_HEADER};
use super::names::MnistFile;
use crate::files::{bounded, shown};

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
            .ok_or_else(|| {
                let text = "no cache folder for decompressed files: expected an absolute path in \
                            XDG_CACHE_HOME or HOME, found none; set one of them or decompress the file with \
                            gunzip";
                DataError::of(path, Defect::NoCacheFolder, text)
            })?,
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
    decompress(compressed, &source, &cached)?;
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
    let found = bounded::read_to_string(&checksum_file(cached), 64);
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
        return Ok(());
    }
    let found: Vec<String> = found.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!(
        "not gzip although named .gz: expected bytes 1f 8b at the start, found {}; remove .gz from the name if \
         the file is not compressed",
        found.join(" ")
    );
    Err(DataError::of(path, Defect::NotGzip, text))
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

/// Decompresses into `cached`.
fn decompress(
    mut compressed: File,
    source: &Compressed<'_>,
    cached: &Path,
) -> Result<(), DataError> {
    let unreadable = |error| unreadable(source.path, error);
    // Nothing is made for a file whose header is wrong.
    compressed.rewind().map_err(unreadable)?;
    let header = read_header(&mut members(&mut compressed), source)?;
    compressed.rewind().map_err(unreadable)?;
    create(cached, |output| {
        let mut reader = HashingReader {
            inner: compressed,
            hasher: Sha256::new(),
        };
        let mut decoder = CrcReader::new(members(&mut reader));
        copy(&mut decoder, &header, source, output, cached)?;
        let checksum = checksum_text(decoder.crc());
        io::copy(&mut reader, &mut io::sink()).map_err(unreadable)?;
        if <[u8; 32]>::from(reader.hasher.finalize()) != source.digest {
            return Err(unreadable(changed()));
        }
        let place = checksum_file(cached);
        create(&place, |file| write(file, checksum.as_bytes(), &place))
    })
}

fn write(file: &mut File, bytes: &[u8], shown: &Path) -> Result<(), DataError> {
    file.write_all(bytes)
        .map_err(|error| unwritable(shown, error))
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
        let text = format!(
            "impossible size: {} compressed bytes can hold at most {possible} bytes, found dimensions that \
             promise {promised}; replace the file by a good copy",
            source.length
        );
        return Err(DataError::of(
            source.path,
            Defect::ImpossibleExpansion,
            text,
        ));
    }
    Ok(header)
}

/// Copies as many bytes as the header promises and demands that nothing follows.
fn copy(
    decoder: &mut impl Read,
    header: &Header,
    source: &Compressed<'_>,
    output: &mut File,
    cached: &Path,
) -> Result<(), DataError> {
    let expected = header.file_len() as u64;
    let mut found = 0;
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
        write(output, &buffer[..count], cached)?;
        found += count as u64;
    }
    Err(header.trailing(source.path, format_args!("at least {found}")))
}

fn decoding_error(path: &Path, source: io::Error) -> DataError {
    match source.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            let text = format!(
                "corrupt gzip: expected a complete compressed file, found \"{source}\"; replace the file by a \
                 good copy"
            );
            DataError::of(path, Defect::CorruptGzip, text).caused_by(source)
        }
        _ => unreadable(path, source),
    }
}

fn unwritable(path: &Path, source: io::Error) -> DataError {
    let text = format!(
        "cannot write the cache for decompressed files: expected a writable folder with enough space, found \
         \"{source}\"; set XDG_CACHE_HOME to such a folder or decompress the files with gunzip"
    );
    DataError::of(path, Defect::CacheUnwritable, text).caused_by(source)
}

/// The members of a gzip file, one after the other; none when the last has ended. Zeros may follow it,
/// with which blocks are filled up: gzip(1) reads such files, too.
struct Members<R>(Option<GzDecoder<R>>);

fn members<R: Read>(compressed: R) -> Members<BufReader<R>> {
    Members(Some(GzDecoder::new(BufReader::new(compressed))))
}

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

/// Writes a file of the cache: complete under its name, or not at all, whoever else writes the same.
fn create(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    let mut file = NamedTempFile::new_in(folder).map_err(|error| unwritable(path, error))?;
    write(file.as_file_mut())?;
    file.as_file()
        .sync_all()
        .and_then(|()| file.persist(path).map_err(|error| error.error))
        .map_err(|error| unwritable(path, error))?;
    Ok(())
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
