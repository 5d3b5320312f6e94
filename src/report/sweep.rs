//! The picture of a sweep.

use super::error_chart::{Line, SMALLEST, draw};
use super::profile::svg;
use crate::sweep::{MeanDeviation, RunConfiguration, RunResult, Summary, summarise};

/// Width and height in pixels.
const SIZE: (u32, u32) = (960, 960);
/// Most lines of a chart: more could not be told apart.
const MOST_LINES: usize = 8;

/// An option that may vary: its name, and its value as text.
struct OptionAxis(&'static str, fn(&RunConfiguration) -> String);

const OPTIONS: [OptionAxis; 9] = [
    OptionAxis("learning rate", |it| it.options.learning_rate.to_string()),
    OptionAxis("minibatch", |it| it.options.batch_size.to_string()),
    OptionAxis("hidden units", |it| it.hidden.to_string()),
    OptionAxis("init scale", |it| it.options.init_scale.to_string()),
    OptionAxis("weight decay", |it| it.options.weight_decay.to_string()),
    OptionAxis("momentum", |it| it.options.momentum.to_string()),
    OptionAxis("epochs", |it| it.options.epochs.to_string()),
    OptionAxis("warm-up", |it| it.options.warm_up.to_string()),
    OptionAxis("schedule", |it| it.options.schedule.to_string()),
];

impl OptionAxis {
    fn text(&self, configuration: &RunConfiguration) -> String {
        self.1(configuration)
    }

    /// Its place on an axis; none if its values are names.
    fn number(&self, configuration: &RunConfiguration) -> Option<f64> {
        self.text(configuration).parse().ok()
    }
}

/// Draws two charts. Upper: the validation error after the last epoch against the option with the most
/// values (the learning rate, if it has as many as any), mean and standard deviation over the
/// seeds, a line for each combination of the others. Lower: the mean validation error after each
/// epoch of the best configurations.
///
/// Where there are more lines than can be told apart, the best are shown. Runs that diverged are left
/// out.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn sweep_svg(
    configurations: &[RunConfiguration],
    results: &[RunResult],
) -> Result<String, String> {
    let mut summaries = summarise(configurations, results, None);
    summaries.retain(|summary| summary.validation_accuracy.is_some());
    let axis = axis(&summaries);
    let varying: Vec<&OptionAxis> = OPTIONS
        .iter()
        .filter(|option| values(option, &summaries) > 1)
        .collect();
    let label = |configuration: &RunConfiguration, without: Option<&str>| {
        let shown = varying.iter().filter(|option| Some(option.0) != without);
        let parts = shown.map(|option| format!("{} {}", option.0, option.text(configuration)));
        parts.collect::<Vec<_>>().join(", ")
    };
    let ends = ends(&summaries, axis, &|it| label(it, Some(axis.0)));
    let curves = curves(configurations, results, &summaries, &|it| label(it, None));
    let mut title = "Validation error after the last epoch (mean ± standard deviation)".to_owned();
    let left_out = ends.len().saturating_sub(MOST_LINES);
    if left_out > 0 {
        title += &format!("; {left_out} more lines left out");
    }
    svg(SIZE, |root| {
        let (upper, lower) = root.split_vertically(SIZE.1 / 2);
        draw(&upper, &title, axis.0, &ends[..ends.len() - left_out])?;
        let title = format!(
            "Mean validation error of the best {} after each epoch",
            curves.len()
        );
        draw(&lower, &title, "epoch", &curves)
    })
}

fn error_percent(accuracy: f64) -> f64 {
    (100.0 * (1.0 - accuracy)).max(SMALLEST)
}

fn values(option: &OptionAxis, summaries: &[Summary]) -> usize {
    let texts = summaries.iter().map(|it| option.text(&it.configuration));
    texts.collect::<std::collections::BTreeSet<_>>().len()
}

/// The numeric option with the most values; the first of equals.
fn axis(summaries: &[Summary]) -> &'static OptionAxis {
    let is_numeric = |option: &&OptionAxis| {
        let mut values = summaries.iter().map(|it| option.number(&it.configuration));
        values.all(|number| number.is_some())
    };
    let numeric = OPTIONS.iter().filter(is_numeric);
    let best = numeric.reduce(|best, option| {
        if values(option, summaries) > values(best, summaries) {
            option
        } else {
            best
        }
    });
    best.unwrap_or(&OPTIONS[0])
}

