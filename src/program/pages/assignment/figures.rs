//! Figures of the report: pictures, what they show in words, and their data.

use crate::assignment::q4_plane::{Plane, probability};
use crate::assignment::q7_curves::{Curves, SHOWN_EPOCHS};
use crate::assignment::q7_initialisations::{EpochBand, Initialisations};
use crate::assignment::q7_learning_rates::LearningRates;
use crate::assignment::{Answers, EpochPoint};
use crate::charts::axis::Axis;
use crate::charts::chart::{BLUE, Chart, GREY, INK, PALE, SERIES, SOLID, Series, Style, VERMILION};
use crate::charts::learning_curve::smoothed;
use crate::pages::template::percent;
use crate::sweep::MeanDeviation;
use fused_mlp::reference::Network;
use indicatif::HumanCount;
use serde::Serialize;
use std::collections::BTreeMap;

/// Cells of the grid, in each direction, on which the decision boundary is sought.
const CELLS: usize = 120;

const NATS: &str = "cross-entropy, nats";
const EPOCH_NAMES: &str = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy";

/// A picture with the numbers behind it.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Name of its files, without their endings.
    name: &'static str,
    /// What it shows.
    caption: String,
    /// The picture.
    pub svg: String,
    /// Its data, with a line of names.
    pub csv: Option<String>,
}

/// All figures of what is known, by their names.
pub fn figures(answers: &Answers) -> BTreeMap<&'static str, Figure> {
    let mut figures = Vec::new();
    if let Some(answer) = &answers.q4_plane {
        figures.extend([plane_loss(answer), plane_points(answer)]);
    }
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

/// Lines of CSV; what is not known is empty.
fn csv(names: &str, rows: impl IntoIterator<Item = impl IntoIterator<Item = f64>>) -> String {
    let cell = |cell: f64| match cell.is_nan() {
        true => String::new(),
        false => cell.to_string(),
    };
    rows.into_iter().fold(format!("{names}\n"), |text, row| {
        let cells: Vec<String> = row.into_iter().map(cell).collect();
        text + &cells.join(",") + "\n"
    })
}

/// Mean loss over the steps.
fn plane_loss(answer: &Plane) -> Figure {
    let training = &answer.full_passes;
    let curve = training.curve.iter();
    let points: Vec<(f64, f64)> = curve.map(|&(step, loss)| (step.into(), loss)).collect();
    let rows = points.iter().map(|&(step, loss)| [step, loss]);
    let csv = csv("step,mean_loss", rows);
    let steps = training.curve.first().map_or(0, |&(step, _)| step);
    let name = "mean of the steps since the point before";
    let chart = Chart {
        title: "Points in the plane: loss of the steps".to_owned(),
        x: Axis::linear("step").whole(),
        y: Axis::linear(NATS),
        series: vec![Series::new(name, BLUE, SOLID, points)],
    };
    Figure {
        name: "q4-loss",
        caption: format!(
            "Full passes over the points, learning rate {}: mean loss of each {} steps.",
            training.learning_rate,
            HumanCount(steps as u64)
        ),
        svg: chart.svg(),
        csv: Some(csv),
    }
}

/// The points and both boundaries.
fn plane_points(answer: &Plane) -> Figure {
    let of_class = |class: usize| -> Vec<(f64, f64)> {
        let points = answer.shown.iter().filter(|(_, found)| *found == class);
        points.map(|(x, _)| (x[0], x[1])).collect()
    };
    let boundary = boundary(&answer.full_passes.network);
    let dashed = Style::Line {
        width: 4,
        is_dashed: true,
    };
    let dots = || Style::Points { radius: 4 };
    let chart = Chart {
        title: "Points in the plane: classes and decision boundary".to_owned(),
        x: Axis::linear("first input, scaled").within(0.0, 1.0),
        y: Axis::linear("second input, scaled").within(0.0, 1.0),
        series: vec![
            Series::new("class 0", BLUE, dots(), of_class(0)),
            Series::new("class 1", VERMILION, dots(), of_class(1)),
            Series::new("true boundary", GREY, dashed, answer.ellipse.clone()),
            Series::new("learned", INK, Style::Strokes { width: 6 }, boundary),
        ],
    };
    let shown = answer.shown.iter();
    let rows = shown.map(|(x, class)| [x[0], x[1], *class as f64]);
    Figure {
        name: "q4-boundary",
        caption: format!(
            "The first {} training points, the ellipse that parts the classes, and where the trained \
             network's probabilities are equal.",
            answer.shown.len()
        ),
        svg: chart.svg(),
        csv: Some(csv("x1,x2,class", rows)),
    }
}

