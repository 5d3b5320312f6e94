//! Telling ink from its background.

use super::error::NoDigit;
use super::lines;
use super::plane::Plane;

/// Longer side of the picture in which the background is estimated.
const BACKGROUND_SIDE: usize = 128;
/// Half the width of the widest stroke that is ink, as a share of the longer side: what is wider is
/// background.
const WIDEST_STROKE: f32 = 0.15;
/// Ink stands out from its background by at least this share of full contrast ...
const LEAST_CONTRAST: f32 = 0.08;
/// ... and by so many standard deviations of the noise. That of pure noise at [`INK_SHARES`] is 2.9 and 3.5.
const LEAST_DEVIATIONS: [f32; 2] = [5.0, 8.0];
/// The darkest share of a picture with a digit is ink; the second one where the digit is small in it.
const INK_SHARES: [f64; 2] = [0.002, 0.0002];
/// The lines of the paper have at least this share of the contrast of the darkest ink.
const FAINTEST_LINE: f32 = 0.3;
/// The share of the picture's edge that the paper around a picture which is full of its digit is fitted to.
const PAPER_AT_EDGE: f64 = 0.8;
/// Blurring against the noise of the paper covers one pixel on each side for so many of the longer
/// side, and at most two.
const SIDE_OF_BLUR: usize = 256;
/// What differs more from that paper, in grey levels, is not its noise.
const MOST_NOISE: f32 = 24.0;

/// What stands out from the background.
#[derive(Clone, Debug)]
pub(super) struct Ink {
    /// How much each pixel stands out; 0 is background, 1 the ink of a typical stroke.
    pub plane: Plane,
    /// The same with less noise.
    pub smooth: Plane,
    /// Whether the ink is darker than the background.
    pub is_dark: bool,
    /// Whether several lines of the paper were taken away.
    pub is_ruled: bool,
    /// Radius of the blur.
    pub blur: usize,
}

/// Finds the ink of a grey picture, 0 to 255.
pub(super) fn find(grey: &Plane) -> Result<Ink, NoDigit> {
    let factor = grey.width.max(grey.height).div_ceil(BACKGROUND_SIDE);
    let coarse = grey.reduced(factor);
    let light = fitted_plane(&coarse, |_, _, _| 1.0);
    let is_dark = is_ink_dark(&coarse, &light);
    let background = background(&coarse, &light, is_dark);
    let background = background.enlarged(factor, grey.width, grey.height);
    let mut contrast = if is_dark {
        // Light falls on ink and paper alike, so their quotient does not depend on it.
        grey.zip(&background, |grey, paper| 1.0 - grey / paper.max(16.0))
    } else {
        grey.zip(&background, |grey, board| (grey - board) / 255.0)
    };
    let blur = (grey.width.max(grey.height) / SIDE_OF_BLUR).min(2);
    let mut smooth = contrast.blurred(blur);
    let middle = smooth.quantile(0.5);
    let darkest = smooth.quantile(1.0 - INK_SHARES[0]) - middle;
    let least = FAINTEST_LINE * darkest;
    let is_ruled = darkest >= LEAST_CONTRAST
        && lines::remove(&mut contrast, &mut smooth, blur, (middle, least));
    let deviation = 1.4826 * smooth.map(|value| (value - middle).abs()).quantile(0.5);
    let darkest = INK_SHARES.map(|share| smooth.quantile(1.0 - share) - middle);
    let mut darkest = darkest.into_iter().zip(LEAST_DEVIATIONS);
    let is_ink = |&(darkest, least): &(f32, f32)| darkest >= LEAST_CONTRAST.max(least * deviation);
    let (darkest, _) = darkest.find(is_ink).ok_or(NoDigit)?;
    let level = ink_level(&smooth, middle, darkest);
    let scaled = |plane: &Plane| plane.map(|value| (value - middle) / level);
    Ok(Ink {
        plane: scaled(&contrast),
        smooth: scaled(&smooth),
        is_dark,
        is_ruled,
        blur,
    })
}

