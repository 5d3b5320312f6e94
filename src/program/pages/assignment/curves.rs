//! Question 7 (1) to (3) in the report: learning curves.

use super::AssignmentRun;
use super::page::{Figure, Page, csv, percent};
use crate::assignment::EpochPoint;
use crate::assignment::q7_curves::{Curves, SHOWN_EPOCHS};
use crate::assignment::q7_initialisations::{EpochBand, Initialisations};
use crate::charts::axis::{Axis, group};
use crate::charts::chart::{BLUE, Chart, Mark, PALE, SOLID, Series, Style, VERMILION};
use crate::charts::learning_curve::smoothed;
use crate::sweep::MeanDeviation;

/// Loss of a network that finds ten classes equally likely.
const LN_10: f64 = std::f64::consts::LN_10;
/// A validation loss that has risen by this share shows over-fitting.
const RISE: f64 = 0.01;

pub const NATS: &str = "cross-entropy, nats";

/// Question 7 (1) and (2).
pub fn section(page: &mut Page, answer: &Curves, run: &AssignmentRun) {
    let command = run.command("q7");
    page.heading("(1) The loss of each minibatch");
    page.text(&format!(
        "Plain SGD, minibatches of 100, learning rate {}, {} images to train on. Mean of the first \
         twenty minibatches: {:.4}; of the last twenty of {}: {:.4}. A network that guesses has \
         ln 10 = {LN_10:.4}.",
        answer.learning_rate,
        group(&answer.split.0.to_string()),
        answer.shown_losses.0,
        group(&answer.step_losses.len().to_string()),
        answer.shown_losses.1
    ));
    page.figure(steps_figure(answer), &command);
    page.heading("(2) Training and validation");
    let done = answer.epochs.len();
    page.text(&format!(
        "The course's split: {} images to train on, {} set aside for validation (drawn at random, the \
         same for every seed). {} epochs with learning rate {}{}.",
        group(&answer.split.0.to_string()),
        group(&answer.split.1.to_string()),
        done,
        answer.learning_rate,
        if answer.is_diverged {
            ", then training diverged".to_owned()
        } else if done < answer.planned_epochs as usize {
            format!(" of {}: the run was interrupted", answer.planned_epochs)
        } else {
            String::new()
        }
    ));
    if let Some(text) = over_fitting(answer) {
        page.html(&text);
    }
    page.figure(loss_figure(answer), &command);
    page.figure(accuracy_figure(answer), &command);
    page.original(
        "It says that its training loss falls and its validation loss follows for five epochs, “an \
         over-fitted model”, with the reason that “the parameters are not optimized but used for \
         validation”. The reason is another: the network fits what only its training images have in \
         common. A test accuracy of 0.1428 with batch losses near ln 10 is no over-fitting either, \
         since nothing was fitted.",
    );
}

/// What the validation loss tells.
fn over_fitting(answer: &Curves) -> Option<String> {
    let (best, accurate, last) = (
        answer.best_by_loss()?,
        answer.best_by_accuracy()?,
        answer.epochs.last()?,
    );
    let rise = answer.rise()? - 1.0;
    let verdict = if rise > RISE {
        format!(
            "After that it rises by {:.1} %, while the training loss goes on falling from {:.4} to \
             {:.4}: <strong>over-fitting</strong>.",
            100.0 * rise,
            best.train_loss,
            last.train_loss
        )
    } else {
        "It does not rise by more than 1 % after that: no over-fitting within these epochs."
            .to_owned()
    };
    Some(format!(
        "The validation loss is lowest in epoch <strong>{}</strong>: {:.4}. {verdict} The validation \
         accuracy is best in epoch {} ({}) and {} after the last one.",
        best.epoch,
        best.validation_loss?,
        accurate.epoch,
        percent(accurate.validation_accuracy?),
        percent(last.validation_accuracy?),
    ))
}

