//! Linear layer and sigmoid in one pass: h = sigmoid(x W + b).
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::prepare::{Pattern, PreparedBlock};
use super::tile::{tiles, with_tile};
use super::{INPUT_OF_BYTE, PIXEL_BLOCK};
use crate::simd::{Isa, Kernel, Vector, sigmoid};

/// h = sigmoid(x W + b) for a slice of the hidden layer.
pub struct Forward<'a> {
    /// x.
    pub block: PreparedBlock<'a>,
    /// W, `[inputs][stride]`.
    pub weights: &'a [f32],
    /// b, `[stride]`.
    pub bias: &'a [f32],
    /// h, `[samples][stride]`, written.
    pub hidden: &'a mut [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// How the inputs of the block lie.
    pub pattern: Pattern,
}

impl Forward<'_> {
    /// Runs the kernel, or the one for dense inputs where that is faster. The bits are the same.
    pub fn run_on(self, isa: Isa) {
        if isa.tiles().dense_samples == 2 && self.pattern == Pattern::Dense {
            isa.run_rounding_once(DenseForward(self));
        } else {
            isa.run_rounding_once(self);
        }
    }

    /// The tiles, first unit and vectors of each.
    #[inline(always)]
    fn tiles<V: Vector>(&self) -> impl Iterator<Item = (usize, usize)> + use<V> {
        assert!(
            self.stride.is_multiple_of(V::LANES),
            "the slice is padded to whole vectors"
        );
        assert!(self.weights.len() >= self.block.inputs() * self.stride);
        assert!(self.bias.len() >= self.stride);
        assert!(self.hidden.len() >= self.block.samples() * self.stride);
        tiles(self.stride / V::LANES, V::TILES.forward)
            .map(|(first, vectors)| (first * V::LANES, vectors))
    }

    #[inline(always)]
    fn tile(&mut self, unit: usize) -> Tile<'_> {
        assert!(unit < self.stride);
        Tile {
            block: self.block,
            // SAFETY: the unit lies within the stride of each buffer.
            weights: unsafe { self.weights.as_ptr().add(unit) },
            // SAFETY: as above.
            bias: unsafe { self.bias.as_ptr().add(unit) },
            // SAFETY: as above.
            hidden: unsafe { self.hidden.as_mut_ptr().add(unit) },
            stride: self.stride,
        }
    }
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        for (unit, vectors) in self.tiles::<V>() {
            let tile = self.tile(unit);
            // SAFETY: `tiles` has checked every row of every tile.
            unsafe { with_tile!(vectors, V::TILES.forward, forward_tile::<V>(token, tile)) }
        }
    }
}

/// The same where most inputs are not zero. A kernel of its own: compiled into one function with
/// the other, it cost that one a fortieth of its time.
struct DenseForward<'a>(Forward<'a>);

impl Kernel for DenseForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        for (unit, vectors) in self.0.tiles::<V>() {
            let tile = self.0.tile(unit);
            // SAFETY: `tiles` has checked every row of every tile.
            unsafe { with_tile!(vectors, V::TILES.forward, dense_tile::<V>(token, tile)) }
        }
    }
}

/// The columns of a tile, from its first unit on.
#[derive(Clone, Copy)]
struct Tile<'a> {
    block: PreparedBlock<'a>,
    weights: *const f32,
    bias: *const f32,
    hidden: *mut f32,
    stride: usize,
}

/// One tile of T vectors, for all samples.
///
/// For 64 pixels at a time (their weight rows, 64 x T vectors, stay in L1) and each sample: load
/// the sample's T sums into registers, add x W for the sample's non-zero pixels among the 64, T
/// multiply-adds each, store the sums. No product with a zero is computed, and each weight row
/// comes from L2 once a block of samples. The sums of all samples, 128 x T vectors, go through L1
/// once for every 64 pixels, and after the last of them through the sigmoid.
///
/// # Safety
/// Every row of `weights` below the block's inputs, `bias`, and every row of `hidden` below the
/// block's samples must hold T vectors.
#[inline(always)]
unsafe fn forward_tile<V: Vector, const T: usize>(token: V::Token, tile: Tile<'_>) {
    let Tile {
        block,
        weights,
        bias,
        hidden,
        stride,
    } = tile;
    let last = block.pixel_blocks() - 1;
    let squares =
        (0..=last).flat_map(|pixel_block| (0..block.words()).map(move |w| (pixel_block, w)));
    for (pixel_block, word) in squares {
        let masks = block.sample_masks(word, pixel_block);
        let rows = block.bytes(word, pixel_block).as_ptr();
        for (place, &mask) in masks.iter().enumerate() {
            if mask == 0 && pixel_block > 0 && pixel_block < last {
                continue;
            }
            let sample = block.first_sample(word) + place;
            // SAFETY: `sample` is below the block's samples, a set bit is a pixel below its inputs
            // (`PreparedBlock`), and the caller vouches for T vectors in each row.
            unsafe {
                let target = hidden.add(sample * stride);
                let start = if pixel_block == 0 {
                    bias
                } else {
                    target.cast_const()
                };
                let mut sums: [V; T] = array_of!(t < T => V::load(token, start.add(t * V::LANES)));
                let row = rows.add(place * PIXEL_BLOCK);
                let block_weights = weights.add(pixel_block * PIXEL_BLOCK * stride);
                let mut rest = mask;
                while rest != 0 {
                    let pixel = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    let x = V::splat_from_register(token, INPUT_OF_BYTE[*row.add(pixel) as usize]);
                    let weight_row = block_weights.add(pixel * stride);
                    for (t, sum) in sums.iter_mut().enumerate() {
                        *sum = x.mul_add(V::load(token, weight_row.add(t * V::LANES)), *sum);
                    }
                }
                if pixel_block == last {
                    // A copy, because this loop is too long to be unrolled, and what it indexes lies in
                    // memory: `sums` stay in registers.
                    let mut activations = sums;
                    for sum in &mut activations {
                        *sum = sigmoid(token, *sum);
                    }
                    sums = activations;
                }
                for t in 0..T {
                    sums[t].store(target.add(t * V::LANES));
                }
            }
        }
    }
}

