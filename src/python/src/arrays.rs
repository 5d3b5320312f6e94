//! Networks and images as arrays.

use fused_mlp::backend::{Samples, check_shape};
use fused_mlp::network::{Parameters, Shape};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use numpy::{PyUntypedArrayMethods, ToPyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// W `[inputs, hidden]`, b, V `[hidden, classes]` and c from Python.
pub type Given<'py> = (
    PyReadonlyArray2<'py, f32>,
    PyReadonlyArray1<'py, f32>,
    PyReadonlyArray2<'py, f32>,
    PyReadonlyArray1<'py, f32>,
);

/// The same for Python.
pub type Tensors<'py> = (
    Bound<'py, PyArray2<f32>>,
    Bound<'py, PyArray1<f32>>,
    Bound<'py, PyArray2<f32>>,
    Bound<'py, PyArray1<f32>>,
);

pub fn value_error(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A network from Python.
pub fn parameters((w, b, v, c): &Given<'_>) -> PyResult<Parameters> {
    let shape = Shape {
        inputs: w.shape()[0],
        hidden: w.shape()[1],
        classes: v.shape()[1],
    };
    check_shape(shape).map_err(value_error)?;
    let found = [v.shape()[0], b.len(), c.len()];
    if found != [shape.hidden, shape.hidden, shape.classes] {
        let (b, c) = (b.shape(), c.shape());
        let text = format!(
            "weights and biases that do not fit each other: shapes {:?}, {b:?}, {:?} and {c:?}",
            w.shape(),
            v.shape()
        );
        return Err(value_error(text));
    }
    Ok(Parameters {
        shape,
        linear1_weight: w.as_slice()?.to_vec(),
        linear1_bias: b.as_slice()?.to_vec(),
        linear2_weight: v.as_slice()?.to_vec(),
        linear2_bias: c.as_slice()?.to_vec(),
    })
}

/// A network for Python.
pub fn tensors<'py>(py: Python<'py>, network: &Parameters) -> PyResult<Tensors<'py>> {
    let Shape {
        inputs,
        hidden,
        classes,
    } = network.shape;
    Ok((
        network
            .linear1_weight
            .to_pyarray(py)
            .reshape([inputs, hidden])?,
        network.linear1_bias.to_pyarray(py),
        network
            .linear2_weight
            .to_pyarray(py)
            .reshape([hidden, classes])?,
        network.linear2_bias.to_pyarray(py),
    ))
}

/// Images with a label each.
pub fn samples<'a>(
    images: &'a PyReadonlyArray2<'_, u8>,
    labels: &'a [u8],
) -> PyResult<Samples<'a>> {
    let [count, inputs] = [images.shape()[0], images.shape()[1]];
    if count != labels.len() || inputs == 0 {
        let text = format!(
            "{count} images of {inputs} pixels with {} labels",
            labels.len()
        );
        return Err(value_error(text));
    }
    // What is varied are square images, or single rows.
    let side = inputs.isqrt();
    let columns = if side * side == inputs { side } else { inputs };
    Ok(Samples::new(images.as_slice()?, labels, inputs).with_columns(columns))
}
