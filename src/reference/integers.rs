//! The first layer with 16-bit integers, as plain loops in 64 bits.

use super::{SMALLEST_VELOCITY, SgdOptions, smallest_weight};

/// W and its velocities, `[inputs][units]`.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegerLayer {
    /// Number of units.
    pub units: usize,
    /// W.
    pub weights: Vec<f32>,
    /// v of each weight.
    pub velocities: Vec<f32>,
}

/// The largest power of two up to `largest` for which `fits`.
fn power_of_two(largest: f32, fits: impl Fn(f32) -> bool) -> f32 {
    let mut scale = largest;
    while !fits(scale) {
        scale /= 2.0;
    }
    scale
}

impl IntegerLayer {
    /// S of a unit: the largest power of two up to 2^14 for which every |round(w S)| is at most 32766, and their sum
    /// at most (2^31 - 1) / 255.
    pub fn scale(&self, unit: usize) -> f32 {
        power_of_two(16384.0, |scale| {
            let integers = self.column(unit).map(|w| f64::from(w) * f64::from(scale));
            let integers: Vec<f64> = integers.map(|q| q.round_ties_even().abs()).collect();
            let sum: f64 = integers.iter().sum();
            integers.iter().all(|&q| q <= 32766.0) && 255.0 * sum <= f64::from(i32::MAX)
        })
    }

    fn column(&self, unit: usize) -> impl Iterator<Item = f32> {
        self.weights.iter().skip(unit).step_by(self.units).copied()
    }

    /// k_u = (sum over i of x_i round(w_iu S_u)) ((1 / 255) / S_u) + b_u, for an image of bytes x.
    ///
    /// The sum is exact, and rounded to f32 once; the product and the sum with b are rounded, too.
    pub fn forward(&self, image: &[u8], bias: &[f32]) -> Vec<f32> {
        let unit = |unit: usize| {
            let scale = self.scale(unit);
            let mut sum = 0_i64;
            for (&x, w) in image.iter().zip(self.column(unit)) {
                sum += i64::from(x) * (w * scale).round_ties_even() as i64;
            }
            sum as f32 * ((1.0 / 255.0) / scale) + bias[unit]
        };
        (0..self.units).map(unit).collect()
    }

    /// One step on W of a minibatch, the blocks of which are images and deltas dk, `[samples][units]`.
    ///
    /// In each block the delta of unit u is round((dk / 255) D_u), with D_u the largest power of two up to 2^100,
    /// and 2^126 S_u, that keeps all below 2^15. The gradient is (sum over samples of x_i round((dk / 255) D_u)) /
    /// D_u, where the sum is exact, added up block by block. The step is that of
    /// [`Network::sgd_step`](super::Network::sgd_step), each product and each sum rounded to f32. That of plain SGD
    /// on a single block has -rate / 255 in place of 1 / 255, and adds the gradient to the weights.
    pub fn step(&mut self, blocks: &[(Vec<&[u8]>, Vec<f32>)], options: &SgdOptions) {
        let scales: Vec<f32> = (0..self.units).map(|unit| self.scale(unit)).collect();
        let is_plain = options.momentum == 0.0 && options.weight_decay == 0.0;
        for at in 0..self.weights.len() {
            let (input, unit) = (at / self.units, at % self.units);
            let mut gradient = 0.0;
            for (images, deltas) in blocks {
                let factor = match is_plain && blocks.len() == 1 {
                    true => -options.learning_rate as f32 * (1.0 / 255.0),
                    false => 1.0 / 255.0,
                };
                let deltas = deltas.iter().skip(unit).step_by(self.units);
                let deltas: Vec<f32> = deltas.map(|d| d * factor).collect();
                let part = part_of_gradient(images, input, &deltas, scales[unit]);
                match is_plain && blocks.len() == 1 {
                    true => self.weights[at] += part,
                    false => gradient += part,
                }
            }
            if !is_plain || blocks.len() > 1 {
                self.step_of(at, gradient, options, 16384.0 / scales[unit]);
            }
        }
    }

    /// The step of one weight. What decays becomes 0 below a size that goes by the scale of its unit.
    fn step_of(&mut self, at: usize, gradient: f32, options: &SgdOptions, finer: f32) {
        let (rate, momentum) = (options.learning_rate as f32, options.momentum as f32);
        let (w, v) = (&mut self.weights[at], &mut self.velocities[at]);
        let end = |value: f32, smallest: f64| match value.abs() < smallest as f32 * finer {
            true => 0.0,
            false => value,
        };
        let gradient = options.weight_decay as f32 * *w + gradient;
        let next = end(momentum * *v + gradient, SMALLEST_VELOCITY);
        let direction = match options.nesterov {
            true => momentum * next + gradient,
            false => next,
        };
        if momentum != 0.0 {
            *v = next;
        }
        *w = end(
            -rate * direction + *w,
            smallest_weight(options.weight_decay),
        );
    }
}

/// The gradient of a weight by one block, from what the deltas of its unit are with their factor.
fn part_of_gradient(images: &[&[u8]], input: usize, deltas: &[f32], scale: f32) -> f32 {
    let largest = deltas
        .iter()
        .fold(0.0, |largest: f32, d| largest.max(d.abs()));
    let finest = 2f32.powi(100).min(2f32.powi(126) * scale);
    let finer = power_of_two(finest, |finer| largest * finer < 32767.5);
    let products = images
        .iter()
        .zip(deltas)
        .map(|(image, d)| i64::from(image[input]) * (d * finer).round_ties_even() as i64);
    products.sum::<i64>() as f32 / finer
}
