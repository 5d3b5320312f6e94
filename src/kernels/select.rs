//! Some samples of a prepared block as a block of their own.

use super::prepare::{PreparedBlock, SQUARE, Squares, fill_pixel_masks};
use super::{PIXEL_BLOCK, WORD};
use crate::simd::{Kernel, Vector};

/// Copies samples of a block, in the order in which they are named.
pub struct Select<'a> {
    /// The block.
    pub block: PreparedBlock<'a>,
    /// Which samples of it.
    pub samples: &'a [u8],
    /// All squares of the new block, which is laid out as the block.
    pub target: Squares<'a>,
}

impl Kernel for Select<'_> {
    type Output = ();

    // A row of a square is one cache line. A quarter of 100 images are 20 KiB, which stay in L1 for the
    // gradient that follows; masks of pixels come from those of samples, as where a block is prepared.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let Self {
            block,
            samples,
            target,
        } = self;
        let layout = block.layout();
        let (squares, _) = target.bytes.as_chunks_mut::<SQUARE>();
        let (sample_masks, _) = target.sample_masks.as_chunks_mut::<WORD>();
        let (pixel_masks, _) = target.pixel_masks.as_chunks_mut::<PIXEL_BLOCK>();
        for word in 0..layout.words {
            let samples = &samples[layout.word(samples.len(), word)];
            if samples.is_empty() {
                continue;
            }
            for pixel_block in 0..layout.pixel_blocks() {
                let square = word * layout.pixel_blocks() + pixel_block;
                let (rows, _) = squares[square].as_chunks_mut::<PIXEL_BLOCK>();
                let masks = &mut sample_masks[square];
                for (place, &sample) in samples.iter().enumerate() {
                    let (word, of_word) = block.place(usize::from(sample));
                    rows[place] = block.bytes(word, pixel_block).as_chunks().0[of_word];
                    masks[place] = block.sample_masks(word, pixel_block)[of_word];
                }
                fill_pixel_masks::<V>(token, &masks[..samples.len()], &mut pixel_masks[square]);
            }
        }
    }
}
