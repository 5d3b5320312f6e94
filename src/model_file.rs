//! Model files: the four parameter tensors in the safetensors format.
//!
//! | tensor | shape | |
//! | --- | --- | --- |
//! | `linear1.weight` | `[inputs, hidden]` | W |
//! | `linear1.bias` | `[hidden]` | b |
//! | `linear2.weight` | `[hidden, classes]` | V |
//! | `linear2.bias` | `[classes]` | c |
//!
//! All are f32, little-endian, row-major: logits = sigmoid(x W + b) V + c, with x = byte / 255. The
//! metadata have one entry, `fused_mlp`: a JSON object with the fields of [`Metadata`]. A file
//! without it is accepted, so that another program can provide initial weights.
//!
//! Source: the safetensors format by Hugging Face.

pub(crate) mod tensors;

use crate::files::{bounded, shown, unreadable};
use crate::mnist::Adjustment;
use crate::network::{MAX_CLASSES, Parameters, Shape};
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use tensors::Writer;

/// Most bytes of a model file of any kind: the largest network in 64 bits, and a header.
pub const MAX_BYTES: u64 = (crate::network::MAX_PARAMETERS as u64) * 8 + (1 << 20);
/// Names of the tensors, in the order W, b, V, c.
pub const TENSOR_NAMES: [&str; 4] = [
    "linear1.weight",
    "linear1.bias",
    "linear2.weight",
    "linear2.bias",
];

/// Key of the one entry of the file's metadata. A single one, because the order of several would
/// not be the same in every file.
const METADATA_KEY: &str = "fused_mlp";

/// What is needed to use a model, besides its tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this description: 1.
    pub version: u32,
    /// The layers, in order.
    pub layers: Vec<String>,
    /// How inputs are made from pixels.
    pub input: String,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
    /// What was changed in the images of the files that it was trained on; nothing is left out.
    #[serde(default, skip_serializing_if = "Adjustment::is_none")]
    pub adjustment: Adjustment,
    /// Program that wrote the file, with its version.
    pub producer: String,
}

impl Metadata {
    /// For images of so many rows and columns.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self {
            version: 1,
            layers: ["linear1", "sigmoid", "linear2", "softmax"]
                .map(str::to_owned)
                .into(),
            input: "byte / 255".to_owned(),
            rows,
            columns,
            adjustment: Adjustment::default(),
            producer: concat!("fused-mlp ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Checks that they describe a network of this shape, as this program computes it.
    fn check(&self, shape: Shape, path: &Path) -> Result<(), ModelError> {
        let own = Self::new(self.rows, self.columns);
        let check = |is_right: bool, expected: String, found: String| {
            is_right.then_some(()).ok_or_else(|| ModelError::Metadata {
                file: path.to_owned(),
                expected,
                found,
            })
        };
        let describe = |it: &Self| {
            let layers = it.layers.join(" ");
            format!(
                "version {}, input {}, layers {layers}",
                it.version, it.input
            )
        };
        let (expected, found) = (describe(&own), describe(self));
        check(expected == found, expected, found)?;
        check(
            self.rows.checked_mul(self.columns) == Some(shape.inputs),
            format!("as many pixels as the {} inputs", shape.inputs),
            format!("images of {} x {}", self.rows, self.columns),
        )
    }
}

/// What a model is expected to be.
const EXPECTED: &str = "a model file, as `fused-mlp train` leaves it";

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It cannot be read.
    #[error("{}", unreadable(file, source, EXPECTED))]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{file}: cannot be written: {source}", file = shown(file))]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not in the safetensors format.
    #[error("{file}: not a safetensors file: {reason}; expected {EXPECTED}", file = shown(file))]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The set of tensors is not that of this network.
    #[error(
        "{file}: expected the tensors linear1.weight, linear1.bias, linear2.weight and \
         linear2.bias, found: {found}; fused-mlp import reads models of other programs", file = shown(file))]
    Tensors {
        /// The file.
        file: PathBuf,
        /// Names in the file.
        found: String,
    },
    /// A tensor has another type, or a shape that does not fit the others.
    #[error(
        "{file}: {tensor} is {found}; expected {expected} (fused-mlp import reads other layouts)", file = shown(file))]
    Tensor {
        /// The file.
        file: PathBuf,
        /// Its name.
        tensor: &'static str,
        /// Type and shape expected.
        expected: String,
        /// Type and shape found.
        found: String,
    },
    /// The metadata describe another network than this program's, or images of another size.
    #[error("{file}: its metadata say {found}; expected {expected}", file = shown(file))]
    Metadata {
        /// The file.
        file: PathBuf,
        /// What this program can use.
        expected: String,
        /// What the metadata say.
        found: String,
    },
    /// A parameter is NaN or infinite.
    #[error("{file}: {tensor} holds {value} at position {position}; expected finite numbers", file = shown(file))]
    NotFinite {
        /// The file.
        file: PathBuf,
        /// Name of the tensor.
        tensor: &'static str,
        /// Position in the tensor.
        position: usize,
        /// The value.
        value: f32,
    },
}

