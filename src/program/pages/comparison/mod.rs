//! The page of `fused-mlp report`: runs side by side.

mod curves;
mod hidden_units;
mod options;
mod run;

pub use run::{ComparedRun, TestResult};

use super::template::render;
use serde_json::{Value, json};
use std::cmp::Reverse;

/// A page of its own about one or several runs, with pictures of the `units` strongest hidden units
/// of each (none for 0). `command` is what makes the page again.
///
/// # Errors
/// If a picture cannot be made.
pub fn comparison_page(
    runs: &[ComparedRun],
    units: usize,
    command: &str,
) -> anyhow::Result<String> {
    let title = match runs {
        [run] => format!("Run {}", run.name),
        runs => format!("{} runs of fused-mlp", runs.len()),
    };
    let summaries = runs.iter().enumerate();
    let summaries = summaries.map(|(index, run)| summary(index, run, units));
    let records: Vec<&Value> = runs.iter().map(|run| &run.record).collect();
    let (different, same) = options::options(&records);
    let context = json!({
        "title": title,
        "command": command,
        "version": env!("CARGO_PKG_VERSION"),
        "runs": summaries.collect::<anyhow::Result<Vec<_>>>()?,
        "best": best(runs),
        "figures": curves::figures(runs),
        "is_cut": runs.iter().any(curves::is_cut),
        "largest_loss": curves::LARGEST,
        "different_options": different,
        "same_options": same,
        "has_units": units > 0,
    });
    render("comparison/report.html", context)
}

/// The run with the highest test accuracy, if there are several.
fn best(runs: &[ComparedRun]) -> Option<usize> {
    let tested = runs.iter().enumerate().filter_map(|(index, run)| {
        let accuracy = run.test.as_ref().ok()?.evaluation.accuracy();
        (runs.len() > 1 && accuracy.is_finite()).then_some((index, accuracy))
    });
    let best = tested.max_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(index, _)| index)
}

/// What the page has of a run.
fn summary(index: usize, run: &ComparedRun, units: usize) -> anyhow::Result<Value> {
    let last = |column: usize| run.epochs.last().map(|line| line[column]);
    let test = |test: &TestResult| {
        json!({
            "data": test.data,
            "accuracy": test.evaluation.accuracy(),
            "loss": test.evaluation.loss,
            "correct": test.evaluation.correct,
            "samples": test.evaluation.predicted.len(),
            "confusion": test.confusion.rows(),
            "mistakes": mistakes(test.confusion.rows()),
        })
    };
    Ok(json!({
        "name": run.name,
        "color": curves::color(index),
        "outcome": run.outcome(),
        "epochs": run.epochs.len(),
        "network": run.record["network"],
        "train_loss": last(curves::TRAIN_LOSS),
        "validation_accuracy": last(curves::VALIDATION_ACCURACY),
        "test": run.test.as_ref().ok().map(test),
        "not_evaluated": run.test.as_ref().err(),
        "timed_epochs": run.seconds.len(),
        "seconds": run.seconds.iter().sum::<f64>(),
        "damages": run.damages,
        "units": if units > 0 { hidden_units::pictures(run, units)? } else { Value::Null },
    }))
}

/// Mistakes as count, true and predicted class, the most frequent first.
pub fn mistakes(rows: &[Vec<u64>]) -> Vec<(u64, usize, usize)> {
    let cells = rows.iter().enumerate().flat_map(|(class, counts)| {
        let counts = counts.iter().enumerate();
        counts.map(move |(predicted, &count)| (count, class, predicted))
    });
    let mut mistakes: Vec<_> = cells
        .filter(|&(count, class, predicted)| count > 0 && class != predicted)
        .collect();
    mistakes.sort_by_key(|&(count, ..)| Reverse(count));
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_in_the_order_of_their_number() {
        let rows = [vec![9, 1, 0], vec![4, 8, 2], vec![0, 0, 7]];
        assert_eq!(mistakes(&rows), [(4, 1, 0), (2, 1, 2), (1, 0, 1)]);
    }
}
