//! The readers, and what must hold for a file that they accept.

use flate2::Compression;
use flate2::write::GzEncoder;
use fused_mlp::backend::{Backend, BackendState, PassControl, Reference, Samples};
use fused_mlp::image::{prepare, read};
use fused_mlp::interchange::{parameters_from, read_npz, read_safetensors};
use fused_mlp::mnist::{Adjustment, Dataset, FileAccess, Header, Kind, OpenOptions};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::Parameters;
use fused_mlp::training::Trainer;
use fused_mlp::training::checkpoint::{self, Checkpoint};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The header of an idx file.
pub fn header(input: &[u8]) {
    for kind in [Kind::Images, Kind::Labels] {
        if let Ok(header) = Header::parse(Path::new("file"), kind, input) {
            assert!(header.count() > 0 && header.rows() > 0 && header.columns() > 0);
            let length = header.header_len();
            assert!(length <= input.len() && header.file_len() > length);
            let found = &input[..length];
            if found[2..4] == [8, kind.dimensions()] {
                assert_eq!(header.to_bytes(), found);
            }
        }
    }
}

/// A folder of four idx files, one of which is replaced again and again.
pub struct DataFolder {
    root: TempDir,
}

/// A sound file of six images of 2 x 3 pixels.
pub fn images() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read(root.join("tests/fuzz/corpus/images/sound")).unwrap()
}

/// Their labels.
pub fn labels() -> Vec<u8> {
    let mut file = vec![0, 0, 8, 1, 0, 0, 0, 6];
    file.extend([0, 1, 0, 1, 1, 0]);
    file
}

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

impl DataFolder {
    /// In memory where there is such a file system.
    pub fn new(images: &[u8], labels: &[u8]) -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        let folder = Self {
            root: root.unwrap(),
        };
        for split in ["train", "t10k"] {
            fs::write(folder.path(&format!("{split}-images-idx3-ubyte")), images).unwrap();
            fs::write(folder.path(&format!("{split}-labels-idx1-ubyte")), labels).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn open(&self, access: FileAccess) -> Option<Dataset> {
        let options = OpenOptions {
            access,
            ..OpenOptions::default()
        };
        let opened = Dataset::open_with(self.root.path(), &options);
        if let Err(error) = &opened {
            let text = error.to_string();
            assert!(
                text.contains("-ubyte") && text.lines().count() == 1,
                "{text}"
            );
        }
        opened.ok()
    }

    /// An idx file, mapped or read.
    pub fn images(&self, input: &[u8]) {
        fs::write(self.path(IMAGES), input).unwrap();
        let access = match input.len() % 2 {
            0 => FileAccess::Mapped,
            _ => FileAccess::InMemory,
        };
        if let Some(dataset) = self.open(access) {
            let start = 4 + 4 * usize::from(input[3]);
            assert_eq!(dataset.train.images.bytes(), &input[start..]);
            let images = &dataset.train.images;
            assert_eq!(images.bytes().len(), images.count() * images.pixels());
            let adjustment = Adjustment {
                transpose: true,
                invert: input.len().is_multiple_of(3),
            };
            let once = images.clone().adjusted(adjustment).unwrap();
            once.missing_adjustment();
            let twice = once.adjusted(adjustment).unwrap();
            assert_eq!(twice.bytes(), images.bytes());
            assert!(twice.adjustment().is_none());
        }
    }

    /// A file of labels: of bytes or integers, of one or two dimensions.
    pub fn labels(&self, input: &[u8]) {
        fs::write(self.path(LABELS), input).unwrap();
        if let Some(dataset) = self.open(FileAccess::Mapped) {
            let labels = dataset.train.labels.bytes();
            assert_eq!(labels.len(), 6);
            assert!(labels.iter().all(|&it| usize::from(it) < dataset.classes));
            let last = input[input.len() - if input.len() > 100 { 29 } else { 1 }];
            assert_eq!(labels[5], last);
        }
    }

    /// A gzip file.
    pub fn gzip(&self, input: &[u8]) {
        let _ = fs::remove_file(self.path(IMAGES));
        fs::write(self.path(&format!("{IMAGES}.gz")), input).unwrap();
        if let Some(dataset) = self.open(FileAccess::InMemory) {
            let images = &dataset.train.images;
            assert_eq!(images.bytes().len(), images.count() * images.pixels());
        }
    }

    /// What is compressed is mutated, and then a sound gzip file.
    pub fn compressed(&self, input: &[u8]) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(input).unwrap();
        self.gzip(&encoder.finish().unwrap());
    }
}

