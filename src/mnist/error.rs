//! Everything that can be wrong with a data set, one variant for each way.

use std::io;
use std::path::PathBuf;

use super::idx::Kind;
use crate::files::shown;

/// A defect of a data set.
///
/// Every message is one line: the file, what was expected, what was found, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The first two bytes of an idx file are not zero.
    #[error(
        "{}: wrong magic: expected an idx file starting with bytes 00 00, found {:02x} {:02x}; {}",
        shown(file), found[0], found[1], magic_advice(*found)
    )]
    WrongMagic {
        /// The file.
        file: PathBuf,
        /// Its first two bytes.
        found: [u8; 2],
    },

    /// The third byte, the element type, is not 0x08 (unsigned byte).
    #[error(
        "{}: wrong type code: expected 0x08 (unsigned byte), found 0x{found:02x} ({}); convert the \
         file to unsigned bytes",
        shown(file), type_name(*found)
    )]
    WrongTypeCode {
        /// The file.
        file: PathBuf,
        /// The third byte.
        found: u8,
    },

    /// The fourth byte, the number of dimensions, is not that of the kind of file.
    #[error(
        "{}: wrong number of dimensions: expected {} for {kind}, found {found}; check that images \
         and labels are not exchanged",
        shown(file), kind.dimensions()
    )]
    WrongDimensionCount {
        /// The file.
        file: PathBuf,
        /// What the file should hold.
        kind: Kind,
        /// The fourth byte.
        found: u8,
    },

    /// A dimension is zero.
    #[error(
        "{}: dimension {} ({}) is zero: expected at least 1; replace the file by a complete copy",
        shown(file), index + 1, kind.dimension_name(*index)
    )]
    ZeroDimension {
        /// The file.
        file: PathBuf,
        /// What the file should hold.
        kind: Kind,
        /// Which dimension, from 0.
        index: usize,
    },

    /// The product of the dimensions exceeds what this machine can address.
    #[error(
        "{}: absurd dimensions: expected a size that memory can address (at most {} bytes), found \
         {}; the header is damaged, replace the file by a good copy",
        shown(file),
        isize::MAX,
        product(dimensions)
    )]
    AbsurdDimensions {
        /// The file.
        file: PathBuf,
        /// The dimensions, as found.
        dimensions: Vec<usize>,
    },

    /// The data end before the size that the header promises.
    #[error(
        "{}: truncated: expected {expected} bytes by its dimensions, found {found}; replace the \
         file by a complete copy",
        shown(file)
    )]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Bytes promised, header included.
        expected: u64,
        /// Bytes found, header included.
        found: u64,
    },

    /// Images in memory have another length than their dimensions say.
    #[error(
        "images in memory: expected {expected} bytes for {} of {} x {}, found {found}",
        dimensions[0], dimensions[1], dimensions[2]
    )]
    WrongLength {
        /// Images, rows and columns.
        dimensions: [usize; 3],
        /// Their product.
        expected: usize,
        /// Bytes given.
        found: usize,
    },

    /// Another process has shortened the file while it was mapped.
    #[error(
        "{}: was shortened while it was in use: expected {expected} bytes, found {found}; restore \
         it, or read it into memory with --no-mmap",
        shown(file)
    )]
    Shortened {
        /// The file.
        file: PathBuf,
        /// Bytes when it was opened.
        expected: u64,
        /// Bytes now.
        found: u64,
    },

    /// Another process has written to the file while it was mapped.
    #[error(
        "{}: was changed while it was in use: expected it as it was when it was opened, found a later \
         time of change or another length; restore it, or read it into memory with --no-mmap",
        shown(file)
    )]
    Changed {
        /// The file.
        file: PathBuf,
    },

    /// The data go on after the size that the header promises.
    #[error(
        "{}: trailing bytes: expected {expected} bytes by its dimensions, found {} {found}; replace \
         the file by a good copy",
        shown(file), if *counted { "exactly" } else { "at least" }
    )]
    TrailingBytes {
        /// The file.
        file: PathBuf,
        /// Bytes promised, header included.
        expected: u64,
        /// Bytes found, header included.
        found: u64,
        /// Whether `found` is the whole size; compressed data are read no further than one byte
        /// too many.
        counted: bool,
    },

    /// The header itself is cut.
    #[error(
        "{}: header too short: expected {expected} bytes for {kind}, found {found}; replace the \
         file by a complete copy",
        shown(file)
    )]
    ShortHeader {
        /// The file.
        file: PathBuf,
        /// What the file should hold.
        kind: Kind,
        /// Length of a header of this kind.
        expected: usize,
        /// Bytes found.
        found: usize,
    },

    /// The file holds no byte.
    #[error(
        "{}: empty: expected an idx file, found 0 bytes; replace the file by a complete copy",
        shown(file)
    )]
    Empty {
        /// The file.
        file: PathBuf,
    },

    /// A folder stands where a file should.
    #[error(
        "{}: is a folder: expected a file; give the folder that holds the four files, or move the \
         file out of this one",
        shown(file)
    )]
    IsFolder {
        /// The path.
        file: PathBuf,
    },

    /// A pipe, socket or device stands where a file should.
    #[error(
        "{}: expected a regular file, found a pipe, socket or device; copy the data into a file",
        shown(file)
    )]
    NotRegular {
        /// The path.
        file: PathBuf,
    },

    /// The operating system refused to open, read or map the file.
    #[error(
        "{}: unreadable: expected a file that can be opened and read, found \"{source}\"; check the \
         path and its permissions",
        shown(file)
    )]
    Unreadable {
        /// The path.
        file: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },

    /// A file whose name ends in `.gz` does not start like one.
    #[error(
        "{}: not gzip although named .gz: expected bytes 1f 8b at the start, found {}; remove .gz \
         from the name if the file is not compressed",
        shown(file),
        hex(found)
    )]
    NotGzip {
        /// The file.
        file: PathBuf,
        /// Its first bytes, at most two.
        found: Vec<u8>,
    },

    /// The compressed data are cut or damaged.
    #[error(
        "{}: corrupt gzip: expected a complete compressed file, found \"{source}\"; replace the \
         file by a good copy",
        shown(file)
    )]
    CorruptGzip {
        /// The file.
        file: PathBuf,
        /// The decoder's answer.
        source: io::Error,
    },

    /// The header inside a `.gz` promises more than deflate can expand the file to.
    #[error(
        "{}: impossible size: {compressed} compressed bytes can hold at most {possible} bytes, found \
         dimensions that promise {promised}; replace the file by a good copy",
        shown(file)
    )]
    ImpossibleExpansion {
        /// The file.
        file: PathBuf,
        /// Length of the compressed file.
        compressed: u64,
        /// The most that it can expand to.
        possible: u64,
        /// Bytes promised by the header.
        promised: u64,
    },

    /// A split holds more images than labels, or fewer.
    #[error(
        "{}: expected as many labels as there are images in {} ({images}), found {labels}; take both \
         files from the same data set",
        shown(labels_file),
        shown(images_file)
    )]
    CountMismatch {
        /// The file of images.
        images_file: PathBuf,
        /// Its number of images.
        images: usize,
        /// The file of labels.
        labels_file: PathBuf,
        /// Its number of labels.
        labels: usize,
    },

    /// Training and test images differ in size.
    #[error(
        "{}: expected images of {}x{} as in {}, found {}x{}; take all files from the same data set",
        shown(test_file), train.0, train.1, shown(train_file), test.0, test.1
    )]
    SizeMismatch {
        /// The file of training images.
        train_file: PathBuf,
        /// Rows and columns of a training image.
        train: (usize, usize),
        /// The file of test images.
        test_file: PathBuf,
        /// Rows and columns of a test image.
        test: (usize, usize),
    },

    /// A label is not below the number of classes that was asked for.
    #[error(
        "{}: label {position}: expected a class below {classes}, found {label}; ask for at least {} \
         classes or correct the file",
        shown(file), usize::from(*label) + 1
    )]
    LabelBeyondClasses {
        /// The file.
        file: PathBuf,
        /// The label's position, from 0.
        position: usize,
        /// The label.
        label: u8,
        /// The number of classes that was asked for.
        classes: usize,
    },

    /// The number of classes that was asked for is out of range.
    #[error(
        "number of classes: expected 2 to 256, found {found}; choose a number in that range, or none \
         to take it from the labels"
    )]
    ClassesOutOfRange {
        /// The number that was asked for.
        found: usize,
    },

    /// A folder lacks some of the four files.
    #[error(
        "{}: expected the four files of an MNIST-format data set, found no {}; put the missing \
         files there (each may end in .gz) or give another folder",
        shown(folder), missing.join(", no ")
    )]
    MissingFiles {
        /// The folder.
        folder: PathBuf,
        /// Both names of each missing file, as `NAME (or NAME)`.
        missing: Vec<String>,
    },

    /// The folder that was asked for does not exist.
    #[error(
        "{}: expected a folder with a data set, found nothing; correct {origin}",
        shown(folder)
    )]
    FolderMissing {
        /// The folder.
        folder: PathBuf,
        /// What named it, such as `the path`.
        origin: String,
    },

    /// The path that was asked for is not a folder.
    #[error(
        "{}: expected a folder with a data set, found a file; correct {origin} to the folder \
         that holds the four files",
        shown(folder)
    )]
    NotAFolder {
        /// The path.
        folder: PathBuf,
        /// What named it, such as `the path`.
        origin: String,
    },

    /// No data set was named and none was found.
    #[error(
        "no data set found: expected a folder with the four MNIST files, looked at {}; get the files \
         from data/mnist of the fused-mlp repository, or put the four files {} into a folder and \
         pass --data FOLDER or set FUSED_MLP_DATA",
        looked.join(", "), super::names::standard_names().join(", ")
    )]
    NotFound {
        /// Every place, in the order in which it was looked at.
        looked: Vec<String>,
    },

    /// The cache folder or a file in it cannot be written.
    #[error(
        "{}: cannot write the cache for decompressed files: expected a writable folder with enough \
         space, found \"{source}\"; set XDG_CACHE_HOME to such a folder or decompress the files \
         with gunzip",
        shown(path)
    )]
    CacheUnwritable {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },

    /// There is no place for the cache.
    #[error(
        "{}: no cache folder for decompressed files: expected an absolute path in XDG_CACHE_HOME or \
         HOME, found none; set one of them or decompress the file with gunzip",
        shown(file)
    )]
    NoCacheFolder {
        /// The file that needs the cache.
        file: PathBuf,
    },
}

fn hex(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(" ")
}

fn product(dimensions: &[usize]) -> String {
    let parts: Vec<String> = dimensions.iter().map(usize::to_string).collect();
    parts.join(" x ")
}

fn magic_advice(found: [u8; 2]) -> &'static str {
    if found == super::gzip::MAGIC {
        "this is a gzip file, add .gz to its name"
    } else {
        "replace it by a file in the idx format"
    }
}

fn type_name(code: u8) -> &'static str {
    match code {
        0x09 => "signed byte",
        0x0b => "16-bit integer",
        0x0c => "32-bit integer",
        0x0d => "32-bit float",
        0x0e => "64-bit float",
        _ => "no idx type",
    }
}
