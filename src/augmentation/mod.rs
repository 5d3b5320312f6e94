//! Augmentation: each visit of a training sample sees its image anew, a little turned, scaled, slanted, shifted and
//! bent, as other hands would have written it (P. Simard, D. Steinkraus and J. Platt, "Best practices for
//! convolutional neural networks applied to visual document analysis", ICDAR 2003).
//!
//! Pixel (x, y) of the new image, from the middle on, is that of the old one at
//!
//! ```text
//! (x', y') = R(angle) (1 + wide, lean; 0, 1 + high) (x, y) + (left, up) + elastic displacement
//! ```
//!
//! with numbers that are uniform between the negative and the positive strengths of [`Strengths`], by
//! two passes of linear interpolation along rows and columns (Catmull and Smith 1980; the formula stands in
//! `kernels/warp.rs`). Elastic displacements are uniform noise on [-1, 1],
//! smoothed by a Gaussian with a standard deviation of 4 pixels, times `elastic`; each direction takes one of a pool of
//! [`FIELDS`] that are made once, with either sign.
//!
//! The variation follows from the training's seed, the number of the pass over the samples, and the number of the
//! sample, and from nothing else: not from the order of the visits, nor from threads. All is computed in integers: it
//! has the same bytes on every CPU.

mod displacement;

use crate::kernels::prepare::{AHEAD, prefetch};
use crate::kernels::warp::{Moves, TILE, Warp};
use crate::random::Words;
use crate::simd::{Isa, Kernel, Vector};
pub use displacement::FIELDS;
use displacement::Fields;

/// 1 in 16 binary places.
const ONE: i64 = 1 << 16;

/// Longest side of an image, for which no product overflows.
pub const MOST_SIDE: usize = 4096;

/// How much images are varied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strengths {
    /// Largest angle in degrees, at most 45.
    pub rotation: f32,
    /// Largest part by which width and height, each for itself, grow or shrink, at most 0.5.
    pub scale: f32,
    /// Largest slant, pixels to the side for one up, at most 0.5.
    pub shear: f32,
    /// Most pixels by which all is shifted in each direction.
    pub shift: f32,
    /// Pixels by which noise between -1 and 1 is multiplied after it was smoothed, at most 40.
    pub elastic: f32,
}

impl Strengths {
    /// What suits handwritten digits of 28 x 28 pixels.
    pub const STANDARD: Self = Self {
        rotation: 10.0,
        scale: 0.1,
        shear: 0.1,
        shift: 1.0,
        elastic: 20.0,
    };

    /// Each with its name.
    pub fn named(&self) -> [(&'static str, f32); 5] {
        [
            ("rotation", self.rotation),
            ("scale", self.scale),
            ("shear", self.shear),
            ("shift", self.shift),
            ("elastic", self.elastic),
        ]
    }

    /// Pixels by which a point so far from the middle may be moved in a direction. Elastic displacements are counted
    /// with three of their standard deviations.
    pub fn reach(&self, from_middle: f64) -> f64 {
        let slope = f64::from(self.rotation).to_radians() + f64::from(self.scale + self.shear);
        let elastic = f64::from(self.elastic) * displacement::DEVIATION;
        from_middle * slope + f64::from(self.shift) + 3.0 * elastic
    }
}

/// Variations of images of one size.
#[derive(Debug)]
pub struct Augmentation {
    seed: u64,
    size: (usize, usize),
    /// Tangent of half the largest angle, and the other strengths, in 16 binary places.
    tangent: i64,
    scale: i64,
    shear: i64,
    /// In 1/64 pixel.
    shift: i64,
    fields: Fields,
}

/// Variations of a pass over the samples.
#[derive(Clone, Copy, Debug)]
pub struct Augmented<'a> {
    /// Of all passes.
    pub augmentation: &'a Augmentation,
    /// Number of the pass.
    pub pass: u64,
}

impl Augmentation {
    /// For images of so many rows and columns.
    ///
    /// # Panics
    /// If a side is longer than [`MOST_SIDE`].
    pub fn new(strengths: Strengths, (rows, columns): (usize, usize), seed: u64) -> Self {
        assert!(rows.max(columns) <= MOST_SIDE, "{rows} x {columns} pixels");
        let half = f64::from(strengths.rotation) * std::f64::consts::PI / 360.0;
        // The series of the tangent, as the system's function may differ in its last bits.
        let square = half * half;
        let series = 1.0 + square * (1.0 / 3.0 + square * (2.0 / 15.0 + square * 17.0 / 315.0));
        let fixed = |number: f64| (number * ONE as f64) as i64;
        Self {
            seed,
            size: (rows, columns),
            tangent: fixed(half * series),
            scale: fixed(strengths.scale.into()),
            shear: fixed(strengths.shear.into()),
            shift: (f64::from(strengths.shift) * 64.0) as i64,
            fields: Fields::new(strengths.elastic, rows.max(columns), seed),
        }
    }

