//! Variations of images on their way into blocks.
#![expect(
    unsafe_code,
    reason = "threads of a team write disjoint parts of one buffer between two barriers"
)]

use super::prepared::Source;
use crate::augmentation::Augmented;
use crate::backend::SharedBuffer;
use crate::coarse::{BLOCK, Coarse, Pack};
use crate::kernels::BLOCK_SAMPLES;
use crate::simd::Isa;

/// Images that a thread varies at a time.
const GROUP: usize = 16;

/// Most groups of a block.
const GROUPS: usize = BLOCK_SAMPLES / GROUP;

/// Copies of the images of a block. Those of block i + 1 are written while block i is prepared from its own; a barrier
/// stands between that and what comes next.
const COPIES: usize = 2;

/// The place of each image within its block, in images, where each group of them has room for so many times as many.
const fn places(room: usize) -> [u32; BLOCK_SAMPLES] {
    let mut places = [0; BLOCK_SAMPLES];
    let mut place = 0;
    while place < BLOCK_SAMPLES {
        places[place] = (place / GROUP * GROUP * room + place % GROUP) as u32;
        place += 1;
    }
    places
}

static PLACES: [u32; BLOCK_SAMPLES] = places(1);

/// Coarse images lie at the beginning of the room of their group.
static COARSE_PLACES: [u32; BLOCK_SAMPLES] = places(BLOCK);

/// Buffers for the varied images of a pass.
#[derive(Debug)]
pub(super) struct VariedImages {
    inputs: usize,
    /// `[copy][image]`.
    images: SharedBuffer<u8>,
    /// An image for each group.
    scratch: SharedBuffer<u8>,
}

/// What a pass varies, and where to.
#[derive(Clone, Copy)]
pub(super) struct Varied<'a> {
    pub augmented: Option<Augmented<'a>>,
    pub coarse: Option<Coarse>,
    pub images: &'a VariedImages,
}

impl VariedImages {
    pub(super) fn new(inputs: usize) -> Self {
        Self {
            inputs,
            images: SharedBuffer::new(COPIES * BLOCK_SAMPLES * inputs, 0),
            scratch: SharedBuffer::new(GROUPS * inputs, 0),
        }
    }
}

impl Varied<'_> {
    /// Groups of a block.
    pub(super) const GROUPS: usize = GROUPS;

    /// Varies one group of the samples of block `index`.
    ///
    /// # Safety
    /// Each group must be varied by one thread alone, after all threads have prepared block `index - 2`.
    pub(super) unsafe fn fill(
        &self,
        isa: Isa,
        images: &[u8],
        (index, samples): (usize, &[u32]),
        group: usize,
    ) {
        let Some(samples) = samples.chunks(GROUP).nth(group) else {
            return;
        };
        let inputs = self.images.inputs;
        let first = (index % COPIES * BLOCK_SAMPLES + group * GROUP) * inputs;
        // SAFETY: the parts of different groups do not overlap, and the caller vouches for the rest.
        let (scratch, target) = unsafe {
            (
                (self.images.scratch).part_mut(group * inputs..(group + 1) * inputs),
                (self.images.images).part_mut(first..first + samples.len() * inputs),
            )
        };
        if let Some(augmented) = self.augmented {
            augmented.images(isa, (images, samples), (scratch, target));
            if let Some(coarse) = self.coarse {
                let (half, packed) = scratch.split_at_mut(inputs / 2);
                let packed = &mut packed[..coarse.inputs()];
                for place in 0..samples.len() {
                    coarse.pack(&target[place * inputs..][..inputs], half, packed);
                    target[place * packed.len()..][..packed.len()].copy_from_slice(packed);
                }
            }
        } else if let Some(coarse) = self.coarse {
            isa.run_rounding_once(Pack {
                coarse,
                images,
                samples,
                scratch,
                target: &mut target[..samples.len() * coarse.inputs()],
            });
        }
    }

    /// The images of block `index`.
    ///
    /// # Safety
    /// All its groups must have been varied, and a barrier must stand in between. It may be read until the next
    /// barrier.
    pub(super) unsafe fn source(&self, index: usize) -> Source<'_> {
        let len = BLOCK_SAMPLES * self.images.inputs;
        let copy = index % COPIES;
        Source {
            // SAFETY: the caller vouches for it.
            images: unsafe { self.images.images.part(copy * len..(copy + 1) * len) },
            order: match self.coarse {
                Some(_) => &COARSE_PLACES,
                None => &PLACES,
            },
        }
    }
}
