//! The prepared blocks that the threads of a team fill and read together.
#![expect(
    unsafe_code,
    reason = "threads of a team write disjoint parts of one buffer between two barriers"
)]

use crate::backend::SharedBuffer;
use crate::kernels::BLOCK_SAMPLES;
use crate::kernels::prepare::{BlockLayout, Prepare, PreparedBlock, Squares};
use crate::simd::Isa;
use std::ops::Range;

/// Copies of a block. It is read after the barrier of its step, so a thread may still read block i
/// when another, a barrier ahead at most, writes block i + 2.
const COPIES: usize = 3;

/// Most pixel blocks of a chunk where several threads share the work: 64 samples of MNIST are two
/// chunks, so that two threads have four to share, and an image is still read a few hundred bytes at a
/// time. One thread reads whole images.
const SHARED_PIXEL_BLOCKS: usize = 7;

/// Buffers for the prepared blocks of a pass.
#[derive(Debug)]
pub(crate) struct PreparedBlocks {
    /// Most pixel blocks of a chunk.
    chunk_pixel_blocks: usize,
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
    /// For blocks of up to [`BLOCK_SAMPLES`] samples, prepared by so many threads.
    pub(crate) fn new(inputs: usize, threads: usize) -> Self {
        let layout = BlockLayout::new(inputs, BLOCK_SAMPLES).paired();
        Self {
            chunk_pixel_blocks: match threads {
                1 => layout.pixel_blocks(),
                _ => SHARED_PIXEL_BLOCKS,
            },
            bytes: SharedBuffer::new(COPIES * layout.bytes(), 0),
            sample_masks: SharedBuffer::new(COPIES * layout.sample_masks(), 0),
            pixel_masks: SharedBuffer::new(COPIES * layout.pixel_masks(), 0),
        }
    }

    /// Number of chunks that a block of a layout is prepared in.
    pub(crate) fn chunks(&self, layout: BlockLayout) -> usize {
        layout.words * self.chunks_of_a_word(layout)
    }

    fn chunks_of_a_word(&self, layout: BlockLayout) -> usize {
        layout.pixel_blocks().div_ceil(self.chunk_pixel_blocks)
    }

    /// Fills one chunk of block `index`, which holds `samples` of the pass.
    ///
    /// # Safety
    /// Each chunk must be filled by one thread alone, after all threads have done with block
    /// `index - 3`.
    pub(crate) unsafe fn fill(
        &self,
        isa: Isa,
        layout: BlockLayout,
        source: Source<'_>,
        (index, samples): (usize, Range<usize>),
        chunk: usize,
    ) {
        let of_word = self.chunks_of_a_word(layout);
        let (word, part) = (chunk / of_word, chunk % of_word);
        let places = layout.word(samples.len(), word);
        if places.is_empty() {
            return;
        }
        let start = samples.start + places.start;
        let first = |part: usize| part * layout.pixel_blocks() / of_word;
        let squares = word * layout.pixel_blocks() + first(part)
            ..word * layout.pixel_blocks() + first(part + 1);
        let part = |of_copy: usize| {
            let of_square = of_copy / layout.squares();
            let start = index % COPIES * of_copy;
            start + squares.start * of_square..start + squares.end * of_square
        };
        // SAFETY: the squares of different chunks do not overlap, and the caller vouches for the rest.
        let target = unsafe {
            Squares {
                bytes: self.bytes.part_mut(part(layout.bytes())),
                sample_masks: self.sample_masks.part_mut(part(layout.sample_masks())),
                pixel_masks: self.pixel_masks.part_mut(part(layout.pixel_masks())),
            }
        };
        isa.run_rounding_once(Prepare {
            inputs: layout.inputs,
            images: source.images,
            order: &source.order[start..],
            samples: places.len(),
            first_pixel_block: squares.start % layout.pixel_blocks(),
            target,
        });
    }

    /// Block `index`, of `samples` samples.
    ///
    /// # Safety
    /// All its chunks must have been filled, with the same layout and samples, and a barrier
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
