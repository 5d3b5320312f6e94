//! Pictures of the weights into hidden units.

use fused_mlp::network::Parameters;

/// Colours of a picture: the middle one is that of 0.
const LEVELS: usize = 63;
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

/// Pixels between two units.
const GAP: usize = 2;

/// A PNG file, and its size in pixels.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub png: Vec<u8>,
}

/// Weights from a hidden unit to the classes.
pub fn output_weights(parameters: &Parameters, unit: usize) -> &[f32] {
    let classes = parameters.shape.classes;
    &parameters.linear2_weight[unit * classes..][..classes]
}

/// All units, by the norm of their weights to the classes, largest first.
pub fn strongest(parameters: &Parameters) -> Vec<usize> {
    let norm = |&unit: &usize| -> f64 {
        let weights = output_weights(parameters, unit).iter();
        weights.map(|&weight| f64::from(weight).powi(2)).sum()
    };
    let mut units: Vec<usize> = (0..parameters.shape.hidden).collect();
    units.sort_by(|a, b| norm(b).total_cmp(&norm(a)));
    units
}

/// Weights from the pixels to a unit.
fn input_weights(parameters: &Parameters, unit: usize) -> impl Iterator<Item = f64> {
    let weights = parameters.linear1_weight.iter().skip(unit);
    weights
        .step_by(parameters.shape.hidden)
        .map(|&weight| f64::from(weight))
}

/// The weight at the end of a scale for these units of some networks.
pub fn limit<'a>(networks: impl IntoIterator<Item = (&'a Parameters, &'a [usize])>) -> f64 {
    let mut sizes: Vec<f64> = Vec::new();
    for (parameters, units) in networks {
        let weights = units.iter().flat_map(|&it| input_weights(parameters, it));
        sizes.extend(weights.map(f64::abs));
    }
    let place = (SCALED * sizes.len() as f64) as usize;
    let place = place.min(sizes.len().saturating_sub(1));
    match sizes.is_empty() {
        true => 1.0,
        false => *sizes.select_nth_unstable_by(place, f64::total_cmp).1,
    }
}

/// A picture of the weights of some units for images of so many rows and columns, `per_line` side by side: indexed
/// PNG, in which the end of the scale is the weight `limit`.
///
/// # Errors
/// What the encoder says.
pub fn picture(
    parameters: &Parameters,
    units: &[usize],
    (rows, columns): (usize, usize),
    per_line: usize,
    limit: f64,
) -> anyhow::Result<Picture> {
    let per_line = per_line.min(units.len()).max(1);
    let width = per_line * (columns + GAP) - GAP;
    let height = units.len().div_ceil(per_line).max(1) * (rows + GAP) - GAP;
    let mut pixels = vec![level(0.0); width * height];
    for (place, &unit) in units.iter().enumerate() {
        let (top, left) = (
            place / per_line * (rows + GAP),
            place % per_line * (columns + GAP),
        );
        for (pixel, weight) in input_weights(parameters, unit).enumerate() {
            let (row, column) = (top + pixel / columns, left + pixel % columns);
            pixels[row * width + column] = level(weight / limit);
        }
    }
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width.try_into()?, height.try_into()?);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette((0..LEVELS).flat_map(color).collect::<Vec<u8>>());
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(Picture { width, height, png })
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
    fn a_picture_has_the_weights_of_its_units_one_below_the_other() {
        let parameters = parameters();
        assert_eq!(strongest(&parameters), [1, 0]);
        assert_eq!(limit([(&parameters, &[1][..])]), 4.0);
        let picture = picture(&parameters, &[1, 0], (2, 3), 1, 2.0).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(picture.png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        assert_eq!(reader.info().size(), (3, 6));
        assert_eq!((picture.width, picture.height), (3, 6));
        let mut pixels = vec![0; 3 * 3 * 6];
        reader.next_frame(&mut pixels).unwrap();
        let pixel = |place: usize| &pixels[3 * place..][..3];
        assert_eq!(pixel(0), [5, 48, 97]);
        assert_eq!(pixel(2), [247, 247, 247]);
        assert_eq!(pixel(4), [103, 0, 31]);
        assert_eq!(pixel(5), pixel(4), "beyond the scale is its end");
        assert!(pixel(1)[2] > pixel(1)[0] && pixel(3)[0] > pixel(3)[2]);
        // The gap, and the unit without weights.
        assert!(pixels[18..].iter().all(|&byte| byte == 247));
    }

    #[test]
    fn the_scale_is_symmetric_and_has_a_middle() {
        assert_eq!(level(0.0) as usize, LEVELS / 2);
        assert_eq!((level(-7.0), level(7.0) as usize), (0, LEVELS - 1));
        assert_eq!(color(LEVELS / 2), [247, 247, 247]);
        assert_eq!(limit([(&parameters(), &[][..])]), 1.0);
    }
}
