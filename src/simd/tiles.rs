//! The sizes of tiles and blocks, all in one table.
//!
//! | size | AVX-512 | AVX2 | portable | reason |
//! | --- | --- | --- | --- | --- |
//! | `forward`: vectors of hidden units whose sums the forward pass keeps in registers | 10 | 13 | 6 | As many as there are registers for, since each pixel that is found in a mask, and its value, then serve more multiply-adds. AVX-512: 300 units on two threads are tiles of 9 and 10; 4, 5 and 7 were slower. AVX2: 13 sums, the pixel value and two spare of 16 registers; 5, 8, 10 and 12 were slower. SSE2: a vector is two of 16 registers; 4, 5 and 7 were slower or as fast. |
//! | `gradient`: the same of the weight gradient, for each of two pixels | 5 | 6 | 2 | AVX-512: the deltas of 100 samples are 32 KB for 5 vectors, and stay in L1; 10, which halves the visits of masks, took 6 % longer, 4 took 4 % longer. AVX2: 15 of 16 registers. SSE2: 8 registers of sums, 6 of the rest. |
//! | [`GRADIENT_PIXELS`] | 2 | 2 | 2 | Neighbours share each delta that is loaded; as they are mostly zero together, only 17 % of the multiply-adds meet a zero on MNIST, beside or above each other alike. With three it is 33 % and with four 48 %, which costs more than the loads saved; one by one a multiply-add needs a load of its own. |
//! | [`SCATTERED_GRADIENT_PIXELS`], [`SCATTERED`] | 1, 1.35 | the same | the same | Where zeros are strewn among the inputs, pairs waste more than the loads cost: half of the multiply-adds where half of the inputs are zero at random. |
//! | `integer_gradient`: the same in integers, for each of two pixels one after the other | 10 | 12 | 7 | A pair of samples of one pixel is one multiply-add, so nothing is shared but the pair itself, and its dozen other instructions want many vectors; the sums of the first pixel may be spilled. AVX-512: 5 and 7 took a third longer; AVX2: 5 took a quarter longer, 7 a tenth. SSE2: 14 registers of sums, a pair and a product; 4 took 5 to 10 % longer. |
//! | `dense_gradient`: the same where most inputs are not zero, for each of four pixels | 5 | none | none | Few products are with zeros then, and 20 sums need only five loads of deltas, which stay in L1. AVX2 has no registers for more than it uses already. |
//! | `dense_samples`: samples whose sums the forward pass adds to at once where most inputs are not zero | 2 | 1 | 1 | Two samples share each weight that is loaded: 20 sums, two inputs, one weight. AVX-512 loads an operand and a half a cycle at most, but multiplies one or two. |
//! | [`DENSE`] | 0.7 | | | Share of non-zero inputs from which on the dense paths are taken. |
//! | `logits`: samples whose logits are summed at once | 13 | 6 | 6 | Each row of V that is loaded serves them all, and enough sums hide the latency of a multiply-add. 16 classes are one vector of AVX-512, two of the others. |
//! | `output_gradient`: vectors of hidden units for each of five classes | 5 | 2 | 2 | 25 sums, 5 vectors and a scalar of 32 registers; 10 sums, 2 vectors and a scalar of 16. 10 classes are two whole tiles. |
//! | `hidden_delta`: vectors of hidden units for each of four samples | 5 | 3 | 3 | 20 sums, 5 vectors and a scalar of 32 registers; 12 sums, 3 vectors and a scalar of 16. |
//! | [`PIXEL_BLOCK`] | 64 | 64 | 64 | The bits of a mask. The weight rows of 64 pixels are 26 KiB for 13 AVX2 vectors, 40 KiB for 10 of AVX-512, of which a minibatch of MNIST uses 29: most stay in L1. |
//! | [`BLOCK_SAMPLES`] | 128 | 128 | 128 | Two mask words a pixel. The deltas of 128 samples are 24 KiB for 6 AVX2 vectors and 40 KiB for 5 of AVX-512: in L1, or nearly. A larger minibatch is a series of blocks. |
//!
//! "Slower" is by `fused-mlp profile` and loops taken out of the kernels, minibatches of 100: AVX-512 on
//! Zen 4 (32 KiB of L1d, 1 MiB of L2 a core), AVX2 and SSE2 on an Intel Xeon (48 KiB, 2 MiB; Emerald Rapids), other
//! integers on another (32 KiB, 1 MiB; Cascade Lake). On Zen 5 (48 KiB,
//! 1 MiB), which has twice the multiply-adds for AVX-512, nothing else was faster: gradients of 10 vectors
//! took 2 to 7 % longer, forward tiles of 20 vectors and weight rows of 128 pixels the same time. No size
//! changes a result.

/// Register tiles of one instruction set, in vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterTiles {
    /// Most vectors of a tile of the forward pass.
    pub forward: usize,
    /// Most vectors of a tile of the weight gradient.
    pub gradient: usize,
    /// Most vectors of a tile of the weight gradient in integers, for each of two pixels.
    pub integer_gradient: usize,
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
    integer_gradient: 10,
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
    integer_gradient: 12,
    dense_gradient: 0,
    dense_samples: 1,
    logits: 6,
    output_gradient: 2,
    hidden_delta: 3,
};
pub(super) const PORTABLE: RegisterTiles = RegisterTiles {
    forward: 6,
    gradient: 2,
    integer_gradient: 7,
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
/// The same where zeros are strewn among the inputs.
pub(crate) const SCATTERED_GRADIENT_PIXELS: usize = 1;
/// Inputs in pairs of neighbours that are not both zero, to those that are not zero, from which on
/// inputs are scattered.
pub(crate) const SCATTERED: f32 = 1.35;
/// Share of non-zero inputs from which on they are dense.
pub(crate) const DENSE: f32 = 0.7;
/// Pixels whose weight rows the forward pass goes through for all samples before the next ones.
pub(crate) const PIXEL_BLOCK: usize = 64;
/// Most samples that are worked on at once.
pub const BLOCK_SAMPLES: usize = 128;
