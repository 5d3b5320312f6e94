//! safetensors, with tensors of any name.

use super::{NamedTensor, ReadError, floats};
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
    // Python's pickle protocols 2 to 5 begin with the opcode PROTO and their number.
    if let [0x80, 2..=5, ..] = bytes {
        return Err(ReadError::Pickle);
    }
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Err(ReadError::Keras("an HDF5 file"));
    }
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let mut names = file.names();
    names.sort_unstable();
    let tensor = |name: &str| {
        let view = file.tensor(name).map_err(broken)?;
        let is_double = view.dtype() == Dtype::F64;
        if !is_double && view.dtype() != Dtype::F32 {
            return Err(ReadError::Array {
                name: name.escape_debug().to_string(),
                reason: format!(
                    "expected 32-bit or 64-bit floats, found numbers of the type {:?}",
                    view.dtype()
                ),
            });
        }
        Ok(NamedTensor {
            name: name.to_owned(),
            dimensions: view.shape().to_vec(),
            values: floats(view.data(), is_double),
        })
    };
    names.into_iter().map(tensor).collect()
}
