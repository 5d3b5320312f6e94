//! From a grey picture to the network's image.

use super::error::NoDigit;
use super::grey::GreyImage;
use super::ink::{self, Ink};
use super::plane::{Plane, reduced};
use super::shapes::{self, Digit, Digits};
use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};

/// Longer side of the picture in which the digit is looked for.
const WORKING_SIDE: usize = 1024;
/// Side of the box that a digit fills, and of the image that it lies in.
const BOX_SIDE: usize = 20;
const IMAGE_SIDE: usize = 28;
/// A digit's longer side is at least this share of the picture's, ...
const LEAST_SIDE: f64 = 0.025;
/// ... and it covers at least this share of the picture.
const LEAST_AREA: f64 = 0.0001;
/// Where more is ink, the digit fills the picture ...
const FULL: f64 = 0.22;
/// ... or half of that, and it spans at least this share of a side; so much paper is added on each side.
const SPAN: f64 = 0.6;
const MARGIN: f64 = 0.3;
/// Strokes thinner than this, in pixels of the network's image, are thickened ...
const THINNEST_STROKE: f32 = 1.5;
/// ... to this width. Most of MNIST's strokes are two to three pixels wide.
const STROKE: f32 = 2.0;

/// A network's image of a digit, of the rows and columns that were asked for, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// rows · columns bytes, row-major; 0 is background, 255 ink.
    pub pixels: Vec<u8>,
    /// Whether the ink was darker than its background, as on paper.
    pub is_inverted: bool,
    /// Left edge of the digit in the picture, in pixels.
    pub left: usize,
    /// Upper edge.
    pub top: usize,
    /// Width of the digit.
    pub width: usize,
    /// Height of the digit.
    pub height: usize,
}

/// Makes the image of `rows` x `columns` pixels that MNIST would hold of the digit in a picture, the largest
/// one if there are several; the steps are described at [`image`](crate::image).
///
/// # Errors
/// [`NoDigit`] if nothing in the picture can be a digit.
///
/// # Panics
/// If `rows` or `columns` is 0.
///
/// ```
/// use fused_mlp::image::{GreyImage, prepare};
///
/// // A dark stroke on light paper.
/// let pixel = |index: usize| if (45..55).contains(&(index % 100)) && (2000..8000).contains(&index) { 30 } else { 220 };
/// let picture = GreyImage::new(100, 100, (0..10_000).map(pixel).collect());
/// let one = prepare(&picture, 28, 28)?;
/// assert!(one.is_inverted);
/// assert_eq!((one.left, one.top, one.width, one.height), (45, 20, 10, 60));
/// assert_eq!(one.pixels[14 * 28 + 14], 255);
/// assert_eq!(one.pixels[14 * 28 + 4], 0);
/// # Ok::<(), fused_mlp::image::NoDigit>(())
/// ```
pub fn prepare(picture: &GreyImage, rows: usize, columns: usize) -> Result<Prepared, NoDigit> {
    let all = prepare_all(picture, rows, columns)?;
    let largest = all.into_iter().max_by_key(|one| one.width * one.height);
    largest.ok_or(NoDigit)
}

/// The same of each digit in a picture, in reading order; at least one.
///
/// # Errors
/// [`NoDigit`] if nothing in the picture can be a digit.
///
/// # Panics
/// If `rows` or `columns` is 0.
pub fn prepare_all(
    picture: &GreyImage,
    rows: usize,
    columns: usize,
) -> Result<Vec<Prepared>, NoDigit> {
    assert!(rows > 0 && columns > 0, "an image has pixels");
    let (width, height) = (picture.width(), picture.height());
    let factor = width.max(height).div_ceil(WORKING_SIDE);
    let grey = reduced(width, height, factor, |index| {
        f32::from(picture.pixels()[index])
    });
    let (ink, digits, margin) = found(&grey)?;
    let prepared = |digit: &Digit| {
        let pixels = scaled(&ink, digit, rows, columns);
        // From the picture with its margin to that without, and to that which was not reduced.
        let place = |at: usize, side: usize| (at.saturating_sub(margin) * factor).min(side);
        let region = digit.region;
        let (left, top) = (place(region.left, width - 1), place(region.top, height - 1));
        Prepared {
            pixels: centred(&pixels, rows, columns),
            is_inverted: ink.is_dark,
            left,
            top,
            width: place(region.right, width).max(left + 1) - left,
            height: place(region.bottom, height).max(top + 1) - top,
        }
    };
    Ok(digits.iter().map(prepared).collect())
}

