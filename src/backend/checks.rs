//! Checks that networks, samples and passes fit each other.

use super::{BackendError, Samples, TrainingPass};
use crate::network::{Parameters, Shape};

/// Checks that a network can have this shape, before memory is asked for.
///
/// # Errors
/// [`BackendError::Shape`] if there is no such network, or it has more than
/// [`MAX_PARAMETERS`](crate::network::MAX_PARAMETERS).
pub fn check_shape(shape: Shape) -> Result<(), BackendError> {
    let is_possible = shape.inputs > 0
        && shape.hidden > 0
        && (2..=crate::network::MAX_CLASSES).contains(&shape.classes);
    let parameters = shape.checked_parameters();
    let is_possible =
        is_possible && parameters.is_some_and(|count| count <= crate::network::MAX_PARAMETERS);
    is_possible
        .then_some(())
        .ok_or(BackendError::Shape { found: shape })
}

/// Checks that there can be a network of the parameters' shape, and that they fit it.
pub(crate) fn check_network<T>(parameters: &Parameters<T>) -> Result<(), BackendError>
where
    T: Copy + Default + Into<f64>,
{
    let shape = parameters.shape;
    check_shape(shape)?;
    let names = [
        "linear1_weight",
        "linear1_bias",
        "linear2_weight",
        "linear2_bias",
    ];
    let tensors = names.into_iter().zip(parameters.tensors());
    for ((tensor, values), expected) in tensors.zip(shape.tensor_lengths()) {
        if values.len() != expected {
            return Err(BackendError::Tensor {
                shape,
                tensor,
                expected,
                found: values.len(),
            });
        }
    }
    Ok(())
}

/// Checks that parameters are those of a network of this shape.
pub(crate) fn check_parameters<T>(
    shape: Shape,
    parameters: &Parameters<T>,
) -> Result<(), BackendError>
where
    T: Copy + Default + Into<f64>,
{
    if parameters.shape == shape {
        return check_network(parameters);
    }
    Err(BackendError::State {
        expected: format!("a network of shape {shape}"),
        found: parameters.shape.to_string(),
    })
}
pub(crate) fn check_inputs(shape: Shape, found: usize) -> Result<(), BackendError> {
    let expected = shape.inputs;
    (found == expected)
        .then_some(())
        .ok_or(BackendError::Inputs { expected, found })
}

/// Checks that samples fit a network of this shape.
pub(crate) fn check_samples(
    shape: Shape,
    samples: Samples<'_>,
    order: &[u32],
) -> Result<(), BackendError> {
    check_inputs(shape, samples.inputs())?;
    for &sample in order {
        let label = samples.labels().get(sample as usize).copied();
        let label = label.ok_or(BackendError::Order {
            sample,
            samples: samples.len(),
        })?;
        if usize::from(label) >= shape.classes {
            return Err(BackendError::Label {
                sample,
                label,
                classes: shape.classes,
            });
        }
    }
    Ok(())
}

/// Checks that a pass fits a network of this shape.
pub(crate) fn check_pass(shape: Shape, pass: &TrainingPass<'_>) -> Result<(), BackendError> {
    let samples = pass.order.len();
    if pass.batch_size == 0 || samples.div_ceil(pass.batch_size) != pass.learning_rates.len() {
        return Err(BackendError::Minibatches {
            samples,
            batch_size: pass.batch_size,
            found: pass.learning_rates.len(),
        });
    }
    if pass.coarse && pass.blocks().is_none() {
        let (rows, columns) = pass.samples.size();
        return Err(BackendError::OddSide { rows, columns });
    }
    if let Some(augmented) = pass.augmented {
        check_inputs(shape, augmented.augmentation.pixels())?;
    }
    check_samples(shape, pass.samples, pass.order)
}
