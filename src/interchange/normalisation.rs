//! Inputs that were normalised in training.

use crate::network::Parameters;

/// The network of x = byte / 255 that computes what `parameters` compute of
/// x' = (x - mean) / deviation: W / deviation, and b - mean / deviation · the sums of W's columns.
pub fn without_normalisation(mut parameters: Parameters, mean: f64, deviation: f64) -> Parameters {
    let hidden = parameters.shape.hidden;
    let mut sums = vec![0.0; hidden];
    for row in parameters.linear1_weight.chunks_exact_mut(hidden) {
        for (weight, sum) in row.iter_mut().zip(&mut sums) {
            let divided = f64::from(*weight) / deviation;
            *sum += divided;
            *weight = divided as f32;
        }
    }
    for (bias, sum) in parameters.linear1_bias.iter_mut().zip(sums) {
        *bias = (f64::from(*bias) - mean * sum) as f32;
    }
    parameters
}
