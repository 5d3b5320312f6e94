//! A block of samples, laid out for both directions of the first layer.
//!
//! bytes         [pixel block][sample][64 bytes]
//! sample masks  [pixel block][sample]   bit i: byte i of the 64 is not zero; forward pass
//! pixel masks   [pixel block][word][64] bit i: byte of sample 64 word + i is not zero; gradient
//!
//! Both passes walk the set bits of the masks and never look at a zero: `fma(0, w, sum) == sum`.
#![expect(
    unsafe_code,
    reason = "bytes are looked at in whole vectors, through pointers"
)]

use super::{BLOCK_SAMPLES, DENSE, MASK_WORDS, PIXEL_BLOCK};
use crate::simd::{Kernel, Vector};

/// Of so many samples one is looked at to tell whether inputs are dense.
const DENSITY_STEP: usize = 8;

/// Sizes of a prepared block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockLayout {
    /// Bytes of a sample.
    pub inputs: usize,
    /// Most samples of a block, a multiple of 8, so that the masks of a pixel block are whole cache
    /// lines; at most [`BLOCK_SAMPLES`].
    pub capacity: usize,
}

impl BlockLayout {
    /// For blocks of up to `samples` samples.
    pub(crate) fn new(inputs: usize, samples: usize) -> Self {
        assert!(
            (1..=BLOCK_SAMPLES).contains(&samples),
            "{samples} samples in a block"
        );
        Self {
            inputs,
            capacity: samples.next_multiple_of(8),
        }
    }

    /// Blocks of 64 pixels, the last of which may be partly empty.
    pub(crate) fn pixel_blocks(&self) -> usize {
        self.inputs.div_ceil(PIXEL_BLOCK)
    }

    /// Elements of `bytes`.
    pub(crate) fn bytes(&self) -> usize {
        self.pixel_blocks() * PIXEL_BLOCK * self.capacity
    }

    /// Elements of `sample_masks`.
    pub(crate) fn sample_masks(&self) -> usize {
        self.pixel_blocks() * self.capacity
    }

    /// Elements of `pixel_masks`.
    pub(crate) fn pixel_masks(&self) -> usize {
        self.pixel_blocks() * MASK_WORDS * PIXEL_BLOCK
    }
}

/// A prepared block, to be read.
///
/// Invariant: it was filled by [`Prepare`] for `samples` samples, so no sample mask has a bit at or
/// beyond `inputs`, no pixel mask one at or beyond `samples`, and the masks of the padding after
/// the last pixel are 0.
#[derive(Clone, Copy)]
pub(crate) struct PreparedBlock<'a> {
    layout: BlockLayout,
    samples: usize,
    bytes: &'a [u8],
    sample_masks: &'a [u64],
    pixel_masks: &'a [u64],
}

impl<'a> PreparedBlock<'a> {
    /// `bytes` is `[pixel block][capacity][64]`, `sample_masks` `[pixel block][capacity]`,
    /// `pixel_masks` `[pixel block][word][64]`.
    ///
    /// # Safety
    /// [`Prepare`] must have filled all three, with this layout and as many samples, for every
    /// pixel block.
    pub(crate) unsafe fn new(
        layout: BlockLayout,
        samples: usize,
        bytes: &'a [u8],
        sample_masks: &'a [u64],
        pixel_masks: &'a [u64],
    ) -> Self {
        assert!(samples <= layout.capacity);
        assert!(bytes.len() >= layout.bytes());
        assert!(sample_masks.len() >= layout.sample_masks());
        assert!(pixel_masks.len() >= layout.pixel_masks());
        Self {
            layout,
            samples,
            bytes,
            sample_masks,
            pixel_masks,
        }
    }

    /// Bytes of a sample.
    pub(crate) fn inputs(&self) -> usize {
        self.layout.inputs
    }

    /// Samples in the block.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// Blocks of 64 pixels.
    pub(crate) fn pixel_blocks(&self) -> usize {
        self.layout.pixel_blocks()
    }

    /// Whether the paths for dense inputs are faster, by every eighth sample. No result depends on it.
    #[inline(always)]
    pub(crate) fn is_dense(&self) -> bool {
        let counted = self.samples.div_ceil(DENSITY_STEP) * self.inputs();
        let non_zero: u32 = (0..self.pixel_blocks())
            .flat_map(|pixel_block| self.sample_masks(pixel_block).iter().step_by(DENSITY_STEP))
            .map(|mask| mask.count_ones())
            .sum();
        non_zero as f32 >= DENSE * counted as f32
    }

    /// Masks of the 64 pixels of a pixel block, one a sample.
    #[inline(always)]
    pub(crate) fn sample_masks(&self, pixel_block: usize) -> &'a [u64] {
        &self.sample_masks[pixel_block * self.layout.capacity..][..self.samples]
    }

    /// Masks of the samples for each pixel of a pixel block, `[word][64]`, the padding after the last
    /// pixel included.
    #[inline(always)]
    pub(crate) fn pixel_masks(&self, pixel_block: usize) -> &'a [[u64; PIXEL_BLOCK]] {
        let (words, _) = self.pixel_masks.as_chunks();
        &words[pixel_block * MASK_WORDS..][..MASK_WORDS]
    }

    /// The 64 bytes of each sample in a pixel block.
    #[inline(always)]
    pub(crate) fn bytes(&self, pixel_block: usize) -> &'a [u8] {
        let first = pixel_block * self.layout.capacity * PIXEL_BLOCK;
        &self.bytes[first..][..self.samples * PIXEL_BLOCK]
    }
}