/// The picture with `margin` pixels of its background on each side, for one that the digit fills: so
/// much of it may be ink that only its edge tells what is background. That is on the whole what the inside
/// is less like, and its light is a plane.
pub(super) fn padded(grey: &Plane, margin: usize) -> Plane {
    let factor = grey.width.max(grey.height).div_ceil(BACKGROUND_SIDE);
    let coarse = grey.reduced(factor);
    let is_edge =
        |x: usize, y: usize| x == 0 || y == 0 || x + 1 == coarse.width || y + 1 == coarse.height;
    let mean = |of_edge: bool| {
        let (mut sum, mut count) = (0.0, 0);
        for (index, &value) in coarse.values.iter().enumerate() {
            if is_edge(index % coarse.width, index / coarse.width) == of_edge {
                (sum, count) = (sum + f64::from(value), count + 1);
            }
        }
        sum / f64::from(count.max(1))
    };
    let is_dark = mean(true) >= mean(false);
    let paper = fitted_plane(&coarse, |x, y, difference| {
        let is_paper_side = (difference > 0.0) == is_dark;
        let share = if is_paper_side {
            PAPER_AT_EDGE
        } else {
            1.0 - PAPER_AT_EDGE
        };
        f64::from(is_edge(x, y)) * share
    });
    let paper = paper.enlarged(factor, grey.width, grey.height);
    let (width, height) = (grey.width + 2 * margin, grey.height + 2 * margin);
    let value = |index: usize| {
        let place = |at: usize, side: usize| at.saturating_sub(margin).min(side - 1);
        let (x, y) = (index % width, index / width);
        let (column, row) = (place(x, grey.width), place(y, grey.height));
        if x == column + margin && y == row + margin {
            return grey.at(column, row);
        }
        // With the noise of the picture's mirror image, or it would be taken for ink.
        let mirrored = |at: usize, side: usize| {
            let at = (at as isize - margin as isize).rem_euclid(2 * side as isize) as usize;
            at.min(2 * side - 1 - at)
        };
        let (from, to) = (mirrored(x, grey.width), mirrored(y, grey.height));
        let noise = grey.at(from, to) - paper.at(from, to);
        let noise = if noise.abs() <= MOST_NOISE {
            noise
        } else {
            0.0
        };
        (2.0 * paper.at(column, row) - paper.at(from, to) + noise).clamp(0.0, 255.0)
    };
    Plane::new(width, height, (0..width * height).map(value).collect())
}

/// The contrast that three quarters of the ink do not exceed, so that the middle of a stroke saturates;
/// ink are the pixels that have at least 0.4 times the contrast of the darkest.
fn ink_level(smooth: &Plane, middle: f32, darkest: f32) -> f32 {
    let contrast = smooth.values.iter().map(|value| value - middle);
    let ink: Vec<f32> = contrast.filter(|&value| value > 0.4 * darkest).collect();
    // The darkest pixels are among them, so there are some.
    Plane::new(ink.len(), 1, ink).quantile(0.75)
}

/// The background: what remains when everything narrower than the widest stroke is removed from the
/// picture by a morphological closing (dark ink) or opening (light ink). The plane of the light is taken
/// out before, because both shift slopes at the picture's edges.
fn background(coarse: &Plane, light: &Plane, is_dark: bool) -> Plane {
    let radius = (WIDEST_STROKE * coarse.width.max(coarse.height) as f32).ceil() as usize;
    let flat = coarse.zip(light, |grey, light| grey - light);
    let flat = if is_dark {
        flat.dilated(radius).eroded(radius)
    } else {
        flat.eroded(radius).dilated(radius)
    };
    flat.blurred(radius / 2)
        .zip(light, |flat, light| flat + light)
}

/// Whether the ink is darker than the plane that the background lies in: most pixels are background
/// and near the plane, so the third moment of the differences has the sign of the ink.
fn is_ink_dark(coarse: &Plane, light: &Plane) -> bool {
    let differences = coarse.zip(light, |grey, light| grey - light);
    let cubes = differences
        .values
        .iter()
        .map(|&value| f64::from(value).powi(3));
    cubes.sum::<f64>() <= 0.0
}

