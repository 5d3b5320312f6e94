//! The prepared blocks that the threads of a team fill and read together.
#![expect(
    unsafe_code,
    reason = "threads of a team write disjoint parts of one buffer between two barriers"
)]

use super::buffer::SharedBuffer;
use crate::kernels::prepare::{
    BlockLayout, PixelBlockTarget, Prepare, PreparedColumns, PreparedRows,
};
use crate::kernels::{BLOCK_SAMPLES, MASK_WORDS, PIXEL_BLOCK};
use crate::simd::Isa;
use std::ops::Range;

/// Copies of the rows: one is read by the forward pass while the next block's is written.
const ROW_COPIES: usize = 2;
/// Copies of the columns. They are read after the barrier of their step, so a thread may still
/// read those of block i when another, a barrier ahead at most, writes those of block i + 2.
const COLUMN_COPIES: usize = 3;

/// Buffers for the prepared blocks of a pass.
#[derive(Debug)]
pub(crate) struct PreparedBlocks {
    row_bytes: SharedBuffer<u8>,
    row_masks: SharedBuffer<u64>,
    column_bytes: SharedBuffer<u8>,
    column_masks: SharedBuffer<[u64; MASK_WORDS]>,
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
            row_bytes: SharedBuffer::new(ROW_COPIES * layout.bytes(), 0),
            row_masks: SharedBuffer::new(ROW_COPIES * layout.row_masks(), 0),
            column_bytes: SharedBuffer::new(COLUMN_COPIES * layout.bytes(), 0),
            column_masks: SharedBuffer::new(COLUMN_COPIES * layout.column_masks(), [0; MASK_WORDS]),
        }
    }

    /// Fills the given pixel blocks of block `index`, which holds `samples` of the pass.
    ///
    /// # Safety
    /// Each pixel block must be filled by one thread alone, after all threads have done with the
    /// rows of block `index - 2` and the columns of block `index - 3`.
    pub(crate) unsafe fn fill(
        &self,
        isa: Isa,
        layout: BlockLayout,
        source: Source<'_>,
        (index, samples): (usize, Range<usize>),
        pixel_blocks: Range<usize>,
    ) {
        for pixel_block in pixel_blocks {
            let part = |copy: usize, of_copy: usize, of_pixel_block: usize| {
                let start = copy * of_copy + pixel_block * of_pixel_block;
                start..start + of_pixel_block
            };
            let (row, column) = (index % ROW_COPIES, index % COLUMN_COPIES);
            let bytes = layout.capacity * PIXEL_BLOCK;
            // SAFETY: the parts of different pixel blocks do not overlap, and the caller vouches
            // for the rest.
            let target = unsafe {
                PixelBlockTarget {
                    row_bytes: self.row_bytes.part_mut(part(row, layout.bytes(), bytes)),
                    row_masks: self.row_masks.part_mut(part(
                        row,
                        layout.row_masks(),
                        layout.capacity,
                    )),
                    column_bytes: self
                        .column_bytes
                        .part_mut(part(column, layout.bytes(), bytes)),
                    column_masks: self.column_masks.part_mut(part(
                        column,
                        layout.column_masks(),
                        PIXEL_BLOCK,
                    )),
                }
            };
            isa.run(Prepare {
                layout,
                images: source.images,
                order: &source.order[samples.clone()],
                pixel_block,
                target,
            });
        }
    }

    /// Rows of block `index`, of `samples` samples.
    ///
    /// # Safety
    /// All its pixel blocks must have been filled, with the same layout and samples, and a barrier
    /// must stand in between. They may be read until the barrier of block `index`.
    pub(crate) unsafe fn rows(
        &self,
        layout: BlockLayout,
        index: usize,
        samples: usize,
    ) -> PreparedRows<'_> {
        let copy = index % ROW_COPIES;
        let part = |len: usize| copy * len..(copy + 1) * len;
        // SAFETY: the caller vouches for it.
        unsafe {
            let bytes = self.row_bytes.part(part(layout.bytes()));
            let masks = self.row_masks.part(part(layout.row_masks()));
            PreparedRows::new(layout, samples, bytes, masks)
        }
    }

    /// Columns of block `index`, of `samples` samples.
    ///
    /// # Safety
    /// As for [`rows`](Self::rows), but they may be read until the barrier of block `index + 1`.
    pub(crate) unsafe fn columns(
        &self,
        layout: BlockLayout,
        index: usize,
        samples: usize,
    ) -> PreparedColumns<'_> {
        let copy = index % COLUMN_COPIES;
        let part = |len: usize| copy * len..(copy + 1) * len;
        // SAFETY: the caller vouches for it.
        unsafe {
            let bytes = self.column_bytes.part(part(layout.bytes()));
            let masks = self.column_masks.part(part(layout.column_masks()));
            PreparedColumns::new(layout, samples, bytes, masks)
        }
    }
}
