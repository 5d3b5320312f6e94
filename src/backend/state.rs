//! What the steps to come depend on: parameters and velocities, at the precision of their backend.

use super::{BackendError, check_parameters};
use crate::network::{Parameters, Shape};

/// Parameters and velocities.
#[derive(Clone, Debug, PartialEq)]
pub struct Values<T> {
    /// The parameters.
    pub parameters: Parameters<T>,
    /// Their velocities; none where the optimizer has no momentum.
    pub velocities: Option<Parameters<T>>,
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
            Self::F32(values) => values.is_finite(),
            Self::F64(values) => values.is_finite(),
        }
    }

    /// The values, checked, for a backend that computes in f32.
    pub(crate) fn as_f32(
        &self,
        shape: Shape,
        has_velocities: bool,
    ) -> Result<&Values<f32>, BackendError> {
        match self {
            Self::F32(values) => values.checked(shape, has_velocities),
            Self::F64(_) => Err(wrong("values of 32 bits", "values of 64 bits")),
        }
    }

    /// The values, checked, for a backend that computes in f64.
    pub(crate) fn as_f64(
        &self,
        shape: Shape,
        has_velocities: bool,
    ) -> Result<&Values<f64>, BackendError> {
        match self {
            Self::F64(values) => values.checked(shape, has_velocities),
            Self::F32(_) => Err(wrong("values of 64 bits", "values of 32 bits")),
        }
    }
}

impl<T: Copy + Default + Into<f64>> Values<T> {
    fn is_finite(&self) -> bool {
        self.parameters.is_finite() && self.velocities.as_ref().is_none_or(Parameters::is_finite)
    }

    fn checked(&self, shape: Shape, has_velocities: bool) -> Result<&Self, BackendError> {
        match (has_velocities, &self.velocities) {
            (true, None) => return Err(wrong("velocities", "none")),
            (false, Some(_)) => return Err(wrong("no velocities", "some")),
            (false, None) => {}
            (true, Some(velocities)) => check_parameters(shape, velocities)?,
        }
        check_parameters(shape, &self.parameters)?;
        Ok(self)
    }
}

fn wrong(expected: &str, found: &str) -> BackendError {
    BackendError::State {
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
