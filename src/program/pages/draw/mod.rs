//! A page to draw a digit on, which the network that it holds reads.

use super::template::render;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fused_mlp::network::Parameters;
use serde::Serialize;
use serde_json::json;

/// What is told of the run that left the model.
#[derive(Clone, Debug, Serialize)]
pub struct RunFacts {
    /// Share of the test samples that it predicts rightly.
    pub accuracy: f64,
    /// Number of those.
    pub samples: usize,
    /// Its options.
    pub recipe: String,
    /// The day on which it began.
    pub date: String,
}

/// The page of a network for images of so many rows and columns, from a file with this SHA-256. Predictions whose
/// probability is below `least_sure` are told to be unsure.
///
/// # Errors
/// What the template engine says.
pub fn drawing_page(
    parameters: &Parameters,
    (rows, columns): (usize, usize),
    sha256: &str,
    run: Option<&RunFacts>,
    least_sure: f64,
) -> anyhow::Result<String> {
    let context = json!({
        "rows": rows,
        "columns": columns,
        "hidden": parameters.shape.hidden,
        "classes": parameters.shape.classes,
        "network": parameters.shape.to_string(),
        "weights": STANDARD.encode(network_bytes(parameters)),
        "least_sure": least_sure,
        "run": run,
        "sha256": sha256,
        "version": env!("CARGO_PKG_VERSION"),
    });
    render("draw/page.html", context)
}

/// Both layers, little-endian: 32-bit floats, of each layer the scales of its units and then their biases; after
/// them 16-bit integers, which times the scale of their unit are its weights, unit by unit.
fn network_bytes(parameters: &Parameters) -> Vec<u8> {
    let layers = [
        (&parameters.linear1_weight, &parameters.linear1_bias),
        (&parameters.linear2_weight, &parameters.linear2_bias),
    ];
    let (mut floats, mut integers) = (Vec::new(), Vec::new());
    for (weights, biases) in layers {
        let units = biases.len();
        let weights = |unit: usize| weights.iter().skip(unit).step_by(units);
        // The largest weight of a unit is the largest integer.
        let scale = |unit: usize| {
            let largest = weights(unit).fold(0.0f32, |most, weight| most.max(weight.abs()));
            largest / f32::from(i16::MAX)
        };
        let scales: Vec<f32> = (0..units).map(scale).collect();
        for (unit, scale) in scales.iter().enumerate() {
            // Where all weights of a unit are 0 so is the scale, and NaN becomes 0.
            integers.extend(weights(unit).map(|weight| (weight / scale).round() as i16));
        }
        floats.extend(scales.iter().chain(biases));
    }
    let floats = floats.iter().flat_map(|value: &f32| value.to_le_bytes());
    let integers = integers.iter().flat_map(|value: &i16| value.to_le_bytes());
    floats.chain(integers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fused_mlp::network::Shape;
    use fused_mlp::prediction::Predictor;

    const SHAPE: Shape = Shape {
        inputs: 63,
        hidden: 5,
        classes: 3,
    };

    /// The network that the bytes of a page hold, read as the page does.
    fn read(bytes: &[u8]) -> Parameters {
        let (floats, integers) = bytes.split_at(4 * 2 * (SHAPE.hidden + SHAPE.classes));
        let floats = floats
            .as_chunks::<4>()
            .0
            .iter()
            .map(|it| f32::from_le_bytes(*it));
        let floats: Vec<f32> = floats.collect();
        let integers = integers.as_chunks::<2>().0.iter();
        let integers: Vec<i16> = integers.map(|it| i16::from_le_bytes(*it)).collect();
        let (first, second) = integers.split_at(SHAPE.inputs * SHAPE.hidden);
        let weights = |integers: &[i16], scales: &[f32]| -> Vec<f32> {
            let (inputs, units) = (integers.len() / scales.len(), scales.len());
            let weight = |at: usize| {
                f32::from(integers[at % units * inputs + at / units]) * scales[at % units]
            };
            (0..integers.len()).map(weight).collect()
        };
        Parameters {
            linear1_weight: weights(first, &floats[..5]),
            linear1_bias: floats[5..10].to_vec(),
            linear2_weight: weights(second, &floats[10..13]),
            linear2_bias: floats[13..16].to_vec(),
            ..Parameters::zeros(SHAPE)
        }
    }

    #[test]
    fn sixteen_bits_are_enough() {
        let mut parameters = Parameters::initialise_scaled(SHAPE, 7, 4.0);
        // A unit without weights, and one with a weight that dwarfs its others.
        (0..63).for_each(|input| parameters.linear1_weight[5 * input + 3] = 0.0);
        parameters.linear1_weight[5 * 20 + 4] = 300.0;
        parameters.linear1_bias = vec![0.5, -0.25, 1e-3, 0.1, -3.0];
        let found = read(&network_bytes(&parameters));
        assert_eq!(found.linear1_bias, parameters.linear1_bias);
        assert_eq!(found.linear1_weight[5 * 20 + 4], 300.0);
        let image: Vec<u8> = (0..63u8).map(|pixel| pixel.wrapping_mul(37)).collect();
        let classes = |it: &Parameters| Predictor::new(it).classes(&image).unwrap();
        for (one, other) in classes(&parameters).iter().zip(classes(&found)) {
            assert_eq!(one.class, other.class);
            assert!(
                (one.probability - other.probability).abs() < 1e-3,
                "{one:?} {other:?}"
            );
        }
    }
}
