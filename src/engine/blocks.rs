//! The series of sample blocks that a pass is made of.

use crate::kernels::BLOCK_SAMPLES;
use std::ops::Range;

/// Cuts a pass into minibatches, and each minibatch into blocks of at most [`BLOCK_SAMPLES`]
/// samples whose sizes differ by at most one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    samples: usize,
    batch_size: usize,
}

/// One block of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Positions in the order of the pass.
    pub samples: Range<usize>,
    /// Number of the minibatch it belongs to.
    pub minibatch: usize,
    /// Samples of that minibatch.
    pub minibatch_samples: usize,
    /// Whether it is the first of its minibatch.
    pub is_first: bool,
    /// Whether it is the last of its minibatch.
    pub is_last: bool,
}

impl Blocks {
    /// `batch_size` is at least 1.
    pub(crate) fn new(samples: usize, batch_size: usize) -> Self {
        Self {
            samples,
            batch_size,
        }
    }

    fn of_whole_minibatch(&self) -> usize {
        self.batch_size.div_ceil(BLOCK_SAMPLES)
    }

    /// Whether a minibatch may have several blocks.
    pub(crate) fn has_several_a_minibatch(&self) -> bool {
        self.of_whole_minibatch() > 1
    }

    /// Number of blocks.
    pub(crate) fn count(&self) -> usize {
        let rest = self.samples % self.batch_size;
        self.samples / self.batch_size * self.of_whole_minibatch() + rest.div_ceil(BLOCK_SAMPLES)
    }

    /// Most samples of a block, at least 1.
    pub(crate) fn largest(&self) -> usize {
        let minibatch = self.batch_size.min(self.samples).max(1);
        // The rest at the end of a pass may have larger blocks than a whole minibatch: 129 samples
        // are two blocks of 65, but a rest of 128 is one.
        let rest = self.samples % self.batch_size;
        let largest = |samples: usize| samples.div_ceil(samples.div_ceil(BLOCK_SAMPLES).max(1));
        largest(minibatch).max(largest(rest))
    }

    /// Block `index`, none beyond the last.
    pub(crate) fn get(&self, index: usize) -> Option<Block> {
        if index >= self.count() {
            return None;
        }
        let minibatch = index / self.of_whole_minibatch();
        let first = minibatch * self.batch_size;
        let minibatch_samples = self.batch_size.min(self.samples - first);
        let blocks = minibatch_samples.div_ceil(BLOCK_SAMPLES);
        let block = index % self.of_whole_minibatch();
        let start = |block: usize| first + block * minibatch_samples / blocks;
        Some(Block {
            samples: start(block)..start(block + 1),
            minibatch,
            minibatch_samples,
            is_first: block == 0,
            is_last: block + 1 == blocks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_minibatch_in_order() {
        for samples in [1, 2, 100, 127, 128, 129, 257, 1000] {
            for batch_size in [1, 2, 7, 100, 128, 129, 256, 300, 1000, 5000] {
                let blocks = Blocks::new(samples, batch_size);
                let all: Vec<Block> = (0..).map_while(|index| blocks.get(index)).collect();
                assert_eq!(all.len(), blocks.count());
                let mut next = 0;
                for (index, block) in all.iter().enumerate() {
                    assert_eq!(block.samples.start, next);
                    assert!((1..=blocks.largest()).contains(&block.samples.len()));
                    assert_eq!(block.minibatch, block.samples.start / batch_size);
                    assert_eq!(block.is_first, next.is_multiple_of(batch_size));
                    next = block.samples.end;
                    let is_end = next.is_multiple_of(batch_size) || next == samples;
                    assert_eq!(block.is_last, is_end, "block {index}");
                    let start = block.minibatch * batch_size;
                    assert_eq!(block.minibatch_samples, batch_size.min(samples - start));
                }
                assert_eq!(next, samples);
                assert!(blocks.largest() <= BLOCK_SAMPLES);
            }
        }
        assert_eq!(Blocks::new(0, 10).count(), 0);
        assert_eq!(Blocks::new(0, 10).get(0), None);
    }
}
