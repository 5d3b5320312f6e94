//! Deltas of the hidden layer as integers, each unit with a scale of its own.
#![expect(
    unsafe_code,
    reason = "vectors are loaded and stored through pointers, bounds checked at entry"
)]

use super::integers;
use crate::simd::{Kernel, MAX_LANES, Vector};

/// round(dk m D), with the D of [`integers::delta_scale`], of a slice of the hidden layer.
pub struct IntegerDelta<'a> {
    /// dk, `[samples][stride]`.
    pub delta: &'a [f32],
    /// Number of samples.
    pub samples: usize,
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// Pairs of samples i and i + half of them, `[samples / 2][stride]`, written; without a partner it is 0.
    pub pairs: &'a mut [i32],
    /// m.
    pub multiplier: f32,
    /// S: the scales of the units' weights, `[stride]`.
    pub scales: &'a [f32],
    /// S / D: what sums of products of bytes and these integers are multiplied by to be a change of the weights,
    /// `[stride]`, written.
    pub factors: &'a mut [f32],
    /// The most that such a change can be, added up over the blocks of a minibatch, `[stride]`.
    pub changes: &'a mut [f32],
}

impl Kernel for IntegerDelta<'_> {
    type Output = ();

    // Twice through a column of vectors, which is 6 KiB for 100 samples: for the largest, and for the integers.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let (samples, stride) = (self.samples, self.stride);
        assert!(stride.is_multiple_of(V::LANES));
        assert!(self.delta.len() >= samples * stride && self.factors.len() >= stride);
        assert!(self.scales.len() >= stride && self.changes.len() >= stride);
        assert!(self.pairs.len() >= samples.div_ceil(2) * stride);
        let multiplier = V::splat(token, self.multiplier);
        let half_of_each = V::splat(token, 0.5 * samples as f32);
        let white = V::splat(token, 255.0);
        for unit in (0..stride).step_by(V::LANES) {
            // SAFETY: LANES units from here on are in bounds of each row, checked above.
            unsafe {
                let delta = self.delta.as_ptr().add(unit);
                let mut largest = V::splat(token, 0.0);
                let mut sum = largest;
                for sample in 0..samples {
                    let delta = V::load(token, delta.add(sample * stride)).mul(multiplier);
                    largest = largest.max(delta.abs());
                    sum = sum.add(delta.abs());
                }
                let mut lanes = [0.0; MAX_LANES];
                largest.store(lanes.as_mut_ptr());
                let scales = &self.scales[unit..][..V::LANES];
                for lane in 0..V::LANES {
                    lanes[lane] = integers::delta_scale(lanes[lane], scales[lane]);
                }
                let finer = V::load(token, lanes.as_ptr());
                let scale = V::load(token, self.scales.as_ptr().add(unit));
                let factor = scale.div(finer);
                factor.store(self.factors.as_mut_ptr().add(unit));
                // Each was rounded by at most a half.
                let most = sum.mul(scale).add(half_of_each.mul(factor)).mul(white);
                let change = self.changes.as_mut_ptr().add(unit);
                V::load(token, change).add(most).store(change);
                let pairs = self.pairs.as_mut_ptr().add(unit);
                let half = samples.div_ceil(2);
                for sample in 0..half {
                    let lower = V::load(token, delta.add(sample * stride)).mul(multiplier);
                    let upper = match sample + half < samples {
                        true => V::load(token, delta.add((sample + half) * stride)).mul(multiplier),
                        false => V::splat(token, 0.0),
                    };
                    let pair = V::pair(lower.mul(finer), upper.mul(finer));
                    V::store_ints(pair, pairs.add(sample * stride));
                }
            }
        }
    }
}
