//! A worker's weights and deltas as integers.

use crate::backend::AlignedBuffer;
use crate::kernels::BLOCK_SAMPLES;
use crate::kernels::integer_delta::IntegerDelta;
use crate::kernels::integer_forward::IntegerForward;
use crate::kernels::integer_update::IntegerUpdate;
use crate::kernels::integers::{factor, larger_of, may_change, pair, row, rows, weight_scale};
use crate::kernels::prepare::PreparedBlock;
use crate::kernels::rule::StepRule;
use crate::kernels::weight_update::Weights;
use crate::simd::Isa;
use std::ops::Div;

/// W as integers, and what they are made with; see [`integers`](crate::kernels::integers). While they are
/// there, weights and velocities in f32 are held times the scale of their unit.
#[derive(Debug)]
pub(super) struct Integers {
    inputs: usize,
    stride: usize,
    /// W, pairs of pixels, `[rows][stride]`.
    weights: AlignedBuffer<i32>,
    /// Scales of the units' weights, `[stride]`.
    scales: AlignedBuffer<f32>,
    /// What sums of products with them are multiplied by, `[stride]`.
    factors: AlignedBuffer<f32>,
    /// Largest absolute values after a step, and their sums, `[stride]`.
    largest: AlignedBuffer<i32>,
    sums: AlignedBuffer<i32>,
    /// dk, pairs of samples, `[samples / 2][stride]`.
    delta: AlignedBuffer<i32>,
    /// What sums of products with them are multiplied by, `[stride]`.
    delta_factors: AlignedBuffer<f32>,
    /// What the gradient of a unit is multiplied by, `[stride]`.
    multipliers: AlignedBuffer<f32>,
}

impl Integers {
    pub(super) fn new(inputs: usize, stride: usize) -> Self {
        let of_units = |value| AlignedBuffer::new(stride, value);
        Self {
            inputs,
            stride,
            weights: AlignedBuffer::new(rows(inputs) * stride, 0),
            scales: of_units(1.0),
            factors: of_units(0.0),
            largest: AlignedBuffer::new(stride, 0),
            sums: AlignedBuffer::new(stride, 0),
            delta: AlignedBuffer::new(BLOCK_SAMPLES / 2 * stride, 0),
            delta_factors: of_units(0.0),
            multipliers: of_units(0.0),
        }
    }

    /// Changes each value of rows by the scale of its unit: from what is held to the network by [`Div::div`], and
    /// back by [`Mul::mul`](std::ops::Mul::mul).
    pub(super) fn change<'a>(
        &self,
        rows: impl Iterator<Item = &'a mut [f32]>,
        change: impl Fn(f32, f32) -> f32,
    ) {
        for row in rows {
            for (value, &scale) in row.iter_mut().zip(self.scales.iter()) {
                *value = change(*value, scale);
            }
        }
    }

    /// Makes the integers of all weights, which are as in the network; the velocities are held as before.
    pub(super) fn take(&mut self, weights: &mut [f32], velocities: &mut [f32]) {
        self.change(velocities.chunks_exact_mut(self.stride.max(1)), Div::div);
        self.scales.fill(1.0);
        for unit in 0..self.stride {
            self.take_unit(weights, velocities, unit);
        }
    }

    /// Gives a unit the scale that fits its weights, and makes its integers anew.
    fn take_unit(&mut self, weights: &mut [f32], velocities: &mut [f32], unit: usize) {
        let column = weights[unit..].iter().step_by(self.stride);
        let inverse = 1.0 / self.scales[unit];
        let scale = weight_scale(column.map(|w| w * inverse));
        self.factors[unit] = factor(scale);
        self.scales[unit] = scale;
        for values in [&mut *weights, velocities] {
            for value in values.iter_mut().skip(unit).step_by(self.stride) {
                *value *= inverse * scale;
            }
        }
        let integer =
            |pixel: usize| -> i32 { weights[pixel * self.stride + unit].round_ties_even() as i32 };
        for pixel in (0..weights.len() / self.stride).step_by(2) {
            self.weights[row(pixel) * self.stride + unit] =
                pair(integer(pixel), integer(pixel + 1));
        }
    }

    pub(super) fn forward(
        &self,
        isa: Isa,
        block: PreparedBlock<'_>,
        bias: &[f32],
        hidden: &mut [f32],
    ) {
        isa.run_integers(IntegerForward {
            block,
            weights: &self.weights,
            factors: &self.factors,
            bias,
            hidden,
            stride: self.stride,
        });
    }

    /// The gradient and, at the end of a minibatch, the step, after which every scale fits again.
    pub(super) fn update(
        &mut self,
        isa: Isa,
        block: PreparedBlock<'_>,
        delta: &[f32],
        mut weights: Weights<'_>,
    ) {
        let is_plain = |rule: StepRule| rule.is_plain() && weights.gradients.is_none();
        let rate = match weights.rule {
            Some(rule) if is_plain(rule) => -rule.learning_rate,
            _ => 1.0,
        };
        for (multiplier, scale) in self.multipliers.iter_mut().zip(self.scales.iter()) {
            *multiplier = scale * rate;
        }
        isa.run(IntegerDelta {
            delta,
            samples: block.samples(),
            stride: self.stride,
            pairs: &mut self.delta,
            multipliers: &self.multipliers,
            factors: &mut self.delta_factors,
        });
        let has_step = weights.rule.is_some();
        isa.run_integers(IntegerUpdate {
            block,
            delta: &self.delta,
            factors: &self.delta_factors,
            weights: weights.reborrow(),
            integers: &mut self.weights,
            largest: &mut self.largest,
            sums: &mut self.sums,
        });
        if !has_step {
            return;
        }
        for unit in 0..self.stride {
            let largest = larger_of(self.largest[unit]);
            if may_change(self.scales[unit], largest, self.sums[unit], self.inputs) {
                self.take_unit(weights.values, weights.velocities, unit);
            }
        }
    }
}

#[cfg(test)]
mod tests;
