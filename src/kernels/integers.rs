//! Numbers as 16-bit integers with a scale, so that sums of their products are exact.
//!
//! A weight w of unit u is held as w S in f32, S a power of two, one a unit, which loses nothing, and computed
//! with as q = round(w S); an input is its byte. A sum
//! of products of bytes and q is at most 255 times the sum of |q| over a unit's weights, which [`WEIGHT_SUM`]
//! keeps within 32 bits: no sum of a forward pass wraps, in whatever order. A delta d of unit u, times 1/255 and
//! where it may be the rate, is held as
//! round(d D), D a power of two, one a unit and block of samples; 128 samples of 255 times 2^15 are 2^30:
//! no sum of a gradient wraps. As D and S are powers of two, so is what a sum is multiplied by to be a change of
//! w S: the product is exact, and may be added at once or after rounding.
//!
//! A step cannot change w S by more than 255 times the sum of |round(d D)|, times that factor. So weights need
//! not be looked at after each step: [`room`] says how far they may go until a scale could have to change.
//!
//! Pairs of 16-bit integers lie in one of 32 bits, the lower half first: of two pixels beside each other in
//! the weights, of two samples after each other in the deltas. One instruction multiplies two pairs and adds
//! both products to a sum.
//!
//! Source: D. Das et al., "Mixed precision training of convolutional neural networks using integer
//! operations", 2018, arXiv 1802.00930.

use super::PIXEL_BLOCK;

/// Largest scale of weights, 2^14. A weight of 2 then fits no more, which few of a trained network
/// reach, and the step of 6e-5 is far below what a minibatch changes.
pub const FINEST: f32 = 16384.0;
/// Most that the absolute value of an integer weight may be. One more, or two, is what larger ones are cut to.
pub const WEIGHT: i32 = i16::MAX as i32 - 1;
/// Most that the absolute values of a unit's integer weights may add up to.
pub const WEIGHT_SUM: i32 = i32::MAX / 255;
/// Most inputs: the absolute values of so many integers add up to less than 2^31.
pub const MOST_INPUTS: usize = 1 << 16;
/// Largest exponent of a scale of deltas: their gradients stay normal numbers.
const FINEST_DELTA: i32 = 100;

/// 2^exponent.
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

/// What a sum of products of bytes and integers of a scale is multiplied by: inputs are bytes / 255.
pub fn factor(scale: f32) -> f32 {
    (1.0 / 255.0) / scale
}

/// The scale of a unit's deltas, the absolute value of the largest of which is given: the largest power of two
/// up to 2^100, and 2^126 times that of its weights, with which it is below 2^15 - 1/2. NaN if it is not finite.
// Without branches, so that it is found for many units at once.
#[inline(always)]
pub fn delta_scale(largest: f32, of_weights: f32) -> f32 {
    // That of 0 and of denormal numbers is -127.
    let exponent = (largest.to_bits() >> 23) as i32 - 127;
    let of_weights = (of_weights.to_bits() >> 23) as i32 - 127;
    let scale = power_of_two((14 - exponent).min(FINEST_DELTA).min(of_weights + 126));
    let smaller = if largest * scale < 32767.5 { 1.0 } else { 0.5 };
    if largest < f32::INFINITY {
        scale * smaller
    } else {
        f32::NAN
    }
}

/// The scale of a unit's weights: the largest power of two up to 2^14 with which each is at most [`WEIGHT`] and
/// their sum at most [`WEIGHT_SUM`], so it depends on the weights as they are alone, not on what they were.
/// NaN if a weight is not finite.
pub fn weight_scale(weights: impl Iterator<Item = f32> + Clone) -> f32 {
    if !weights.clone().all(f32::is_finite) {
        return f32::NAN;
    }
    let fits = |scale: f32| {
        let integers = weights.clone().map(|w| (w * scale).round_ties_even().abs());
        let (mut largest, mut sum) = (0.0_f32, 0.0_f64);
        for integer in integers {
            largest = largest.max(integer);
            sum += f64::from(integer);
        }
        largest <= WEIGHT as f32 && sum <= f64::from(WEIGHT_SUM)
    };
    let mut scale = FINEST;
    while !fits(scale) {
        scale *= 0.5;
    }
    scale
}

/// How far each weight of a unit, times its scale, may go until that scale may have to change, by the absolute
/// values of its integers: the largest, and their sum. Negative where it may have to change now.
pub fn room(scale: f32, largest: f32, sum: f32, inputs: usize) -> f32 {
    let (most, most_of_sum, inputs) = (WEIGHT as f32, WEIGHT_SUM as f32, inputs as f32);
    let until_too_large = (most - largest).min((most_of_sum - sum) / inputs);
    // With twice the scale an integer is twice itself, give or take one.
    let until_small = match scale == FINEST {
        true => f32::INFINITY,
        false => (largest - 0.5 * (most + 1.0)).max((sum - 0.5 * (most_of_sum + inputs)) / inputs),
    };
    // An integer may go one further than what it is rounded from.
    until_too_large.min(until_small) - 1.0
}

/// Two integers as a pair.
pub fn pair(lower: i32, upper: i32) -> i32 {
    lower & 0xffff | upper << 16
}

/// Row of the pair of pixels that `pixel`, an even one, is the first of. Of 128 pixels, the pairs of the first
/// and of the second half take turns, so that a row is the place of a pair's bit in a mask of both halves.
pub fn row(pixel: usize) -> usize {
    let (group, place) = (pixel / (2 * PIXEL_BLOCK), pixel % (2 * PIXEL_BLOCK));
    group * PIXEL_BLOCK + place % PIXEL_BLOCK + place / PIXEL_BLOCK
}

/// Rows for so many pixels.
pub fn rows(inputs: usize) -> usize {
    inputs.next_multiple_of(2 * PIXEL_BLOCK) / 2
}
