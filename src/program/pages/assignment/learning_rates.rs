//! Question 7 (4) in the report: learning rates.

use super::AssignmentRun;
use super::curves::{NATS, epoch_row, points};
use super::page::{Figure, Page, csv, list, percent, scientific};
use crate::assignment::q7_learning_rates::{LearningRates, RateRow};
use crate::assignment::{EpochPoint, original};
use crate::charts::axis::{Axis, group};
use crate::charts::chart::{Chart, SERIES, Series, Style};

/// Question 7 (4).
pub fn rates(page: &mut Page, answer: &LearningRates, run: &AssignmentRun) {
    page.heading("(4) Learning rates");
    page.text(&format!(
        "{} epochs with each learning rate, plain SGD, minibatches of 100, means of gradients; the \
         course's split. Runs are trained side by side, one a core.{} The average loss is the mean \
         over the last epoch's minibatches.",
        answer.planned_epochs,
        if answer.is_complete {
            ""
        } else {
            " The runs were interrupted: what they had until then."
        }
    ));
    let rows: Vec<Vec<String>> = answer.rows.iter().map(row).collect();
    page.table(
        &[
            "rate",
            "epochs",
            "average loss, nats",
            "training %",
            "best validation % (epoch)",
            "lowest validation loss (epoch)",
            "",
        ],
        &rows,
        answer.best,
    );
    conclusions(page, answer);
    let command = run.command("q7");
    page.figure(rates_figure(answer, true), &command);
    page.figure(rates_figure(answer, false), &command);
    original_differs(page, answer);
}

fn row(row: &RateRow) -> Vec<String> {
    let at = |point: Option<EpochPoint>, show: &dyn Fn(EpochPoint) -> Option<String>| {
        let shown = point.and_then(|point| Some(format!("{} ({})", show(point)?, point.epoch)));
        shown.unwrap_or_else(|| "–".to_owned())
    };
    let last = |show: &dyn Fn(EpochPoint) -> String| row.last.map_or_else(|| "–".to_owned(), show);
    vec![
        row.learning_rate.to_string(),
        row.epochs.to_string(),
        last(&|point| loss(point.train_loss)),
        last(&|point| format!("{:.2}", 100.0 * point.train_accuracy)),
        at(row.best, &|point| {
            Some(format!("{:.2}", 100.0 * point.validation_accuracy?))
        }),
        at(row.lowest_validation_loss, &|point| {
            Some(format!("{:.4}", point.validation_loss?))
        }),
        if row.is_diverged { "diverged" } else { "" }.to_owned(),
    ]
}

/// A loss with three digits.
fn loss(loss: f64) -> String {
    if loss < 0.001 {
        scientific(loss)
    } else {
        format!("{loss:.4}")
    }
}

fn conclusions(page: &mut Page, answer: &LearningRates) {
    let names = |rows: &mut dyn Iterator<Item = &RateRow>| -> Vec<String> {
        rows.map(|row| row.learning_rate.to_string()).collect()
    };
    let diverged = names(&mut answer.rows.iter().filter(|row| row.is_diverged));
    let mut text = match diverged.len() {
        0 => "No run diverged.".to_owned(),
        _ => format!("Diverged: learning rate {}.", list(&diverged)),
    };
    if let Some(best) = answer.best_row()
        && let Some(point) = best.best
    {
        text += &format!(
            " Best by validation: {} in epoch {} ({} %).",
            best.learning_rate,
            point.epoch,
            format_args!(
                "{:.2}",
                100.0 * point.validation_accuracy.unwrap_or(f64::NAN)
            )
        );
    }
    let unfinished = |row: &&RateRow| {
        row.best
            .is_some_and(|best| best.epoch + best.epoch / 20 >= row.epochs)
    };
    let sound = || answer.rows.iter().filter(|row| !row.is_diverged);
    let slow = names(&mut sound().filter(unfinished));
    if !slow.is_empty() {
        text += &format!(
            " Still improving in the last twentieth of the epochs: {}.",
            list(&slow)
        );
    }
    page.text(&text);
}

