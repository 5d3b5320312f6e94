//! A small data set on disk.

pub use std::fs;
pub use std::io::Write;
pub use std::path::{Path, PathBuf};

pub use flate2::Compression;
pub use flate2::write::GzEncoder;
pub use fused_mlp::mnist::{
    DataError, Dataset, DatasetSummary, Defect, FileAccess, Images, Labels, MnistFile, OpenOptions,
    Split, locate,
};
pub use tempfile::TempDir;

pub const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

pub fn idx(dimensions: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(
        dimensions
            .iter()
            .flat_map(|dimension| dimension.to_be_bytes()),
    );
    bytes.extend_from_slice(elements);
    bytes
}

/// As [`idx`], of integers of 32 bits.
pub fn integers(dimensions: &[u32], elements: &[i32]) -> Vec<u8> {
    let elements: Vec<u8> = elements.iter().flat_map(|it| it.to_be_bytes()).collect();
    let mut bytes = idx(dimensions, &elements);
    bytes[2] = 0x0c;
    bytes
}

/// The four files of a small data set: 5 and 2 images of 3 x 4, labels up to 6.
pub fn small(file: MnistFile) -> Vec<u8> {
    let pixels: Vec<u8> = (0..60).map(|i| if i % 3 == 0 { 0 } else { i }).collect();
    match file {
        MnistFile::TrainImages => idx(&[5, 3, 4], &pixels),
        MnistFile::TrainLabels => idx(&[5], &[0, 6, 2, 1, 6]),
        MnistFile::TestImages => idx(&[2, 3, 4], &pixels[..24]),
        MnistFile::TestLabels => idx(&[2], &[3, 0]),
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with the small data set.
pub struct Fixture {
    pub root: TempDir,
}

impl Fixture {
    pub fn plain() -> Fixture {
        let fixture = Fixture::empty();
        for file in MnistFile::ALL {
            fixture.write(file.names()[0], &small(file));
        }
        fixture
    }

    pub fn compressed() -> Fixture {
        let fixture = Fixture::empty();
        for file in MnistFile::ALL {
            fixture.write(&format!("{}.gz", file.names()[0]), &gzip(&small(file)));
        }
        fixture
    }

    pub fn empty() -> Fixture {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("data")).unwrap();
        Fixture { root }
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn options(&self, access: FileAccess) -> OpenOptions {
        OpenOptions {
            access,
            classes: None,
            ..OpenOptions::default()
        }
    }

    pub fn open(&self) -> Result<Dataset, DataError> {
        let mapped = Dataset::open_with(self.dir(), &self.options(FileAccess::Mapped));
        let in_memory = Dataset::open_with(self.dir(), &self.options(FileAccess::InMemory));
        assert_eq!(
            mapped.is_ok(),
            in_memory.is_ok(),
            "{mapped:?} {in_memory:?}"
        );
        mapped
    }
}

pub fn assert_small(dataset: &Dataset) {
    assert_eq!(
        (dataset.train.len(), dataset.test.len(), dataset.classes),
        (5, 2, 7)
    );
    let images = &dataset.train.images;
    assert_eq!(
        (
            images.count(),
            images.rows(),
            images.columns(),
            images.pixels()
        ),
        (5, 3, 4, 12)
    );
    assert_eq!(images.bytes(), &small(MnistFile::TrainImages)[16..]);
    assert_eq!(images.image(4), &small(MnistFile::TrainImages)[64..]);
    assert_eq!(dataset.train.labels.bytes(), [0, 6, 2, 1, 6]);
    assert_eq!(
        dataset.test.images.bytes(),
        &small(MnistFile::TestImages)[16..]
    );
    assert_eq!(dataset.test.labels.bytes(), [3, 0]);
}

/// Asserts what the defect is, that the message is one line, and that it names `$part` and the other parts.
macro_rules! assert_error {
    ($result:expr, $part:expr, $defect:ident $(, $other:expr)*) => {{
        let error = $result.expect_err("a defect was accepted");
        assert_eq!(error.defect, Defect::$defect, "{error:?}");
        let message = error.to_string();
        for part in [&$part[..] $(, &$other[..])*] {
            assert!(message.contains(part), "{message:?} does not name {part:?}");
        }
        assert_eq!(message.lines().count(), 1, "{message:?}");
    }};
}