    /// How the pixels of a sample move, along rows and along columns.
    ///
    /// With x' = a x + b y and y' = c x + d y, the first pass is at the row y' = c x + d y already, so that y is
    /// (y' - c x) / d, and x' = (a - b c / d) x + (b / d) y'.
    fn moves(&self, pass: u64, sample: u32) -> [Moves<'_>; 2] {
        let mut words = Words::of([self.seed, pass, sample.into()]);
        let mut drawn = || {
            let word = words.word();
            [0, 16, 32, 48].map(|place| i64::from((word >> place) as i16))
        };
        let of = |drawn: i64, most: i64| (drawn * most) >> 15;
        let times = |a: i64, b: i64| (a * b) >> 16;
        let [angle, wide, high, lean] = drawn();
        let [left, up, first, second] = drawn();
        let tangent = of(angle, self.tangent);
        let square = times(tangent, tangent);
        let cosine = ((ONE - square) << 16) / (ONE + square);
        let sine = (tangent << 17) / (ONE + square);
        let (wide, high) = (ONE + of(wide, self.scale), ONE + of(high, self.scale));
        let lean = of(lean, self.shear);
        let (a, b) = (times(cosine, wide), times(cosine, lean) - times(sine, high));
        let (c, d) = (times(sine, wide), times(sine, lean) + times(cosine, high));
        let determinant = times(a, d) - times(b, c);
        let along = |slope: i64, skew: i64, shift: i64, field: i64| {
            let (field, factor) = self.fields.choose(field);
            Moves {
                slope: ((slope + 8) >> 4) as i32,
                skew: ((skew + 8) >> 4) as i32,
                shift: of(shift, self.shift) as i32,
                field,
                stride: self.fields.stride(),
                factor,
            }
        };
        let slope = (determinant << 16) / d;
        [
            along(slope, (b << 16) / d, left, first),
            along(d, c, up, second),
        ]
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.size.0 * self.size.1
    }
}

impl<'a> Augmented<'a> {
    /// The variation of a sample, whose image this is.
    ///
    /// # Panics
    /// If the image is of another size.
    pub fn image(&self, sample: u32, image: &[u8]) -> Vec<u8> {
        assert_eq!(image.len(), self.augmentation.pixels(), "pixels");
        let (mut scratch, mut target) = (vec![0; image.len()], vec![0; image.len()]);
        let warp = Warp {
            source: image,
            size: self.augmentation.size,
            moves: self.augmentation.moves(self.pass, sample),
            scratch: &mut scratch,
            target: &mut target,
        };
        warp.plain();
        target
    }

    /// The variations of `samples` of `images`, one after the other into `target`; `scratch` has room for an image.
    pub(crate) fn images(
        self,
        isa: Isa,
        (images, samples): (&[u8], &[u32]),
        (scratch, target): (&mut [u8], &mut [u8]),
    ) {
        isa.run_rounding_once(Images {
            augmented: self,
            images,
            samples,
            scratch,
            target,
        });
    }
}

/// Variations of several samples.
struct Images<'a> {
    augmented: Augmented<'a>,
    images: &'a [u8],
    samples: &'a [u32],
    scratch: &'a mut [u8],
    target: &'a mut [u8],
}

impl Kernel for Images<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let Augmented { augmentation, pass } = self.augmented;
        let pixels = augmentation.pixels();
        let prefetch =
            |&sample: &u32| prefetch::<V>(token, self.images, sample as usize * pixels, pixels);
        for sample in self.samples.iter().take(AHEAD) {
            prefetch(sample);
        }
        for (index, target) in self.target.chunks_exact_mut(pixels).enumerate() {
            if let Some(sample) = self.samples.get(index + AHEAD) {
                prefetch(sample);
            }
            let sample = self.samples[index];
            let moves = augmentation.moves(pass, sample);
            let first = sample as usize * pixels;
            let mut copy = [0; TILE * TILE];
            let source = match self.images.get(first..first + pixels + TILE) {
                Some(source) => source,
                // The last image, after which nothing may be read.
                None if pixels + TILE <= copy.len() => {
                    copy[..pixels].copy_from_slice(&self.images[first..][..pixels]);
                    &copy
                }
                None => &self.images[first..][..pixels],
            };
            let warp = Warp {
                source,
                size: augmentation.size,
                moves,
                scratch: &mut *self.scratch,
                target,
            };
            warp.run::<V>(token);
        }
    }
}

#[cfg(test)]
mod tests;
