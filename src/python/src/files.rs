//! Model files and the data set.

use crate::arrays::{Given, Tensors, parameters, tensors, value_error};
use fused_mlp::mnist::{DataError, Defect, locate};
use fused_mlp::model_file::ModelError;
use fused_mlp::{Dataset, Model};
use pyo3::exceptions::{PyFileNotFoundError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::io::ErrorKind::NotFound;
use std::path::PathBuf;

fn model_error(error: ModelError) -> PyErr {
    let text = error.to_string();
    match &error {
        ModelError::Read { source, .. } if source.kind() == NotFound => {
            PyFileNotFoundError::new_err(text)
        }
        ModelError::Read { .. } | ModelError::Write { .. } => PyOSError::new_err(text),
        _ => value_error(text),
    }
}

fn data_error(error: DataError) -> PyErr {
    match error.defect {
        Defect::NotFound | Defect::MissingFiles | Defect::NotAFolder => {
            PyFileNotFoundError::new_err(error.to_string())
        }
        _ => value_error(error),
    }
}

/// Writes a model file for images of so many rows and columns.
#[pyfunction]
pub fn save(path: PathBuf, network: Given<'_>, rows: usize, columns: usize) -> PyResult<()> {
    let model = Model::new(parameters(&network)?, rows, columns).map_err(value_error)?;
    model.save(path).map_err(model_error)
}

/// The network of a model file.
#[pyfunction]
pub fn load(py: Python<'_>, path: PathBuf) -> PyResult<Tensors<'_>> {
    let model = Model::load(path).map_err(model_error)?;
    tensors(py, model.parameters())
}

/// Images and labels for training, then for tests, and the pixels of an image.
type Data<'py> = ([Bound<'py, PyBytes>; 4], usize);

/// The data set in a folder, or where the program finds it.
#[pyfunction]
pub fn load_mnist(py: Python<'_>, folder: Option<PathBuf>) -> PyResult<Data<'_>> {
    let folder = locate(folder.as_deref()).map_err(data_error)?;
    let Dataset { train, test, .. } = Dataset::open(folder).map_err(data_error)?;
    let bytes = |bytes| PyBytes::new(py, bytes);
    let splits = [&train, &test].map(|it| [bytes(it.images.bytes()), bytes(it.labels.bytes())]);
    let [[images, labels], [test_images, test_labels]] = splits;
    Ok((
        [images, labels, test_images, test_labels],
        train.images.pixels(),
    ))
}