/// The parts of a block's buffers that belong to one pixel block, to be written.
pub(crate) struct PixelBlockTarget<'a> {
    /// `[capacity][64]`.
    pub bytes: &'a mut [u8],
    /// `[capacity]`.
    pub sample_masks: &'a mut [u64],
    /// `[word][64]`.
    pub pixel_masks: &'a mut [u64],
}

/// Fills one pixel block of a prepared block.
pub(crate) struct Prepare<'a> {
    /// Sizes.
    pub layout: BlockLayout,
    /// All images of the data set, `layout.inputs` bytes each.
    pub images: &'a [u8],
    /// Which of them make up the block, in order.
    pub order: &'a [u32],
    /// Which pixel block.
    pub pixel_block: usize,
    /// Where it goes.
    pub target: PixelBlockTarget<'a>,
}

impl Kernel for Prepare<'_> {
    type Output = ();

    // One pixel block at a time: each sample's 64 bytes are copied and their mask is found while
    // they are in a register. The masks of 64 samples are then transposed, 512 bytes in L1; the bytes
    // are not, the gradient reads them a sample apart. The rows of a shuffled minibatch are scattered
    // over the file; the copies do not depend on each other, so the CPU waits for many at once: the
    // more, the fewer instructions a copy takes. Asking for the rows of the next step by prefetch
    // instructions, during the gradient, made that slower by as much as it made this faster.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let layout = self.layout;
        assert!(self.order.len() <= layout.capacity && self.pixel_block < layout.pixel_blocks());
        let first = self.pixel_block * PIXEL_BLOCK;
        let width = PIXEL_BLOCK.min(layout.inputs - first);
        let kept: [u8; PIXEL_BLOCK] = std::array::from_fn(|i| if i < width { 0xff } else { 0 });
        let (rows, _) = self.target.bytes.as_chunks_mut::<PIXEL_BLOCK>();
        let samples = self.order.iter().zip(rows);
        for ((&index, row), sample_mask) in samples.zip(&mut *self.target.sample_masks) {
            let source = &self.images[index as usize * layout.inputs + first..];
            // 64 bytes are one move, those of the next image included, which are then cleared.
            match source.first_chunk::<PIXEL_BLOCK>() {
                Some(source) if width == PIXEL_BLOCK => *row = *source,
                Some(source) => *row = std::array::from_fn(|i| source[i] & kept[i]),
                None => {
                    row[..width].copy_from_slice(&source[..width]);
                    row[width..].fill(0);
                }
            }
            // SAFETY: a row has 64 bytes.
            *sample_mask = unsafe { V::non_zero_64(token, row.as_ptr()) };
        }
        let sample_masks = self.target.sample_masks[..self.order.len()].chunks(64);
        let (words, _) = self.target.pixel_masks.as_chunks_mut::<PIXEL_BLOCK>();
        for word in &mut *words {
            *word = [0; PIXEL_BLOCK];
        }
        for (word, sample_masks) in words.iter_mut().zip(sample_masks) {
            let mut square: BitSquare = [[0; 8]; 8];
            for (i, masks) in sample_masks.chunks(8).enumerate() {
                for (row, &mask) in square.iter_mut().zip(masks) {
                    row[i] = mask;
                }
            }
            transpose(&mut square);
            word.copy_from_slice(square.as_flattened());
        }
    }
}

/// 64 x 64 bits, eight words a chunk.
type BitSquare = [[u64; 8]; 8];

/// Transposes 64 x 64 bits: bit j of row i becomes bit i of row j. Row 8 i + j is given at `[j][i]` and
/// returned at `[i][j]`.
///
/// Bits that are 2^k apart in rows and in columns change places, for each k (H. S. Warren, "Hacker's
/// Delight", 2nd edition, section 7-3). Rows whose distance is 1, 2 or 4 are in different chunks at
/// first, rows whose distance is 8, 16 or 32 at last, so each exchange works on whole chunks: vectors.
#[inline(always)]
fn transpose(square: &mut BitSquare) {
    exchange::<1>(square, 1, 0x5555_5555_5555_5555);
    exchange::<2>(square, 2, 0x3333_3333_3333_3333);
    exchange::<4>(square, 4, 0x0f0f_0f0f_0f0f_0f0f);
    flip(square);
    exchange::<1>(square, 8, 0x00ff_00ff_00ff_00ff);
    exchange::<2>(square, 16, 0x0000_ffff_0000_ffff);
    exchange::<4>(square, 32, 0x0000_0000_ffff_ffff);
}

/// Exchanges the upper bits of each word, those that `lower` leaves out, with the lower bits of the
/// word DISTANCE chunks further on.
#[inline(always)]
fn exchange<const DISTANCE: usize>(square: &mut BitSquare, shift: u32, lower: u64) {
    for i in 0..8 {
        if i & DISTANCE == 0 {
            let (mut left, mut right) = (square[i], square[i + DISTANCE]);
            for (left, right) in left.iter_mut().zip(&mut right) {
                let changed = ((*left >> shift) ^ *right) & lower;
                *left ^= changed << shift;
                *right ^= changed;
            }
            square[i] = left;
            square[i + DISTANCE] = right;
        }
    }
}

/// Exchanges words `[i][j]` and `[j][i]`. Not inlined, so that it is compiled for the base instruction
/// set: with AVX-512 it would become gathers, which take several times as long as plain moves.
#[inline(never)]
fn flip(square: &mut BitSquare) {
    for i in 0..8 {
        for j in 0..i {
            let word = square[i][j];
            square[i][j] = square[j][i];
            square[j][i] = word;
        }
    }
}
