//! Selective backpropagation: the samples of a block that give a gradient.
//!
//! ds of a sample whose true class has at least the probability `skip` is 0; means over a minibatch are still of all
//! its samples. The others become a block of their own, so that no loop of the backward pass sees what was left
//! out. Compare Jiang et al., "Accelerating Deep Learning by Focusing on the Biggest Losers", arXiv 1910.00762, and
//! InfoBatch, arXiv 2303.04947.
#![expect(
    unsafe_code,
    reason = "a prepared block is made of buffers that are filled here"
)]

use crate::backend::AlignedBuffer;
use crate::kernels::BLOCK_SAMPLES;
use crate::kernels::prepare::{BlockLayout, PreparedBlock, Squares};
use crate::kernels::select::Select;
use crate::simd::Isa;

/// The samples of the block at hand that the network is not sure of, and room for a block of them.
#[derive(Debug)]
pub(super) struct Selection {
    /// Samples of the block, ascending.
    kept: [u8; BLOCK_SAMPLES],
    len: usize,
    bytes: AlignedBuffer<u8>,
    sample_masks: AlignedBuffer<u64>,
    pixel_masks: AlignedBuffer<u64>,
}

impl Selection {
    pub(super) fn new(inputs: usize) -> Self {
        let layout = BlockLayout::new(inputs, BLOCK_SAMPLES);
        Self {
            kept: [0; BLOCK_SAMPLES],
            len: 0,
            bytes: AlignedBuffer::new(layout.bytes(), 0),
            sample_masks: AlignedBuffer::new(layout.sample_masks(), 0),
            pixel_masks: AlignedBuffer::new(layout.pixel_masks(), 0),
        }
    }

    /// Keeps the samples that are not known, in their order, and returns how many there are.
    pub(super) fn choose(&mut self, known: impl Iterator<Item = bool>) -> usize {
        self.len = 0;
        for (sample, is_known) in (0..).zip(known) {
            if !is_known {
                self.kept[self.len] = sample;
                self.len += 1;
            }
        }
        self.len
    }

    /// Keeps the samples that another has chosen.
    pub(super) fn choose_as(&mut self, other: &Self) {
        (self.kept, self.len) = (other.kept, other.len);
    }

    /// The block of the kept samples, whose rows of `hidden` and `output_delta` come to the front. If there is
    /// none, it is the first sample, without a gradient.
    pub(super) fn block<'a>(
        &'a mut self,
        isa: Isa,
        block: PreparedBlock<'a>,
        (hidden, stride): (&mut [f32], usize),
        (output_delta, class_stride): (&mut [f32], usize),
    ) -> PreparedBlock<'a> {
        if self.len == block.samples() {
            return block;
        }
        if self.len == 0 {
            (self.kept[0], self.len) = (0, 1);
            output_delta[..class_stride].fill(0.0);
        }
        let kept = &self.kept[..self.len];
        for (rows, stride) in [(hidden, stride), (output_delta, class_stride)] {
            for (place, &sample) in kept.iter().enumerate() {
                let sample = usize::from(sample) * stride;
                rows.copy_within(sample..sample + stride, place * stride);
            }
        }
        isa.run_rounding_once(Select {
            block,
            samples: kept,
            target: Squares {
                bytes: &mut self.bytes,
                sample_masks: &mut self.sample_masks,
                pixel_masks: &mut self.pixel_masks,
            },
        });
        let (bytes, pixel_masks) = (&self.bytes, &self.pixel_masks);
        // SAFETY: `Select` fills, for all words that have samples, what `Prepare` does.
        unsafe {
            let layout = block.layout();
            PreparedBlock::new(layout, self.len, bytes, &self.sample_masks, pixel_masks)
        }
    }
}