/// The ink of a picture and the digits in it, and by how many pixels both were moved.
fn found(grey: &Plane) -> Result<(Ink, Vec<Digit>, usize), NoDigit> {
    let first = digits(grey);
    if let Ok((ink, found)) = &first
        && let Some(sheet) = shapes::filled(&found.digits[0], grey.width, grey.height)
    {
        // A sheet of paper on a desk: the digits are on it, in ink as the desk's.
        if let Ok(on_sheet) = digits(&spread(grey, &sheet))
            && on_sheet.0.is_dark != ink.is_dark
        {
            return Ok((on_sheet.0, on_sheet.1.digits, 0));
        }
    }
    let is_full = first.as_ref().is_ok_and(|(ink, found)| {
        let area: usize = found.digits.iter().map(|digit| digit.area).sum();
        let is_full = area as f64 > FULL * grey.values.len() as f64 || found.is_at_edge;
        is_full && !ink.is_ruled
    });
    if is_full || first.is_err() {
        let margin = (MARGIN * grey.width.max(grey.height) as f64).ceil() as usize;
        if let Ok((ink, found)) = digits(&ink::padded(grey, margin))
            && found.digits.iter().any(|digit| {
                let region = digit.region;
                digit.area as f64 >= 0.5 * FULL * grey.values.len() as f64
                    && (region.height() as f64 >= SPAN * grey.height as f64
                        || region.width() as f64 >= SPAN * grey.width as f64)
            })
        {
            return Ok((ink, found.digits, margin));
        }
    }
    first.map(|(ink, found)| (ink, found.digits, 0))
}

/// The ink of a picture, and the digits in it, of which there is at least one.
fn digits(grey: &Plane) -> Result<(Ink, Digits), NoDigit> {
    let ink = ink::find(grey)?;
    // Half-way between background and ink.
    let is_ink = |index: usize| ink.smooth.values[index] > 0.5;
    let mut found = shapes::digits(grey.width, grey.height, is_ink);
    let least_area = LEAST_AREA * grey.values.len() as f64;
    let least_side = LEAST_SIDE * grey.width.max(grey.height) as f64;
    found.digits.retain(|digit| {
        let side = digit.region.width().max(digit.region.height());
        digit.area as f64 >= least_area && side as f64 >= least_side
    });
    match found.digits.is_empty() {
        true => Err(NoDigit),
        false => Ok((ink, found)),
    }
}

/// A picture whose surface goes on beyond a sheet, with the median of its grey.
fn spread(grey: &Plane, sheet: &Plane) -> Plane {
    let inside = grey.values.iter().zip(&sheet.values);
    let inside: Vec<f32> = inside
        .filter(|(_, is)| **is > 0.0)
        .map(|it| *it.0)
        .collect();
    if inside.is_empty() {
        return grey.clone();
    }
    let paper = Plane::new(inside.len(), 1, inside).quantile(0.5);
    grey.zip(sheet, |grey, is| if is > 0.0 { grey } else { paper })
}

/// The digit's ink, 0 to 1, scaled into the box that an image of so many rows and columns has.
fn scaled(ink: &Ink, digit: &Digit, rows: usize, columns: usize) -> Plane {
    // Pixels of the image for one pixel of the picture, if the digit has `more` pixels on each side.
    let scale = |more: usize| {
        let side = |size: usize, length: usize| {
            let side = (size * BOX_SIDE) as f32 / IMAGE_SIDE as f32;
            side.round().max(1.0) / (length + 2 * more) as f32
        };
        side(rows, digit.region.height()).min(side(columns, digit.region.width()))
    };
    let thin = stroke_width(digit, ink.plane.width) * scale(0);
    let thickening = if thin < THINNEST_STROKE {
        ((STROKE - thin) / (2.0 * scale(0))).round() as usize
    } else {
        0
    };
    let scale = scale(thickening);
    // Strokes fade out over the blur and over one pixel of the image.
    let fade = ink.blur + 1;
    let margin = thickening + fade + (1.0 / scale).ceil() as usize;
    let region = digit.region.grown(margin, &ink.plane);
    let allowed = digit.mask(region, ink.plane.width).dilated(fade);
    let strokes = ink
        .plane
        .cropped(region)
        .zip(&allowed, |value, allowed| allowed * value.clamp(0.0, 1.0));
    let strokes = if thickening > 0 {
        strokes.dilated(thickening)
    } else {
        strokes
    };
    resized(strokes, scale, (rows, columns))
}

/// A picture of another size: a mean over its pixels weighted by a triangle where it shrinks, linear
/// interpolation where it grows. At most as large as `limits`, rows and columns.
fn resized(picture: Plane, scale: f32, limits: (usize, usize)) -> Plane {
    let side = |length: usize, limit: usize| {
        let side = (length as f32 * scale).round() as usize;
        side.clamp(1, limit)
    };
    let (width, height) = (
        side(picture.width, limits.1),
        side(picture.height, limits.0),
    );
    let size = |length: usize| u32::try_from(length).expect("a side of at most 1024 pixels");
    let (from_width, from_height) = (size(picture.width), size(picture.height));
    let buffer = ImageBuffer::<Luma<f32>, _>::from_raw(from_width, from_height, picture.values)
        .expect("one value a pixel");
    let to = |length: usize| u32::try_from(length).expect("a side of an image that is in memory");
    let resized = resize(&buffer, to(width), to(height), FilterType::Triangle);
    Plane::new(width, height, resized.into_raw())
}

