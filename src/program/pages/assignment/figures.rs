//! Figures of the report: pictures, and what they show in words.

use crate::assignment::q7_curves::{Curves, SHOWN_EPOCHS};
use crate::assignment::q7_initialisations::{EpochBand, Initialisations};
use crate::assignment::q7_learning_rates::LearningRates;
use crate::assignment::{Answers, EpochPoint};
use crate::charts::axis::Axis;
use crate::charts::chart::{
    BLUE, Chart, GREY, PALE, SERIES, SOLID, Series, Style, THIN, VERMILION,
};
use crate::charts::learning_curve::smoothed;
use crate::pages::template::percent;
use crate::sweep::MeanDeviation;
use serde::Serialize;
use std::collections::BTreeMap;

const NATS: &str = "cross-entropy, nats";

/// A picture with its caption; its numbers are in `results.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Name of its files, without their endings.
    name: &'static str,
    /// What it shows.
    caption: String,
    /// The picture.
    pub svg: String,
}

/// All figures of what is known, by their names.
pub fn figures(answers: &Answers) -> BTreeMap<&'static str, Figure> {
    let mut figures = Vec::new();
    if let Some(answer) = &answers.q7_curves {
        figures.extend([minibatches(answer), losses(answer), accuracies(answer)]);
    }
    if let Some(answer) = &answers.q7_initialisations
        && !answer.epochs.is_empty()
    {
        figures.push(initialisations(answer));
    }
    if let Some(answer) = &answers.q7_learning_rates {
        figures.extend([true, false].map(|is_training| rates(answer, is_training)));
    }
    let named = figures.into_iter().map(|figure| (figure.name, figure));
    named.collect()
}

fn minibatches(answer: &Curves) -> Figure {
    let points = |losses: &[f64]| -> Vec<(f64, f64)> {
        let steps = (1..).map(f64::from);
        steps.zip(losses.iter().copied()).collect()
    };
    let smooth = smoothed(&answer.step_losses);
    let (each, means) = (points(&answer.step_losses), points(&smooth));
    let ln_10 = std::f64::consts::LN_10;
    let chart = Chart {
        title: "MNIST: loss of each minibatch".to_owned(),
        x: Axis::linear("step (minibatch of 100 images)").whole(),
        y: Axis::log(NATS),
        series: vec![
            Series::new("each minibatch", PALE, THIN, each),
            Series::new("mean of 2 % of the steps", BLUE, SOLID, means).with_last(1.0),
            Series::new(
                "guessing: ln 10",
                GREY,
                Style::Level,
                vec![(f64::NAN, ln_10)],
            ),
        ],
    };
    Figure {
        name: "q7-minibatches",
        caption: format!(
            "Loss of each minibatch of the first {} epochs, learning rate {}.",
            answer.epochs.len().min(SHOWN_EPOCHS as usize),
            answer.learning_rate
        ),
        svg: chart.svg(),
    }
}

/// Values of some epochs as points.
fn points(epochs: &[EpochPoint], value: impl Fn(&EpochPoint) -> Option<f64>) -> Vec<(f64, f64)> {
    let known = epochs.iter();
    let known = known.filter_map(|point| Some((point.epoch.into(), value(point)?)));
    known.collect()
}

/// A named line across a chart at an epoch.
fn upright(name: &str, epoch: u32) -> Series {
    let place = vec![(f64::from(epoch), f64::NAN)];
    Series::new(name, GREY, Style::Upright, place)
}

fn losses(answer: &Curves) -> Figure {
    let training = points(&answer.epochs, |point| Some(point.train_loss));
    let validation = points(&answer.epochs, |point| point.validation_loss);
    let lowest = answer.lowest_loss();
    let dot = points(lowest.as_slice(), |point| point.validation_loss);
    let mark = |lowest: EpochPoint| {
        let name = format!("lowest validation loss: epoch {}", lowest.epoch);
        upright(&name, lowest.epoch)
    };
    let mut series = vec![
        Series::new("training", BLUE, SOLID, training).with_last(1.0),
        Series::new("validation", VERMILION, SOLID, validation).with_last(1.0),
        Series::new("", VERMILION, Style::Points { radius: 9 }, dot),
    ];
    series.extend(lowest.map(mark));
    let chart = Chart {
        title: "MNIST: training and validation loss".to_owned(),
        x: Axis::linear("epoch").whole(),
        y: Axis::log(NATS),
        series,
    };
    Figure {
        name: "q7-loss",
        caption: "Mean loss of each epoch; the best epoch is marked.".to_owned(),
        svg: chart.svg(),
    }
}

