//! A block of samples, laid out for the two directions of the first layer.
//!
//! rows    [pixel block][sample][64 bytes]   and a mask of the non-zero bytes: forward pass
//! columns [pixel][sample]                   and a mask of the non-zero samples: weight gradient
//!
//! Both passes walk the set bits of the masks and never look at a zero: `fma(0, w, sum) == sum`.
#![expect(
    unsafe_code,
    reason = "shared buffers are written through disjoint pointers"
)]

use super::{BLOCK_SAMPLES, DENSE, MASK_WORDS, PIXEL_BLOCK};
use crate::simd::{Kernel, Vector};

/// Bytes of one side of a transposed square.
const SQUARE: usize = 16;

/// Of so many samples or pixels one is looked at to tell whether inputs are dense.
const DENSITY_STEP: usize = 8;

/// Whether enough of `inputs` inputs, which the masks are of, are not zero.
#[inline(always)]
fn is_dense<'a>(masks: impl Iterator<Item = &'a u64>, inputs: usize) -> bool {
    let non_zero: u32 = masks.map(|mask| mask.count_ones()).sum();
    non_zero as f32 >= DENSE * inputs as f32
}

/// Sizes of a prepared block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockLayout {
    /// Bytes of a sample.
    pub inputs: usize,
    /// Most samples of a block, a multiple of 16, at most [`BLOCK_SAMPLES`].
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
            capacity: samples.next_multiple_of(SQUARE),
        }
    }

    /// Blocks of 64 pixels, the last of which may be partly empty.
    pub(crate) fn pixel_blocks(&self) -> usize {
        self.inputs.div_ceil(PIXEL_BLOCK)
    }

    /// Elements of `row_bytes` and of `column_bytes`.
    pub(crate) fn bytes(&self) -> usize {
        self.pixel_blocks() * PIXEL_BLOCK * self.capacity
    }

    /// Elements of `row_masks`.
    pub(crate) fn row_masks(&self) -> usize {
        self.pixel_blocks() * self.capacity
    }

    /// Elements of `column_masks`.
    pub(crate) fn column_masks(&self) -> usize {
        self.pixel_blocks() * PIXEL_BLOCK
    }
}

/// The rows of a prepared block, to be read.
///
/// Invariant: they were filled by [`Prepare`] for `samples` samples, so no mask has a bit at or
/// beyond `inputs`.
#[derive(Clone, Copy)]
pub(crate) struct PreparedRows<'a> {
    layout: BlockLayout,
    samples: usize,
    bytes: &'a [u8],
    masks: &'a [u64],
}

impl<'a> PreparedRows<'a> {
    /// `bytes` is `[pixel block][capacity][64]`, `masks` `[pixel block][capacity]`.
    ///
    /// # Safety
    /// [`Prepare`] must have filled both, with this layout and as many samples, for every pixel
    /// block.
    pub(crate) unsafe fn new(
        layout: BlockLayout,
        samples: usize,
        bytes: &'a [u8],
        masks: &'a [u64],
    ) -> Self {
        assert!(samples <= layout.capacity);
        assert!(bytes.len() >= layout.bytes() && masks.len() >= layout.row_masks());
        Self {
            layout,
            samples,
            bytes,
            masks,
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
        let counted = self.samples.div_ceil(DENSITY_STEP);
        let masks = (0..self.pixel_blocks())
            .flat_map(|pixel_block| self.masks(pixel_block).iter().step_by(DENSITY_STEP));
        is_dense(masks, counted * self.inputs())
    }

    /// Masks of a pixel block, one a sample.
    #[inline(always)]
    pub(crate) fn masks(&self, pixel_block: usize) -> &'a [u64] {
        &self.masks[pixel_block * self.layout.capacity..][..self.samples]
    }

    /// The 64 bytes of each sample in a pixel block.
    #[inline(always)]
    pub(crate) fn bytes(&self, pixel_block: usize) -> &'a [u8] {
        let first = pixel_block * self.layout.capacity * PIXEL_BLOCK;
        &self.bytes[first..][..self.samples * PIXEL_BLOCK]
    }
}

/// The columns of a prepared block, to be read.
///
/// Invariant: they were filled by [`Prepare`] for `samples` samples, so no mask has a bit at or
/// beyond `samples`, and the masks of the padding after the last pixel are 0.
#[derive(Clone, Copy)]
pub(crate) struct PreparedColumns<'a> {
    layout: BlockLayout,
    samples: usize,
    bytes: &'a [u8],
    masks: &'a [[u64; MASK_WORDS]],
}

