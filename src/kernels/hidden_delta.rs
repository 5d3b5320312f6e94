//! Gradient at the hidden layer's input: dk = (ds V^T) * h (1 - h), and its sum over the samples.
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::product::{Scalars, Vectors, accumulate};
use super::tile::{tiles, with_tile};
use crate::simd::{Kernel, Vector};

/// Samples whose sums stay in registers, for each vector of a tile.
const SAMPLES: usize = 4;

/// Deltas smaller than this become 0, so that no product with them is a denormal number.
const SMALLEST: f32 = 1e-30;

/// dk = (ds V^T) * h (1 - h) for a slice of the hidden layer; db += sum of dk over the samples.
pub struct HiddenDelta<'a> {
    /// ds, `[samples][class_stride]`.
    pub output_delta: &'a [f32],
    /// Distance between the rows of `output_delta`.
    pub class_stride: usize,
    /// Number of classes, without padding.
    pub classes: usize,
    /// V transposed, `[classes][stride]`.
    pub weights: &'a [f32],
    /// h, `[samples][stride]`, replaced by dk: what is written is in L1 already, and L2 keeps one buffer
    /// instead of two.
    pub hidden: &'a mut [f32],
    /// db, `[stride]`, added to, samples ascending.
    pub bias_gradient: &'a mut [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// Number of samples.
    pub samples: usize,
}

impl Kernel for HiddenDelta<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        assert!(self.stride.is_multiple_of(V::LANES) && self.class_stride >= self.classes);
        assert!(self.output_delta.len() >= self.samples * self.class_stride);
        assert!(self.weights.len() >= self.classes * self.stride);
        assert!(self.hidden.len() >= self.samples * self.stride);
        assert!(self.bias_gradient.len() >= self.stride);
        for (first, vectors) in tiles(self.stride / V::LANES, V::TILES.hidden_delta) {
            let unit = first * V::LANES;
            with_tile!(
                vectors,
                V::TILES.hidden_delta,
                unit_tile::<V>(token, &mut self, unit)
            );
        }
    }
}

/// J vectors of hidden units, all samples in ascending order.
#[inline(always)]
fn unit_tile<V: Vector, const J: usize>(token: V::Token, pass: &mut HiddenDelta<'_>, unit: usize) {
    // SAFETY: `run` has checked that the units lie within every row.
    let mut bias: [V; J] = unsafe {
        let start = pass.bias_gradient.as_ptr().add(unit);
        array_of!(j < J => V::load(token, start.add(j * V::LANES)))
    };
    let whole = pass.samples - pass.samples % SAMPLES;
    for sample in (0..whole).step_by(SAMPLES) {
        bias = samples_from::<V, SAMPLES, J>(token, pass, unit, sample, bias);
    }
    for sample in whole..pass.samples {
        bias = samples_from::<V, 1, J>(token, pass, unit, sample, bias);
    }
    for j in 0..J {
        // SAFETY: as above.
        unsafe { bias[j].store(pass.bias_gradient.as_mut_ptr().add(unit + j * V::LANES)) }
    }
}

#[inline(always)]
fn samples_from<V: Vector, const R: usize, const J: usize>(
    token: V::Token,
    pass: &mut HiddenDelta<'_>,
    unit: usize,
    sample: usize,
    mut bias: [V; J],
) -> [V; J] {
    let one = V::splat(token, 1.0);
    let zero = V::splat(token, 0.0);
    let smallest = V::splat(token, SMALLEST);
    // SAFETY: `run` has checked that `sample + R` rows, the units and the classes are in bounds.
    unsafe {
        let sums = accumulate::<V, R, J>(
            token,
            Scalars {
                start: pass.output_delta.as_ptr().add(sample * pass.class_stride),
                row: pass.class_stride,
                step: 1,
            },
            Vectors {
                start: pass.weights.as_ptr().add(unit),
                step: pass.stride,
            },
            pass.classes,
            [[zero; J]; R],
        );
        for r in 0..R {
            let row = (sample + r) * pass.stride + unit;
            for j in 0..J {
                let sum = sums[r][j];
                let target = pass.hidden.as_mut_ptr().add(row + j * V::LANES);
                let h = V::load(token, target);
                let delta = sum.mul(h.mul(one.sub(h)));
                let delta = delta.zero_below(token, smallest);
                delta.store(target);
                bias[j] = bias[j].add(delta);
            }
        }
    }
    bias
}
