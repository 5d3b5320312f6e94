//! Deltas of the hidden layer as integers, each unit with a scale of its own.
#![expect(
    unsafe_code,
    reason = "vectors are loaded and stored through pointers, bounds checked at entry"
)]

use super::integers;
use crate::simd::{Kernel, MAX_LANES, Vector};

/// round(dk D), with the D of [`integers::delta_scale`], of a slice of the hidden layer.
pub struct IntegerDelta<'a> {
    /// dk, `[samples][stride]`.
    pub delta: &'a [f32],
    /// Number of samples.
    pub samples: usize,
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// Pairs of samples i and i + half of them, `[samples / 2][stride]`, written; without a partner it is 0.
    pub pairs: &'a mut [i32],
    /// What a unit's gradient is to be multiplied by, `[stride]`.
    pub multipliers: &'a [f32],
    /// What it is multiplied by in integers to give that, `[stride]`, written.
    pub factors: &'a mut [f32],
}

impl Kernel for IntegerDelta<'_> {
    type Output = ();

    // Twice through a column of vectors, which is 6 KiB for 100 samples: for the largest, and for the integers.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let (samples, stride) = (self.samples, self.stride);
        assert!(stride.is_multiple_of(V::LANES));
        assert!(self.delta.len() >= samples * stride && self.factors.len() >= stride);
        assert!(self.multipliers.len() >= stride);
        assert!(self.pairs.len() >= samples.div_ceil(2) * stride);
        for unit in (0..stride).step_by(V::LANES) {
            // SAFETY: LANES units from here on are in bounds of each row, checked above.
            unsafe {
                let delta = self.delta.as_ptr().add(unit);
                let mut largest = V::splat(token, 0.0);
                for sample in 0..samples {
                    largest = largest.max(V::load(token, delta.add(sample * stride)).abs());
                }
                let mut lanes = [0.0; MAX_LANES];
                largest.store(lanes.as_mut_ptr());
                let factors = self.factors[unit..]
                    .iter_mut()
                    .zip(&self.multipliers[unit..]);
                for (lane, (factor, multiplier)) in lanes[..V::LANES].iter_mut().zip(factors) {
                    *lane = integers::delta_scale(*lane);
                    *factor = integers::factor(*lane) * multiplier;
                }
                let scale = V::load(token, lanes.as_ptr());
                let pairs = self.pairs.as_mut_ptr().add(unit);
                let half = samples.div_ceil(2);
                for sample in 0..half {
                    let lower = V::load(token, delta.add(sample * stride)).mul(scale);
                    let upper = match sample + half < samples {
                        true => V::load(token, delta.add((sample + half) * stride)).mul(scale),
                        false => V::splat(token, 0.0),
                    };
                    V::store_ints(
                        V::pair(lower.round(), upper.round()),
                        pairs.add(sample * stride),
                    );
                }
            }
        }
    }
}
