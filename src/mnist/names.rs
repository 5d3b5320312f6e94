//! The names of the four files and where they stand in a folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::{DataError, Defect};
use super::idx::Kind;

/// One of the four files of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MnistFile {
    /// `train-images-idx3-ubyte`
    TrainImages,
    /// `train-labels-idx1-ubyte`
    TrainLabels,
    /// `t10k-images-idx3-ubyte`
    TestImages,
    /// `t10k-labels-idx1-ubyte`
    TestLabels,
}

impl MnistFile {
    /// The four files, training before test, images before labels.
    pub const ALL: [MnistFile; 4] = [
        MnistFile::TrainImages,
        MnistFile::TrainLabels,
        MnistFile::TestImages,
        MnistFile::TestLabels,
    ];

    /// Both names that the file may have, the preferred one first; `.gz` may follow.
    pub fn names(self) -> [&'static str; 2] {
        match self {
            MnistFile::TrainImages => ["train-images-idx3-ubyte", "train-images.idx3-ubyte"],
            MnistFile::TrainLabels => ["train-labels-idx1-ubyte", "train-labels.idx1-ubyte"],
            MnistFile::TestImages => ["t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"],
            MnistFile::TestLabels => ["t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"],
        }
    }

    /// What the file holds.
    pub fn kind(self) -> Kind {
        match self {
            MnistFile::TrainImages | MnistFile::TestImages => Kind::Images,
            MnistFile::TrainLabels | MnistFile::TestLabels => Kind::Labels,
        }
    }
}

/// The preferred names of the four files.
pub(super) fn standard_names() -> [&'static str; 4] {
    MnistFile::ALL.map(|file| file.names()[0])
}

/// Where one of the four files stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Ready to be mapped.
    Plain(PathBuf),
    /// To be decompressed.
    Gzip(PathBuf),
}

/// The four files of `folder`, in the order of [`MnistFile::ALL`].
///
/// An uncompressed file goes before a compressed one, `-idx` before `.idx`. A folder of the same
/// name is taken only where there is nothing else, so that the error can name it.
pub(super) fn find_files(folder: &Path) -> Result<[Found; 4], DataError> {
    let found = MnistFile::ALL.map(|file| find(folder, file));
    match found {
        [Some(a), Some(b), Some(c), Some(d)] => Ok([a, b, c, d]),
        incomplete => {
            let missing: Vec<String> = MnistFile::ALL
                .iter()
                .zip(&incomplete)
                .filter(|(_, found)| found.is_none())
                .map(|(file, _)| format!("{} (or {})", file.names()[0], file.names()[1]))
                .collect();
            let text = format!(
                "expected the four files of an MNIST-format data set, found no {}; put the missing files there \
                 (each may end in .gz) or give another folder",
                missing.join(", no ")
            );
            Err(DataError::of(folder, Defect::MissingFiles, text))
        }
    }
}

fn find(folder: &Path, file: MnistFile) -> Option<Found> {
    let plain = file.names().map(|name| Found::Plain(folder.join(name)));
    let gzip = file
        .names()
        .map(|name| Found::Gzip(folder.join(format!("{name}.gz"))));
    let mut present: Vec<Found> = plain
        .into_iter()
        .chain(gzip)
        .filter(|found| exists(found.path()))
        .collect();
    let first_file = present
        .iter()
        .position(|found| !found.path().is_dir())
        .unwrap_or(0);
    (!present.is_empty()).then(|| present.swap_remove(first_file))
}

/// Whether something stands at `path`, be it a broken link or something that may not be looked at:
/// opening it then says what is wrong.
fn exists(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

impl Found {
    pub(super) fn path(&self) -> &Path {
        match self {
            Found::Plain(path) | Found::Gzip(path) => path,
        }
    }

    pub(super) fn into_path(self) -> PathBuf {
        match self {
            Found::Plain(path) | Found::Gzip(path) => path,
        }
    }
}
