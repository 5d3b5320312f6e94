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
//! | [`forward`] | h = sigmoid(x W + b) | bias, then pixels ascending |
//! | [`logits`] | a leaf's part of h V | hidden units ascending |
//! | [`softmax`] | loss, and (y - t) / samples | classes ascending |
//! | [`hidden_delta`] | dk = (ds V^T) h (1 - h) | classes ascending |
//! | [`weight_update`] | dW = x^T dk, and the SGD step on W | samples ascending |
//! | [`output_update`] | dV = h^T ds, and the SGD step on V | samples ascending |
//!
//! Kernels take slices, check their lengths once, and then use pointers.

pub(crate) mod forward;
pub(crate) mod hidden_delta;
pub(crate) mod logits;
pub(crate) mod output_update;
pub(crate) mod prepare;
mod product;
pub(crate) mod rule;
pub(crate) mod softmax;
mod tile;
pub(crate) mod weight_update;

pub(crate) use crate::simd::tiles::{BLOCK_SAMPLES, PIXEL_BLOCK};
use crate::simd::tiles::{
    DENSE, DENSE_GRADIENT_PIXELS, GRADIENT_PIXELS, SCATTERED, SCATTERED_GRADIENT_PIXELS,
};

/// Samples of a mask word.
pub(crate) const WORD: usize = 64;

/// Most mask words of a block.
pub(crate) const MASK_WORDS: usize = BLOCK_SAMPLES / WORD;

/// Classes are padded to a multiple of this: one AVX-512 vector.
pub(crate) const CLASS_PADDING: usize = crate::simd::MAX_LANES;

/// Input of byte b: b / 255, correctly rounded.
pub(crate) static INPUT_OF_BYTE: [f32; 256] = {
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
