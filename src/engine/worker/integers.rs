//! A worker's weights and deltas as integers.

use crate::backend::AlignedBuffer;
use crate::kernels::BLOCK_SAMPLES;
use crate::kernels::integer_delta::IntegerDelta;
use crate::kernels::integer_forward::IntegerForward;
use crate::kernels::integer_update::IntegerUpdate;
use crate::kernels::integers::{
    factor, integer, larger_of, may_change, pair, row, rows, weight_scale,
};
use crate::kernels::prepare::PreparedBlock;
use crate::kernels::weight_update::{Weights, weight_rows};
use crate::simd::Isa;

/// W as integers, and what they are made with; see [`integers`](crate::kernels::integers).
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
}

impl Integers {
    pub(super) fn new(inputs: usize, stride: usize) -> Self {
        Self {
            inputs,
            stride,
            weights: AlignedBuffer::new(rows(inputs) * stride, 0),
            scales: AlignedBuffer::new(stride, 0.0),
            factors: AlignedBuffer::new(stride, 0.0),
            largest: AlignedBuffer::new(stride, 0),
            sums: AlignedBuffer::new(stride, 0),
            delta: AlignedBuffer::new(BLOCK_SAMPLES / 2 * stride, 0),
            delta_factors: AlignedBuffer::new(stride, 0.0),
        }
    }

    /// Makes the integers of all weights, `[weight_rows][stride]`.
    pub(super) fn take(&mut self, weights: &[f32]) {
        for unit in 0..self.stride {
            self.take_unit(weights, unit);
        }
    }

    /// Makes the integers of a unit's weights anew, with the scale that fits them.
    fn take_unit(&mut self, weights: &[f32], unit: usize) {
        let column = weights[unit..].iter().step_by(self.stride).copied();
        let scale = weight_scale(column.clone());
        self.scales[unit] = scale;
        self.factors[unit] = factor(scale);
        let mut integers = column.map(|w| integer(w, scale));
        for pixel in (0..weight_rows(self.inputs)).step_by(2) {
            let mut next = || integers.next().unwrap_or(0);
            self.weights[row(pixel) * self.stride + unit] = pair(next(), next());
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
        isa.run(IntegerDelta {
            delta,
            samples: block.samples(),
            stride: self.stride,
            pairs: &mut self.delta,
            factors: &mut self.delta_factors,
        });
        let has_step = weights.rule.is_some();
        isa.run_integers(IntegerUpdate {
            block,
            delta: &self.delta,
            factors: &self.delta_factors,
            weights: weights.reborrow(),
            integers: &mut self.weights,
            scales: &self.scales,
            largest: &mut self.largest,
            sums: &mut self.sums,
        });
        if !has_step {
            return;
        }
        for unit in 0..self.stride {
            let largest = larger_of(self.largest[unit]);
            if may_change(self.scales[unit], largest, self.sums[unit], self.inputs) {
                self.take_unit(weights.values, unit);
            }
        }
    }
}
