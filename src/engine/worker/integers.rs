//! A worker's weights and deltas as integers.

use crate::backend::AlignedBuffer;
use crate::kernels::BLOCK_SAMPLES;
use crate::kernels::integer_delta::IntegerDelta;
use crate::kernels::integer_extent::IntegerExtent;
use crate::kernels::integer_forward::IntegerForward;
use crate::kernels::integer_update::IntegerUpdate;
use crate::kernels::integers::{FINEST, WEIGHT, factor, pair, room, row, rows, weight_scale};
use crate::kernels::prepare::PreparedBlock;
use crate::kernels::rule::StepRule;
use crate::kernels::weight_update::Weights;
use crate::simd::Isa;
use std::ops::{Div, Mul};

/// W as integers, and what they are made with; see [`integers`](crate::kernels::integers). While they are
/// there, weights and velocities in f32 are held times the scale of their unit.
#[derive(Debug)]
pub(super) struct Integers {
    inputs: usize,
    stride: usize,
    /// W, pairs of pixels, `[rows][stride]`.
    weights: AlignedBuffer<i32>,
    /// dk, pairs of samples, `[samples / 2][stride]`.
    delta: AlignedBuffer<i32>,
    /// Scales of the units' weights, `[stride]`, as all that follows.
    scales: AlignedBuffer<f32>,
    /// What sums of products with weights are multiplied by.
    factors: AlignedBuffer<f32>,
    /// What sums of products with deltas are multiplied by.
    delta_factors: AlignedBuffer<f32>,
    /// The most that the gradient of a minibatch can be, of its blocks so far.
    changes: AlignedBuffer<f32>,
    /// The most that a velocity can be.
    velocities: AlignedBuffer<f32>,
    /// How far a weight may go until the scale may have to change.
    room: AlignedBuffer<f32>,
    /// Largest absolute values of the integers, and their sums, when they were last looked at.
    largest: AlignedBuffer<f32>,
    sums: AlignedBuffer<f32>,
}

impl Integers {
    pub(super) fn new(inputs: usize, stride: usize) -> Self {
        let of_units = || AlignedBuffer::new(stride, 0.0);
        Self {
            inputs,
            stride,
            weights: AlignedBuffer::new(rows(inputs) * stride, 0),
            delta: AlignedBuffer::new(BLOCK_SAMPLES / 2 * stride, 0),
            scales: AlignedBuffer::new(stride, 1.0),
            factors: of_units(),
            delta_factors: of_units(),
            changes: of_units(),
            velocities: of_units(),
            room: of_units(),
            largest: of_units(),
            sums: of_units(),
        }
    }

    /// Changes each value of rows by the scale of its unit: from what is held to the network by [`Div::div`], and
    /// back by [`Mul::mul`].
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
    ///
    /// Row by row with the finest scale, which fits most units; the others, and all where a product is not finite, are
    /// taken one by one, which goes through memory by columns.
    pub(super) fn take(&mut self, isa: Isa, weights: &mut [f32], velocities: &mut [f32]) {
        let stride = self.stride.max(1);
        self.change(velocities.chunks_exact_mut(stride), Div::div);
        let mut held = weights.iter().chain(velocities.iter());
        let are_finite = held.all(|value| (value * FINEST).is_finite());
        let scale = if are_finite { FINEST } else { 1.0 };
        self.scales.fill(scale);
        self.factors.fill(factor(scale));
        for values in [&mut *weights, velocities] {
            self.change(values.chunks_exact_mut(stride), Mul::mul);
        }
        for (number, rows) in weights.chunks_exact(2 * stride).enumerate() {
            let (even, odd) = rows.split_at(stride);
            let integers = &mut self.weights[row(2 * number) * stride..][..stride];
            for (target, (&even, &odd)) in integers.iter_mut().zip(even.iter().zip(odd)) {
                *target = pair_of(even, odd);
            }
        }
        if !are_finite {
            (0..self.stride).for_each(|unit| self.take_unit(weights, velocities, unit));
        }
        for unit in (0..self.stride).step_by(isa.lanes()) {
            self.fit_scales(isa, weights, velocities, unit);
        }
        self.bound(velocities);
    }

    /// Finds the most that each unit's velocities are.
    pub(super) fn bound(&mut self, velocities: &[f32]) {
        self.velocities.fill(0.0);
        for row in velocities.chunks_exact(self.stride.max(1)) {
            for (most, velocity) in self.velocities.iter_mut().zip(row) {
                *most = most.max(velocity.abs());
            }
        }
    }

