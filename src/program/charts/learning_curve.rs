//! The learning curve as an SVG picture.

use super::axis::{Axis, number};
use super::chart::{
    BLUE, Chart, Color, GREY, PALE, SOLID, Series, Style, THIN, VERMILION, stacked,
};
use crate::run_folder::history::History;
use crate::terminal::output::counted;
use fused_mlp::training::EpochRecord;

/// Most points of a curve. More could not be told apart; each point is then the mean of its share.
const MOST_POINTS: usize = 2_000;
/// The smooth curve averages this share of all steps on each side.
const SMOOTHING: f64 = 0.01;

const LOSS: &str = "cross-entropy, nats";

/// Three charts: the loss of each minibatch and the learning rate against the epochs, and the training and
/// validation loss of each epoch. Losses are logarithmic, in nats; those that are not finite are left out. `name` is
/// that of the run.
pub fn learning_curve_svg(name: &str, history: &History) -> String {
    let (losses, rates) = (history.steps.losses(), history.steps.rates());
    let steps_per_mean = history.steps.steps_per_mean();
    let epochs_per_mean = steps_per_mean as f64 / history.steps_per_epoch.max(1) as f64;
    let end = (losses.len() as f64 * epochs_per_mean).max(1e-9);
    let chart = |title: String, x: &str, y, series| Chart {
        title,
        x: Axis::linear(x).whole().within(0.0, end),
        y,
        series,
    };
    let curve = |values: &[f64]| -> Vec<(f64, f64)> {
        let points = thin(values).into_iter();
        points
            .map(|(x, y)| ((x - 0.5) * epochs_per_mean, y))
            .collect()
    };
    let pale = match steps_per_mean {
        1 => "each minibatch".to_owned(),
        steps => format!("means of {steps} minibatches"),
    };
    let window = counted((2 * reach(losses.len()) + 1) * steps_per_mean, "step");
    let window = format!("mean of {window}");
    let means = Series::new(&window, BLUE, SOLID, curve(&smoothed(&losses)));
    let steps = chart(
        format!("{name}: loss of each minibatch"),
        "",
        Axis::log(&format!("{LOSS}; pale: {pale}")),
        vec![
            Series::new("", PALE, THIN, curve(&losses)),
            means.with_last(1.0),
        ],
    );
    let highest = rates.iter().copied().fold(0.0_f64, f64::max);
    let rate = format!("learning rate, at most {}", number(highest));
    let rates = chart(
        String::new(),
        &format!("epoch of {}", counted(history.steps_per_epoch, "step")),
        Axis::linear(&rate).within(0.0, (1.1 * highest).max(1e-9)),
        vec![Series::new("", GREY, SOLID, curve(&rates))],
    );
    let charts = [
        (steps, 410.0),
        (rates, 230.0),
        (epoch_losses(&history.epochs), 370.0),
    ];
    stacked(&format!("{name}: learning curve"), &charts)
}

fn epoch_losses(epochs: &[EpochRecord]) -> Chart {
    let curve = |name: &str, color: Color, loss: fn(&EpochRecord) -> Option<f64>| {
        let points = epochs.iter();
        let points = points.filter_map(|record| Some((f64::from(record.epoch), loss(record)?)));
        let points: Vec<(f64, f64)> = points.collect();
        let name = if points.is_empty() { "" } else { name };
        let dots = Style::Points { radius: 5 };
        [
            Series::new(name, color, SOLID, points.clone()).with_last(1.0),
            Series::new("", color, dots, points),
        ]
    };
    let training = curve("training", BLUE, |record| Some(record.train_loss));
    let validation = curve("validation", VERMILION, |record| record.validation_loss);
    Chart {
        title: "Mean loss of each epoch".to_owned(),
        x: Axis::linear("epoch").whole(),
        y: Axis::log(LOSS),
        series: [training, validation].concat(),
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

/// Steps of the window on each side.
fn reach(steps: usize) -> usize {
    (steps as f64 * SMOOTHING) as usize
}

/// Mean over a window around each step.
pub fn smoothed(losses: &[f64]) -> Vec<f64> {
    let reach = reach(losses.len());
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

    fn history(losses: &[f64], epochs: &[EpochRecord]) -> History {
        let mut history = History {
            epochs: epochs.to_vec(),
            steps_per_epoch: 250,
            ..History::default()
        };
        losses
            .iter()
            .for_each(|&loss| history.steps.push(loss, 0.25));
        history
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
        let svg = learning_curve_svg("a<b", &history(&losses, &epochs));
        // A window of 4 steps to each side; the last values.
        for text in [
            "<title>a&lt;b: learning curve</title>",
            ">a&lt;b: loss of each minibatch<",
            ">mean of 9<",
            ">learning rate, at most 0.25<",
            ">Mean loss of each epoch<",
            ">validation<",
            ">0.3<",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("prefers-color-scheme: dark"));
        let without = learning_curve_svg("a", &history(&losses, &[record(1, 0.5, None)]));
        assert!(!without.contains("validation"));
    }

    #[test]
    fn nothing_and_nonsense_can_be_drawn() {
        for losses in [&[][..], &[f64::NAN], &[f64::INFINITY, 1.0], &[0.0]] {
            learning_curve_svg("a", &history(losses, &[]));
        }
        learning_curve_svg("a", &history(&[1.0], &[record(1, f64::NAN, None)]));
    }
}
