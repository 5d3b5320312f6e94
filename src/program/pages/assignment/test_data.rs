//! Question 7 (5) in the report: the test data, and readings of the original's setting.

use super::AssignmentRun;
use super::page::{Page, list, percent};
use crate::assignment::original;
use crate::assignment::q7_final::Final;
use crate::assignment::readings::{Reading, TOLERANCE};
use crate::charts::axis::{group, number};

/// Question 7 (5).
pub fn section(page: &mut Page, answer: &Final, run: &AssignmentRun) {
    page.heading("(5) The test data");
    page.html(&format!(
        "Validation chose learning rate {} and {} epochs ({}). Trained so on all {} training images, \
         the network was scored once on the canonical test set: <strong>{}</strong> ({} of {}), \
         loss {:.4}.",
        answer.learning_rate,
        answer.epochs,
        percent(answer.validation_accuracy),
        group(&answer.samples.to_string()),
        percent(answer.test_accuracy),
        group(&answer.test_correct.to_string()),
        group(&answer.test_samples.to_string()),
        answer.test_loss,
    ));
    confusion(page, answer);
    page.heading("The original's setting");
    page.html(&format!(
        "Learning rate {}, minibatches of {}, {} epochs; the original's test accuracy is <strong>{}</strong>. \
         Its text leaves open what a step and an epoch are. Here are readings of it, each with {}. \
         Nothing was chosen by these scores.",
        original::TESTED_RATE,
        original::BATCH_SIZE,
        original::TESTED_EPOCHS,
        answer.original_test_accuracy,
        match run.settings.scale().reading_seeds {
            1 => "one seed".to_owned(),
            seeds => format!("{seeds} seeds"),
        },
    ));
    let rows: Vec<Vec<String>> = answer.readings.iter().map(reading_row).collect();
    page.table(
        &[
            "reading",
            "steps",
            "rate of means",
            "training loss at the end",
            "test accuracy",
            "0.1428 fits",
            "2.33 fits",
        ],
        &rows,
        None,
    );
    original_accuracy(page, answer);
}

fn reading_row(reading: &Reading) -> Vec<String> {
    let range = |range: Option<(f64, f64)>, show: &dyn Fn(f64) -> String| match range {
        // One seed has no range.
        Some((low, high)) if low == high => show(low),
        Some((low, high)) => format!("{} to {}", show(low), show(high)),
        None => "diverged".to_owned(),
    };
    let mut accuracy = range(reading.test_accuracy, &|share| format!("{share:.4}"));
    if reading.diverged > 0 && reading.test_accuracy.is_some() {
        accuracy += &format!(" ({} diverged)", reading.diverged);
    }
    vec![
        reading.name.to_owned(),
        group(&reading.steps.to_string()),
        number(f64::from(reading.learning_rate)),
        range(reading.train_loss, &|loss| format!("{loss:.4}")),
        accuracy,
        yes(reading.accuracy_fits),
        yes(reading.loss_fits),
    ]
}

fn yes(fits: bool) -> String {
    if fits { "yes" } else { "no" }.to_owned()
}

fn original_accuracy(page: &mut Page, answer: &Final) {
    let named = |fits: fn(&Reading) -> bool| -> Vec<String> {
        let readings = answer.readings.iter().filter(|reading| fits(reading));
        readings
            .map(|reading| format!("“{}”", reading.name))
            .collect()
    };
    let both = named(|reading| reading.accuracy_fits && reading.loss_fits);
    let one = named(|reading| reading.accuracy_fits != reading.loss_fits);
    let none = named(|reading| !reading.accuracy_fits && !reading.loss_fits);
    let mut text = format!(
        "Its accuracy of {} and its minibatch losses of {:.2} in the mean (question 5) fit a reading if \
         they are within the range of the seeds or no further than {TOLERANCE} from it. ",
        answer.original_test_accuracy,
        original::minibatch_loss(),
    );
    text += &match both.len() {
        0 => "No reading has both: how they came about is open. ".to_owned(),
        1 => format!("One reading has both: {}. ", list(&both)),
        _ => format!("Readings that have both: {}. ", list(&both)),
    };
    if !one.is_empty() {
        text += &format!("One of the two: {}. ", list(&one));
    }
    if !none.is_empty() {
        text += &format!("Neither: {}. ", list(&none));
    }
    let as_written = answer.readings.first();
    if let Some((low, _)) = as_written.and_then(|reading| reading.test_accuracy)
        && low > answer.original_test_accuracy + TOLERANCE
    {
        text += &format!(
            "As written (means, full passes), its setting reaches at least {} with every seed, so {} is \
             the mark of a mistake and not of the setting.",
            percent(low),
            answer.original_test_accuracy
        );
    }
    page.original(text.trim_end());
}

/// Which digits are taken for which.
fn confusion(page: &mut Page, answer: &Final) {
    let rows: Vec<Vec<String>> = answer
        .confusion
        .rows()
        .iter()
        .enumerate()
        .map(|(class, counts)| {
            let mut row = vec![format!("<strong>{class}</strong>")];
            row.extend(counts.iter().enumerate().map(|(predicted, count)| {
                match (predicted == class, count) {
                    (true, count) => format!("<strong>{count}</strong>"),
                    (false, 0) => "·".to_owned(),
                    (false, count) => count.to_string(),
                }
            }));
            row
        })
        .collect();
    let names: Vec<String> = (0..rows.len()).map(|class| class.to_string()).collect();
    let mut columns = vec!["true \\ predicted"];
    columns.extend(names.iter().map(String::as_str));
    page.table(&columns, &rows, None);
}