/// The plane a + b x + c y with the least sum of absolute differences to the picture, which passes
/// through the background where that is more than half of the picture, with a weight for each column, row
/// and difference. By iteratively reweighted least squares.
fn fitted_plane(picture: &Plane, weight: impl Fn(usize, usize, f64) -> f64) -> Plane {
    const ITERATIONS: usize = 20;
    // Differences below it, in grey levels, weigh the same.
    const FINEST: f64 = 1.0;
    let scale = |position: usize, size: usize| 2.0 * (position as f64 + 0.5) / size as f64 - 1.0;
    let points = || {
        (0..picture.height).flat_map(|y| {
            (0..picture.width).map(move |x| {
                let basis = [1.0, scale(x, picture.width), scale(y, picture.height)];
                (basis, x, y)
            })
        })
    };
    let height =
        |basis: [f64; 3], at: [f64; 3]| basis.iter().zip(at).map(|(b, a)| a * b).sum::<f64>();
    // It starts from the median, not from the mean, which ink shifts.
    let mut plane = [f64::from(picture.quantile(0.5)), 0.0, 0.0];
    for _ in 0..ITERATIONS {
        let (mut matrix, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
        for (basis, x, y) in points() {
            let value = f64::from(picture.at(x, y));
            let difference = value - height(basis, plane);
            let weight = weight(x, y, difference) / difference.abs().max(FINEST);
            for row in 0..3 {
                for column in 0..3 {
                    matrix[row][column] += weight * basis[row] * basis[column];
                }
                right[row] += weight * basis[row] * value;
            }
        }
        plane = solved(matrix, right);
    }
    let values = points().map(|(basis, ..)| height(basis, plane) as f32);
    Plane::new(picture.width, picture.height, values.collect())
}

/// Solves a positive semidefinite system of three equations. A picture of one row or column leaves one
/// slope open, which a small multiple of the unit matrix sets to 0.
fn solved(mut matrix: [[f64; 3]; 3], mut right: [f64; 3]) -> [f64; 3] {
    let ridge = 1e-9 * (matrix[0][0] + 1e-9);
    (0..3).for_each(|index| matrix[index][index] += ridge);
    for pivot in 0..3 {
        for row in pivot + 1..3 {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (value, above) in matrix[row].iter_mut().zip(above) {
                *value -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..3).rev() {
        for column in row + 1..3 {
            right[row] -= matrix[row][column] * right[column];
        }
        right[row] /= matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_found_below_outliers() {
        let value = |x: usize, y: usize| match (x, y) {
            (4..8, 2..9) => 10.0,
            _ => 100.0 + 3.0 * x as f32 - 2.0 * y as f32,
        };
        let values = (0..12).flat_map(|y| (0..16).map(move |x| value(x, y)));
        let picture = Plane::new(16, 12, values.collect());
        let fitted = fitted_plane(&picture, |_, _, _| 1.0);
        for (x, y) in [(0, 0), (15, 11), (5, 5)] {
            let expected = 100.0 + 3.0 * x as f32 - 2.0 * y as f32;
            let found = fitted.at(x, y);
            assert!((found - expected).abs() < 0.5, "{x} {y}: {found}");
        }
        assert!(is_ink_dark(&picture, &fitted));
        let inverted = picture.map(|value| 255.0 - value);
        assert!(!is_ink_dark(
            &inverted,
            &fitted_plane(&inverted, |_, _, _| 1.0)
        ));
    }

    #[test]
    fn lines_of_pixels_have_a_plane_too() {
        let line = Plane::new(1, 5, vec![1.0, 2.0, 3.0, 4.0, 5.0]);
        let fitted = fitted_plane(&line, |_, _, _| 1.0);
        assert!(fitted.values.iter().all(|value| value.is_finite()));
        let point = Plane::new(1, 1, vec![7.0]);
        assert!((fitted_plane(&point, |_, _, _| 1.0).values[0] - 7.0).abs() < 1e-3);
    }
}
