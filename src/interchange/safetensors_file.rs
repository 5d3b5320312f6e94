//! safetensors, with tensors of any name.

use super::{NamedTensor, ReadError, foreign};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// The bytes of a file with these tensors and no metadata.
///
/// # Panics
/// If the number of values of a tensor is not that of its dimensions.
pub fn safetensors_bytes(tensors: &[NamedTensor]) -> Vec<u8> {
    let bytes = tensors.iter().map(|tensor| {
        let values = tensor.values.iter();
        values.flat_map(|value| value.to_le_bytes()).collect()
    });
    let bytes: Vec<Vec<u8>> = bytes.collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.dimensions.clone(), bytes);
        (&tensor.name, view.expect("the values fit the dimensions"))
    });
    safetensors::serialize(views, None).expect("a few small tensors")
}

/// All tensors of a file, in the order of their names.
///
/// # Errors
/// A [`ReadError`] for each way in which the file can be wrong.
pub fn read_safetensors(bytes: &[u8]) -> Result<Vec<NamedTensor>, ReadError> {
    let broken = |error: safetensors::SafeTensorError| ReadError::Container {
        format: "safetensors",
        reason: error.to_string(),
    };
    // The header, an object of JSON, follows its length.
    if bytes.get(8).is_some_and(|&byte| byte != b'{') {
        return Err(foreign::refused(bytes));
    }
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let mut names = file.names();
    names.sort_unstable();
    let tensor = |name: &str| {
        let view = file.tensor(name).map_err(broken)?;
        Ok(NamedTensor {
            name: name.to_owned(),
            dimensions: view.shape().to_vec(),
            values: floats(name, &view)?,
        })
    };
    names.into_iter().map(tensor).collect()
}

fn floats(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, ReadError> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => {
            let words = bytes.as_chunks::<4>().0.iter();
            Ok(words.map(|&word| f32::from_le_bytes(word)).collect())
        }
        Dtype::F64 => {
            let longs = bytes.as_chunks::<8>().0.iter();
            Ok(longs.map(|&long| f64::from_le_bytes(long) as f32).collect())
        }
        other => Err(ReadError::Type {
            name: name.to_owned(),
            found: format!("{other:?}"),
        }),
    }
}