/// Mean width of the strokes in pixels of the picture: the mean distance to the edge of a strip is a
/// quarter of its width. Distances go along rows and columns, whichever edge is nearer.
fn stroke_width(digit: &Digit, width: usize) -> f32 {
    let mask = digit.mask(digit.region, width);
    let (width, height) = (mask.width, mask.height);
    // Centres of pixels at the edge are half a pixel from it.
    let mut distances = mask.map(|value| if value > 0.0 { f32::MAX } else { 0.0 });
    let mut relax = |x: usize, y: usize, neighbour: Option<f32>| {
        let index = y * width + x;
        let found = neighbour.unwrap_or(0.0);
        let step = if found == 0.0 { 0.5 } else { 1.0 };
        if distances.values[index] > found + step {
            distances.values[index] = found + step;
        }
        distances.values[index]
    };
    let mut line = vec![0.0; width];
    for y in 0..height {
        let mut left = None;
        for (x, distance) in line.iter_mut().enumerate() {
            relax(x, y, (y > 0).then_some(*distance));
            *distance = relax(x, y, left);
            left = Some(*distance);
        }
    }
    for y in (0..height).rev() {
        let mut right = None;
        for (x, distance) in line.iter_mut().enumerate().rev() {
            relax(x, y, (y + 1 < height).then_some(*distance));
            *distance = relax(x, y, right);
            right = Some(*distance);
        }
    }
    let sum: f64 = distances.values.iter().map(|&value| f64::from(value)).sum();
    (4.0 * sum / digit.area as f64) as f32
}

/// The image with the centre of mass of `digit` at its centre, as far as that keeps its strokes inside;
/// the strongest ink becomes 255.
fn centred(digit: &Plane, rows: usize, columns: usize) -> Vec<u8> {
    // Fainter ink is the fading edge of a stroke, which may leave the image.
    const STROKE_SHARE: f32 = 0.25;
    let values = digit.values.iter().copied();
    let strongest = values.fold(f32::MIN_POSITIVE, f32::max);
    let (mut across, mut down) = (Extent::default(), Extent::default());
    for (index, &value) in digit.values.iter().enumerate() {
        let is_stroke = value >= STROKE_SHARE * strongest;
        across.add(index % digit.width, value, is_stroke);
        down.add(index / digit.width, value, is_stroke);
    }
    let (left, top) = (across.start(columns), down.start(rows));
    let place = |start: isize, position: usize, side: usize| {
        let place = usize::try_from(start.checked_add_unsigned(position)?).ok();
        place.filter(|&place| place < side)
    };
    let mut pixels = vec![0; rows * columns];
    for (index, value) in digit.values.iter().enumerate() {
        let column = place(left, index % digit.width, columns);
        let row = place(top, index / digit.width, rows);
        if let (Some(column), Some(row)) = (column, row) {
            let byte = (255.0 * value / strongest).round().clamp(0.0, 255.0);
            pixels[row * columns + column] = byte as u8;
        }
    }
    pixels
}

/// Ink along one direction.
#[derive(Default)]
struct Extent {
    mass: f64,
    moment: f64,
    /// The first and the last position that a stroke covers.
    strokes: Option<(usize, usize)>,
}

impl Extent {
    fn add(&mut self, position: usize, value: f32, is_stroke: bool) {
        let value = f64::from(value);
        self.mass += value;
        self.moment += value * (position as f64 + 0.5);
        if is_stroke {
            let (first, last) = self.strokes.get_or_insert((position, position));
            (*first, *last) = (position.min(*first), position.max(*last));
        }
    }

    /// Where the digit starts in an image of `side` pixels: before it, if that is negative.
    fn start(&self, side: usize) -> isize {
        let start = side as f64 / 2.0 - self.moment / self.mass.max(f64::MIN_POSITIVE);
        let (first, last) = self.strokes.unwrap_or_default();
        // The digit is no longer than the image.
        let most = side as isize - 1 - last as isize;
        (start.round() as isize).min(most).max(-(first as isize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_are_measured() {
        for width in [2, 4, 10] {
            let is_ink = |index: usize| (2..2 + width).contains(&(index % 20));
            let found = stroke_width(
                &shapes::digits(20, 64, |i| (40..1240).contains(&i) && is_ink(i)).digits[0],
                20,
            );
            // The ends of the strip are edges too.
            assert!(
                (found - width as f32).abs() < 0.1 * width as f32,
                "{width}: {found}"
            );
        }
    }

    #[test]
    fn the_centre_of_mass_is_centred_as_far_as_the_digit_fits() {
        // All the mass in one corner of a box of 4 x 4.
        let mut values = vec![0.0; 16];
        values[0] = 0.5;
        let pixels = centred(&Plane::new(4, 4, values), 8, 8);
        assert_eq!(pixels.iter().position(|&byte| byte == 255), Some(4 * 8 + 4));
        // In the corner of 7 x 7 the digit would leave the image of 8 x 8.
        let mut values = vec![0.0; 49];
        (values[0], values[48]) = (1.0, 0.3);
        let pixels = centred(&Plane::new(7, 7, values), 8, 8);
        assert_eq!(pixels.iter().position(|&byte| byte == 255), Some(8 + 1));
    }
}