/// The bytes of a model file. The same parameters give the same bytes.
///
/// # Panics
/// If the lengths of the parameters do not fit their shape.
pub fn to_bytes(parameters: &Parameters, metadata: &Metadata) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.add_all("", parameters);
    writer.finish(METADATA_KEY, metadata)
}

/// Writes a model file. It is complete or not there: the bytes go to a temporary file, which is
/// then renamed.
///
/// # Errors
/// [`ModelError::Write`].
pub fn save(path: &Path, parameters: &Parameters, metadata: &Metadata) -> Result<(), ModelError> {
    let bytes = to_bytes(parameters, metadata);
    crate::files::atomic::write(path, &bytes).map_err(|source| ModelError::Write {
        file: path.to_owned(),
        source,
    })
}

/// Reads a model file.
///
/// # Errors
/// A [`ModelError`] for each way in which the file can be wrong.
pub fn load(path: &Path) -> Result<(Parameters, Option<Metadata>), ModelError> {
    let bytes = bounded::read(path, MAX_BYTES).map_err(|source| ModelError::Read {
        file: path.to_owned(),
        source,
    })?;
    from_bytes(&bytes, path)
}

/// Reads the bytes of a model file; `path` is only named in errors.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<(Parameters, Option<Metadata>), ModelError> {
    let file = || path.to_owned();
    let format = |reason| ModelError::Format {
        file: file(),
        reason,
    };
    let (tensors, metadata) = tensors::read::<Metadata>(bytes, METADATA_KEY).map_err(format)?;

    let mut found = tensors.names();
    found.sort_unstable();
    let mut expected = TENSOR_NAMES;
    expected.sort_unstable();
    if found != expected {
        return Err(ModelError::Tensors {
            file: file(),
            found: found.join(", "),
        });
    }
    let views = TENSOR_NAMES.map(|name| tensors.tensor(name).expect("all four names were found"));
    let shape = shape_of(&views, path)?;
    if let Some(metadata) = &metadata {
        metadata.check(shape, path)?;
    }
    let values = |index: usize| {
        let values: Vec<f32> = tensors::values(&views[index]);
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(position) => Err(ModelError::NotFinite {
                file: file(),
                tensor: TENSOR_NAMES[index],
                position,
                value: values[position],
            }),
        }
    };
    let tensors = [values(0)?, values(1)?, values(2)?, values(3)?];
    let parameters = Parameters::from_tensors(shape, tensors);
    Ok((parameters, metadata))
}

pub(crate) fn dimensions(shape: Shape) -> [Vec<usize>; 4] {
    let (inputs, hidden, classes) = (shape.inputs, shape.hidden, shape.classes);
    [
        vec![inputs, hidden],
        vec![hidden],
        vec![hidden, classes],
        vec![classes],
    ]
}

/// The shape that all four tensors agree on: W gives inputs and hidden units, c the classes.
fn shape_of(views: &[TensorView<'_>; 4], path: &Path) -> Result<Shape, ModelError> {
    let wrong = |index: usize, expected: String| ModelError::Tensor {
        file: path.to_owned(),
        tensor: TENSOR_NAMES[index],
        expected,
        found: format!("{:?} {:?}", views[index].dtype(), views[index].shape()),
    };
    let &[inputs, hidden] = views[0].shape() else {
        return Err(wrong(0, "F32 [inputs, hidden units]".to_owned()));
    };
    let &[classes] = views[3].shape() else {
        return Err(wrong(3, "F32 [classes]".to_owned()));
    };
    if inputs == 0 || hidden == 0 {
        return Err(wrong(
            0,
            "at least one input and one hidden unit".to_owned(),
        ));
    }
    if !(2..=MAX_CLASSES).contains(&classes) {
        return Err(wrong(3, "F32 [classes], 2 to 256 of them".to_owned()));
    }
    let shape = Shape {
        inputs,
        hidden,
        classes,
    };
    for (index, dimensions) in dimensions(shape).into_iter().enumerate() {
        let view = &views[index];
        if view.shape() != dimensions || view.dtype() != Dtype::F32 {
            return Err(wrong(index, format!("F32 {dimensions:?}")));
        }
    }
    Ok(shape)
}

#[cfg(test)]
mod tests;
