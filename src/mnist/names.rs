//! The names of the four files and where they stand in a folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::{DataError, Defect};
use super::hints::hint;
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

/// One of the two splits of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitName {
    /// That which is trained on.
    Train,
    /// That which is only scored.
    Test,
}

/// SHA-256 of the canonical files, in the order of [`MnistFile::ALL`].
const CANONICAL: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

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

    /// SHA-256 of the canonical MNIST file, uncompressed, in lower-case hexadecimal.
    pub fn canonical_sha256(self) -> &'static str {
        CANONICAL[self as usize]
    }
}

/// The four files of `folder`, in the order of [`MnistFile::ALL`], if they are there. If one split alone is
/// needed, its files stand in for those of the other where one is missing.
///
/// An uncompressed file goes before a compressed one, `-idx` before `.idx`.
pub(super) fn files_of(folder: &Path, only: Option<SplitName>) -> Option<[PathBuf; 4]> {
    match (MnistFile::ALL.map(|file| find(folder, file)), only) {
        ([Some(a), Some(b), Some(c), Some(d)], _) => Some([a, b, c, d]),
        ([Some(a), Some(b), ..], Some(SplitName::Train))
        | ([.., Some(a), Some(b)], Some(SplitName::Test)) => Some([a.clone(), b.clone(), a, b]),
        _ => None,
    }
}

/// As [`files_of`]; `origin` tells what named the folder.
pub(super) fn find_files(
    folder: &Path,
    origin: &str,
    only: Option<SplitName>,
) -> Result<[PathBuf; 4], DataError> {
    if let Some(found) = files_of(folder, only) {
        return Ok(found);
    }
    if !folder.is_dir() {
        let text = format!(
            "expected a folder with a data set, found none that can be read; correct {origin}"
        );
        return Err(DataError::of(folder, Defect::NotAFolder, text));
    }
    let is_missing = |file: &MnistFile| find(folder, *file).is_none();
    let missing = MnistFile::ALL.into_iter().filter(is_missing);
    let missing: Vec<String> = missing
        .map(|file| format!("{} (or {})", file.names()[0], file.names()[1]))
        .collect();
    let text = match hint(folder) {
        Some(hint) => format!("expected the four files of an MNIST-format data set; {hint}"),
        None if missing.len() == MnistFile::ALL.len() => {
            let text = "expected the four files of an MNIST-format data set (train-images-idx3-ubyte and so on), \
                        found none of the four";
            return Err(DataError::of(folder, Defect::NotFound, text));
        }
        None => format!(
            "expected the four files of an MNIST-format data set, found no file {}; put the missing files there \
             (each may end in .gz) or give another folder",
            missing.join(", no ")
        ),
    };
    Err(DataError::of(folder, Defect::MissingFiles, text))
}

/// The file under the first of its names. Some archives unpack into a folder named like the file, beside
/// the file under its other name, so folders are passed over.
fn find(folder: &Path, file: MnistFile) -> Option<PathBuf> {
    // A broken link is there, and so is what may not be looked at: opening it says what is wrong.
    let is_there = |path: &PathBuf| match fs::symlink_metadata(path) {
        Ok(found) => !found.is_dir(),
        Err(error) => !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    };
    let plain = file.names().map(str::to_owned);
    let compressed = file.names().map(|name| format!("{name}.gz"));
    let names = plain.into_iter().chain(compressed);
    names.map(|name| folder.join(name)).find(is_there)
}
