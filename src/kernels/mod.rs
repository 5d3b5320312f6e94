//! The hot loops of a training step, one file an operation.
//!
//! Each is generic over [`Vector`](crate::simd::Vector) and run by
//! [`Isa::run`](crate::simd::Isa::run). A vector's lanes are different outputs (hidden units,
//! classes, samples), never terms of one sum: each sum runs through its terms one by one. So the
//! results do not depend on the number of lanes, nor on the tiles chosen here.
//!
//! | kernel | formula | order of its sums |
//! | --- | --- | --- |
//! | [`prepare`] | bytes by sample and by pixel, masks of the non-zero ones | |
//! | [`select`] | some samples of a block as a block | |
//! | [`warp`] | an image whose pixels are moved | any: they are exact |
//! | [`forward`] | h = sigmoid(x W + b) | bias, then pixels ascending |
//! | [`logits`] | a leaf's part of h V | hidden units ascending |
//! | [`softmax`] | loss, and (y - t) / samples | classes ascending |
//! | [`hidden_delta`] | dk = (ds V^T) h (1 - h) | classes ascending |
//! | [`weight_update`] | dW = x^T dk, and the SGD step on W | samples ascending |
//! | [`output_update`] | dV = h^T ds, and the SGD step on V | samples ascending |
//! | [`integer_forward`] | as `forward`, from [`integers`] | any: they are exact |
//! | [`integer_delta`] | dk as [`integers`] | |
//! | [`integer_extent`] | largest absolute values and their sums, to choose scales | any: they are exact |
//! | [`integer_update`] | as `weight_update`, from [`integers`] | any: they are exact |
//!
//! Kernels take slices, check their lengths once, and then use pointers.

pub mod forward;
pub mod hidden_delta;
pub mod integer_delta;
pub mod integer_extent;
pub mod integer_forward;
pub mod integer_update;
pub mod integers;
pub mod logits;
pub mod output_update;
pub mod prepare;
mod product;
pub mod rule;
pub mod select;
pub mod softmax;
mod tile;
pub mod warp;
pub mod weight_update;

pub(crate) use crate::simd::tiles::{BLOCK_SAMPLES, PIXEL_BLOCK};
use crate::simd::tiles::{
    DENSE, DENSE_GRADIENT_PIXELS, GRADIENT_PIXELS, SCATTERED, SCATTERED_GRADIENT_PIXELS,
};

/// Samples of a mask word.
pub const WORD: usize = 64;

/// Most mask words of a block.
pub const MASK_WORDS: usize = BLOCK_SAMPLES / WORD;

/// The first of each pair of bits.
pub(crate) const EVEN: u64 = 0x5555_5555_5555_5555;

/// Classes are padded to a multiple of this: one AVX-512 vector.
pub const CLASS_PADDING: usize = crate::simd::MAX_LANES;

/// Input of byte b: b / 255, correctly rounded.
pub static INPUT_OF_BYTE: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte as f32 / 255.0;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
