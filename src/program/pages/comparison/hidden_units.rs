//! The weights into hidden units as pictures.

use super::ComparedRun;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fused_mlp::network::Parameters;
use serde_json::{Value, json};

/// Colours of a picture: the middle one is that of 0.
const LEVELS: usize = 63;
/// Most pixels of all pictures of a run together.
const MOST_PIXELS: usize = 400_000;
/// Share of the weights that the scale reaches; the largest few would make all others pale.
const SCALED: f64 = 0.995;

/// Blue, near white, red at shares of the scale: the ends and quarters of a diverging scale that
/// colour-blind readers can tell apart (C. Brewer, "RdBu").
const SCALE: [[f64; 3]; 5] = [
    [5.0, 48.0, 97.0],
    [67.0, 147.0, 195.0],
    [247.0, 247.0, 247.0],
    [214.0, 96.0, 77.0],
    [103.0, 0.0, 31.0],
];

/// Pictures of a run's `most` strongest units, or a text that says why there are none.
///
/// # Errors
/// What the encoder of pictures says.
pub fn pictures(run: &ComparedRun, most: usize) -> anyhow::Result<Value> {
    let parameters = match &run.network {
        Ok((_, parameters)) => parameters,
        Err(reason) => return Ok(reason.clone().into()),
    };
    let Some((rows, columns)) = run.image_size(parameters.shape) else {
        return Ok("the network does not take images of the run's data set".into());
    };
    let mut shown = strongest(parameters);
    shown.truncate(most.min(MOST_PIXELS / (rows * columns)).max(1));
    let limit = limit(parameters, &shown);
    let pictures = shown.iter().map(|&unit| {
        let (most, least) = extremes(output_weights(parameters, unit));
        let png = STANDARD.encode(picture(parameters, unit, (rows, columns), limit)?);
        Ok(json!({"unit": unit, "png": png, "most": most, "least": least}))
    });
    Ok(json!({
        "rows": rows,
        "columns": columns,
        "hidden": parameters.shape.hidden,
        "limit": limit,
        "pictures": pictures.collect::<anyhow::Result<Vec<_>>>()?,
    }))
}

/// Weights from a hidden unit to the classes.
fn output_weights(parameters: &Parameters, unit: usize) -> &[f32] {
    let classes = parameters.shape.classes;
    &parameters.linear2_weight[unit * classes..][..classes]
}

/// All units, by the norm of their weights to the classes, largest first.
fn strongest(parameters: &Parameters) -> Vec<usize> {
    let norm = |&unit: &usize| -> f64 {
        let weights = output_weights(parameters, unit).iter();
        weights.map(|&weight| f64::from(weight).powi(2)).sum()
    };
    let mut units: Vec<usize> = (0..parameters.shape.hidden).collect();
    units.sort_by(|a, b| norm(b).total_cmp(&norm(a)));
    units
}

/// Positions of the largest and the smallest weight.
fn extremes(weights: &[f32]) -> (usize, usize) {
    let by_weight = |a: &usize, b: &usize| weights[*a].total_cmp(&weights[*b]);
    let largest = (0..weights.len()).max_by(by_weight);
    let smallest = (0..weights.len()).min_by(by_weight);
    (largest.unwrap_or(0), smallest.unwrap_or(0))
}

/// Weights from the pixels to a unit.
fn input_weights(parameters: &Parameters, unit: usize) -> impl Iterator<Item = f64> {
    let weights = parameters.linear1_weight.iter().skip(unit);
    weights
        .step_by(parameters.shape.hidden)
        .map(|&weight| f64::from(weight))
}

/// The weight at the end of the scale.
fn limit(parameters: &Parameters, units: &[usize]) -> f64 {
    let weights = units
        .iter()
        .flat_map(|&unit| input_weights(parameters, unit));
    let mut sizes: Vec<f64> = weights.map(f64::abs).collect();
    let place = (SCALED * sizes.len() as f64) as usize;
    let place = place.min(sizes.len().saturating_sub(1));
    match sizes.is_empty() {
        true => 1.0,
        false => *sizes.select_nth_unstable_by(place, f64::total_cmp).1,
    }
}

/// A picture of a unit's weights: indexed PNG.
fn picture(
    parameters: &Parameters,
    unit: usize,
    (rows, columns): (usize, usize),
    limit: f64,
) -> anyhow::Result<Vec<u8>> {
    let weights = input_weights(parameters, unit);
    let pixels: Vec<u8> = weights.map(|weight| level(weight / limit)).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns.try_into()?, rows.try_into()?);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_palette((0..LEVELS).flat_map(color).collect::<Vec<u8>>());
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(bytes)
}

/// The colour for a share of the scale from −1 to 1; NaN is 0.
fn level(share: f64) -> u8 {
    let middle = (LEVELS / 2) as f64;
    (middle + (share.clamp(-1.0, 1.0) * middle).round()) as u8
}

/// Red, green and blue of a colour of the scale.
fn color(level: usize) -> [u8; 3] {
    let place = level as f64 / (LEVELS - 1) as f64 * (SCALE.len() - 1) as f64;
    let from = (place as usize).min(SCALE.len() - 2);
    let share = place - from as f64;
    let mix = |channel: usize| {
        let (low, high) = (SCALE[from][channel], SCALE[from + 1][channel]);
        (low + share * (high - low)).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use fused_mlp::network::Shape;

    /// Two units on images of 2 x 3: the second speaks louder.
    fn parameters() -> Parameters {
        let mut parameters = Parameters::zeros(Shape {
            inputs: 6,
            hidden: 2,
            classes: 3,
        });
        for pixel in 0..6 {
            parameters.linear1_weight[2 * pixel + 1] = [-2.0, -1.0, 0.0, 1.0, 2.0, 4.0][pixel];
        }
        parameters.linear2_weight = vec![0.1, 0.2, 0.3, -5.0, 1.0, 0.0];
        parameters
    }

    #[test]
    fn a_picture_has_the_weights_of_its_unit() {
        let parameters = parameters();
        assert_eq!(strongest(&parameters), [1, 0]);
        assert_eq!(extremes(output_weights(&parameters, 1)), (1, 0));
        assert_eq!(extremes(output_weights(&parameters, 0)), (2, 0));
        assert_eq!(limit(&parameters, &[1]), 4.0);
        let bytes = picture(&parameters, 1, (2, 3), 2.0).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        assert_eq!(reader.info().size(), (3, 2));
        let mut pixels = vec![0; 18];
        reader.next_frame(&mut pixels).unwrap();
        let pixel = |place: usize| {
            [
                pixels[3 * place],
                pixels[3 * place + 1],
                pixels[3 * place + 2],
            ]
        };
        assert_eq!(pixel(0), [5, 48, 97]);
        assert_eq!(pixel(2), [247, 247, 247]);
        assert_eq!(pixel(4), [103, 0, 31]);
        assert_eq!(pixel(5), pixel(4), "beyond the scale is its end");
        assert!(pixel(1)[2] > pixel(1)[0] && pixel(3)[0] > pixel(3)[2]);
    }

    #[test]
    fn the_scale_is_symmetric_and_has_a_middle() {
        assert_eq!(level(0.0) as usize, LEVELS / 2);
        assert_eq!((level(-7.0), level(7.0) as usize), (0, LEVELS - 1));
        assert_eq!(color(LEVELS / 2), [247, 247, 247]);
        assert_eq!(limit(&parameters(), &[]), 1.0);
    }
}
