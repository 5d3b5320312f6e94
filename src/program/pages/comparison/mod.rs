//! The page of `fused-mlp report`: runs side by side.

mod curves;
mod hidden_units;
mod mistakes;
mod options;
mod run;
mod significance;

pub use run::{ComparedRun, TestResult};

use super::template::{percent, render};
use fused_mlp::engine::Precision;
use fused_mlp::training::EpochRecord;
use serde_json::{Value, json};
use std::cmp::Reverse;

/// Most runs that are drawn, one for each colour: the best.
const MOST_DRAWN: usize = 8;
/// Hidden units that are drawn of a run, or of all runs together, where no option tells.
const UNITS: [usize; 2] = [100, 30];
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
    let units = units.unwrap_or(UNITS[usize::from(drawn.len() > 1)] / drawn.len().max(1));
    let (mut pictures, limit) = match units {
        0 => (Vec::new(), 0.0),
        _ => hidden_units::pictures(drawn, units)?,
    };
    let best = runs.first().and_then(|run| run.test.as_ref().ok());
    let shares = curves::shares(runs);
    let mut summaries = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let units = pictures.get_mut(index).map(Value::take);
        let best = best.filter(|_| index > 0);
        summaries.push(summary(index, run, units, best, &shares)?);
    }
    let matrices = drawn.iter().filter_map(|run| run.test.as_ref().ok());
    let most_frequent =
        matrices.filter_map(|test| Some(most_frequent(test.confusion.rows()).first()?.0));
    let others = summaries.iter().skip(1).map(|run| &run["test"]);
    let others = others.filter(|test| !test.is_null());
    let chances: Vec<Option<f64>> = others.map(|test| test["chance"].as_f64()).collect();
    let is_told = |it: &Option<f64>| it.is_some_and(|it| it < significance::LEVEL);
    let differences = summaries
        .iter()
        .flat_map(|run| numbers(&run["test"]["difference"]));
    let records: Vec<&Value> = runs.iter().map(|run| &run.record).collect();
    let (different, same) = options::options(&records);
    let context = json!({
        "title": title,
        "command": command,
        "version": env!("CARGO_PKG_VERSION"),
        "has_chances": chances.iter().any(Option::is_some),
        "is_best": !chances.is_empty() && chances.iter().all(is_told),
        "largest_difference": differences.map(|it| it.abs()).fold(0.0, f64::max),
        "shares": shares.iter().map(|&it| EpochRecord::SHARES[it].0).collect::<Vec<_>>(),
        "has_precisions": runs.iter().any(|run| run.precision() != Precision::default().name()),
        "runs": summaries,
        "drawn": drawn.len(),
        "most_frequent_mistake": most_frequent.max(),
        "figures": curves::figures(drawn),
        "is_cut": drawn.iter().any(curves::is_cut),
        "largest_loss": curves::LARGEST,
        "has_columns": runs.len() <= MOST_COLUMNS,
        "different_options": different,
        "same_options": same,
        "has_units": units > 0,
        "weight_limit": limit,
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

/// The numbers of a matrix.
fn numbers(matrix: &Value) -> impl Iterator<Item = f64> {
    let rows = matrix.as_array().into_iter().flatten();
    let cells = rows.filter_map(Value::as_array).flatten();
    cells.filter_map(Value::as_f64)
}

/// What the page has of a test, next to the best one if that is another.
fn tested(test: &TestResult, best: Option<&TestResult>) -> anyhow::Result<Value> {
    let (evaluation, rows) = (&test.evaluation, test.confusion.rows());
    let samples = evaluation.predicted.len();
    let (low, high) = significance::interval(evaluation.correct, samples);
    let chance = best.and_then(|best| significance::probability_of_chance(test, best));
    let best = best.filter(|_| chance.is_some());
    let difference = best.map(|best| -> Vec<Vec<i64>> {
        let cells = |(row, other): (&Vec<u64>, &Vec<u64>)| {
            let pairs = row.iter().zip(other);
            pairs
                .map(|(&it, &other)| it as i64 - other as i64)
                .collect()
        };
        rows.iter().zip(best.confusion.rows()).map(cells).collect()
    });
    Ok(json!({
        "data": test.data,
        "accuracy": evaluation.accuracy(),
        "low": low,
        "high": high,
        "chance": chance,
        "loss": evaluation.loss,
        "correct": evaluation.correct,
        "samples": samples,
        "confusion": rows,
        "difference": difference,
        "most_frequent": most_frequent(rows),
        "mistakes": mistakes::pictures(test)?,
    }))
}

/// What the page has of a run.
fn summary(
    index: usize,
    run: &ComparedRun,
    units: Option<Value>,
    best: Option<&TestResult>,
    shares: &[usize],
) -> anyhow::Result<Value> {
    let last = |column: usize| run.epochs.last().map(|line| line[column]);
    let test = run.test.as_ref().ok().map(|test| tested(test, best));
    let share = |&it: &usize| curves::mean_share(run, it).map_or("–".to_owned(), percent);
    Ok(json!({
        "name": run.name,
        "color": (index < MOST_DRAWN).then(|| curves::color(index)),
        "outcome": run.outcome(),
        "epochs": run.epochs.len(),
        "network": run.record["network"],
        "train_loss": last(curves::TRAIN_LOSS),
        "validation_accuracy": last(curves::VALIDATION_ACCURACY),
        "test": test.transpose()?,
        "precision": run.precision(),
        "shares": shares.iter().map(share).collect::<Vec<_>>(),
        "not_evaluated": run.test.as_ref().err(),
        "timed_epochs": run.seconds.len(),
        "seconds": run.seconds.iter().sum::<f64>(),
        "damages": run.damages,
        "units": units,
    }))
}

/// Mistakes as count, true and predicted class, the most frequent first.
pub fn most_frequent(rows: &[Vec<u64>]) -> Vec<(u64, usize, usize)> {
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
        assert_eq!(most_frequent(&rows), [(4, 1, 0), (2, 1, 2), (1, 0, 1)]);
    }
}
