//! The register-blocked matrix product that the three products of the output layer share.
#![expect(
    unsafe_code,
    reason = "inner loop over raw pointers, bounds checked by its callers"
)]

use crate::simd::Vector;

/// One factor, read one scalar at a time: element (r, k) is at `start + r * row + k * step`.
#[derive(Clone, Copy)]
pub(super) struct Scalars {
    pub start: *const f32,
    pub row: usize,
    pub step: usize,
}

/// The other factor, read a vector at a time: vector j of step k is at
/// `start + k * step + j * LANES`.
#[derive(Clone, Copy)]
pub(super) struct Vectors {
    pub start: *const f32,
    pub step: usize,
}

/// sums[r][j] += sum over k of scalars(r, k) * vectors(k, j), k ascending, one multiply-add a term.
///
/// R x J sums stay in registers. Each step loads J vectors and R scalars for R x J multiply-adds;
/// both factors are small (a few KiB) and come from L1.
///
/// # Safety
/// All R x `steps` scalars and `steps` x J vectors must be readable.
#[inline(always)]
pub(super) unsafe fn accumulate<V: Vector, const R: usize, const J: usize>(
    token: V::Token,
    scalars: Scalars,
    vectors: Vectors,
    steps: usize,
    mut sums: [[V; J]; R],
) -> [[V; J]; R] {
    for k in 0..steps {
        // SAFETY: k < steps, r < R and j < J, which the caller vouches for.
        unsafe {
            let row = vectors.start.add(k * vectors.step);
            let loaded: [V; J] = array_of!(j < J => V::load(token, row.add(j * V::LANES)));
            for r in 0..R {
                let scalar = *scalars.start.add(r * scalars.row + k * scalars.step);
                let scalar = V::splat(token, scalar);
                for j in 0..J {
                    sums[r][j] = scalar.mul_add(loaded[j], sums[r][j]);
                }
            }
        }
    }
    sums
}