fn assert_whole(parameters: &Parameters) {
    let shape = parameters.shape;
    let found = [
        parameters.linear1_weight.len(),
        parameters.linear1_bias.len(),
        parameters.linear2_weight.len(),
        parameters.linear2_bias.len(),
    ];
    assert_eq!(found, shape.tensor_lengths());
    assert!(parameters.is_finite() && shape.classes >= 2 && found[0] > 0);
}

/// A model file.
pub fn model(input: &[u8]) {
    let path = Path::new("model");
    if let Ok((parameters, metadata)) = model_file::from_bytes(input, path) {
        assert_whole(&parameters);
        let metadata = metadata.unwrap_or_else(|| Metadata::new(parameters.shape.inputs, 1));
        let bytes = model_file::to_bytes(&parameters, &metadata);
        assert_eq!(model_file::from_bytes(&bytes, path).unwrap().0, parameters);
    }
}

/// A file of another program, as an archive of arrays and as safetensors.
pub fn foreign(input: &[u8]) {
    for tensors in [read_npz(input), read_safetensors(input)] {
        let Ok(tensors) = tensors else {
            continue;
        };
        for tensor in &tensors {
            assert_eq!(
                tensor.dimensions.iter().product::<usize>(),
                tensor.values.len()
            );
        }
        match parameters_from(&tensors) {
            Ok(parameters) => assert_whole(&parameters),
            Err(error) => assert_eq!(error.to_string().lines().count(), 1),
        }
    }
}

/// A checkpoint file.
pub fn checkpoint(input: &[u8]) {
    if let Ok(found) = checkpoint::from_bytes(input, Path::new("checkpoint")) {
        go_on_from(&found);
        let bytes = checkpoint::to_bytes(&found);
        let again = checkpoint::from_bytes(&bytes, Path::new("checkpoint")).unwrap();
        assert_eq!(again, found);
    }
}

/// A checkpoint file whose header tells the truth about a mutated payload.
pub fn payload(input: &[u8]) {
    let Some((header, payload)) = input.split_at_checked(64) else {
        return;
    };
    let mut bytes = header.to_vec();
    bytes[..8].copy_from_slice(&checkpoint::MAGIC);
    bytes[8..16].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    bytes[16..24].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes[24..56].copy_from_slice(&Sha256::digest(payload));
    bytes[56..64].fill(0);
    bytes.extend(payload);
    checkpoint(&bytes);
}

/// A training goes on, or is refused.
fn go_on_from(found: &Checkpoint) {
    let description = &found.description;
    let options = &description.settings.options;
    let shape = description.network;
    let has_velocities = options.momentum != 0.0;
    if let BackendState::F32(values) = &found.backend {
        assert_whole(&values.parameters);
        assert_eq!(values.velocities.is_some(), has_velocities);
        values.velocities.iter().for_each(assert_whole);
    }
    found.best.iter().for_each(assert_whole);
    let (images, labels) = (vec![9; 6 * shape.inputs], [0, 1, 0, 1, 1, 0]);
    let samples = Samples::new(&images, &labels, shape.inputs);
    let Ok(mut trainer) = Trainer::resume(samples, options, &description.trainer) else {
        return;
    };
    assert_eq!(trainer.state(), description.trainer);
    let parameters = found.clone().into_parameters();
    let Ok(mut backend) = Reference::new(&parameters, options.optimizer()) else {
        return;
    };
    let is_own = description.settings.backend == "reference";
    assert_eq!(backend.restore(&found.backend).is_ok(), is_own);
    if !trainer.is_finished() {
        trainer
            .train_part(&mut backend, &PassControl::default(), 1)
            .unwrap();
    }
}

/// A picture of a digit.
pub fn picture(input: &[u8]) {
    const MOST_BYTES: u64 = 1 << 18;
    match read(Path::new("picture"), input, MOST_BYTES) {
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
        Ok(picture) => {
            assert!(picture.pixels().len() as u64 <= MOST_BYTES);
            if let Ok(image) = prepare(&picture, 28, 28) {
                assert!(image.pixels.len() == 28 * 28 && image.pixels.contains(&255));
            }
        }
    }
}
