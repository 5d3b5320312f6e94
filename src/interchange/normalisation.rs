//! Inputs that were normalised in training.

use crate::network::Parameters;

/// x' = (x - mean) / deviation, with x = byte / 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    mean: f64,
    deviation: f64,
}

impl Normalisation {
    /// `None` unless both are finite and the deviation is above 0.
    pub fn new(mean: f64, deviation: f64) -> Option<Self> {
        let is_sound = mean.is_finite() && deviation.is_finite() && deviation > 0.0;
        is_sound.then_some(Self { mean, deviation })
    }

    /// The network of x that computes what `parameters` compute of x':
    /// W / deviation, and b - mean / deviation · the sums of W's columns.
    pub fn folded_into(self, mut parameters: Parameters) -> Parameters {
        if self.mean == 0.0 && self.deviation == 1.0 {
            return parameters;
        }
        let mut sums = vec![0.0; parameters.shape.hidden];
        for row in parameters
            .linear1_weight
            .chunks_exact_mut(parameters.shape.hidden)
        {
            for (weight, sum) in row.iter_mut().zip(&mut sums) {
                let divided = f64::from(*weight) / self.deviation;
                *sum += divided;
                *weight = divided as f32;
            }
        }
        for (bias, sum) in parameters.linear1_bias.iter_mut().zip(sums) {
            *bias = (f64::from(*bias) - self.mean * sum) as f32;
        }
        parameters
    }
}