/// One line for each combination of the options that are not the axis, the best line first.
fn ends(
    summaries: &[Summary],
    axis: &OptionAxis,
    label: &dyn Fn(&RunConfiguration) -> String,
) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for summary in summaries {
        let number = axis.number(&summary.configuration);
        let (Some(accuracy), Some(number)) = (summary.validation_accuracy, number) else {
            continue;
        };
        let point = (
            number,
            error_percent(accuracy.mean),
            100.0 * accuracy.deviation,
        );
        let name = label(&summary.configuration);
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name,
                points: vec![point],
            }),
        }
    }
    let lowest = |line: &Line| {
        line.points
            .iter()
            .map(|point| point.1)
            .fold(f64::INFINITY, f64::min)
    };
    lines.sort_by(|a, b| lowest(a).total_cmp(&lowest(b)));
    for line in &mut lines {
        line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines
}

/// Mean error after each epoch of the best configurations.
fn curves(
    configurations: &[RunConfiguration],
    results: &[RunResult],
    summaries: &[Summary],
    label: &dyn Fn(&RunConfiguration) -> String,
) -> Vec<Line> {
    let mut best: Vec<&Summary> = summaries.iter().collect();
    let accuracy = |it: &Summary| it.validation_accuracy.map_or(f64::NAN, |it| it.mean);
    best.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a)));
    best.truncate(MOST_LINES);
    let curve = |summary: &Summary| {
        let of_it = |run: &&RunResult| {
            !run.is_diverged() && configurations[run.index].without_seed() == summary.configuration
        };
        let runs: Vec<&RunResult> = results.iter().filter(of_it).collect();
        let point = |epoch: u32| {
            let records = runs
                .iter()
                .filter_map(|run| run.epochs.get(epoch as usize - 1));
            let accuracies: Vec<f64> = records.filter_map(|it| it.validation_accuracy).collect();
            let mean = MeanDeviation::of(&accuracies)?.mean;
            Some((f64::from(epoch), error_percent(mean), 0.0))
        };
        let epochs = 1..=summary.configuration.options.epochs;
        Line {
            name: label(&summary.configuration),
            points: epochs.filter_map(point).collect(),
        }
    };
    best.into_iter().map(curve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{Grid, RunOutcome};
    use crate::training::EpochRecord;

    fn result(index: usize, accuracies: &[f64]) -> RunResult {
        let record = |(epoch, &accuracy): (u32, &f64)| EpochRecord {
            epoch,
            train_loss: 0.1,
            train_accuracy: 0.9,
            validation_loss: Some(0.1),
            validation_accuracy: Some(accuracy),
            learning_rate: 0.1,
            seconds: 1.0,
            samples_per_second: 1.0,
        };
        RunResult {
            index,
            outcome: RunOutcome::Finished,
            epochs: (1..).zip(accuracies).map(record).collect(),
            test: None,
            seconds: 1.0,
        }
    }

    #[test]
    fn a_line_for_each_combination_that_is_not_on_the_axis() {
        let grid = Grid {
            learning_rate: vec![0.01, 0.1, 1.0],
            momentum: vec![0.0, 0.9],
            epochs: vec![2],
            ..Grid::default()
        };
        let configurations = grid.configurations();
        let results: Vec<_> = (0..6).map(|run| result(run, &[0.9, 0.97])).collect();
        let svg = sweep_svg(&configurations, &results).unwrap();
        for text in [
            "learning rate",
            "momentum 0.9",
            "learning rate 0.01, momentum 0",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("minibatch") && !svg.contains("left out"));
    }

    #[test]
    fn little_and_nothing_can_be_drawn() {
        let grid = Grid::default();
        let configurations = grid.configurations();
        sweep_svg(&configurations, &[]).unwrap();
        sweep_svg(&configurations, &[result(0, &[1.0])]).unwrap();
        sweep_svg(&configurations, &[result(0, &[])]).unwrap();
        let many = Grid {
            momentum: (0..40).map(|share| share as f32 / 50.0).collect(),
            schedule: crate::training::Schedule::ALL.to_vec(),
            learning_rate: (1..50).map(|rate| rate as f32).collect(),
            ..Grid::default()
        };
        let configurations = many.configurations();
        let all = 0..configurations.len();
        let results: Vec<_> = all.map(|run| result(run, &[0.9])).collect();
        assert!(
            sweep_svg(&configurations, &results)
                .unwrap()
                .contains("left out")
        );
    }
}
