//! Coarse passes: training on every other row and column of the images, with a quarter of the first layer's work.
//!
//! ```text
//! an image of a coarse pass: each 2 x 2 pixels have the value of the upper left one
//! weights of these four:     equal, and stay so, as their gradients are
//! ```
//!
//! So a network of a quarter of the inputs, whose weights are the sums of four, takes the same steps, each of them times
//! 4. How good a start its weights are for the pixels themselves is measured in `profiles/README.md`. Known as
//! progressive resizing (Howard, fast.ai's entry to DAWNBench, 2018), for convolutional networks.

use crate::kernels::prepare::{AHEAD, prefetch};
use crate::network::Parameters;
use crate::simd::{Kernel, Vector};

/// Pixels of a block.
pub(crate) const BLOCK: usize = 4;

/// Images whose sides are even, in blocks of 2 x 2 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coarse {
    columns: usize,
    inputs: usize,
}

impl Coarse {
    /// Images of so many rows and columns, if both are even.
    pub(crate) fn of((rows, columns): (usize, usize)) -> Option<Self> {
        let inputs = rows * columns / BLOCK;
        (rows % 2 == 0 && columns % 2 == 0).then_some(Self { columns, inputs })
    }

    /// Blocks of an image.
    pub(crate) fn inputs(self) -> usize {
        self.inputs
    }

    /// The pixels of a block, none of which has a smaller number than the block.
    pub(crate) fn pixels(self, block: usize) -> [usize; BLOCK] {
        let across = self.columns / 2;
        let first = block / across * 2 * self.columns + block % across * 2;
        let below = first + self.columns;
        [first, first + 1, below, below + 1]
    }

    /// The values of an image's blocks; `scratch` has room for half an image.
    #[inline(always)]
    pub(crate) fn pack(self, image: &[u8], scratch: &mut [u8], target: &mut [u8]) {
        // Rows first, so that the bytes are taken from all of them in whole vectors. By numbers, as functions of std
        // that pair iterators are not inlined here.
        let columns = self.columns;
        for row in 0..image.len() / (2 * columns) {
            let source = &image[2 * row * columns..][..columns];
            scratch[row * columns..][..columns].copy_from_slice(source);
        }
        let pairs = &scratch.as_chunks::<2>().0[..self.inputs];
        let target = &mut target[..self.inputs];
        for block in 0..self.inputs {
            target[block] = pairs[block][0];
        }
    }

    /// The image as a coarse pass sees it.
    pub(crate) fn image(self, image: &[u8]) -> Vec<u8> {
        let mut coarse = vec![0; image.len()];
        for pixels in (0..self.inputs).map(|block| self.pixels(block)) {
            for pixel in pixels {
                coarse[pixel] = image[pixels[0]];
            }
        }
        coarse
    }

    /// Gives the weights of each block their mean.
    pub(crate) fn even_out(self, parameters: &mut Parameters) {
        let hidden = parameters.shape.hidden;
        let weights = &mut parameters.linear1_weight;
        for pixels in (0..self.inputs).map(|block| self.pixels(block)) {
            for unit in 0..hidden {
                let places = pixels.map(|pixel| pixel * hidden + unit);
                let sum: f32 = places.iter().map(|&place| weights[place]).sum();
                for place in places {
                    weights[place] = sum / BLOCK as f32;
                }
            }
        }
    }
}

/// The values of the blocks of several samples, one after the other.
pub(crate) struct Pack<'a> {
    pub coarse: Coarse,
    /// All images.
    pub images: &'a [u8],
    pub samples: &'a [u32],
    pub scratch: &'a mut [u8],
    pub target: &'a mut [u8],
}

impl Kernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let (inputs, pixels) = (self.coarse.inputs, self.coarse.inputs * BLOCK);
        let prefetch =
            |&sample: &u32| prefetch::<V>(token, self.images, sample as usize * pixels, pixels);
        for sample in self.samples.iter().take(AHEAD) {
            prefetch(sample);
        }
        for (place, target) in self.target.chunks_exact_mut(inputs).enumerate() {
            if let Some(sample) = self.samples.get(place + AHEAD) {
                prefetch(sample);
            }
            let first = self.samples[place] as usize * pixels;
            let image = &self.images[first..][..pixels];
            self.coarse.pack(image, self.scratch, target);
        }
    }
}