/// Ends of the strokes along which the probability of class 1 is 1/2, by marching squares.
fn boundary(network: &Network) -> Vec<(f64, f64)> {
    let place = |index: usize| index as f64 / CELLS as f64;
    let above: Vec<Vec<f64>> = (0..=CELLS)
        .map(|i| {
            (0..=CELLS)
                .map(|j| probability(network, [place(i), place(j)]) - 0.5)
                .collect()
        })
        .collect();
    let mut strokes = Vec::new();
    for (i, j) in (0..CELLS).flat_map(|i| (0..CELLS).map(move |j| (i, j))) {
        let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
        let mut crossings = Vec::new();
        for (index, &(a, b)) in corners.iter().enumerate() {
            let (c, d) = corners[(index + 1) % 4];
            let (from, to) = (above[a][b], above[c][d]);
            if (from < 0.0) != (to < 0.0) {
                let share = from / (from - to);
                let between = |p: usize, q: usize| place(p) + share * (place(q) - place(p));
                crossings.push((between(a, c), between(b, d)));
            }
        }
        strokes.extend(crossings.chunks_exact(2).flatten());
    }
    strokes
}

fn minibatches(answer: &Curves) -> Figure {
    let points = |losses: &[f64]| -> Vec<(f64, f64)> {
        let steps = (1..).map(f64::from);
        steps.zip(losses.iter().copied()).collect()
    };
    let smooth = smoothed(&answer.step_losses);
    let thin = Style::Line {
        width: 2,
        is_dashed: false,
    };
    let (each, means) = (points(&answer.step_losses), points(&smooth));
    let rows = each.iter().zip(&smooth);
    let rows = rows.map(|(&(step, loss), &mean)| [step, loss, mean]);
    let csv = csv("step,loss,moving_mean", rows);
    let ln_10 = std::f64::consts::LN_10;
    let chart = Chart {
        title: "MNIST: loss of each minibatch".to_owned(),
        x: Axis::linear("step (minibatch of 100 images)").whole(),
        y: Axis::log(NATS),
        series: vec![
            Series::new("each minibatch", PALE, thin, each),
            Series::new("moving mean", BLUE, SOLID, means),
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
        csv: Some(csv),
    }
}

/// Values of some epochs as points.
fn points(epochs: &[EpochPoint], value: impl Fn(&EpochPoint) -> Option<f64>) -> Vec<(f64, f64)> {
    let known = epochs.iter();
    let known = known.filter_map(|point| Some((point.epoch.into(), value(point)?)));
    known.collect()
}

/// All numbers of an epoch for CSV.
fn epoch_row(point: &EpochPoint) -> [f64; 5] {
    [
        f64::from(point.epoch),
        point.train_loss,
        point.train_accuracy,
        point.validation_loss.unwrap_or(f64::NAN),
        point.validation_accuracy.unwrap_or(f64::NAN),
    ]
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
        Series::new("training", BLUE, SOLID, training),
        Series::new("validation", VERMILION, SOLID, validation),
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
        csv: Some(csv(EPOCH_NAMES, answer.epochs.iter().map(epoch_row))),
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
        Series::new("training", BLUE, SOLID, visible(training)),
        Series::new("validation", VERMILION, SOLID, visible(validation)),
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
        csv: None,
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
            Series::new(name, color, SOLID, mean),
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
    let rows = bands.iter().map(|band| {
        let values = [
            band.train_loss,
            band.validation_loss,
            band.validation_accuracy,
        ];
        let values = values
            .into_iter()
            .flat_map(|value| [value.mean, value.deviation]);
        std::iter::once(f64::from(band.epoch)).chain(values)
    });
    let names = "epoch,train_loss_mean,train_loss_deviation,validation_loss_mean,\
                 validation_loss_deviation,validation_accuracy_mean,validation_accuracy_deviation";
    Figure {
        name: "q7-initialisations",
        caption: "Lines: mean over the seeds; bands: one standard deviation to each side."
            .to_owned(),
        svg: chart.svg(),
        csv: Some(csv(names, rows)),
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
    // The f64 of the shortest decimal, as 0.001, not that of the f32 nearest to it.
    let as_written = |rate: f32| rate.to_string().parse().unwrap_or_else(|_| f64::from(rate));
    let rows = answer.rows.iter().flat_map(|row| {
        let rate: f64 = as_written(row.learning_rate);
        let points = row.curve.iter().map(epoch_row);
        points.map(move |point| std::iter::once(rate).chain(point))
    });
    let names = format!("learning_rate,{EPOCH_NAMES}");
    Figure {
        name,
        caption: format!(
            "Mean {which} loss of the epochs, one line a learning rate; both axes are logarithmic."
        ),
        svg: chart.svg(),
        csv: is_training.then(|| csv(&names, rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::q3_drawn_network::asymmetric;

    #[test]
    fn what_is_not_known_is_empty_in_csv() {
        let rows = [[1.0, f64::NAN], [0.5, 2.0]];
        assert_eq!(csv("a,b", rows), "a,b\n1,\n0.5,2\n");
    }

    #[test]
    fn the_boundary_is_where_the_classes_are_equally_likely() {
        let mut network = asymmetric();
        // Makes the boundary cross the square.
        network.linear2_bias = vec![0.0, 0.0];
        let middle = probability(&network, [0.5, 0.5]);
        network.linear2_bias[0] = (middle / (1.0 - middle)).ln();
        let strokes = boundary(&network);
        assert!(strokes.len() >= 2 * CELLS / 2, "{}", strokes.len());
        for &(x, y) in &strokes {
            let probability = probability(&network, [x, y]);
            assert!((probability - 0.5).abs() < 1e-4, "{x} {y}: {probability}");
        }
    }
}
