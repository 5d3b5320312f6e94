//! Compressed files: decompressed into memory whenever they are opened.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::error::{DataError, Defect};
use super::file::{Storage, open_regular, unreadable};
use super::idx::{Header, Kind, MAX_HEADER};

/// The first two bytes of a gzip file.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate expands one byte to at most 1032 (zlib technical details): 258 bytes from two bits.
const MAX_EXPANSION: u64 = 1032;

/// Opens and decompresses `path`. The storage holds the whole idx file, header included.
pub(super) fn open(path: &Path, kind: Kind) -> Result<(Header, Storage), DataError> {
    let (mut compressed, length) = open_regular(path, path)?;
    check_magic(path, &mut compressed)?;
    compressed
        .rewind()
        .map_err(|source| unreadable(path, source))?;
    let mut decoder = members(compressed);
    let mut bytes = Vec::with_capacity(MAX_HEADER);
    (&mut decoder)
        .take(kind.header_len() as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| decoding_error(path, error))?;
    let header = Header::parse(path, kind, &bytes)?;
    check_expansion(path, length, &header)?;
    // One byte beyond the promise is asked for: it shows trailing bytes, and its absence makes the
    // decoder verify the checksum at the end.
    let rest = header.payload_len() + 1;
    bytes
        .try_reserve_exact(rest)
        .map_err(|_| unreadable(path, io::ErrorKind::OutOfMemory.into()))?;
    decoder
        .take(rest as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| decoding_error(path, error))?;
    if bytes.len() > header.file_len() {
        return Err(header.trailing(path, format_args!("at least {}", bytes.len())));
    }
    header.check_len(path, bytes.len() as u64)?;
    Ok((header, Storage::Memory(bytes)))
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

/// Refuses a size that no file of `length` compressed bytes can have, before memory is taken for it.
fn check_expansion(path: &Path, length: u64, header: &Header) -> Result<(), DataError> {
    let possible = length.saturating_mul(MAX_EXPANSION);
    let promised = header.file_len() as u64;
    if promised <= possible {
        return Ok(());
    }
    let text = format!(
        "impossible size: {length} compressed bytes can hold at most {possible} bytes, found dimensions that \
         promise {promised}; replace the file by a good copy"
    );
    Err(DataError::of(path, Defect::ImpossibleExpansion, text))
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
