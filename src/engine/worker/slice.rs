//! A worker's slice of the parameters, and of their velocities, which are laid out alike.

use super::{Tensor, Worker};
use crate::backend::AlignedBuffer;
use crate::network::{Parameters, Shape};
use std::ops::{Div, Mul};

impl Worker {
    /// Copies the worker's slice out of the parameters.
    pub(crate) fn take_slice_of(&mut self, parameters: &Parameters) {
        self.take(parameters, |tensor| &mut tensor.values);
        if let Some(integers) = &mut self.integers {
            integers.take(
                self.isa,
                &mut self.weights.values,
                &mut self.weights.velocities,
            );
        }
        self.copy_output_rows();
    }

    /// Copies the worker's slice into the parameters. The output bias, which all workers have, comes
    /// from each of them.
    pub(crate) fn put_slice_into(&self, parameters: &mut Parameters) {
        self.put(parameters, |tensor| &tensor.values);
        self.unscale_slice(parameters);
    }

    /// Copies the velocities of the worker's slice out of those of all parameters; those of padding
    /// are 0, and belong to weights that stay 0.
    pub(crate) fn take_velocities_of(&mut self, velocities: &Parameters) {
        let tensors = [&mut self.weights, &mut self.bias, &mut self.output_weights];
        for tensor in tensors {
            tensor.velocities.fill(0.0);
        }
        self.take(velocities, |tensor| &mut tensor.velocities);
        if let Some(integers) = &mut self.integers {
            let rows = self.weights.velocities.chunks_exact_mut(self.stride.max(1));
            integers.change(rows, Mul::mul);
            integers.bound(&self.weights.velocities);
        }
    }

    /// Weights of the slice as in the network, where they are held times the scale of their unit.
    fn unscale_slice(&self, target: &mut Parameters) {
        if let Some(integers) = &self.integers {
            let rows = target.linear1_weight.chunks_exact_mut(self.shape.hidden);
            integers.change(rows.map(|row| &mut row[self.units.clone()]), Div::div);
        }
    }

    /// The inverse of [`take_velocities_of`](Self::take_velocities_of).
    pub(crate) fn put_velocities_into(&self, velocities: &mut Parameters) {
        self.put(velocities, |tensor| &tensor.velocities);
        self.unscale_slice(velocities);
    }

    /// Copies the slice into one buffer of each tensor; padding stays as it is.
    fn take(
        &mut self,
        source: &Parameters,
        buffer: impl Fn(&mut Tensor) -> &mut AlignedBuffer<f32>,
    ) {
        let Shape {
            hidden, classes, ..
        } = self.shape;
        let (units, stride) = (self.units.clone(), self.stride);
        if stride > 0 {
            let rows = source.linear1_weight.chunks_exact(hidden);
            let slices = buffer(&mut self.weights).chunks_exact_mut(stride);
            for (slice, row) in slices.zip(rows) {
                slice[..units.len()].copy_from_slice(&row[units.clone()]);
            }
        }
        buffer(&mut self.bias)[..units.len()].copy_from_slice(&source.linear1_bias[units.clone()]);
        buffer(&mut self.output_bias)[..classes].copy_from_slice(&source.linear2_bias);
        let output_weights = buffer(&mut self.output_weights);
        for (place, unit) in units.enumerate() {
            for class in 0..classes {
                output_weights[class * stride + place] =
                    source.linear2_weight[unit * classes + class];
            }
        }
    }

    /// The inverse of [`take`](Self::take).
    fn put(&self, target: &mut Parameters, buffer: impl Fn(&Tensor) -> &AlignedBuffer<f32>) {
        let Shape {
            hidden, classes, ..
        } = self.shape;
        let (units, stride) = (self.units.clone(), self.stride);
        if stride > 0 {
            let rows = target.linear1_weight.chunks_exact_mut(hidden);
            let slices = buffer(&self.weights).chunks_exact(stride);
            for (slice, row) in slices.zip(rows) {
                row[units.clone()].copy_from_slice(&slice[..units.len()]);
            }
        }
        target.linear1_bias[units.clone()].copy_from_slice(&buffer(&self.bias)[..units.len()]);
        target
            .linear2_bias
            .copy_from_slice(&buffer(&self.output_bias)[..classes]);
        let output_weights = buffer(&self.output_weights);
        for (place, unit) in units.enumerate() {
            for class in 0..classes {
                target.linear2_weight[unit * classes + class] =
                    output_weights[class * stride + place];
            }
        }
    }
}