fn steps_figure(answer: &Curves) -> Figure {
    let points = |losses: &[f64]| -> Vec<(f64, f64)> {
        let numbered = (1..).zip(losses);
        numbered
            .map(|(step, &loss)| (f64::from(step), loss))
            .collect()
    };
    let smooth = smoothed(&answer.step_losses);
    let thin = Style::Line {
        width: 2,
        is_dashed: false,
    };
    let rows = points(&answer.step_losses).into_iter().zip(&smooth);
    let rows = rows.map(|((step, loss), &mean)| [step, loss, mean]);
    let csv = csv("step,loss,moving_mean", rows);
    let epochs = answer.epochs.len().min(SHOWN_EPOCHS as usize);
    let chart = Chart {
        title: "MNIST: loss of each minibatch".to_owned(),
        x: Axis::linear("step (minibatch of 100 images)").whole(),
        y: Axis::log(NATS),
        series: vec![
            Series::new("each minibatch", PALE, thin, points(&answer.step_losses)),
            Series::new("moving mean", BLUE, SOLID, points(&smooth)),
        ],
        marks: vec![Mark::Level(LN_10, "guessing: ln 10".to_owned())],
    };
    Figure {
        name: "q7-minibatches",
        svg: chart.svg(),
        caption: format!(
            "Loss of each minibatch of the first {epochs} epochs, learning rate {}.",
            answer.learning_rate
        ),
        csv: Some(csv),
    }
}

/// Values of some epochs as points.
pub fn points(
    epochs: &[EpochPoint],
    value: impl Fn(&EpochPoint) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let known = epochs.iter();
    known
        .filter_map(|point| Some((f64::from(point.epoch), value(point)?)))
        .collect()
}

/// All numbers of some epochs as CSV.
pub fn epoch_row(point: &EpochPoint) -> [f64; 5] {
    [
        f64::from(point.epoch),
        point.train_loss,
        point.train_accuracy,
        point.validation_loss.unwrap_or(f64::NAN),
        point.validation_accuracy.unwrap_or(f64::NAN),
    ]
}

pub const EPOCH_NAMES: &str = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy";

fn loss_figure(answer: &Curves) -> Figure {
    let best = answer.best_by_loss();
    let dot = best.and_then(|best| Some((f64::from(best.epoch), best.validation_loss?)));
    let marks = best.map(|best| {
        Mark::Upright(
            f64::from(best.epoch),
            format!("lowest validation loss: epoch {}", best.epoch),
        )
    });
    let chart = Chart {
        title: "MNIST: training and validation loss".to_owned(),
        x: Axis::linear("epoch").whole(),
        y: Axis::log(NATS),
        series: vec![
            Series::new(
                "training",
                BLUE,
                SOLID,
                points(&answer.epochs, |point| Some(point.train_loss)),
            ),
            Series::new(
                "validation",
                VERMILION,
                SOLID,
                points(&answer.epochs, |point| point.validation_loss),
            ),
            Series::new(
                "",
                VERMILION,
                Style::Points { radius: 9 },
                dot.into_iter().collect(),
            ),
        ],
        marks: marks.into_iter().collect(),
    };
    Figure {
        name: "q7-loss",
        svg: chart.svg(),
        caption: "Mean loss of each epoch; the best epoch is marked.".to_owned(),
        csv: Some(csv(EPOCH_NAMES, answer.epochs.iter().map(epoch_row))),
    }
}

fn accuracy_figure(answer: &Curves) -> Figure {
    let marks = answer.best_by_accuracy().and_then(|best| {
        let name = format!("best: {}", percent(best.validation_accuracy?));
        Some(Mark::UprightNamedBelow(f64::from(best.epoch), name))
    });
    let training = points(&answer.epochs, |point| Some(point.train_accuracy));
    let validation = points(&answer.epochs, |point| point.validation_accuracy);
    let lowest = training.iter().chain(&validation).map(|point| point.1);
    let lowest = lowest.fold(1.0, f64::min);
    // What the first epochs have would leave no room for the others.
    let low = lowest.max(0.94);
    let visible = |points: Vec<(f64, f64)>| points.into_iter().filter(|p| p.1 >= low).collect();
    let chart = Chart {
        title: "MNIST: training and validation accuracy".to_owned(),
        x: Axis::linear("epoch")
            .whole()
            .within(0.0, answer.epochs.len().max(1) as f64),
        y: Axis::linear("correct, %").percent().within(low, 1.002),
        series: vec![
            Series::new("training", BLUE, SOLID, visible(training)),
            Series::new("validation", VERMILION, SOLID, visible(validation)),
        ],
        marks: marks.into_iter().collect(),
    };
    Figure {
        name: "q7-accuracy",
        svg: chart.svg(),
        caption: format!("Accuracy of each epoch, from {:.0} % on.", 100.0 * low),
        csv: None,
    }
}

