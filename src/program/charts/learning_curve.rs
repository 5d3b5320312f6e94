//! The learning curve as an SVG picture.

use super::axis::{Axis, number};
use super::chart::{BLUE, Chart, Color, PALE, SOLID, Series, Style, THIN, VERMILION, stacked};
use fused_mlp::training::EpochRecord;

/// Most points of a curve. More could not be told apart; each point is then the mean of its share.
const MOST_POINTS: usize = 2_000;
/// The smooth curve averages this share of all steps on each side.
const SMOOTHING: f64 = 0.01;

const LOSS: &str = "cross-entropy, nats";

/// Two charts, both with logarithmic losses in nats: the loss of each minibatch against the step, as
/// means of so many steps each, and the training and validation loss of each epoch, with the last value
/// of each line. `name` is that of the run.
///
/// Losses that are not finite are left out.
pub fn learning_curve_svg(
    name: &str,
    (means, steps_per_mean): (&[f64], usize),
    epochs: &[EpochRecord],
) -> String {
    stacked(&[steps(name, means, steps_per_mean), losses(epochs)])
}

fn steps(name: &str, means: &[f64], steps_per_mean: usize) -> Chart {
    let steps = steps_per_mean as f64;
    let scaled = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        points.into_iter().map(|(x, y)| (x * steps, y)).collect()
    };
    let smooth = scaled(thin(&smoothed(means)));
    let all = means.len() as f64 * steps;
    Chart {
        title: format!("{name}: loss of each minibatch"),
        x: Axis::linear("step").whole().within(0.0, all.max(1.0)),
        y: Axis::log(LOSS),
        series: vec![
            Series::new("each minibatch", PALE, THIN, scaled(thin(means))),
            Series::new("mean of 2 % of the steps", BLUE, SOLID, smooth),
        ],
    }
}

fn losses(epochs: &[EpochRecord]) -> Chart {
    let curve = |name: &str, color: Color, loss: fn(&EpochRecord) -> Option<f64>| {
        let points = epochs.iter();
        let points = points.filter_map(|record| Some((f64::from(record.epoch), loss(record)?)));
        let points: Vec<(f64, f64)> = points.collect();
        let last = points.last().map(|(_, loss)| number(*loss));
        let last = last.unwrap_or_default();
        let dots = Style::Points { radius: 7 };
        [
            Series::new(&format!("{name} {last}"), color, SOLID, points.clone()),
            Series::new("", color, dots, points),
        ]
    };
    let mut series = Vec::from(curve("training", BLUE, |record| Some(record.train_loss)));
    if epochs.iter().any(|record| record.validation_loss.is_some()) {
        series.extend(curve("validation", VERMILION, |record| {
            record.validation_loss
        }));
    }
    Chart {
        title: "Mean loss of each epoch, and the last one".to_owned(),
        x: Axis::linear("epoch").whole(),
        y: Axis::log(LOSS),
        series,
    }
}

/// Points (step, loss) of at most [`MOST_POINTS`] steps, numbered from 1 on.
fn thin(losses: &[f64]) -> Vec<(f64, f64)> {
    let share = losses.len().div_ceil(MOST_POINTS).max(1);
    let chunks = losses.chunks(share).enumerate();
    let means = chunks.map(|(index, chunk)| {
        let middle = (index * share) as f64 + (chunk.len() + 1) as f64 / 2.0;
        (middle, chunk.iter().sum::<f64>() / chunk.len() as f64)
    });
    means.collect()
}

/// Mean over a window around each step.
pub fn smoothed(losses: &[f64]) -> Vec<f64> {
    let reach = (losses.len() as f64 * SMOOTHING) as usize;
    let mut sums = vec![0.0];
    for loss in losses {
        sums.push(sums[sums.len() - 1] + loss);
    }
    let mean = |step: usize| {
        let from = step.saturating_sub(reach);
        let to = (step + reach + 1).min(losses.len());
        (sums[to] - sums[from]) / (to - from) as f64
    };
    (0..losses.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u32, train_loss: f64, validation_loss: Option<f64>) -> EpochRecord {
        EpochRecord {
            epoch,
            train_loss,
            train_accuracy: 0.5,
            validation_loss,
            validation_accuracy: validation_loss,
            visited: None,
            skipped: None,
            learning_rate: 0.1,
            seconds: 1.0,
            samples_per_second: Some(1.0),
        }
    }

    #[test]
    fn thinning_and_smoothing_keep_the_mean() {
        let losses: Vec<f64> = (0..10_000).map(f64::from).collect();
        let points = thin(&losses);
        assert_eq!(points.len(), MOST_POINTS);
        // Five steps a point: 1 to 5, whose losses are 0 to 4.
        assert_eq!(points[0], (3.0, 2.0));
        assert_eq!(thin(&[4.0]), [(1.0, 4.0)]);
        assert_eq!(thin(&[]), []);
        let smooth = smoothed(&losses);
        assert_eq!(smooth[5_000], 5_000.0);
        assert_eq!(smooth[0], 50.0);
    }

    #[test]
    fn the_picture_has_both_charts() {
        let losses: Vec<f64> = (1..500).map(|step| 2.3 / f64::from(step)).collect();
        let epochs = [record(1, 0.5, Some(0.4)), record(2, 0.2, Some(0.3))];
        let svg = learning_curve_svg("a<b", (&losses, 1), &epochs);
        for text in [
            ">a&lt;b: loss of each minibatch<",
            "Mean loss of each epoch",
            "validation",
            "mean of 2 % of the steps",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        let without = learning_curve_svg("a", (&losses, 1), &[record(1, 0.5, None)]);
        assert!(!without.contains("validation"));
    }

    #[test]
    fn nothing_and_nonsense_can_be_drawn() {
        for losses in [&[][..], &[f64::NAN], &[f64::INFINITY, 1.0], &[0.0]] {
            learning_curve_svg("a", (losses, 1), &[]);
        }
        learning_curve_svg("a", (&[1.0], 1), &[record(1, f64::NAN, None)]);
    }
}