    /// Gives a unit the scale that fits its weights, and makes its integers anew.
    fn take_unit(&mut self, weights: &mut [f32], velocities: &mut [f32], unit: usize) {
        let column = weights[unit..].iter().step_by(self.stride);
        let inverse = 1.0 / self.scales[unit];
        let scale = weight_scale(column.map(|w| w * inverse));
        self.factors[unit] = factor(scale);
        self.scales[unit] = scale;
        self.velocities[unit] *= inverse * scale;
        for values in [&mut *weights, velocities] {
            for value in values.iter_mut().skip(unit).step_by(self.stride) {
                *value *= inverse * scale;
            }
        }
        for pixel in (0..weights.len() / self.stride).step_by(2) {
            let at = pixel * self.stride + unit;
            self.weights[row(pixel) * self.stride + unit] =
                pair_of(weights[at], weights[at + self.stride]);
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
        // Where a plain step adds the sums as they are, its rate is in the deltas.
        let is_one_block = weights.gradients.is_none();
        let plain = |rule: &StepRule| rule.is_plain() && is_one_block;
        let rate_of_deltas = weights.rule.filter(plain).map(|rule| -rule.learning_rate);
        isa.run_exact(IntegerDelta {
            delta,
            samples: block.samples(),
            stride: self.stride,
            pairs: &mut self.delta,
            multiplier: rate_of_deltas.unwrap_or(1.0) * (1.0 / 255.0),
            scales: &self.scales,
            factors: &mut self.delta_factors,
            changes: &mut self.changes,
        });
        let rule = weights.rule;
        isa.run_integers(IntegerUpdate {
            block,
            delta: &self.delta,
            factors: &self.delta_factors,
            weights: weights.reborrow(),
            integers: &mut self.weights,
        });
        if let Some(rule) = rule {
            self.go(rule, rate_of_deltas.map_or(rule.learning_rate, |_| 1.0));
            for unit in (0..self.stride).step_by(isa.lanes()) {
                // Where it is not a number, too.
                let has_room = |room: &f32| *room >= 0.0;
                if !self.room[unit..][..isa.lanes()].iter().all(has_room) {
                    self.fit_scales(isa, weights.values, weights.velocities, unit);
                }
            }
        }
    }

    /// Takes from the room of each unit what a step can have gone.
    fn go(&mut self, rule: StepRule, rate: f32) {
        // More than the roundings of all that is added up here, and that of the weights.
        const RELATIVE: f32 = 1.001;
        const ABSOLUTE: f32 = 1.0 / 256.0;
        let decay = rule.weight_decay * (WEIGHT + 2) as f32;
        let bounds = (self.changes.iter_mut())
            .zip(self.velocities.iter_mut())
            .zip(self.room.iter_mut());
        for ((change, velocity), room) in bounds {
            let gradient = *change + decay;
            *velocity = RELATIVE * (rule.momentum * *velocity + gradient);
            let direction = match rule.nesterov {
                true => rule.momentum * *velocity + gradient,
                false => *velocity,
            };
            *room -= RELATIVE * rate * direction + ABSOLUTE;
            *change = 0.0;
        }
    }

    /// Looks at the weights of a vector of units, and gives each the scale that fits.
    fn fit_scales(&mut self, isa: Isa, weights: &mut [f32], velocities: &mut [f32], first: usize) {
        let units = first..first + isa.lanes();
        loop {
            isa.run_exact(IntegerExtent {
                weights,
                stride: self.stride,
                unit: first,
                largest: &mut self.largest,
                sums: &mut self.sums,
            });
            let mut is_any_changed = false;
            for unit in units.clone() {
                let scale = self.scales[unit];
                self.room[unit] = room(scale, self.largest[unit], self.sums[unit], self.inputs);
                if self.room[unit] < 0.0 {
                    self.take_unit(weights, velocities, unit);
                    is_any_changed |= self.scales[unit].to_bits() != scale.to_bits();
                }
            }
            if !is_any_changed {
                return;
            }
        }
    }
}

/// Two weights, times their scales, as a pair of integers.
fn pair_of(even: f32, odd: f32) -> i32 {
    pair(even.round_ties_even() as i32, odd.round_ties_even() as i32)
}

#[cfg(test)]
mod tests;