/// Question 7 (3).
pub fn initialisations(page: &mut Page, answer: &Initialisations, run: &AssignmentRun) {
    page.heading("(3) Random initialisations");
    let Some(last) = answer.epochs.last() else {
        page.text("Every run diverged.");
        return;
    };
    let shown = |value: MeanDeviation, factor: f64, digits: usize| {
        format!(
            "{:.digits$} ± {:.digits$}",
            factor * value.mean,
            factor * value.deviation
        )
    };
    page.text(&format!(
        "{} seeds ({} to {}), each with initial weights and an order of the images of its own; learning \
         rate {}; mean ± standard deviation. {}{}",
        answer.seeds.len(),
        answer.seeds.first().copied().unwrap_or_default(),
        answer.seeds.last().copied().unwrap_or_default(),
        answer.learning_rate,
        match answer.diverged {
            0 => "None diverged.".to_owned(),
            diverged => format!("{diverged} diverged and are left out."),
        },
        if answer.is_complete { "" } else { " The runs were interrupted." },
    ));
    let row = |band: &EpochBand| {
        vec![
            band.epoch.to_string(),
            shown(band.train_loss, 1.0, 4),
            shown(band.validation_loss, 1.0, 4),
            shown(band.validation_accuracy, 100.0, 2),
        ]
    };
    let mut rows: Vec<Vec<String>> = answer.epochs.iter().take(1).map(row).collect();
    if answer.epochs.len() > 1 {
        rows.push(row(last));
    }
    page.table(
        &["epoch", "training loss", "validation loss", "validation %"],
        &rows,
        None,
    );
    let first = answer.epochs[0].train_loss;
    page.text(&format!(
        "The standard deviation of the training loss is {:.1} % of its mean in the first epoch and \
         {:.1} % in the last: {}.",
        100.0 * first.deviation / first.mean,
        100.0 * last.train_loss.deviation / last.train_loss.mean,
        if last.train_loss.deviation < 0.1 * last.train_loss.mean {
            "where training ends hardly depends on where it begins"
        } else {
            "where training ends depends on where it begins"
        }
    ));
    page.figure(bands_figure(answer), &run.command("q7"));
}

fn bands_figure(answer: &Initialisations) -> Figure {
    let bands = &answer.epochs;
    let values = |of: &dyn Fn(&EpochBand) -> f64| bands.iter().map(of).collect::<Vec<f64>>();
    let band = |name: &str, color, of: fn(&EpochBand) -> MeanDeviation| {
        let mean: Vec<(f64, f64)> = bands
            .iter()
            .map(|band| (f64::from(band.epoch), of(band).mean))
            .collect();
        let area = Style::Band {
            lower: values(&|band| of(band).mean - of(band).deviation),
            upper: values(&|band| of(band).mean + of(band).deviation),
        };
        [
            Series::new("", color, area, mean.clone()),
            Series::new(name, color, SOLID, mean),
        ]
    };
    let training = band("training", BLUE, |band| band.train_loss);
    let validation = band("validation", VERMILION, |band| band.validation_loss);
    let chart = Chart {
        title: format!(
            "MNIST: {} random initialisations, mean ± s.d.",
            answer.seeds.len()
        ),
        x: Axis::linear("epoch").whole(),
        y: Axis::log(NATS),
        series: [training, validation].concat(),
        marks: Vec::new(),
    };
    let rows = bands.iter().map(|band| {
        let values = [
            band.train_loss,
            band.validation_loss,
            band.validation_accuracy,
        ];
        let [a, b, c] = values.map(|value| [value.mean, value.deviation]);
        [f64::from(band.epoch), a[0], a[1], b[0], b[1], c[0], c[1]]
    });
    Figure {
        name: "q7-initialisations",
        svg: chart.svg(),
        caption: "Lines: mean over the seeds; bands: one standard deviation to each side."
            .to_owned(),
        csv: Some(csv(
            "epoch,train_loss_mean,train_loss_deviation,validation_loss_mean,\
             validation_loss_deviation,validation_accuracy_mean,validation_accuracy_deviation",
            rows,
        )),
    }
}
