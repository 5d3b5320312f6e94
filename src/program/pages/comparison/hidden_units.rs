//! The strongest hidden units of each run, on one scale of colours for all.

use super::ComparedRun;
use crate::weights::{limit, output_weights, picture, strongest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Most pixels of all pictures of a run together.
const MOST_PIXELS: usize = 400_000;

/// Pictures of the `most` strongest units of each run, or a text that says why there are none; and the weight at the
/// end of their scale.
///
/// # Errors
/// What the encoder of pictures says.
pub fn pictures(runs: &[ComparedRun], most: usize) -> anyhow::Result<(Vec<Value>, f64)> {
    let shown = runs.iter().map(|run| {
        let (_, parameters) = run.network.as_ref().map_err(Clone::clone)?;
        let size = run.image_size(parameters.shape);
        let (rows, columns) =
            size.ok_or("the network does not take images of the run's data set")?;
        let mut units = strongest(parameters);
        units.truncate(most.min(MOST_PIXELS / (rows * columns)).max(1));
        Ok((parameters, units, (rows, columns)))
    });
    let shown: Vec<Result<_, String>> = shown.collect();
    let limit = limit(shown.iter().flatten().map(|it| (it.0, &*it.1)));
    let pictures = shown.iter().map(|shown| {
        let (parameters, units, (rows, columns)) = match shown {
            Ok(shown) => shown,
            Err(reason) => return Ok(Value::from(reason.clone())),
        };
        let pictures = units.iter().map(|&unit| {
            let (most, least) = extremes(output_weights(parameters, unit));
            let png = picture(parameters, &[unit], (*rows, *columns), 1, limit)?.png;
            Ok(json!({"unit": unit, "png": STANDARD.encode(png), "most": most, "least": least}))
        });
        Ok(json!({
            "rows": rows,
            "columns": columns,
            "hidden": parameters.shape.hidden,
            "pictures": pictures.collect::<anyhow::Result<Vec<_>>>()?,
        }))
    });
    Ok((pictures.collect::<anyhow::Result<Vec<_>>>()?, limit))
}

/// Positions of the largest and the smallest weight.
fn extremes(weights: &[f32]) -> (usize, usize) {
    let by_weight = |a: &usize, b: &usize| weights[*a].total_cmp(&weights[*b]);
    let largest = (0..weights.len()).max_by(by_weight);
    let smallest = (0..weights.len()).min_by(by_weight);
    (largest.unwrap_or(0), smallest.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_speaks_most_for_its_largest_weight() {
        assert_eq!(extremes(&[-5.0, 1.0, 0.0]), (1, 0));
        assert_eq!(extremes(&[0.1, 0.2, 0.3]), (2, 0));
    }
}
