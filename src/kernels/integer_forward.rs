//! Linear layer of integers and sigmoid in one pass: h = sigmoid(x W + b).
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::prepare::PreparedBlock;
use super::tile::{tiles, with_tile};
use super::{EVEN, PIXEL_BLOCK, WORD};
use crate::simd::{Kernel, Vector, sigmoid};

/// h = sigmoid(f sum + b), sum = bytes of x times integers of W, for a slice of the hidden layer.
pub struct IntegerForward<'a> {
    /// x.
    pub block: PreparedBlock<'a>,
    /// W as integers, pairs of pixels: `[inputs / 2][stride]`.
    pub weights: &'a [i32],
    /// f: what the sums of each unit are multiplied by, `[stride]`.
    pub factors: &'a [f32],
    /// b, `[stride]`.
    pub bias: &'a [f32],
    /// h, `[samples][stride]`, written.
    pub hidden: &'a mut [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
}

impl Kernel for IntegerForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        let stride = self.stride;
        assert!(stride.is_multiple_of(V::LANES));
        assert!(self.weights.len() >= self.block.inputs().div_ceil(2) * stride);
        assert!(self.factors.len() >= stride && self.bias.len() >= stride);
        assert!(self.hidden.len() >= self.block.samples() * stride);
        for (first, vectors) in tiles(stride / V::LANES, V::TILES.forward) {
            let unit = first * V::LANES;
            // SAFETY: every row of every tile was checked above.
            unsafe {
                with_tile!(
                    vectors,
                    V::TILES.forward,
                    forward_tile::<V>(token, &mut self, unit)
                );
            }
        }
    }
}

/// One tile of T vectors from `unit` on, for all samples.
///
/// As the forward pass of f32, with a pair of pixels in place of a pixel: the T sums of a sample stay in
/// registers while its pairs that are not both zero are gone through, T multiply-adds each. The weights of 64
/// pixels are half as many bytes, 20 KiB for 10 vectors of AVX-512, and stay in L1. Between blocks of 64 pixels
/// the sums lie where the activations will, as integers.
///
/// # Safety
/// Every row of the buffers must hold T vectors from `unit` on.
#[inline(always)]
unsafe fn forward_tile<V: Vector, const T: usize>(
    token: V::Token,
    pass: &mut IntegerForward<'_>,
    unit: usize,
) {
    let (block, stride) = (pass.block, pass.stride);
    let last = block.pixel_blocks() - 1;
    for pixel_block in 0..=last {
        for word in 0..block.words() {
            let masks = block.sample_masks(word, pixel_block);
            let rows = block.bytes(word, pixel_block).as_ptr();
            for (place, &mask) in masks.iter().enumerate() {
                if mask == 0 && pixel_block > 0 && pixel_block < last {
                    continue;
                }
                let sample = word * WORD + place;
                // SAFETY: `sample` is below the block's samples, a set bit is a pixel below its inputs
                // (`PreparedBlock`), and the caller vouches for T vectors in each row.
                unsafe {
                    let target = pass.hidden.as_mut_ptr().add(sample * stride + unit);
                    let integers = target.cast::<i32>();
                    let mut sums: [V::Ints; T] = array_of!(t < T => match pixel_block {
                        0 => V::splat_ints(token, 0),
                        _ => V::load_ints(token, integers.add(t * V::LANES)),
                    });
                    let row = rows.add(place * PIXEL_BLOCK);
                    let first_pair = pixel_block * PIXEL_BLOCK / 2;
                    let weights = pass.weights.as_ptr().add(first_pair * stride + unit);
                    let mut rest = (mask | mask >> 1) & EVEN;
                    while rest != 0 {
                        let pixel = rest.trailing_zeros() as usize;
                        rest &= rest - 1;
                        let bytes = i32::from(row.add(pixel).cast::<u16>().read_unaligned().to_le());
                        let x = V::splat_ints(token, (bytes | bytes << 8) & 0x00ff_00ff);
                        let weights = weights.add(pixel / 2 * stride);
                        for (t, sum) in sums.iter_mut().enumerate() {
                            *sum = V::add_dots(*sum, x, V::load_ints(token, weights.add(t * V::LANES)));
                        }
                    }
                    if pixel_block == last {
                        // A copy, so that `sums` stay in registers: this loop is not unrolled.
                        let ended = sums;
                        for (t, sum) in ended.into_iter().enumerate() {
                            let at = unit + t * V::LANES;
                            let factor = V::load(token, pass.factors.as_ptr().add(at));
                            let bias = V::load(token, pass.bias.as_ptr().add(at));
                            let k = V::of_ints(sum).mul(factor).add(bias);
                            sigmoid(token, k).store(target.add(t * V::LANES));
                        }
                    } else {
                        for t in 0..T {
                            V::store_ints(sums[t], integers.add(t * V::LANES));
                        }
                    }
                }
            }
        }
    }
}
