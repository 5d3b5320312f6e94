//! Files in the safetensors format with the tensors of a network and a description as JSON.

use super::{TENSOR_NAMES, dimensions};
use crate::network::Parameters;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// A number that a tensor can hold.
pub(crate) trait Number: Copy {
    const DTYPE: Dtype;

    fn bytes(self) -> impl Iterator<Item = u8>;

    /// From as many bytes as the type has.
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($type:ty, $dtype:expr) => {
        impl Number for $type {
            const DTYPE: Dtype = $dtype;

            fn bytes(self) -> impl Iterator<Item = u8> {
                self.to_le_bytes().into_iter()
            }

            fn from_bytes(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("chunks of the type's size"))
            }
        }
    };
}

number!(f32, Dtype::F32);
number!(f64, Dtype::F64);
number!(u64, Dtype::U64);
number!(u32, Dtype::U32);

/// The values of a tensor of this type.
pub(crate) fn values<T: Number>(view: &TensorView<'_>) -> Vec<T> {
    let chunks = view.data().chunks_exact(size_of::<T>());
    chunks.map(T::from_bytes).collect()
}

/// Tensors on their way into a file.
#[derive(Default)]
pub(crate) struct Writer(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Writer {
    pub(crate) fn add<T: Number>(&mut self, name: String, shape: Vec<usize>, values: &[T]) {
        let bytes = values.iter().flat_map(|value| value.bytes()).collect();
        self.0.push((name, T::DTYPE, shape, bytes));
    }

    /// The tensors of a network, their names after `prefix`.
    pub(crate) fn add_all<T>(&mut self, prefix: &str, parameters: &Parameters<T>)
    where
        T: Number + Default + Into<f64>,
    {
        let named = TENSOR_NAMES.into_iter().zip(dimensions(parameters.shape));
        for ((name, dimensions), values) in named.zip(parameters.tensors()) {
            self.add(format!("{prefix}{name}"), dimensions, values);
        }
    }

    /// The bytes of the file, with `description` under `key` of its metadata.
    ///
    /// # Panics
    /// If a tensor does not have as many values as its shape.
    pub(crate) fn finish(&self, key: &str, description: &impl Serialize) -> Vec<u8> {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.expect("the tensors fit the network"))
        });
        let json = serde_json::to_string(description).expect("plain strings and numbers");
        let metadata = HashMap::from([(key.to_owned(), json)]);
        safetensors::serialize(views, Some(metadata)).expect("a few tensors of different names")
    }
}

/// The tensors of a file, and the description under `key` of its metadata.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn read<'a, T: DeserializeOwned>(
    bytes: &'a [u8],
    key: &str,
) -> Result<(SafeTensors<'a>, Option<T>), String> {
    let text = |error: SafeTensorError| error.to_string();
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(text)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(text)?;
    let entries = header.metadata().as_ref();
    let json = entries.and_then(|entries| entries.get(key));
    let description = json.map(|json| serde_json::from_str(json)).transpose();
    let description = description.map_err(|error| format!("metadata {key}: {error}"))?;
    Ok((tensors, description))
}
