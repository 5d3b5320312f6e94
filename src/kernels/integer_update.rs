//! Gradient of W in integers, fused with its SGD step in f32 and the new integers.
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::integers;
use super::prepare::PreparedBlock;
use super::rule::VectorRule;
use super::tile::{tiles, with_tile};
use super::weight_update::{Step, Weights, weight_rows, with_step};
use super::{MASK_WORDS, PIXEL_BLOCK};
use crate::simd::{Kernel, Vector};

/// dW = f times the sum of bytes of x times integers of dk, the SGD step, and W in integers.
pub struct IntegerUpdate<'a> {
    /// x.
    pub block: PreparedBlock<'a>,
    /// dk as integers, pairs of samples i and i + half of them: `[samples / 2][stride]`.
    pub delta: &'a [i32],
    /// f: what the sums of each unit are multiplied by, a power of two, `[stride]`. Where the step is plain, its
    /// negative rate is in the integers.
    pub factors: &'a [f32],
    /// W, each unit times its scale, and the step.
    pub weights: Weights<'a>,
    /// W as integers, rows as in [`integers::row`]: `[integers::rows][stride]`, written where W changes.
    pub integers: &'a mut [i32],
}

impl Kernel for IntegerUpdate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        let stride = self.weights.stride;
        let rows = weight_rows(self.block.inputs());
        let step = self.weights.step(rows, V::LANES);
        assert!(self.delta.len() >= self.block.samples().div_ceil(2) * stride);
        assert!(self.integers.len() >= integers::rows(self.block.inputs()) * stride);
        assert!(self.factors.len() >= stride);
        for (first, vectors) in tiles(stride / V::LANES, V::TILES.integer_gradient) {
            let unit = first * V::LANES;
            // SAFETY: the assertions above hold for every row of every tile, and each step finds the
            // buffers that it uses.
            unsafe {
                with_tile!(
                    vectors,
                    V::TILES.integer_gradient,
                    unit_tile::<V>(token, &mut self, unit, step)
                );
            }
        }
    }
}

/// T vectors of hidden units, all pixels, two at a time.
///
/// For each of two pixels beside each other the T sums stay in registers while the loop walks the pairs of
/// samples in which it is not zero twice, one mask. The deltas of 128 samples are 64 x T vectors, and stay in L1 as long
/// as T is small; weights and integers stream through from L2.
///
/// # Safety
/// Every row of the buffers must hold T vectors from `unit` on, and the buffers that the step uses
/// must be there.
#[inline(always)]
unsafe fn unit_tile<V: Vector, const T: usize>(
    token: V::Token,
    pass: &mut IntegerUpdate<'_>,
    unit: usize,
    step: Step,
) {
    let stride = pass.weights.stride;
    let pointers = pass.weights.pointers();
    let mut rule = None;
    if let Some(scalars) = pass.weights.rule {
        rule = Some((scalars, VectorRule::scaled(token, scalars)));
    }
    let may_skip = pass.weights.may_skip(step);
    let rows = weight_rows(pass.block.inputs());
    let deltas = pass.delta.as_ptr().wrapping_add(unit);
    // SAFETY: the caller vouches for T vectors from `unit` on in each row.
    unsafe {
        for pixel_block in 0..pass.block.pixel_blocks() {
            let first = pixel_block * PIXEL_BLOCK;
            let end = PIXEL_BLOCK.min(rows - first);
            // A block of one sample has one word. Its bytes stand in for those of the other, whose deltas are 0.
            let other = pass.block.words() - 1;
            let masks = [
                pass.block.pixel_masks(0, pixel_block),
                pass.block.pixel_masks(other, pixel_block),
            ];
            let bytes = [
                pass.block.square_bytes(0, pixel_block).as_ptr(),
                pass.block.square_bytes(other, pixel_block).as_ptr(),
            ];
            for place in (0..end).step_by(2) {
                let even = Column {
                    pairs: masks[0][place] | masks[1][place],
                    bytes: [bytes[0].add(place), bytes[1].add(place)],
                };
                let odd = Column {
                    pairs: masks[0][place + 1] | masks[1][place + 1],
                    bytes: [bytes[0].add(place + 1), bytes[1].add(place + 1)],
                };
                if may_skip && even.pairs | odd.pairs == 0 {
                    continue;
                }
                let even = gradient::<V, T>(token, even, deltas, stride);
                let odd = gradient::<V, T>(token, odd, deltas, stride);
                with_step!(step, STEP => {
                    for t in 0..T {
                        let column = unit + t * V::LANES;
                        let factor = Some(V::load(token, pass.factors.as_ptr().add(column)));
                        let at = (first + place) * stride + column;
                        let (even, odd) = (V::of_ints(even[t]), V::of_ints(odd[t]));
                        let even = pointers.finish(token, STEP, &rule, at, even, factor);
                        let odd = pointers.finish(token, STEP, &rule, at + stride, odd, factor);
                        if rule.is_some() {
                            let at = integers::row(first + place) * stride + column;
                            let pair = V::pair(even, odd);
                            V::store_ints(pair, pass.integers.as_mut_ptr().add(at));
                        }
                    }
                });
            }
        }
    }
}

/// All samples of one pixel.
#[derive(Clone, Copy)]
struct Column {
    /// Pairs of samples in which it is not zero twice.
    pairs: u64,
    /// The bytes of the samples of each word, 64 apart.
    bytes: [*const u8; MASK_WORDS],
}

/// Sums of bytes of a pixel times deltas, over all samples.
///
/// # Safety
/// The samples of `pairs` must have their bytes, and T vectors in `deltas`.
#[inline(always)]
unsafe fn gradient<V: Vector, const T: usize>(
    token: V::Token,
    column: Column,
    deltas: *const i32,
    stride: usize,
) -> [V::Ints; T] {
    let mut sums: [V::Ints; T] = array_of!(_t < T => V::splat_ints(token, 0));
    let mut rest = column.pairs;
    while rest != 0 {
        let pair = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        // SAFETY: the caller vouches for the bytes and deltas of both samples. Where the block has an odd number
        // of samples, the byte after the last one's is read, in the padding of its square at most, times 0.
        unsafe {
            let lower = i32::from(*column.bytes[0].add(pair * PIXEL_BLOCK));
            let upper = i32::from(*column.bytes[1].add(pair * PIXEL_BLOCK));
            let x = V::splat_ints(token, lower | upper << 16);
            let deltas = deltas.add(pair * stride);
            for (t, sum) in sums.iter_mut().enumerate() {
                *sum = V::add_dots(*sum, x, V::load_ints(token, deltas.add(t * V::LANES)));
            }
        }
    }
    sums
}
