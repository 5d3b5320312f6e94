//! The picture of a sweep.

use super::axis::Axis;
use super::chart::{Chart, SERIES, SOLID, Series, Style};
use crate::sweep::{
    MeanDeviation, RunConfiguration, RunResult, Summary, VALIDATION_ACCURACY, summarise, varying,
};
use std::cmp::Ordering;

/// Most lines of a chart: more could not be told apart.
const MOST_LINES: usize = 8;
/// Smallest error that is shown, in percent: a logarithmic axis has no 0.
const SMALLEST: f64 = 1e-3;

/// Draws the mean validation error after each epoch of the best configurations. Runs that diverged are
/// left out.
pub fn sweep_svg(configurations: &[RunConfiguration], results: &[RunResult]) -> String {
    let accuracy = |it: &Summary| it.mean(VALIDATION_ACCURACY).map(|it| it.mean);
    let mut best = summarise(configurations, results, None);
    best.retain(|it| accuracy(it).is_some());
    let varying = varying(&best);
    best.sort_by(|a, b| {
        accuracy(b)
            .partial_cmp(&accuracy(a))
            .unwrap_or(Ordering::Equal)
    });
    best.truncate(MOST_LINES);
    let mut series = Vec::new();
    for (summary, color) in best.iter().zip(SERIES) {
        let points = curve(&summary.configuration, configurations, results);
        let dots = Style::Points { radius: 7 };
        series.extend([
            Series::new("", color, dots, points.clone()),
            Series::new(&label(summary, &varying), color, SOLID, points),
        ]);
    }
    Chart {
        title: format!(
            "Mean validation error of the best {} after each epoch",
            best.len()
        ),
        x: Axis::linear("epoch").whole(),
        y: Axis::log("validation error, %"),
        series,
    }
    .svg()
}

/// The options of a configuration in which it differs from others.
fn label(summary: &Summary, varying: &[usize]) -> String {
    let texts = summary.configuration.texts();
    let options = varying.iter().map(|&place| &texts[place]);
    let parts: Vec<String> = options
        .map(|(name, text)| format!("{} {text}", name.replace('_', " ")))
        .collect();
    parts.join(", ")
}

/// Mean error in percent after each epoch over the seeds of a configuration.
fn curve(
    common: &RunConfiguration,
    configurations: &[RunConfiguration],
    results: &[RunResult],
) -> Vec<(f64, f64)> {
    let of_it = |run: &&RunResult| {
        !run.is_diverged() && configurations[run.index].without_seed() == *common
    };
    let runs: Vec<&RunResult> = results.iter().filter(of_it).collect();
    let point = |epoch: u32| {
        let records = runs
            .iter()
            .filter_map(|run| run.epochs.get(epoch as usize - 1));
        let accuracies: Vec<f64> = records.filter_map(|it| it.validation_accuracy).collect();
        let mean = MeanDeviation::of(&accuracies)?.mean;
        Some((f64::from(epoch), (100.0 * (1.0 - mean)).max(SMALLEST)))
    };
    (1..=common.options.epochs).filter_map(point).collect()
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
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("batch size"));
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
        assert!(sweep_svg(&configurations, &results).contains("error of the best 8 after"));
    }
}