fn original_differs(page: &mut Page, answer: &LearningRates) {
    let mut text = String::new();
    let called_best = original::RATE_CALLED_BEST;
    let among: Vec<&RateRow> = original::RATES
        .iter()
        .filter_map(|&rate| answer.row(rate))
        .collect();
    let score = |row: &&RateRow| {
        row.best
            .and_then(|best| best.validation_accuracy)
            .unwrap_or(0.0)
    };
    let by_score = |a: &&RateRow, b: &&RateRow| score(a).total_cmp(&score(b));
    if let Some(best) = among.iter().copied().max_by(by_score) {
        text += &format!(
            "It calls {called_best} the best balance of its four rates, without a validation figure. \
             Of the same four, {} has the best validation accuracy here ({}); {called_best} has {}. ",
            best.learning_rate,
            percent(score(&best)),
            answer
                .row(called_best)
                .map_or_else(|| "none".to_owned(), |row| percent(score(&row))),
        );
    }
    let oscillating: Vec<String> = among
        .iter()
        .filter(|row| row.is_diverged)
        .map(|row| row.learning_rate.to_string())
        .collect();
    text += &if oscillating.is_empty() {
        "It warns that its higher rates may oscillate; none of the four diverges here. ".to_owned()
    } else {
        format!("Diverging among them: {}. ", list(&oscillating))
    };
    let last = answer.row(original::TESTED_RATE).and_then(|row| row.last);
    if let Some(last) = last.filter(|last| last.epoch == original::RATE_EPOCHS) {
        let factor = last.train_loss / original::AVERAGE_LOSS;
        text += &format!(
            "It prints an average loss of {} for {} after {} epochs. Ours is {}, {factor:.0} times \
             that. ",
            scientific(original::AVERAGE_LOSS),
            original::TESTED_RATE,
            original::RATE_EPOCHS,
            loss(last.train_loss)
        );
        let batch = original::BATCH_SIZE as f64;
        if (0.75 * batch..batch / 0.75).contains(&factor) {
            text += "Its figure is about what ours becomes when it is divided by the minibatch's size \
                     of 100 once more than a mean is. ";
        }
        let guessing = std::f64::consts::LN_10 / original::AVERAGE_LOSS;
        text += &format!(
            "A network that guesses (ln 10) would show the same figure if its loss were divided by {}. ",
            group(&format!("{guessing:.0}"))
        );
    } else {
        text += &format!(
            "Its average loss of {} belongs to {} epochs, which this run did not train. ",
            scientific(original::AVERAGE_LOSS),
            original::RATE_EPOCHS
        );
    }
    page.original(text.trim_end());
    sums(page, answer);
}

/// What the original's rates are where gradients are sums.
fn sums(page: &mut Page, answer: &LearningRates) {
    let batch = original::BATCH_SIZE as f32;
    let shown = |row: Option<&RateRow>| match row {
        Some(row) if row.is_diverged => "diverged".to_owned(),
        Some(row) => row.last.map_or_else(
            || "–".to_owned(),
            |last| {
                format!(
                    "loss {}, validation {}",
                    loss(last.train_loss),
                    last.validation_accuracy
                        .map_or_else(|| "–".to_owned(), percent)
                )
            },
        ),
        None => "–".to_owned(),
    };
    let close = |a: f32, b: f32| (a / b - 1.0).abs() < 1e-3;
    let rows: Vec<Vec<String>> = original::RATES
        .iter()
        .map(|&rate| {
            let summed = answer
                .rows
                .iter()
                .find(|row| close(row.learning_rate, rate * batch));
            vec![rate.to_string(), shown(answer.row(rate)), shown(summed)]
        })
        .collect();
    page.text(
        "Both readings of the original's rates, after the last epoch: the sum over a minibatch of 100 is \
         the mean with 100 times the rate.",
    );
    page.table(
        &["rate", "mean over the minibatch", "sum over the minibatch"],
        &rows,
        None,
    );
}

/// Training or validation loss with each rate.
fn rates_figure(answer: &LearningRates, is_training: bool) -> Figure {
    let value = |point: &EpochPoint| {
        if is_training {
            Some(point.train_loss)
        } else {
            point.validation_loss
        }
    };
    let series: Vec<Series> = answer
        .rows
        .iter()
        .zip(SERIES)
        .enumerate()
        .map(|(index, (row, color))| {
            let style = Style::Line {
                width: 4,
                is_dashed: index % 2 == 1,
            };
            let name = row.learning_rate.to_string();
            Series::new(&name, color, style, points(&row.curve, value))
        })
        .collect();
    let which = if is_training {
        "training"
    } else {
        "validation"
    };
    let chart = Chart {
        title: format!("MNIST: {which} loss with each learning rate"),
        x: Axis::log("epoch"),
        y: Axis::log(NATS),
        series,
        marks: Vec::new(),
    };
    // The f64 of the shortest decimal, as 0.001, not that of the f32 nearest to it.
    let as_written = |rate: f32| rate.to_string().parse().unwrap_or_else(|_| f64::from(rate));
    let rows = answer.rows.iter().flat_map(|row| {
        row.curve.iter().map(|point| {
            let mut cells = vec![as_written(row.learning_rate)];
            cells.extend(epoch_row(point));
            cells
        })
    });
    let names = format!("learning_rate,{}", super::curves::EPOCH_NAMES);
    Figure {
        name: if is_training {
            "q7-rates-training"
        } else {
            "q7-rates-validation"
        },
        svg: chart.svg(),
        caption: format!(
            "Mean {which} loss of the epochs, one line a learning rate; both axes are logarithmic."
        ),
        csv: is_training.then(|| csv(&names, rows)),
    }
}