fn accuracies(answer: &Curves) -> Figure {
    let best = answer.best_accuracy();
    let mark = best.and_then(|best| {
        let name = format!("best: {}", percent(best.validation_accuracy?));
        Some(upright(&name, best.epoch))
    });
    let training = points(&answer.epochs, |point| Some(point.train_accuracy));
    let validation = points(&answer.epochs, |point| point.validation_accuracy);
    let all = training.iter().chain(&validation);
    let lowest = all.map(|point| point.1).fold(1.0, f64::min);
    // What the first epochs have would leave no room for the others.
    let low = lowest.max(0.94);
    let visible = |points: Vec<(f64, f64)>| points.into_iter().filter(|p| p.1 >= low).collect();
    let last = answer.epochs.len().max(1) as f64;
    let mut series = vec![
        Series::new("training", BLUE, SOLID, visible(training)).with_last(100.0),
        Series::new("validation", VERMILION, SOLID, visible(validation)).with_last(100.0),
    ];
    series.extend(mark);
    let chart = Chart {
        title: "MNIST: training and validation accuracy".to_owned(),
        x: Axis::linear("epoch").whole().within(0.0, last),
        y: Axis::linear("correct, %").percent().within(low, 1.002),
        series,
    };
    Figure {
        name: "q7-accuracy",
        caption: format!("Accuracy of each epoch, from {:.0} % on.", 100.0 * low),
        svg: chart.svg(),
    }
}

fn initialisations(answer: &Initialisations) -> Figure {
    let bands = &answer.epochs;
    let curve = |name: &str, color, of: fn(&EpochBand) -> MeanDeviation| {
        let values = bands.iter().map(of);
        let epochs = bands.iter().map(|band| f64::from(band.epoch));
        let mean: Vec<(f64, f64)> = epochs.zip(values.clone().map(|value| value.mean)).collect();
        let area = Style::Band {
            lower: values
                .clone()
                .map(|value| value.mean - value.deviation)
                .collect(),
            upper: values.map(|value| value.mean + value.deviation).collect(),
        };
        [
            Series::new("", color, area, mean.clone()),
            Series::new(name, color, SOLID, mean).with_last(1.0),
        ]
    };
    let training = curve("training", BLUE, |band| band.train_loss);
    let validation = curve("validation", VERMILION, |band| band.validation_loss);
    let seeds = answer.seeds.len();
    let chart = Chart {
        title: format!("MNIST: {seeds} random initialisations, mean ± s.d."),
        x: Axis::linear("epoch").whole(),
        y: Axis::log(NATS),
        series: [training, validation].concat(),
    };
    Figure {
        name: "q7-initialisations",
        caption: "Lines: mean over the seeds; bands: one standard deviation to each side."
            .to_owned(),
        svg: chart.svg(),
    }
}

/// Training or validation loss with each rate.
fn rates(answer: &LearningRates, is_training: bool) -> Figure {
    let (which, name) = match is_training {
        true => ("training", "q7-rates-training"),
        false => ("validation", "q7-rates-validation"),
    };
    let value = |point: &EpochPoint| match is_training {
        true => Some(point.train_loss),
        false => point.validation_loss,
    };
    let rows = answer.rows.iter().zip(SERIES).enumerate();
    let series = rows.map(|(index, (row, color))| {
        let style = Style::Line {
            width: 4,
            is_dashed: index % 2 == 1,
        };
        let name = row.learning_rate.to_string();
        Series::new(&name, color, style, points(&row.curve, value))
    });
    let chart = Chart {
        title: format!("MNIST: {which} loss with each learning rate"),
        x: Axis::log("epoch"),
        y: Axis::log(NATS),
        series: series.collect(),
    };
    Figure {
        name,
        caption: format!(
            "Mean {which} loss of the epochs, one line a learning rate; both axes are logarithmic."
        ),
        svg: chart.svg(),
    }
}
