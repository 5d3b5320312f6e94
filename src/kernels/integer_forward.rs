//! Linear layer of integers and sigmoid in one pass: h = sigmoid(x W + b).
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::integers;
use super::prepare::PreparedBlock;
use super::tile::{tiles, with_tile};
use super::{EVEN, PIXEL_BLOCK, WORD};
use crate::simd::{Kernel, Vector, sigmoid};

/// h = sigmoid(f sum + b), sum = bytes of x times integers of W, for a slice of the hidden layer.
pub struct IntegerForward<'a> {
    /// x.
    pub block: PreparedBlock<'a>,
    /// W as integers, rows as in [`integers::row`]: `[integers::rows][stride]`.
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
        assert!(self.weights.len() >= integers::rows(self.block.inputs()) * stride);
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

/// Blocks of 64 pixels whose weights a tile goes through for all samples before the next ones.
const BLOCKS: usize = 2;

/// One tile of T vectors from `unit` on, for all samples.
///
/// As the forward pass of f32, with a pair of pixels in place of a pixel: the T sums of a sample stay in
/// registers while its pairs that are not both zero are gone through, T multiply-adds each. 128 pixels are 64
/// pairs, one mask; their weights are as many bytes as those of 64 pixels in f32, and stay in L1. Between
/// them the sums lie where the activations will, as integers.
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
    for first in (0..block.pixel_blocks()).step_by(BLOCKS) {
        let (is_first, is_last) = (first == 0, first + BLOCKS >= block.pixel_blocks());
        for word in 0..block.words() {
            let even = block.sample_masks(word, first);
            let rows = block.bytes(word, first).as_ptr();
            // Without a second block its masks are 0, and nothing of it is read.
            let has_second = first + 1 < block.pixel_blocks();
            let odd = match has_second {
                true => block.sample_masks(word, first + 1),
                false => &[0; WORD][..even.len()],
            };
            let more_rows = block.bytes(word, first + usize::from(has_second)).as_ptr();
            for (place, &even) in even.iter().enumerate() {
                let odd = odd[place];
                // Bit 2 i is pair i of the first block, bit 2 i + 1 that of the second.
                let mut rest = (even | even >> 1) & EVEN | ((odd | odd >> 1) & EVEN) << 1;
                if rest == 0 && !is_first && !is_last {
                    continue;
                }
                let sample = block.first_sample(word) + place;
                // SAFETY: `sample` is below the block's samples, a set bit is a pixel below its inputs
                // (`PreparedBlock`), and the caller vouches for T vectors in each row.
                unsafe {
                    let target = pass.hidden.as_mut_ptr().add(sample * stride + unit);
                    let integers = target.cast::<i32>();
                    let mut sums: [V::Ints; T] = array_of!(t < T => match is_first {
                        true => V::splat_ints(token, 0),
                        false => V::load_ints(token, integers.add(t * V::LANES)),
                    });
                    let rows = [
                        rows.add(place * PIXEL_BLOCK),
                        more_rows.add(place * PIXEL_BLOCK),
                    ];
                    let weights = pass
                        .weights
                        .as_ptr()
                        .add(first * PIXEL_BLOCK / 2 * stride + unit);
                    while rest != 0 {
                        let bit = rest.trailing_zeros() as usize;
                        rest &= rest - 1;
                        let bytes = rows[bit % 2]
                            .add(bit - bit % 2)
                            .cast::<u16>()
                            .read_unaligned();
                        let bytes = i32::from(bytes.to_le());
                        let x = V::splat_ints(token, (bytes | bytes << 8) & 0x00ff_00ff);
                        let weights = weights.add(bit * stride);
                        for (t, sum) in sums.iter_mut().enumerate() {
                            *sum = V::add_dots(
                                *sum,
                                x,
                                V::load_ints(token, weights.add(t * V::LANES)),
                            );
                        }
                    }
                    if is_last {
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