impl<'a> PreparedColumns<'a> {
    /// `bytes` is `[pixel][capacity]`, `masks` `[pixel]`, both with the padding after the last
    /// pixel.
    ///
    /// # Safety
    /// [`Prepare`] must have filled both, with this layout and as many samples, for every pixel
    /// block.
    pub(crate) unsafe fn new(
        layout: BlockLayout,
        samples: usize,
        bytes: &'a [u8],
        masks: &'a [[u64; MASK_WORDS]],
    ) -> Self {
        assert!(samples <= layout.capacity);
        assert!(bytes.len() >= layout.bytes() && masks.len() >= layout.column_masks());
        Self {
            layout,
            samples,
            bytes,
            masks,
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

    /// Whether the paths for dense inputs are faster, by every eighth pixel. No result depends on it.
    #[inline(always)]
    pub(crate) fn is_dense(&self) -> bool {
        let masks = self.masks.iter().step_by(DENSITY_STEP).flatten();
        is_dense(masks, self.inputs().div_ceil(DENSITY_STEP) * self.samples)
    }

    /// Masks of all pixels, the padding after the last pixel included.
    #[inline(always)]
    pub(crate) fn masks(&self) -> &'a [[u64; MASK_WORDS]] {
        self.masks
    }

    /// The bytes of a pixel, one a sample.
    #[inline(always)]
    pub(crate) fn bytes(&self, pixel: usize) -> &'a [u8] {
        &self.bytes[pixel * self.layout.capacity..][..self.layout.capacity]
    }
}

/// The parts of a block's buffers that belong to one pixel block, to be written.
pub(crate) struct PixelBlockTarget<'a> {
    /// `[capacity][64]`.
    pub row_bytes: &'a mut [u8],
    /// `[capacity]`.
    pub row_masks: &'a mut [u64],
    /// `[64][capacity]`.
    pub column_bytes: &'a mut [u8],
    /// `[64]`.
    pub column_masks: &'a mut [[u64; MASK_WORDS]],
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

impl Prepare<'_> {
    /// Copies each sample's 64 bytes and finds the non-zero ones; pads the samples up to the next
    /// multiple of 16 with zeros.
    #[inline(always)]
    fn fill_rows<V: Vector>(&mut self, token: V::Token) {
        let first = self.pixel_block * PIXEL_BLOCK;
        let width = PIXEL_BLOCK.min(self.layout.inputs - first);
        let (rows, _) = self.target.row_bytes.as_chunks_mut::<PIXEL_BLOCK>();
        for (sample, (&index, row)) in self.order.iter().zip(rows.iter_mut()).enumerate() {
            let source = &self.images[index as usize * self.layout.inputs + first..][..width];
            // A copy of a length known at compile time is one move.
            match source.first_chunk::<PIXEL_BLOCK>() {
                Some(source) => *row = *source,
                None => {
                    row[..width].copy_from_slice(source);
                    row[width..].fill(0);
                }
            }
            // SAFETY: a row has 64 bytes.
            self.target.row_masks[sample] = unsafe { V::non_zero_64(token, row.as_ptr()) };
        }
        let padded = self.order.len().next_multiple_of(SQUARE);
        rows[self.order.len()..padded].fill([0; PIXEL_BLOCK]);
    }

    /// Transposes 16 samples at a time, then finds the non-zero samples of each pixel.
    #[inline(always)]
    fn fill_columns<V: Vector>(&mut self, token: V::Token) {
        let capacity = self.layout.capacity;
        let padded = self.order.len().next_multiple_of(SQUARE);
        assert!(padded <= capacity && self.target.column_bytes.len() >= PIXEL_BLOCK * capacity);
        assert!(self.target.row_bytes.len() >= padded * PIXEL_BLOCK);
        for first_sample in (0..padded).step_by(SQUARE) {
            // SAFETY: the rows hold `padded` samples of 64 bytes, the columns 64 pixels of
            // `capacity` samples, both checked above.
            unsafe {
                let rows = self
                    .target
                    .row_bytes
                    .as_ptr()
                    .add(first_sample * PIXEL_BLOCK);
                let columns = self.target.column_bytes.as_mut_ptr().add(first_sample);
                V::transpose_16x64(token, rows, columns, capacity);
            }
        }
        let columns = self.target.column_bytes.chunks_exact(capacity);
        for (masks, column) in self.target.column_masks.iter_mut().zip(columns) {
            *masks = std::array::from_fn(|word| {
                let samples = column[..padded].get(word * 64..).unwrap_or_default();
                if let Some(samples) = samples.first_chunk::<64>() {
                    // SAFETY: these are 64 bytes.
                    return unsafe { V::non_zero_64(token, samples.as_ptr()) };
                }
                let mut mask = 0;
                for (part, samples) in samples.as_chunks::<SQUARE>().0.iter().enumerate() {
                    // SAFETY: these are 16 bytes.
                    mask |= unsafe { V::non_zero_16(token, samples.as_ptr()) } << (part * SQUARE);
                }
                mask
            });
        }
    }
}

impl Kernel for Prepare<'_> {
    type Output = ();

    // One pixel block at a time: the 64 bytes of up to 128 samples are 8 KiB, so the bytes that
    // were just copied are transposed out of L1. The rows of a shuffled minibatch are scattered over
    // the file; the copies do not depend on each other, so the CPU waits for many of them at once.
    // Asking for the next rows a step ahead, by prefetch instructions, took a fifth longer.
    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        let layout = self.layout;
        assert!(self.order.len() <= layout.capacity && self.pixel_block < layout.pixel_blocks());
        self.fill_rows::<V>(token);
        self.fill_columns::<V>(token);
    }
}
