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
    /// In each block the delta of unit u is round(dk D_u), with D_u the largest power of two up to 2^100 that keeps
    /// all below 2^15. The gradient is (sum over samples of x_i round(dk D_u)) ((1 / 255) / D_u), where the sum is
    /// exact, added up block by block. The step is that of [`Network::sgd_step`](super::Network::sgd_step), each
    /// product and each sum rounded to f32. That of plain SGD on a single block multiplies the sum by -rate
    /// (1 / 255) / D_u at once.
    pub fn step(&mut self, blocks: &[(Vec<&[u8]>, Vec<f32>)], options: &SgdOptions) {
        let scales: Vec<f32> = (0..self.units).map(|unit| self.scale(unit)).collect();
        let is_plain = options.momentum == 0.0 && options.weight_decay == 0.0;
        for at in 0..self.weights.len() {
            let (input, unit) = (at / self.units, at % self.units);
            let mut gradient = 0.0;
            for (images, deltas) in blocks {
                let (sum, factor) = self.sum(images, deltas, input, unit);
                if is_plain && blocks.len() == 1 {
                    self.weights[at] += sum as f32 * (factor * -options.learning_rate as f32);
                } else {
                    gradient += sum as f32 * factor;
                }
            }
            if !is_plain || blocks.len() > 1 {
                self.step_of(at, gradient, options, 16384.0 / scales[unit]);
            }
        }
    }

    /// The sum of a weight's gradient, and what it is multiplied by.
    fn sum(&self, images: &[&[u8]], deltas: &[f32], input: usize, unit: usize) -> (i64, f32) {
        let column = || deltas.iter().skip(unit).step_by(self.units);
        let largest = column().fold(0.0, |largest: f32, d| largest.max(d.abs()));
        let scale = power_of_two(2f32.powi(100), |scale| largest * scale < 32767.5);
        let products = images
            .iter()
            .zip(column())
            .map(|(image, d)| i64::from(image[input]) * (d * scale).round_ties_even() as i64);
        (products.sum(), (1.0 / 255.0) / scale)
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
