//! The sizes of tiles and blocks, all in one table.
//!
//! | size | AVX-512 | AVX2 | portable | reason |
//! | --- | --- | --- | --- | --- |
//! | `forward`: vectors of hidden units whose sums the forward pass keeps in registers | 10 | 13 | 5 | As many as there are registers for, since each pixel that is found in a mask, and its value, then serve more multiply-adds. AVX-512: 300 units on two threads are one tile of 10; 5 and 7 were slower. AVX2: 13 sums, the pixel value and two spare of 16 registers; 5, 8, 10 and 12 were slower. SSE2: a vector is two of 16 registers. |
//! | `gradient`: the same of the weight gradient, for each of two pixels | 10 | 6 | 2 | AVX-512: 20 sums, two pixel values, one delta of 32 registers; 5 was slower, as were 3, 4 and 5 pixels of 5 vectors. AVX2: 15 of 16 registers. SSE2: 8 half registers of sums, 6 of the rest. |
//! | [`GRADIENT_PIXELS`] | 2 | 2 | 2 | Neighbours share each delta that is loaded; as they are mostly zero together, only 17 % of the multiply-adds meet a zero on MNIST. With three it is 25 %, which costs what the loads save. |
//! | `dense_gradient`: the same where most inputs are not zero, for each of four pixels | 5 | none | none | Few products are with zeros then, and 20 sums need only five loads of deltas, which stay in L1. AVX2 has no registers for more than it uses already. |
//! | `dense_samples`: samples whose sums the forward pass adds to at once where most inputs are not zero | 2 | 1 | 1 | Two samples share each weight that is loaded: 20 sums, two inputs, one weight. AVX-512 loads one operand and a half a cycle, but multiplies two. |
//! | [`DENSE`] | 0.7 | | | Share of non-zero inputs from which on the dense paths are taken. |
//! | [`PIXEL_BLOCK`] | 64 | 64 | 64 | The bits of a mask word. The weight rows of 64 pixels are 26 KiB for 13 AVX2 vectors, 40 KiB for 10 of AVX-512: they stay in L1, most of them, where that is 48 KiB. |
//! | [`BLOCK_SAMPLES`] | 128 | 128 | 128 | Two mask words a pixel. The deltas of 128 samples for 6 AVX2 vectors are 24 KiB of L1; for 10 of AVX-512 they are 80 KiB, and come from L2 in part. A larger minibatch is a series of blocks. |
//!
//! "Slower" is by `fused-mlp profile`, minibatches of 100, on an Intel Xeon with 48 KiB of L1d and
//! 2 MiB of L2 a core. No size changes a result.

/// Register tiles of one instruction set, in vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegisterTiles {
    /// Most vectors of a tile of the forward pass.
    pub forward: usize,
    /// Most vectors of a tile of the weight gradient.
    pub gradient: usize,
    /// Most vectors of a tile of the weight gradient of dense inputs; 0 if there is no such path.
    pub dense_gradient: usize,
    /// Samples of a tile of the forward pass on dense inputs, 1 or 2.
    pub dense_samples: usize,
    /// Most samples of a tile of the logits, for each vector of 16 classes.
    pub logits: usize,
    /// Most vectors of a tile of the output layer's gradient, for each of five classes.
    pub output_gradient: usize,
    /// Most vectors of a tile of the hidden delta, for each of four samples.
    pub hidden_delta: usize,
}

#[cfg(target_arch = "x86_64")]
pub(super) const AVX512: RegisterTiles = RegisterTiles {
    forward: 10,
    gradient: 5,
    dense_gradient: 5,
    dense_samples: 2,
    logits: 13,
    output_gradient: 5,
    hidden_delta: 5,
};
#[cfg(target_arch = "x86_64")]
pub(super) const AVX2: RegisterTiles = RegisterTiles {
    forward: 13,
    gradient: 6,
    dense_gradient: 0,
    dense_samples: 1,
    logits: 6,
    output_gradient: 2,
    hidden_delta: 3,
};
pub(super) const PORTABLE: RegisterTiles = RegisterTiles {
    forward: 5,
    gradient: 2,
    dense_gradient: 0,
    dense_samples: 1,
    logits: 6,
    output_gradient: 2,
    hidden_delta: 3,
};

/// Pixels whose gradients are summed together.
pub(crate) const GRADIENT_PIXELS: usize = 2;
/// The same on dense inputs.
pub(crate) const DENSE_GRADIENT_PIXELS: usize = 4;
/// Share of non-zero inputs from which on they are dense.
pub(crate) const DENSE: f32 = 0.7;
/// Pixels whose weight rows the forward pass goes through for all samples before the next ones.
pub(crate) const PIXEL_BLOCK: usize = 64;
/// Most samples that are worked on at once.
pub(crate) const BLOCK_SAMPLES: usize = 128;
