//! Images of all kinds, and blocks prepared from them.
#![expect(
    unsafe_code,
    reason = "a prepared block is made from buffers that were filled here"
)]

use super::case::Case;
use super::support::Guarded;
use crate::kernels::WORD;
use crate::kernels::prepare::{BlockLayout, Prepare, PreparedBlock, Squares};
use crate::random::Stream;
use crate::reference;
use crate::simd::Isa;
use std::fmt::Debug;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageKind {
    /// 19 % of the pixels are not zero, as in MNIST.
    Sparse,
    /// All zero.
    Black,
    /// All 255.
    White,
    /// No pixel is zero.
    Dense,
    /// 85 % of the pixels are not zero: dense, with gaps.
    Gaps,
    /// Runs of pixels that are not zero, with longer ones of zeros between them, as in pictures.
    Strokes,
    /// Each image of another of these kinds.
    Mixed,
}

impl ImageKind {
    pub(super) const ALL: [Self; 7] = [
        Self::Sparse,
        Self::Black,
        Self::White,
        Self::Dense,
        Self::Gaps,
        Self::Strokes,
        Self::Mixed,
    ];

    fn pixel(self, stream: &mut Stream) -> u8 {
        let byte = 1 + stream.below(255) as u8;
        match self {
            Self::Sparse if stream.below(100) < 19 => byte,
            Self::Gaps if stream.below(100) < 85 => byte,
            Self::Sparse | Self::Black | Self::Gaps => 0,
            Self::White => 255,
            Self::Dense | Self::Strokes | Self::Mixed => byte,
        }
    }

    fn image(self, inputs: usize, stream: &mut Stream) -> Vec<u8> {
        let mut image = Vec::new();
        while image.len() < inputs {
            if self == Self::Strokes {
                image.resize(image.len() + stream.below(20) as usize, 0);
                let run = 2 + stream.below(8);
                image.extend((0..run).map(|_| self.pixel(stream)));
            } else {
                image.push(self.pixel(stream));
            }
        }
        image.truncate(inputs);
        image
    }
}

/// A set of images, and those of them that make up a block.
pub(super) struct Batch {
    pub inputs: usize,
    pub images: Vec<u8>,
    pub order: Vec<u32>,
    pub capacity: usize,
}

impl Batch {
    /// Some more images than the case has samples, in random order; some may be taken twice.
    pub(super) fn new(case: &Case, stream: &mut Stream) -> Self {
        let count = case.samples as u32 + 5;
        let mut images = Vec::new();
        for index in 0..count {
            let kind = match case.images {
                ImageKind::Mixed => ImageKind::ALL[index as usize % 4],
                kind => kind,
            };
            images.extend(kind.image(case.inputs, stream));
        }
        Self {
            inputs: case.inputs,
            images,
            order: (0..case.samples).map(|_| stream.below(count)).collect(),
            capacity: case.capacity,
        }
    }

    /// The images of the block.
    pub(super) fn samples(&self) -> impl Iterator<Item = &[u8]> {
        let image = |&index: &u32| &self.images[index as usize * self.inputs..][..self.inputs];
        self.order.iter().map(image)
    }

    /// The images of the block as inputs of the network, in f64.
    pub(super) fn inputs_f64(&self) -> impl Iterator<Item = Vec<f64>> {
        let widened = |image: &[u8]| {
            image
                .iter()
                .map(|&b| reference::pixel_to_input(b))
                .collect()
        };
        self.samples().map(widened)
    }

    /// Prepares the block in buffers full of sentinels.
    pub(super) fn prepare(&self, isa: Isa) -> Prepared {
        let layout = BlockLayout::new(self.inputs, self.capacity);
        let prepared = Prepared {
            layout,
            samples: self.order.len(),
            bytes: Guarded::poisoned(layout.bytes()).exact(),
            sample_masks: Guarded::poisoned(layout.sample_masks()).exact(),
            pixel_masks: Guarded::poisoned(layout.pixel_masks()).exact(),
        };
        self.prepare_into(isa, prepared)
    }

    /// Prepares the block in the buffers of another one.
    pub(super) fn prepare_into(&self, isa: Isa, mut prepared: Prepared) -> Prepared {
        let layout = BlockLayout::new(self.inputs, self.capacity);
        assert_eq!(layout, prepared.layout);
        prepared.samples = self.order.len();
        // A few squares at a time, the last first: they do not depend on each other.
        for (word, start) in (0..self.order.len()).step_by(WORD).enumerate().rev() {
            for first in (0..layout.pixel_blocks()).step_by(2).rev() {
                let end = (first + 2).min(layout.pixel_blocks());
                let part = |all: usize| {
                    let of_square = all / layout.squares();
                    let square = |pixel_block| word * layout.pixel_blocks() + pixel_block;
                    square(first) * of_square..square(end) * of_square
                };
                isa.run(Prepare {
                    inputs: self.inputs,
                    images: &self.images,
                    order: &self.order[start..],
                    samples: WORD.min(self.order.len() - start),
                    first_pixel_block: first,
                    target: Squares {
                        bytes: &mut prepared.bytes.slice()[part(layout.bytes())],
                        sample_masks: &mut prepared.sample_masks.slice()
                            [part(layout.sample_masks())],
                        pixel_masks: &mut prepared.pixel_masks.slice()[part(layout.pixel_masks())],
                    },
                });
            }
        }
        prepared
    }
}

/// The buffers of a prepared block.
pub(super) struct Prepared {
    pub layout: BlockLayout,
    pub samples: usize,
    pub bytes: Guarded<u8>,
    pub sample_masks: Guarded<u64>,
    pub pixel_masks: Guarded<u64>,
}

impl Prepared {
    pub(super) fn check_guards(&self, at: &dyn Debug) {
        self.bytes.checked(at, "bytes");
        self.sample_masks.checked(at, "sample_masks");
        self.pixel_masks.checked(at, "pixel_masks");
    }

    pub(super) fn block(&self) -> PreparedBlock<'_> {
        let (bytes, sample_masks) = (self.bytes.values(), self.sample_masks.values());
        let pixel_masks = self.pixel_masks.values();
        // SAFETY: `Prepare` has filled the buffers, with this layout and as many samples.
        unsafe { PreparedBlock::new(self.layout, self.samples, bytes, sample_masks, pixel_masks) }
    }
}
