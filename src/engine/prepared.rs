//! The prepared blocks that the threads of a team fill and read together.
#![expect(
    unsafe_code,
    reason = "threads of a team write disjoint parts of one buffer between two barriers"
)]

use super::buffer::SharedBuffer;
use crate::kernels::prepare::{BlockLayout, PixelBlockTarget, Prepare, PreparedBlock};
use crate::kernels::{BLOCK_SAMPLES, MASK_WORDS, PIXEL_BLOCK};
use crate::simd::Isa;
use std::ops::Range;

/// Copies of a block. It is read after the barrier of its step, so a thread may still read block i
/// when another, a barrier ahead at most, writes block i + 2.
const COPIES: usize = 3;

/// Buffers for the prepared blocks of a pass.
#[derive(Debug)]
pub(crate) struct PreparedBlocks {
    bytes: SharedBuffer<u8>,
    sample_masks: SharedBuffer<u64>,
    pixel_masks: SharedBuffer<u64>,
}

/// Where the samples of a pass are.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// All images.
    pub images: &'a [u8],
    /// Which of them, in the order of the pass.
    pub order: &'a [u32],
}

impl PreparedBlocks {
    /// For blocks of up to [`BLOCK_SAMPLES`] samples.
    pub(crate) fn new(inputs: usize) -> Self {
        let layout = BlockLayout::new(inputs, BLOCK_SAMPLES);
        Self {
            bytes: SharedBuffer::new(COPIES * layout.bytes(), 0),
            sample_masks: SharedBuffer::new(COPIES * layout.sample_masks(), 0),
            pixel_masks: SharedBuffer::new(COPIES * layout.pixel_masks(), 0),
        }
    }

    /// Fills one pixel block of block `index`, which holds `samples` of the pass.
    ///
    /// # Safety
    /// Each pixel block must be filled by one thread alone, after all threads have done with block
    /// `index - 3`.
    pub(crate) unsafe fn fill(
        &self,
        isa: Isa,
        layout: BlockLayout,
        source: Source<'_>,
        (index, samples): (usize, Range<usize>),
        pixel_block: usize,
    ) {
        let part = |of_copy: usize, of_pixel_block: usize| {
            let start = index % COPIES * of_copy + pixel_block * of_pixel_block;
            start..start + of_pixel_block
        };
        // SAFETY: the parts of different pixel blocks do not overlap, and the caller vouches for the
        // rest.
        let target = unsafe {
            PixelBlockTarget {
                bytes: self
                    .bytes
                    .part_mut(part(layout.bytes(), layout.capacity * PIXEL_BLOCK)),
                sample_masks: self
                    .sample_masks
                    .part_mut(part(layout.sample_masks(), layout.capacity)),
                pixel_masks: self
                    .pixel_masks
                    .part_mut(part(layout.pixel_masks(), MASK_WORDS * PIXEL_BLOCK)),
            }
        };
        isa.run(Prepare {
            layout,
            images: source.images,
            order: &source.order[samples],
            pixel_block,
            target,
        });
    }

    /// Block `index`, of `samples` samples.
    ///
    /// # Safety
    /// All its pixel blocks must have been filled, with the same layout and samples, and a barrier
    /// must stand in between. It may be read until the barrier of block `index + 1`.
    pub(crate) unsafe fn block(
        &self,
        layout: BlockLayout,
        index: usize,
        samples: usize,
    ) -> PreparedBlock<'_> {
        let copy = index % COPIES;
        let part = |len: usize| copy * len..(copy + 1) * len;
        // SAFETY: the caller vouches for it.
        unsafe {
            let bytes = self.bytes.part(part(layout.bytes()));
            let sample_masks = self.sample_masks.part(part(layout.sample_masks()));
            let pixel_masks = self.pixel_masks.part(part(layout.pixel_masks()));
            PreparedBlock::new(layout, samples, bytes, sample_masks, pixel_masks)
        }
    }
}
