//! A block of samples, laid out for both directions of the first layer.
//!
//! bytes         [pixel block][sample][64 bytes]
//! sample masks  [pixel block][sample]   bit i: byte i of the 64 is not zero; forward pass
//! pixel masks   [pixel][word]           bit i: byte of sample 64 word + i is not zero; gradient
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
        self.pixel_blocks() * PIXEL_BLOCK
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
    pixel_masks: &'a [[u64; MASK_WORDS]],
}

impl<'a> PreparedBlock<'a> {
    /// `bytes` is `[pixel block][capacity][64]`, `sample_masks` `[pixel block][capacity]`,
    /// `pixel_masks` `[pixel]`, with the padding after the last pixel.
    ///
    /// # Safety
    /// [`Prepare`] must have filled all three, with this layout and as many samples, for every
    /// pixel block.
    pub(crate) unsafe fn new(
        layout: BlockLayout,
        samples: usize,
        bytes: &'a [u8],
        sample_masks: &'a [u64],
        pixel_masks: &'a [[u64; MASK_WORDS]],
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

    /// Masks of the samples, one a pixel, the padding after the last pixel included.
    #[inline(always)]
    pub(crate) fn pixel_masks(&self) -> &'a [[u64; MASK_WORDS]] {
        self.pixel_masks
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
    /// `[64]`.
    pub pixel_masks: &'a mut [[u64; MASK_WORDS]],
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
    // over the file; the copies do not depend on each other, so the CPU waits for many at once.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let layout = self.layout;
        assert!(self.order.len() <= layout.capacity && self.pixel_block < layout.pixel_blocks());
        let first = self.pixel_block * PIXEL_BLOCK;
        let width = PIXEL_BLOCK.min(layout.inputs - first);
        let pixel_masks = &mut self.target.pixel_masks[..PIXEL_BLOCK];
        let (rows, _) = self.target.bytes.as_chunks_mut::<PIXEL_BLOCK>();
        let samples = self.order.iter().zip(rows).zip(self.target.sample_masks);
        let mut masks = [[0; 64]; MASK_WORDS];
        for (sample, ((&index, row), sample_mask)) in samples.enumerate() {
            let source = &self.images[index as usize * layout.inputs + first..][..width];
            // A copy of a length known at compile time is one move.
            match source.first_chunk::<PIXEL_BLOCK>() {
                Some(source) => *row = *source,
                None => {
                    row[..width].copy_from_slice(source);
                    row[width..].fill(0);
                }
            }
            // SAFETY: a row has 64 bytes.
            let mask = unsafe { V::non_zero_64(token, row.as_ptr()) };
            *sample_mask = mask;
            masks[sample / 64][interleaved(sample % 64)] = mask;
        }
        for (word, masks) in masks.into_iter().enumerate() {
            let masks = if self.order.len() > word * 64 {
                transpose_interleaved(masks)
            } else {
                masks
            };
            for (pixel_masks, mask) in pixel_masks.iter_mut().zip(masks) {
                pixel_masks[word] = mask;
            }
        }
    }
}

/// Where row `row` of 64 stands when row 8 i + j is kept at 8 j + i.
#[inline(always)]
fn interleaved(row: usize) -> usize {
    row % 8 * 8 + row / 8
}

/// Transposes 64 x 64 bits: bit j of row i becomes bit i of row j. The rows given are
/// [`interleaved`], those returned are in order.
///
/// Bits that are 2^k apart in rows and in columns change places, for each k (H. S. Warren, "Hacker's
/// Delight", 2nd edition, section 7-3). Interleaved, rows that are 1, 2 or 4 apart are 8, 16 or 32
/// words apart in memory, so that every exchange works on at least 8 neighbouring words: a vector.
#[inline(always)]
fn transpose_interleaved(mut rows: [u64; 64]) -> [u64; 64] {
    exchange::<8>(&mut rows, 1, 0x5555_5555_5555_5555);
    exchange::<16>(&mut rows, 2, 0x3333_3333_3333_3333);
    exchange::<32>(&mut rows, 4, 0x0f0f_0f0f_0f0f_0f0f);
    let mut rows = std::array::from_fn(|row| rows[interleaved(row)]);
    exchange::<8>(&mut rows, 8, 0x00ff_00ff_00ff_00ff);
    exchange::<16>(&mut rows, 16, 0x0000_ffff_0000_ffff);
    exchange::<32>(&mut rows, 32, 0x0000_0000_ffff_ffff);
    rows
}

/// Exchanges the upper bits of each word, those that `lower` leaves out, with the lower bits of the
/// word DISTANCE further on, for every other DISTANCE words.
#[inline(always)]
fn exchange<const DISTANCE: usize>(rows: &mut [u64; 64], shift: u32, lower: u64) {
    for pair in rows.chunks_exact_mut(2 * DISTANCE) {
        let (left, right) = pair.split_at_mut(DISTANCE);
        for (left, right) in left.iter_mut().zip(right) {
            let changed = ((*left >> shift) ^ *right) & lower;
            *left ^= changed << shift;
            *right ^= changed;
        }
    }
}
