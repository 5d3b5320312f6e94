//! A block of samples, laid out for both directions of the first layer.
//!
//! The block is cut into squares of 64 samples and 64 pixels, `[word][pixel block]`: a word is 64
//! samples. Each square has
//!
//! bytes         [sample][pixel], and a cache line of padding
//! sample masks  [sample]   bit i: the byte of pixel i is not zero; forward pass
//! pixel masks   [pixel]    bit i: the byte of sample i is not zero; gradient
//!
//! Both passes walk the set bits of the masks and never look at a zero: `fma(0, w, sum) == sum`.
#![expect(
    unsafe_code,
    reason = "bytes are looked at in whole vectors, through pointers"
)]

use super::{BLOCK_SAMPLES, DENSE, EVEN, MASK_WORDS, PIXEL_BLOCK, SCATTERED, WORD};
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Bytes of a square: a cache line more than it holds, without which the rows that an image is copied
/// to, one in each square, would all have the same place in L1.
pub const SQUARE: usize = (WORD + 1) * PIXEL_BLOCK;

/// Bytes of a cache line.
const CACHE_LINE: usize = 64;

/// Images that are asked for ahead of the one that is copied.
pub const AHEAD: usize = 8;

/// Of so many samples one is looked at to tell how inputs lie.
const DENSITY_STEP: usize = 8;

/// Sizes of a prepared block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLayout {
    /// Bytes of a sample.
    pub inputs: usize,
    /// Words that there is room for.
    pub words: usize,
    /// Whether samples are laid out for pairs: half of a block in each of two words. Else all words but the
    /// last are full.
    pub is_paired: bool,
}

impl BlockLayout {
    /// For blocks of up to `samples` samples.
    pub fn new(inputs: usize, samples: usize) -> Self {
        assert!(
            (1..=BLOCK_SAMPLES).contains(&samples),
            "{samples} samples in a block"
        );
        Self {
            inputs,
            words: samples.div_ceil(WORD),
            is_paired: false,
        }
    }

    /// The same for kernels that take samples in pairs.
    pub fn paired(self) -> Self {
        Self {
            words: MASK_WORDS,
            is_paired: true,
            ..self
        }
    }

    /// Most samples of a block of so many that a word holds.
    #[inline(always)]
    fn samples_of_a_word(&self, samples: usize) -> usize {
        match self.is_paired {
            true => samples.div_ceil(MASK_WORDS),
            false => WORD,
        }
    }

    /// Which samples of a block of so many a word holds.
    #[inline(always)]
    pub fn word(&self, samples: usize, word: usize) -> Range<usize> {
        let of_word = self.samples_of_a_word(samples);
        (word * of_word).min(samples)..((word + 1) * of_word).min(samples)
    }

    /// Blocks of 64 pixels, the last of which may be partly empty.
    pub fn pixel_blocks(&self) -> usize {
        self.inputs.div_ceil(PIXEL_BLOCK)
    }

    /// Number of squares.
    pub fn squares(&self) -> usize {
        self.words * self.pixel_blocks()
    }

    /// Elements of `bytes`.
    pub fn bytes(&self) -> usize {
        self.squares() * SQUARE
    }

    /// Elements of `sample_masks`.
    pub fn sample_masks(&self) -> usize {
        self.squares() * WORD
    }

    /// Elements of `pixel_masks`.
    pub fn pixel_masks(&self) -> usize {
        self.squares() * PIXEL_BLOCK
    }
}

/// How the inputs that are not zero lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Most inputs are not zero.
    Dense,
    /// Few are not zero, mostly beside each other, as in pictures.
    Sparse,
    /// Zeros are strewn among them.
    Scattered,
}

/// A prepared block, to be read.
///
/// Invariant: it was filled by [`Prepare`] for `samples` samples, so no sample mask has a bit at or
/// beyond `inputs`, no pixel mask one at or beyond `samples`, and the masks and bytes of the padding
/// after the last pixel are 0.
#[derive(Clone, Copy)]
pub struct PreparedBlock<'a> {
    layout: BlockLayout,
    samples: usize,
    bytes: &'a [u8],
    sample_masks: &'a [u64],
    pixel_masks: &'a [u64],
}

