//! Images of files that are transposed, or dark on light, and what they are made of that.

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::split::Images;

/// What is changed in the images of files when they are read, so that they are upright, and light on dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adjustment {
    /// Rows become columns: EMNIST's images are transposed.
    pub transpose: bool,
    /// A byte v becomes 255 - v.
    pub invert: bool,
}

impl Adjustment {
    /// Whether nothing is changed.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The options of the program that ask for it.
impl fmt::Display for Adjustment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match (self.transpose, self.invert) {
            (false, false) => "neither --transpose nor --invert",
            (true, false) => "--transpose",
            (false, true) => "--invert",
            (true, true) => "--transpose --invert",
        })
    }
}

/// Adjusted images of so many columns, each of `pixels` bytes.
pub(super) fn adjusted(
    bytes: &[u8],
    pixels: usize,
    columns: usize,
    adjustment: Adjustment,
) -> Vec<u8> {
    let mut adjusted = vec![0; bytes.len()];
    let rows = pixels / columns;
    let mask = if adjustment.invert { 0xff } else { 0 };
    let images = bytes.par_chunks_exact(pixels);
    images
        .zip(adjusted.par_chunks_exact_mut(pixels))
        .for_each(|(from, to)| {
            for (index, byte) in from.iter().enumerate() {
                let place = match adjustment.transpose {
                    true => index % columns * rows + index / columns,
                    false => index,
                };
                to[place] = byte ^ mask;
            }
        });
    adjusted
}

/// Fewer images tell nothing: a few zeros are wider than high.
const FEWEST: usize = 100;
/// As many are looked at.
const MOST: usize = 1000;
/// Brightness of a border that is background, at least, and how much darker the rest is. In MNIST, inverted,
/// the border has 255 and the rest 218.
const BRIGHT: f64 = 128.0;
const CONTRAST: f64 = 16.0;
/// Variance of the ink's columns by that of its rows, from which on images look transposed. It is 0.52 in the
/// training images of MNIST and so 1.91 where these are transposed; letters are higher than wide, too, and
/// things that fill the square have about 1.
const WIDE: f64 = 1.25;

/// What would make the images look more like those of MNIST: by the brightness of the border, and by the
/// extents of the ink in the mean image.
pub(super) fn missing(images: &Images) -> Adjustment {
    let (rows, columns) = (images.rows(), images.columns());
    if images.count() < FEWEST || rows.min(columns) < 3 {
        return Adjustment::default();
    }
    let step = images.count().div_ceil(MOST);
    let mut sums = vec![0_u32; images.pixels()];
    let looked_at = (0..images.count()).step_by(step);
    let count = looked_at.len() as f64;
    for index in looked_at {
        let pixels = sums.iter_mut().zip(images.image(index));
        pixels.for_each(|(sum, &byte)| *sum += u32::from(byte));
    }
    let mean: Vec<f64> = sums.iter().map(|&sum| f64::from(sum) / count).collect();
    let place = |index: usize| (index / columns, index % columns);
    let is_border = |index: usize| {
        let (row, column) = place(index);
        row == 0 || column == 0 || row + 1 == rows || column + 1 == columns
    };
    let average = |of_border: bool| {
        let chosen = (0..mean.len()).filter(|&index| is_border(index) == of_border);
        chosen.clone().map(|index| mean[index]).sum::<f64>() / chosen.count() as f64
    };
    let (border, inside) = (average(true), average(false));
    // Mean and variance of a coordinate, weighted by the ink.
    let variance = |coordinate: &dyn Fn(usize) -> usize| {
        let ink = mean.iter().map(|value| (value - border).abs());
        let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (index, ink) in ink.enumerate() {
            let at = coordinate(index) as f64;
            weight += ink;
            sum += ink * at;
            squares += ink * at * at;
        }
        squares / weight - (sum / weight).powi(2)
    };
    let (high, wide) = (variance(&|it| place(it).0), variance(&|it| place(it).1));
    Adjustment {
        // Not true of images without ink, whose variances are NaN.
        transpose: rows == columns && wide > WIDE * high,
        invert: border >= BRIGHT && inside <= border - CONTRAST,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dataset, Images};
    use super::*;
    use std::path::Path;

    const fn of(transpose: bool, invert: bool) -> Adjustment {
        Adjustment { transpose, invert }
    }

    const ALL: [Adjustment; 4] = [
        of(false, false),
        of(true, false),
        of(false, true),
        of(true, true),
    ];

    #[test]
    fn rows_become_columns_and_black_white() {
        let images = Images::from_vec(2, 2, 3, (0..12).collect()).unwrap();
        let adjusted = images.clone().adjusted(ALL[3]).unwrap();
        assert_eq!((adjusted.rows(), adjusted.columns()), (3, 2));
        assert_eq!(adjusted.image(1), [6, 9, 7, 10, 8, 11].map(|it| 255 - it));
        assert_eq!(adjusted.adjustment(), ALL[3]);
        for adjustment in ALL {
            let once = images.clone().adjusted(adjustment).unwrap();
            let twice = once.adjusted(adjustment).unwrap();
            assert_eq!(twice.bytes(), images.bytes());
        }
    }

    #[test]
    fn digits_that_are_transposed_or_dark_on_light_are_seen() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
        let mnist = Dataset::open(folder).unwrap();
        let few = Images::from_vec(100, 28, 28, mnist.test.images.bytes()[..78_400].to_vec());
        for images in [mnist.train.images, mnist.test.images, few.unwrap()] {
            for adjustment in ALL {
                let adjusted = images.clone().adjusted(adjustment).unwrap();
                assert_eq!(missing(&adjusted), adjustment);
            }
        }
    }

    #[test]
    fn other_images_are_not_taken_for_digits() {
        let noise = |count: usize, level: u32| {
            let byte = |index: usize| (index as u32).wrapping_mul(2_654_435_761) >> 24;
            let bytes = (0..count * 784).map(|index| (byte(index).max(level)) as u8);
            Images::from_vec(count, 28, 28, bytes.collect()).unwrap()
        };
        // Things that fill the square, and half of them its middle rows: of clothes and shoes.
        let thing = |index: usize| {
            let (image, row, column) = (index / 784, index / 28 % 28, index % 28);
            let is_inside = match image % 10 {
                0..6 => (3..25).contains(&column),
                _ => (9..22).contains(&row),
            };
            if is_inside { 180 } else { 0 }
        };
        let things = Images::from_vec(200, 28, 28, (0..200 * 784).map(thing).collect());
        let blank = Images::from_vec(200, 28, 28, vec![255; 200 * 784]);
        for images in [
            noise(200, 0),
            noise(200, 200),
            things.unwrap(),
            blank.unwrap(),
        ] {
            assert_eq!(missing(&images), Adjustment::default());
        }
    }
}
