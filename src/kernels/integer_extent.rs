//! Absolute values of the weights as integers.
#![expect(
    unsafe_code,
    reason = "vectors are loaded and stored through pointers, bounds checked at entry"
)]

use crate::simd::{Kernel, Vector};

/// The largest |round(w)| of a unit, and their sum, for a vector of units.
///
/// Both are as exact as [`integers::room`](super::integers::room) needs: a sum beyond 2^24, from which on f32
/// has not every integer, is too large in any case.
pub struct IntegerExtent<'a> {
    /// W, each unit times its scale, `[rows][stride]`.
    pub weights: &'a [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// The first unit of the vector.
    pub unit: usize,
    /// `[stride]`, written where the vector lies, as is the next.
    pub largest: &'a mut [f32],
    /// `[stride]`.
    pub sums: &'a mut [f32],
}

impl Kernel for IntegerExtent<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let (unit, stride) = (self.unit, self.stride);
        assert!(unit + V::LANES <= stride);
        assert!(self.largest.len() >= stride && self.sums.len() >= stride);
        let mut largest = V::splat(token, 0.0);
        let mut sum = largest;
        for row in self.weights.chunks_exact(stride) {
            // SAFETY: a row has as many as `stride`, and LANES of them from `unit` on.
            let weights = unsafe { V::load(token, row.as_ptr().add(unit)) };
            let integers = V::of_ints(weights.round()).abs();
            largest = largest.max(integers);
            sum = sum.add(integers);
        }
        // SAFETY: checked above.
        unsafe {
            largest.store(self.largest.as_mut_ptr().add(unit));
            sum.store(self.sums.as_mut_ptr().add(unit));
        }
    }
}
