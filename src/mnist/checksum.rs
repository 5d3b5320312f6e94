//! Checksums and the summary of a data set.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dataset::Dataset;
use super::names::MnistFile;
use super::split::Split;

/// SHA-256 of `bytes`, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `fused-mlp data info` reports. Field names are stable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetSummary {
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
    /// Number of classes.
    pub classes: usize,
    /// The training split.
    pub train: SplitSummary,
    /// The test split.
    pub test: SplitSummary,
    /// Whether all four files are those of canonical MNIST.
    pub is_canonical: bool,
}

/// One split of a [`DatasetSummary`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitSummary {
    /// Number of images and labels.
    pub samples: usize,
    /// Number of samples of each class, `classes` of them.
    pub class_counts: Vec<usize>,
    /// Share of pixels that are not zero, 0 to 1.
    pub nonzero_share: f64,
    /// SHA-256 of the file of images, uncompressed.
    pub images_sha256: String,
    /// SHA-256 of the file of labels, uncompressed.
    pub labels_sha256: String,
}

impl DatasetSummary {
    /// Reads all of `dataset` once.
    pub fn new(dataset: &Dataset) -> DatasetSummary {
        let train = SplitSummary::new(&dataset.train, dataset.classes);
        let test = SplitSummary::new(&dataset.test, dataset.classes);
        let checksums = [
            &train.images_sha256,
            &train.labels_sha256,
            &test.images_sha256,
            &test.labels_sha256,
        ];
        let is_canonical = MnistFile::ALL
            .iter()
            .zip(checksums)
            .all(|(file, checksum)| checksum == file.canonical_sha256());
        DatasetSummary {
            rows: dataset.train.images.rows(),
            columns: dataset.train.images.columns(),
            classes: dataset.classes,
            train,
            test,
            is_canonical,
        }
    }
}

impl SplitSummary {
    fn new(split: &Split, classes: usize) -> SplitSummary {
        let mut histogram = [0; 256];
        for &label in split.labels.bytes() {
            histogram[usize::from(label)] += 1;
        }
        let pixels = split.images.bytes();
        let nonzero = pixels.iter().filter(|&&pixel| pixel != 0).count();
        SplitSummary {
            samples: split.len(),
            class_counts: histogram[..classes.min(256)].to_vec(),
            nonzero_share: nonzero as f64 / pixels.len() as f64,
            images_sha256: split.images.sha256(),
            labels_sha256: split.labels.sha256(),
        }
    }
}