/// The sigmoid of all sums of a tile, in place.
///
/// # Safety
/// As [`forward_tile`].
#[inline(always)]
unsafe fn sigmoids<V: Vector, const T: usize>(token: V::Token, tile: Tile<'_>) {
    for sample in 0..tile.block.samples() {
        // SAFETY: the caller vouches for T vectors in each row.
        unsafe {
            let target = tile.hidden.add(sample * tile.stride);
            for t in 0..T {
                let target = target.add(t * V::LANES);
                sigmoid(token, V::load(token, target)).store(target);
            }
        }
    }
}

/// [`forward_tile`] where most inputs are not zero: two samples at a time. 2 x T sums, two inputs and
/// a weight are in registers, and each weight that is loaded serves both, at the price of products
/// with the zeros of one of them. A last sample
/// without a partner is its own: it is added up and stored twice, to the same bits.
///
/// # Safety
/// As [`forward_tile`].
#[inline(always)]
unsafe fn dense_tile<V: Vector, const T: usize>(token: V::Token, tile: Tile<'_>) {
    for pixel_block in 0..tile.block.pixel_blocks() {
        for word in 0..tile.block.words() {
            // SAFETY: the caller keeps the same contract.
            unsafe { add_pairs::<V, T>(token, tile, (word, pixel_block)) }
        }
    }
    // SAFETY: as above.
    unsafe { sigmoids::<V, T>(token, tile) }
}

/// Adds the products of a square of 64 pixels and 64 samples to the samples' sums.
///
/// # Safety
/// As [`forward_tile`], of a square of the block.
#[inline(always)]
unsafe fn add_pairs<V: Vector, const T: usize>(
    token: V::Token,
    tile: Tile<'_>,
    (word, pixel_block): (usize, usize),
) {
    let Tile {
        block,
        weights,
        bias,
        hidden,
        stride,
    } = tile;
    let masks = block.sample_masks(word, pixel_block);
    let rows = block.bytes(word, pixel_block).as_ptr();
    for first in (0..masks.len()).step_by(2) {
        let pair = [first, (first + 1).min(masks.len() - 1)];
        let mut rest = masks[pair[0]] | masks[pair[1]];
        // SAFETY: the samples are below the block's samples, a set bit is a pixel below its inputs
        // (`PreparedBlock`), and the caller vouches for T vectors in each row.
        unsafe {
            let targets =
                array_of!(i < 2 => hidden.add((block.first_sample(word) + pair[i]) * stride));
            let starts = match pixel_block {
                0 => [bias; 2],
                _ => [targets[0].cast_const(), targets[1].cast_const()],
            };
            let mut sums: [[V; T]; 2] =
                array_of!(i < 2 => array_of!(t < T => V::load(token, starts[i].add(t * V::LANES))));
            let bytes = array_of!(i < 2 => rows.add(pair[i] * PIXEL_BLOCK));
            let block_weights = weights.add(pixel_block * PIXEL_BLOCK * stride);
            while rest != 0 {
                let pixel = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let x: [V; 2] = array_of!(
                    i < 2 => V::splat(token, INPUT_OF_BYTE[*bytes[i].add(pixel) as usize])
                );
                let weight_row = block_weights.add(pixel * stride);
                for t in 0..T {
                    let weight = V::load(token, weight_row.add(t * V::LANES));
                    for i in 0..2 {
                        sums[i][t] = x[i].mul_add(weight, sums[i][t]);
                    }
                }
            }
            for i in 0..2 {
                for t in 0..T {
                    sums[i][t].store(targets[i].add(t * V::LANES));
                }
            }
        }
    }
}
