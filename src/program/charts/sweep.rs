//! The picture of a sweep.

use super::axis::Axis;
use super::intervals::{Interval, intervals_svg};
use crate::sweep::{RunConfiguration, RunResult, Summary, VALIDATION_ACCURACY, summarise, varying};

/// Most configurations that are drawn.
const MOST: usize = 40;
/// Smallest error that is shown, in percent: a logarithmic axis has no 0.
const SMALLEST: f64 = 1e-2;

/// Draws the validation error after the last epoch of each configuration, the best first: each run, their mean,
/// and the standard deviation around it. Runs that diverged are told, not drawn.
pub fn sweep_svg(configurations: &[RunConfiguration], results: &[RunResult]) -> String {
    let summaries = summarise(configurations, results, None);
    let varying = varying(&summaries);
    let row = |summary: &Summary| interval(summary, &varying, configurations, results);
    let mut rows: Vec<Interval> = summaries.iter().filter_map(row).collect();
    rows.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let all = summaries.len();
    rows.truncate(MOST);
    let title = match rows.len() {
        drawn if drawn == all => format!("Sweep: {all} configurations, the best first"),
        drawn => format!("Sweep: the best {drawn} of {all} configurations"),
    };
    let what = match rows.iter().all(|row| row.values.len() == 1) {
        true => "one run each",
        false => "runs (pale), mean ± standard deviation",
    };
    let explanation = format!("validation error after the last epoch: {what}; less is better");
    let axis = Axis::log("validation error, %");
    intervals_svg(&title, &explanation, &axis, &rows)
}

/// The errors of a configuration, unless all its runs diverged.
fn interval(
    summary: &Summary,
    varying: &[usize],
    configurations: &[RunConfiguration],
    results: &[RunResult],
) -> Option<Interval> {
    let accuracy = summary.mean(VALIDATION_ACCURACY)?;
    let is_of_it = |run: &&RunResult| {
        !run.is_diverged() && configurations[run.index].without_seed() == summary.configuration
    };
    let runs = results.iter().filter(is_of_it);
    let accuracies = runs.filter_map(|run| run.record.validation_accuracy);
    let error = |accuracy: f64| (100.0 * (1.0 - accuracy)).max(SMALLEST);
    let values: Vec<f64> = accuracies.map(error).collect();
    let (mean, deviation) = (error(accuracy.mean), 100.0 * accuracy.deviation);
    let mut label = label(summary, varying);
    if summary.diverged > 0 {
        label += &format!(" ({} of {} runs diverged)", summary.diverged, summary.runs);
    }
    Some(Interval {
        label,
        told: match values.len() {
            1 => format!("{mean:.2} %"),
            _ => format!("{mean:.2} ± {deviation:.2} %"),
        },
        values,
        mean,
        low: (mean - deviation).max(SMALLEST),
        high: mean + deviation,
    })
}

/// The options of a configuration in which it differs from others.
fn label(summary: &Summary, varying: &[usize]) -> String {
    let texts = summary.configuration.texts();
    let options = varying.iter().map(|&place| &texts[place]);
    // What belongs together stays in one line.
    let part = |(name, text): &(&str, String)| format!("{name}_{text}").replace('_', "\u{a0}");
    options.map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{Grid, RunOutcome};
    use fused_mlp::training::{EpochRecord, Schedule};

    fn result(index: usize, accuracies: &[f64]) -> RunResult {
        let record = |(epoch, &accuracy): (u32, &f64)| EpochRecord {
            epoch,
            train_loss: 0.1,
            train_accuracy: 0.9,
            validation_loss: Some(0.1),
            validation_accuracy: Some(accuracy),
            visited: None,
            skipped: None,
            learning_rate: 0.1,
            seconds: 1.0,
            samples_per_second: Some(1.0),
        };
        let epochs = (1..).zip(accuracies).map(record).collect();
        RunResult::new(index, RunOutcome::Finished, epochs, None, 1.0)
    }

    #[test]
    fn a_line_for_each_configuration_by_what_differs() {
        let grid = Grid::of("--learning-rate 0.01,0.1,1.0 --momentum 0.0,0.9 --epochs 2");
        let configurations = grid.configurations();
        let results: Vec<_> = (0..6).map(|run| result(run, &[0.9, 0.97])).collect();
        let svg = sweep_svg(&configurations, &results);
        for text in [
            "learning rate 0.1, momentum 0.9",
            "learning rate 0.01, momentum 0",
        ] {
            assert!(svg.replace('\u{a0}', " ").contains(text), "{text}");
        }
        assert!(!svg.contains("batch"));
    }

    #[test]
    fn little_and_nothing_can_be_drawn() {
        let configurations = Grid::of("").configurations();
        sweep_svg(&configurations, &[]);
        sweep_svg(&configurations, &[result(0, &[1.0])]);
        sweep_svg(&configurations, &[result(0, &[])]);
        let list = |values: &mut dyn Iterator<Item = String>| values.collect::<Vec<_>>().join(",");
        let many = format!(
            "--learning-rate {} --momentum {} --schedule {}",
            list(&mut (1..50).map(|rate| rate.to_string())),
            list(&mut (0..40).map(|share| (share as f32 / 50.0).to_string())),
            list(&mut Schedule::ALL.map(|it| it.to_string()).into_iter())
        );
        let configurations = Grid::of(&many).configurations();
        let all = 0..configurations.len();
        let results: Vec<_> = all.map(|run| result(run, &[0.9])).collect();
        assert!(sweep_svg(&configurations, &results).contains("the best 40 of "));
    }
}