impl<'a> PreparedBlock<'a> {
    /// The buffers hold as many elements as the layout says.
    ///
    /// # Safety
    /// [`Prepare`] must have filled all three, with this layout and as many samples, for every word
    /// that has samples and every pixel block.
    pub unsafe fn new(
        layout: BlockLayout,
        samples: usize,
        bytes: &'a [u8],
        sample_masks: &'a [u64],
        pixel_masks: &'a [u64],
    ) -> Self {
        assert!(samples <= layout.words * WORD);
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

    /// Its sizes.
    #[inline(always)]
    pub fn layout(&self) -> BlockLayout {
        self.layout
    }

    /// Bytes of a sample.
    pub fn inputs(&self) -> usize {
        self.layout.inputs
    }

    /// Samples in the block.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Words that have samples.
    #[inline(always)]
    pub fn words(&self) -> usize {
        match self.layout.is_paired {
            true => self.samples.min(MASK_WORDS),
            false => self.samples.div_ceil(WORD),
        }
    }

    /// The first sample of a word.
    #[inline(always)]
    pub fn first_sample(&self, word: usize) -> usize {
        self.layout.word(self.samples, word).start
    }

    /// The word that holds a sample, and its place there.
    #[inline(always)]
    pub fn place(&self, sample: usize) -> (usize, usize) {
        let of_word = self.layout.samples_of_a_word(self.samples);
        (sample / of_word, sample % of_word)
    }

    /// Blocks of 64 pixels.
    #[inline(always)]
    pub fn pixel_blocks(&self) -> usize {
        self.layout.pixel_blocks()
    }

    /// How the inputs that are not zero lie, by every eighth sample. No result depends on it.
    #[inline(always)]
    pub fn pattern(&self) -> Pattern {
        let (mut counted, mut non_zero, mut in_pairs) = (0, 0, 0);
        for word in 0..self.words() {
            for pixel_block in 0..self.pixel_blocks() {
                let masks = self.sample_masks(word, pixel_block);
                for mask in masks.iter().step_by(DENSITY_STEP) {
                    let pairs = (mask | mask >> 1) & EVEN;
                    non_zero += mask.count_ones() as usize;
                    in_pairs += 2 * pairs.count_ones() as usize;
                }
            }
            counted += self.samples_of(word).div_ceil(DENSITY_STEP) * self.inputs();
        }
        if non_zero as f32 >= DENSE * counted as f32 {
            Pattern::Dense
        } else if in_pairs as f32 > SCATTERED * non_zero as f32 {
            Pattern::Scattered
        } else {
            Pattern::Sparse
        }
    }

    /// Number of a square.
    #[inline(always)]
    fn square(&self, word: usize, pixel_block: usize) -> usize {
        word * self.pixel_blocks() + pixel_block
    }

    /// Samples of a word.
    #[inline(always)]
    fn samples_of(&self, word: usize) -> usize {
        self.layout.word(self.samples, word).len()
    }

    /// Masks of the pixels, one for each sample of a word.
    #[inline(always)]
    pub fn sample_masks(&self, word: usize, pixel_block: usize) -> &'a [u64] {
        &self.sample_masks[self.square(word, pixel_block) * WORD..][..self.samples_of(word)]
    }

    /// Masks of the samples of a word, one for each of 64 pixels, the padding after the last pixel
    /// included.
    #[inline(always)]
    pub fn pixel_masks(&self, word: usize, pixel_block: usize) -> &'a [u64; PIXEL_BLOCK] {
        &self.pixel_masks.as_chunks().0[self.square(word, pixel_block)]
    }

    /// The 64 bytes of each sample of a word.
    #[inline(always)]
    pub fn bytes(&self, word: usize, pixel_block: usize) -> &'a [u8] {
        let first = self.square(word, pixel_block) * SQUARE;
        &self.bytes[first..][..self.samples_of(word) * PIXEL_BLOCK]
    }

    /// The bytes of a whole square; rows without a sample hold any.
    #[inline(always)]
    pub fn square_bytes(&self, word: usize, pixel_block: usize) -> &'a [u8] {
        &self.bytes[self.square(word, pixel_block) * SQUARE..][..SQUARE]
    }
}

