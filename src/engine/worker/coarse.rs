//! A worker's weights in a coarse pass.

use super::Worker;
use crate::coarse::{BLOCK, Coarse};
use crate::kernels::weight_update::weight_rows;
use std::ops::Div;

impl Worker {
    /// Lets the first rows of W be those of the blocks of a coarse pass: a block's weights, which are equal, are added
    /// up, and their velocities are one. All other rows are 0, so that no scale of integers depends on them.
    pub(crate) fn begin_coarse(&mut self, coarse: Coarse) {
        self.coarse = Some(coarse);
        let held = weight_rows(coarse.inputs());
        self.change_weights(held, |rows, stride, factor| {
            for block in 0..coarse.inputs() {
                let row = coarse.pixels(block)[0] * stride;
                rows.copy_within(row..row + stride, block * stride);
            }
            let (packed, rest) = rows.split_at_mut(coarse.inputs() * stride);
            packed.iter_mut().for_each(|weight| *weight *= factor);
            rest.fill(0.0);
        });
    }

    /// The inverse of [`begin_coarse`](Self::begin_coarse).
    pub(crate) fn end_coarse(&mut self) {
        let Some(coarse) = self.coarse.take() else {
            return;
        };
        self.change_weights(weight_rows(self.shape.inputs), |rows, stride, factor| {
            // From the last block on, whose pixels have no smaller numbers.
            for block in (0..coarse.inputs()).rev() {
                let row = block * stride..(block + 1) * stride;
                rows[row.clone()]
                    .iter_mut()
                    .for_each(|weight| *weight /= factor);
                for pixel in coarse.pixels(block) {
                    rows.copy_within(row.clone(), pixel * stride);
                }
            }
        });
    }

    /// Changes the rows of W, which are held times the factor that `change` is told, and of its velocities, so that the
    /// first `held` of them count.
    fn change_weights(&mut self, held: usize, change: impl Fn(&mut [f32], usize, f32)) {
        let (stride, weights) = (self.stride, &mut self.weights);
        if stride == 0 {
            return;
        }
        if let Some(integers) = &self.integers {
            integers.change(weights.values.chunks_exact_mut(stride), Div::div);
        }
        change(&mut weights.values, stride, BLOCK as f32);
        if !weights.velocities.is_empty() {
            change(&mut weights.velocities, stride, 1.0);
        }
        if let Some(integers) = &mut self.integers {
            let velocities = weights.velocities.len().min(held * stride);
            integers.take(
                self.isa,
                &mut weights.values[..held * stride],
                &mut weights.velocities[..velocities],
            );
        }
    }
}
