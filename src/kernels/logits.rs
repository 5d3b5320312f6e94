//! A part of the logits: the hidden units of one leaf times their rows of V.
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::CLASS_PADDING;
use super::product::{Scalars, Vectors, accumulate};
use super::tile::{tiles, with_tile};
use crate::simd::{Kernel, MAX_LANES, Vector};

/// part = h V over the units of one leaf, hidden units ascending, starting from 0; or that added to
/// the part of the leaves before it.
pub struct LeafLogits<'a> {
    /// h, `[samples][stride]`, from the leaf's first unit on.
    pub hidden: &'a [f32],
    /// Distance between the rows of `hidden`.
    pub stride: usize,
    /// Hidden units of the leaf.
    pub units: usize,
    /// V, `[units][classes]`.
    pub weights: &'a [f32],
    /// Number of classes, padded with zeros to a multiple of [`CLASS_PADDING`].
    pub classes: usize,
    /// Number of samples.
    pub samples: usize,
    /// The part, `[samples][classes]`, written.
    pub part: &'a mut [f32],
    /// Whether the sums are added to what `part` holds.
    pub is_added: bool,
}

impl Kernel for LeafLogits<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        assert!(self.classes.is_multiple_of(CLASS_PADDING) && self.samples > 0);
        assert!(self.hidden.len() >= (self.samples - 1) * self.stride + self.units);
        assert!(self.weights.len() >= self.units * self.classes);
        assert!(self.part.len() >= self.samples * self.classes);
        // Sixteen classes are one AVX-512 vector or two of the others.
        match const { MAX_LANES / V::LANES } {
            1 => self.all_samples::<V, 1>(token),
            2 => self.all_samples::<V, 2>(token),
            other => unreachable!("{other} vectors for 16 classes"),
        }
    }
}

impl LeafLogits<'_> {
    #[inline(always)]
    fn all_samples<V: Vector, const J: usize>(&mut self, token: V::Token) {
        for (sample, samples) in tiles(self.samples, V::TILES.logits) {
            with_tile!(
                samples,
                V::TILES.logits,
                samples_from::<V, J>(token, self, sample)
            );
        }
    }
}

/// R samples, all classes, J vectors at a time.
#[inline(always)]
fn samples_from<V: Vector, const R: usize, const J: usize>(
    token: V::Token,
    pass: &mut LeafLogits<'_>,
    sample: usize,
) {
    for class in (0..pass.classes).step_by(J * V::LANES) {
        // SAFETY: `run` has checked that `sample + R` rows and all classes are in bounds.
        unsafe {
            let sums = accumulate::<V, R, J>(
                token,
                Scalars {
                    start: pass.hidden.as_ptr().add(sample * pass.stride),
                    row: pass.stride,
                    step: 1,
                },
                Vectors {
                    start: pass.weights.as_ptr().add(class),
                    step: pass.classes,
                },
                pass.units,
                [[V::splat(token, 0.0); J]; R],
            );
            for r in 0..R {
                let row = pass
                    .part
                    .as_mut_ptr()
                    .add((sample + r) * pass.classes + class);
                for j in 0..J {
                    let place = row.add(j * V::LANES);
                    let sum = if pass.is_added {
                        V::load(token, place).add(sums[r][j])
                    } else {
                        sums[r][j]
                    };
                    sum.store(place);
                }
            }
        }
    }
}

/// sum = left + right, element by element. `left` and the sum may be the same buffer: then `left`
/// is the target.
pub struct AddParts<'a> {
    /// First term, and the sum.
    pub left: &'a mut [f32],
    /// Second term, of the same length, a multiple of [`CLASS_PADDING`].
    pub right: &'a [f32],
}

impl Kernel for AddParts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        assert_eq!(self.left.len(), self.right.len());
        assert!(self.left.len().is_multiple_of(V::LANES));
        for place in (0..self.left.len()).step_by(V::LANES) {
            // SAFETY: both hold LANES values from here on.
            unsafe {
                let left = self.left.as_mut_ptr().add(place);
                let right = V::load(token, self.right.as_ptr().add(place));
                V::load(token, left).add(right).store(left);
            }
        }
    }
}
