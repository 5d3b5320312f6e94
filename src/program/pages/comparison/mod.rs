//! The page of `fused-mlp report`: runs side by side.

mod curves;
mod hidden_units;
mod options;
mod run;

pub use run::{ComparedRun, TestResult};

use super::template::render;
use serde_json::{Value, json};
use std::cmp::Reverse;

/// Most runs that are drawn, one for each colour: the best.
const MOST_DRAWN: usize = 8;
/// Hidden units that are drawn of all runs together, where no option tells.
const UNITS: usize = 100;
/// Most runs that stand side by side in the table of options.
const MOST_COLUMNS: usize = 4;

/// A page of its own about one or several runs, in the order of their results. Of many, the best are drawn and
/// the rest stand in the tables. `units` tells how many of the strongest hidden units of each are drawn. `command` is what makes the page again.
///
/// # Errors
/// If a picture cannot be made.
pub fn comparison_page(
    runs: &[ComparedRun],
    units: Option<usize>,
    command: &str,
) -> anyhow::Result<String> {
    let title = match runs {
        [run] => format!("Run {}", run.name),
        runs => format!("{} runs of fused-mlp", runs.len()),
    };
    let drawn = &runs[..runs.len().min(MOST_DRAWN)];
    let units = units.unwrap_or(UNITS / drawn.len().max(1));
    let summaries = runs.iter().enumerate();
    let summaries = summaries.map(|(index, run)| summary(index, run, units));
    let tests = || runs.iter().filter_map(|run| run.test.as_ref().ok());
    let most_frequent = drawn.iter().filter_map(|run| run.test.as_ref().ok());
    let most_frequent =
        most_frequent.filter_map(|test| Some(mistakes(test.confusion.rows()).first()?.0));
    let records: Vec<&Value> = runs.iter().map(|run| &run.record).collect();
    let (different, same) = options::options(&records);
    let context = json!({
        "title": title,
        "command": command,
        "version": env!("CARGO_PKG_VERSION"),
        "runs": summaries.collect::<anyhow::Result<Vec<_>>>()?,
        "drawn": drawn.len(),
        "standard_error": tests().next().filter(|_| runs.len() > 1).map(standard_error),
        "most_frequent_mistake": most_frequent.max(),
        "figures": curves::figures(drawn),
        "is_cut": drawn.iter().any(curves::is_cut),
        "largest_loss": curves::LARGEST,
        "has_columns": runs.len() <= MOST_COLUMNS,
        "different_options": different,
        "same_options": same,
        "has_units": units > 0,
    });
    render("comparison/report.html", context)
}

/// Sorts runs by their results: those with the highest test accuracy first, of equal ones those with the lower
/// loss, and those without a test last.
pub fn sort_by_result(runs: &mut [ComparedRun]) {
    let result = |run: &ComparedRun| {
        let test = run.test.as_ref().ok().map(|test| &test.evaluation);
        let test = test.filter(|test| test.loss.is_finite());
        test.map_or((f64::INFINITY, f64::INFINITY), |test| {
            (-test.accuracy(), test.loss)
        })
    };
    runs.sort_by(|a, b| {
        let (a, b) = (result(a), result(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
}

/// Standard error of an accuracy: the deviation of a share of so many samples.
fn standard_error(test: &TestResult) -> f64 {
    let (share, samples) = (test.evaluation.accuracy(), test.evaluation.predicted.len());
    (share * (1.0 - share) / samples as f64).sqrt()
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
        "color": (index < MOST_DRAWN).then(|| curves::color(index)),
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
        "units": match units > 0 && index < MOST_DRAWN {
            true => hidden_units::pictures(run, units)?,
            false => Value::Null,
        },
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