/// Neighbouring squares of a word, to be written.
pub struct Squares<'a> {
    /// `[square][SQUARE]`, of which `[64][64]` are used.
    pub bytes: &'a mut [u8],
    /// `[square][64]`.
    pub sample_masks: &'a mut [u64],
    /// `[square][64]`.
    pub pixel_masks: &'a mut [u64],
}

/// Fills neighbouring squares of one word.
pub struct Prepare<'a> {
    /// Bytes of an image.
    pub inputs: usize,
    /// All images of the data set, `inputs` bytes each.
    pub images: &'a [u8],
    /// The samples of the pass, in order, from the first of the word on.
    pub order: &'a [u32],
    /// How many of them the word has, at most 64.
    pub samples: usize,
    /// Pixel block of the first square.
    pub first_pixel_block: usize,
    /// Where they go. Their number is that of the squares that fit.
    pub target: Squares<'a>,
}

impl Kernel for Prepare<'_> {
    type Output = ();

    // Image after image: each 64 bytes are copied and their mask is found while they are in a
    // register. The masks of the word are then transposed, 512 bytes in L1; the bytes are not, the
    // gradient reads them a sample apart.
    //
    // The images of a shuffled minibatch are scattered over the file and mostly come from memory. One
    // after the other they are a few neighbouring lines each, and those of the eighth one ahead are
    // asked for into L2, which can wait for more lines at once than L1. Pixel block after pixel block,
    // or a whole step ahead during the gradient, it took twice as long.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let Self {
            inputs,
            images,
            order,
            samples,
            first_pixel_block,
            target,
        } = self;
        let (squares, _) = target.bytes.as_chunks_mut::<SQUARE>();
        let (sample_masks, _) = target.sample_masks.as_chunks_mut::<WORD>();
        let (pixel_masks, _) = target.pixel_masks.as_chunks_mut::<PIXEL_BLOCK>();
        assert!(samples <= WORD.min(order.len()) && squares.len() == sample_masks.len());
        let first = first_pixel_block * PIXEL_BLOCK;
        let end = inputs.min(first + squares.len() * PIXEL_BLOCK);
        for (sample, &index) in order[..samples].iter().enumerate() {
            if let Some(&ahead) = order.get(sample + AHEAD) {
                let start = ahead as usize * inputs + first;
                prefetch::<V>(token, images, start, end - first);
            }
            let image = &images[index as usize * inputs..][first..end];
            let (blocks, rest) = image.as_chunks::<PIXEL_BLOCK>();
            for square in 0..squares.len().min(blocks.len()) {
                let row: &mut [u8; PIXEL_BLOCK] = &mut squares[square].as_chunks_mut().0[sample];
                *row = blocks[square];
                // SAFETY: a row has 64 bytes.
                sample_masks[square][sample] = unsafe { V::non_zero_64(token, row.as_ptr()) };
            }
            if let Some(square) = squares.get_mut(blocks.len()) {
                let row: &mut [u8; PIXEL_BLOCK] = &mut square.as_chunks_mut().0[sample];
                *row = [0; PIXEL_BLOCK];
                row[..rest.len()].copy_from_slice(rest);
                let mask = &mut sample_masks[blocks.len()][sample];
                // SAFETY: as above.
                *mask = unsafe { V::non_zero_64(token, row.as_ptr()) };
            }
        }
        for (square, target) in pixel_masks.iter_mut().enumerate() {
            fill_pixel_masks::<V>(token, &sample_masks[square][..samples], target);
        }
    }
}

/// Asks for `len` bytes of images from `start` on.
#[inline(always)]
pub fn prefetch<V: Vector>(token: V::Token, images: &[u8], start: usize, len: usize) {
    // An image that does not start at a cache line reaches into one more.
    for offset in (0..len + CACHE_LINE).step_by(CACHE_LINE) {
        V::prefetch(token, images.as_ptr().wrapping_add(start + offset));
    }
}

/// The masks of the pixels of a square, of those of its samples.
#[inline(always)]
pub fn fill_pixel_masks<V: Vector>(
    token: V::Token,
    sample_masks: &[u64],
    target: &mut [u64; PIXEL_BLOCK],
) {
    *target = [0; PIXEL_BLOCK];
    target[..sample_masks.len()].copy_from_slice(sample_masks);
    V::transpose_bits(token, target);
}
