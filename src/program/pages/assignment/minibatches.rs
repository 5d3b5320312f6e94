//! Questions 5 and 6 in the report.

use super::AssignmentRun;
use super::derivatives::command;
use super::page::{Page, list, scientific};
use crate::assignment::original;
use crate::assignment::q5_q6_minibatches::{LastLosses, Minibatches, Speed};
use crate::charts::axis::group;

/// Loss of a network that finds ten classes equally likely.
const LN_10: f64 = std::f64::consts::LN_10;

const ONE_MINIBATCH: &str = "one random minibatch an “epoch”";
/// Mean losses that differ by no more than this, in nats, are alike.
const ALIKE: f64 = 0.05;

/// Questions 5 and 6.
pub fn section(page: &mut Page, answer: &Minibatches, run: &AssignmentRun) {
    page.section(
        "q5",
        "5 and 6. The MNIST network, image by image and in minibatches",
    );
    page.html(&format!(
        "{}: two linear layers with a sigmoid between them and a softmax over the ten outputs, on \
         pixels scaled to (0, 1). A minibatch has {} images. <strong>Gradients are means over the \
         minibatch</strong>, here and in everything below; a sum would be the same with a learning rate \
         {} times as large.",
        answer.network,
        original::BATCH_SIZE,
        original::BATCH_SIZE
    ));
    page.block("<h3 id=\"q6\">The same results</h3>");
    page.text(&format!(
        "From the same initial weights and with the same order of the images, each implementation takes \
         the same steps. The textbook adds up the gradients of a minibatch image by image in f64; the \
         others compute all its images at once in f32. No parameter may differ by more than {:e}: {}.",
        answer.agreement_limit,
        if answer.agrees { "none does" } else { "some DO" }
    ));
    agreement(page, answer);
    speeds(page, &run.times.speeds);
    last_losses(page, answer);
    original_differs(page, answer);
    page.html(&command(run, "q5,q6"));
}

fn agreement(page: &mut Page, answer: &Minibatches) {
    let rows: Vec<Vec<String>> = answer
        .agreement
        .iter()
        .map(|row| {
            vec![
                row.backend.to_owned(),
                row.threads.to_string(),
                row.batch_size.to_string(),
                row.steps.to_string(),
                scientific(row.largest_difference),
            ]
        })
        .collect();
    page.table(
        &[
            "implementation",
            "threads",
            "minibatch",
            "steps",
            "largest difference from the textbook",
        ],
        &rows,
        None,
    );
}

fn last_losses(page: &mut Page, answer: &Minibatches) {
    page.heading("Losses of the last minibatches");
    let row = |name: &str, losses: &LastLosses| {
        vec![
            name.to_owned(),
            losses.epochs.to_string(),
            group(&losses.steps.to_string()),
            losses.learning_rate.to_string(),
            shown(&losses.last_losses),
        ]
    };
    let rows = [
        row("full passes over the images", &answer.full_passes),
        row(ONE_MINIBATCH, &answer.one_minibatch[0]),
        row(ONE_MINIBATCH, &answer.one_minibatch[1]),
        vec![
            "the original".to_owned(),
            original::MINIBATCH_EPOCHS.to_string(),
            "?".to_owned(),
            "?".to_owned(),
            shown(&original::MINIBATCH_LOSSES),
        ],
    ];
    page.table(
        &["", "epochs", "steps", "rate", "last four losses, nats"],
        &rows,
        None,
    );
}

fn shown(losses: &[f64]) -> String {
    let losses: Vec<String> = losses.iter().map(|loss| format!("{loss:.4}")).collect();
    losses.join(", ")
}

fn original_differs(page: &mut Page, answer: &Minibatches) {
    let mean = original::minibatch_loss();
    let readings = [
        ("full passes", &answer.full_passes),
        (ONE_MINIBATCH, &answer.one_minibatch[0]),
        (ONE_MINIBATCH, &answer.one_minibatch[1]),
    ];
    let named = |is_alike: bool| -> Vec<String> {
        let readings = readings.iter();
        readings
            .filter(|(_, losses)| ((losses.mean() - mean).abs() < ALIKE) == is_alike)
            .map(|(name, losses)| {
                format!(
                    "{name} with learning rate {} ({:.2})",
                    losses.learning_rate,
                    losses.mean()
                )
            })
            .collect()
    };
    let (alike, other) = (named(true), named(false));
    let mut text = format!(
        "Its last losses, {mean:.4} in the mean, are those of guessing: ln 10 = {LN_10:.4} is what a \
         network has that finds all ten digits equally likely, and {mean:.4} is {}. ",
        if mean > LN_10 {
            "more than that"
        } else {
            "hardly less"
        }
    );
    if !other.is_empty() {
        text += &format!("These do not end there: {}. ", list(&other));
    }
    if !alike.is_empty() {
        text += &format!("These do: {}. ", list(&alike));
    }
    text += "Question 7 (5) tries more readings of its setting.";
    page.original(&text);
}

fn speeds(page: &mut Page, speeds: &[Speed]) {
    if speeds.is_empty() {
        return;
    }
    page.heading("What minibatches buy");
    let rows: Vec<Vec<String>> = speeds
        .iter()
        .map(|row| {
            vec![
                row.backend.to_owned(),
                row.threads.to_string(),
                row.batch_size.to_string(),
                group(&format!("{:.0}", row.images_per_second)),
            ]
        })
        .collect();
    page.table(
        &["implementation", "threads", "minibatch", "images/s"],
        &rows,
        None,
    );
    let gains: Vec<String> = speeds
        .chunk_by(|a, b| (a.backend, a.threads) == (b.backend, b.threads))
        .filter_map(|rows| match rows {
            [one, many] => Some(format!(
                "{} on {} thread{}: {:.1} times",
                one.backend,
                one.threads,
                if one.threads == 1 { "" } else { "s" },
                many.images_per_second / one.images_per_second
            )),
            _ => None,
        })
        .collect();
    page.text(&format!(
        "Images/s with minibatches of {} over those with single images (a step after each): {}. The \
         loops of the textbook take image after image either way and save only updates; matrix products and \
         kernels load each weight once for many images.",
        original::BATCH_SIZE,
        list(&gains)
    ));
}
