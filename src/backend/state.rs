//! What the steps to come depend on: parameters and velocities, at the precision of their backend.

use super::BackendError;
use crate::network::{Parameters, Shape};
use crate::reference::{Gradients, Network, Velocity};

/// One value for each parameter: W, b, V and c, each row-major as in [`Parameters`].
pub type Tensors<T> = [Vec<T>; 4];

/// Numbers of values of the four tensors: inputs · hidden, hidden, hidden · classes, classes.
pub fn tensor_lengths(shape: Shape) -> [usize; 4] {
    [
        shape.inputs * shape.hidden,
        shape.hidden,
        shape.hidden * shape.classes,
        shape.classes,
    ]
}

/// Parameters and velocities.
#[derive(Clone, Debug, PartialEq)]
pub struct Values<T> {
    /// W, b, V and c.
    pub parameters: Tensors<T>,
    /// Their velocities; none where the optimizer has no momentum.
    pub velocities: Option<Tensors<T>>,
}

/// What [`Backend::state`](super::Backend::state) gives and
/// [`Backend::restore`](super::Backend::restore) takes: after it, every step gives the bits that it
/// would have given.
#[derive(Clone, Debug, PartialEq)]
pub enum BackendState {
    /// Of a backend that computes in f32.
    F32(Values<f32>),
    /// Of a backend that computes in f64.
    F64(Values<f64>),
}

impl BackendState {
    /// Whether no value is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::F32(values) => values.all(|value| value.is_finite()),
            Self::F64(values) => values.all(|value| value.is_finite()),
        }
    }

    /// Checks the numbers of values.
    ///
    /// # Errors
    /// [`BackendError::State`].
    pub fn check(&self, shape: Shape, has_velocities: bool) -> Result<(), BackendError> {
        match self {
            Self::F32(values) => values.check(shape, has_velocities),
            Self::F64(values) => values.check(shape, has_velocities),
        }
    }

    /// That of a backend that computes in f32.
    pub(crate) fn of_f32(parameters: Parameters, velocities: Option<Parameters>) -> Self {
        Self::F32(Values {
            parameters: into_tensors(parameters),
            velocities: velocities.map(into_tensors),
        })
    }

    /// Parameters and velocities, checked, for a backend that computes in f32.
    pub(crate) fn to_f32(
        &self,
        shape: Shape,
        has_velocities: bool,
    ) -> Result<(Parameters, Option<Parameters>), BackendError> {
        self.check(shape, has_velocities)?;
        let Values {
            parameters,
            velocities,
        } = match self {
            Self::F32(values) => values.clone(),
            Self::F64(_) => return Err(wrong("values of 32 bits", "64".to_owned())),
        };
        let unpacked = |tensors| from_tensors(shape, tensors);
        Ok((unpacked(parameters), velocities.map(unpacked)))
    }

    /// The values, for a backend that computes in f64.
    pub(crate) fn as_f64(&self) -> Result<&Values<f64>, BackendError> {
        match self {
            Self::F64(values) => Ok(values),
            Self::F32(_) => Err(wrong("values of 64 bits", "32".to_owned())),
        }
    }
}

impl<T: Copy> Values<T> {
    fn all(&self, is_good: impl Fn(T) -> bool) -> bool {
        let tensors = self
            .parameters
            .iter()
            .chain(self.velocities.iter().flatten());
        tensors.flatten().all(|&value| is_good(value))
    }

    fn check(&self, shape: Shape, has_velocities: bool) -> Result<(), BackendError> {
        let expected = tensor_lengths(shape);
        if self.velocities.is_some() != has_velocities {
            let describe = |are_there: bool| {
                if are_there {
                    "velocities"
                } else {
                    "no velocities"
                }
            };
            let found = describe(self.velocities.is_some()).to_owned();
            return Err(wrong(describe(has_velocities), found));
        }
        for tensors in std::iter::once(&self.parameters).chain(&self.velocities) {
            let found: Vec<usize> = tensors.iter().map(Vec::len).collect();
            if found != expected {
                let found = format!("tensors of {found:?} values");
                return Err(wrong(&format!("tensors of {expected:?} values"), found));
            }
        }
        Ok(())
    }
}

fn wrong(expected: &str, found: String) -> BackendError {
    BackendError::State {
        expected: expected.to_owned(),
        found,
    }
}

/// The tensors of parameters, or of whatever is laid out as they are.
pub(crate) fn into_tensors(parameters: Parameters) -> Tensors<f32> {
    let Parameters {
        shape: _,
        linear1_weight,
        linear1_bias,
        linear2_weight,
        linear2_bias,
    } = parameters;
    [linear1_weight, linear1_bias, linear2_weight, linear2_bias]
}

/// The inverse of [`into_tensors`].
pub(crate) fn from_tensors(shape: Shape, tensors: Tensors<f32>) -> Parameters {
    let [linear1_weight, linear1_bias, linear2_weight, linear2_bias] = tensors;
    Parameters {
        shape,
        linear1_weight,
        linear1_bias,
        linear2_weight,
        linear2_bias,
    }
}

/// State of the textbook network.
pub(crate) fn of_network(network: &Network, velocity: Option<&Velocity>) -> Values<f64> {
    let Network {
        shape: _,
        linear1_weight,
        linear1_bias,
        linear2_weight,
        linear2_bias,
    } = network.clone();
    let velocity = velocity.map(|Velocity(gradients)| {
        let Gradients {
            linear1_weight,
            linear1_bias,
            linear2_weight,
            linear2_bias,
        } = gradients.clone();
        [linear1_weight, linear1_bias, linear2_weight, linear2_bias]
    });
    Values {
        parameters: [linear1_weight, linear1_bias, linear2_weight, linear2_bias],
        velocities: velocity,
    }
}

/// The inverse of [`of_network`]; velocities of 0 where there are none.
pub(crate) fn to_network(shape: Shape, values: &Values<f64>) -> (Network, Velocity) {
    let [linear1_weight, linear1_bias, linear2_weight, linear2_bias] = values.parameters.clone();
    let network = Network {
        shape,
        linear1_weight,
        linear1_bias,
        linear2_weight,
        linear2_bias,
    };
    let Some(velocities) = values.velocities.clone() else {
        return (network, Velocity::zeros(shape));
    };
    let [linear1_weight, linear1_bias, linear2_weight, linear2_bias] = velocities;
    let velocity = Velocity(Gradients {
        linear1_weight,
        linear1_bias,
        linear2_weight,
        linear2_bias,
    });
    (network, velocity)
}
