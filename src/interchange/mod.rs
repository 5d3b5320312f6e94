//! Models of and for other programs.
//!
//! | file | written for | read from |
//! | --- | --- | --- |
//! | safetensors | PyTorch, JAX, any reader of the format | PyTorch, JAX, any writer of it |
//! | `.npz` | NumPy | NumPy, scikit-learn's arrays |
//! | ONNX | onnxruntime and other runtimes | |
//!
//! A linear layer is stored in one of two [layouts](Layout): `y = x W + b` with W `[inputs, outputs]`,
//! as in this program, or `y = x Wᵀ + b` with W `[outputs, inputs]`, as in PyTorch's `nn.Linear`.
//!
//! ```
//! use fused_mlp::interchange::{Layout, parameters_from, tensors_of};
//! use fused_mlp::network::{Parameters, Shape};
//!
//! let shape = Shape { inputs: 784, hidden: 300, classes: 10 };
//! let parameters = Parameters::initialise(shape, 1);
//! let tensors = tensors_of(&parameters, Layout::PyTorch);
//! assert_eq!(tensors[0].name, "0.weight");
//! assert_eq!(tensors[0].dimensions, [300, 784]);
//! assert_eq!(parameters_from(&tensors)?, parameters);
//! # Ok::<(), fused_mlp::interchange::LayerError>(())
//! ```

mod layers;
mod normalisation;
mod npy;
mod npz;
mod onnx;
mod protobuf;
mod safetensors_file;

pub use layers::{LayerError, parameters_from};
pub use normalisation::without_normalisation;
pub use npy::npy_bytes;
pub use npz::{is_npz, npz_bytes, read_npz};
pub use onnx::{INPUT_NAME, OUTPUT_NAMES, onnx_bytes};
pub use safetensors_file::{read_safetensors, safetensors_bytes};

use crate::model_file::TENSOR_NAMES;
use crate::network::Parameters;

/// How the weights of a linear layer lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[inputs, outputs]`: as in this program's model files, Flax and scikit-learn.
    Fused,
    /// `[outputs, inputs]`: as in PyTorch's `nn.Linear`.
    PyTorch,
}

/// Names of W, b, V and c in an `nn.Sequential(nn.Linear, nn.Sigmoid, nn.Linear)`.
const SEQUENTIAL_NAMES: [&str; 4] = ["0.weight", "0.bias", "2.weight", "2.bias"];

/// An array with a name, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name in the file.
    pub name: String,
    /// Length along each axis.
    pub dimensions: Vec<usize>,
    /// As many as the product of the dimensions.
    pub values: Vec<f32>,
}

/// Why a file of another program cannot be read as arrays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not the container that it should be.
    #[error("not a sound {format} file: {reason}")]
    Container {
        /// safetensors or npz.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// It is written by PyTorch's `torch.save`, or another pickle.
    #[error("found a pickle, as torch.save writes it")]
    Pickle,
    /// It is written by Keras.
    #[error("found {0}, as Keras writes it")]
    Keras(&'static str),
    /// An array of the container is broken, or of a type that is not read.
    #[error("{name}: {reason}")]
    Array {
        /// The array.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// The values of an array of little-endian f32, or of f64 rounded to it.
fn floats(bytes: &[u8], is_double: bool) -> Vec<f32> {
    if is_double {
        let longs = bytes.as_chunks::<8>().0.iter();
        return longs.map(|&long| f64::from_le_bytes(long) as f32).collect();
    }
    let words = bytes.as_chunks::<4>().0.iter();
    words.map(|&word| f32::from_le_bytes(word)).collect()
}

/// The four tensors of a network, under the names that the layout is known by: those of
/// [`model_file`](crate::model_file), or `0.weight`, `0.bias`, `2.weight` and `2.bias`.
pub fn tensors_of(parameters: &Parameters, layout: Layout) -> [NamedTensor; 4] {
    let shape = parameters.shape;
    let names = match layout {
        Layout::Fused => TENSOR_NAMES,
        Layout::PyTorch => SEQUENTIAL_NAMES,
    };
    let weight = |values: &[f32], rows: usize, columns: usize| match layout {
        Layout::Fused => (vec![rows, columns], values.to_vec()),
        Layout::PyTorch => (vec![columns, rows], transposed(values, columns)),
    };
    let w = weight(&parameters.linear1_weight, shape.inputs, shape.hidden);
    let v = weight(&parameters.linear2_weight, shape.hidden, shape.classes);
    let b = (vec![shape.hidden], parameters.linear1_bias.clone());
    let c = (vec![shape.classes], parameters.linear2_bias.clone());
    let mut names = names.into_iter();
    [w, b, v, c].map(|(dimensions, values)| NamedTensor {
        name: names.next().unwrap_or_default().to_owned(),
        dimensions,
        values,
    })
}

/// The transpose of a row-major matrix with so many columns.
fn transposed<T: Copy>(values: &[T], columns: usize) -> Vec<T> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}

#[cfg(test)]
mod tests;
