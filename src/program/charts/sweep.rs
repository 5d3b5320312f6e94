//! The picture of a sweep.

use super::axis::Axis;
use super::chart::{Chart, SERIES, SOLID, Series, Style, stacked};
use crate::sweep::{Grid, MeanDeviation, RunConfiguration, RunResult, Summary, summarise};

/// Most lines of a chart: more could not be told apart.
const MOST_LINES: usize = 8;

/// An option that may vary: its name, and its place among those of a configuration.
struct OptionAxis(String, usize);

impl OptionAxis {
    /// Those of which the seeds are no repetitions; the learning rate first.
    fn all() -> Vec<Self> {
        let grid = Grid::default();
        let texts = grid.configurations()[0].texts();
        let names = texts.into_iter().enumerate();
        let mut all: Vec<Self> = names
            .filter(|(_, (name, _))| *name != "seed")
            .map(|(place, (name, _))| Self(name.replace('_', " "), place))
            .collect();
        all.sort_by_key(|option| option.0 != "learning rate");
        all
    }

    fn text(&self, configuration: &RunConfiguration) -> String {
        configuration.texts()[self.1].1.clone()
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
pub fn sweep_svg(configurations: &[RunConfiguration], results: &[RunResult]) -> String {
    let mut summaries = summarise(configurations, results, None);
    summaries.retain(|summary| summary.validation_accuracy.is_some());
    let all = OptionAxis::all();
    let axis = axis(&all, &summaries);
    let varying: Vec<&OptionAxis> = all
        .iter()
        .filter(|option| values(option, &summaries) > 1)
        .collect();
    let label = |configuration: &RunConfiguration, without: Option<&str>| {
        let shown = varying
            .iter()
            .filter(|option| Some(option.0.as_str()) != without);
        let parts = shown.map(|option| format!("{} {}", option.0, option.text(configuration)));
        parts.collect::<Vec<_>>().join(", ")
    };
    let ends = ends(&summaries, axis, &|it| label(it, Some(&axis.0)));
    let curves = curves(configurations, results, &summaries, &|it| label(it, None));
    let mut title = "Validation error after the last epoch (mean ± standard deviation)".to_owned();
    let left_out = ends.len().saturating_sub(MOST_LINES);
    if left_out > 0 {
        title += &format!("; {left_out} more lines left out");
    }
    let best = format!(
        "Mean validation error of the best {} after each epoch",
        curves.len()
    );
    stacked(&[
        errors(title, &axis.0, &ends[..ends.len() - left_out]),
        errors(best, "epoch", &curves),
    ])
}

/// Smallest error that is shown, in percent.
const SMALLEST: f64 = 1e-3;

/// A line of a chart: points (x, error in percent, its standard deviation where it is shown).
struct Line {
    name: String,
    points: Vec<(f64, f64, f64)>,
}

/// Errors in percent, on a logarithmic axis, against something; bars of one standard deviation.
fn errors(title: String, x_name: &str, lines: &[Line]) -> Chart {
    let values = || {
        lines
            .iter()
            .flat_map(|line| line.points.iter().map(|point| point.0))
    };
    let (low, high) = values().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| {
        (low.min(x), high.max(x))
    });
    let is_wide = low > 0.0 && high >= 5.0 * low;
    let mut series = Vec::new();
    for (line, color) in lines.iter().zip(SERIES.into_iter().cycle()) {
        let points: Vec<(f64, f64)> = line
            .points
            .iter()
            .map(|&(x, error, _)| (x, error))
            .collect();
        let bars = line.points.iter().filter(|point| point.2 > 0.0);
        // A bar does not reach 0.
        let bars = bars.flat_map(|&(x, error, deviation)| {
            [
                (x, (error - deviation).max(0.5 * error)),
                (x, error + deviation),
            ]
        });
        series.push(Series::new(
            "",
            color,
            Style::Strokes { width: 2 },
            bars.collect(),
        ));
        series.push(Series::new(
            "",
            color,
            Style::Points { radius: 7 },
            points.clone(),
        ));
        series.push(Series::new(&line.name, color, SOLID, points));
    }
    Chart {
        title,
        x: match x_name {
            "epoch" => Axis::linear(x_name).whole(),
            _ if is_wide => Axis::log(x_name),
            _ => Axis::linear(x_name),
        },
        y: Axis::log("validation error, %"),
        series,
        marks: Vec::new(),
    }
}

fn error_percent(accuracy: f64) -> f64 {
    (100.0 * (1.0 - accuracy)).max(SMALLEST)
}

fn values(option: &OptionAxis, summaries: &[Summary]) -> usize {
    let texts = summaries.iter().map(|it| option.text(&it.configuration));
    texts.collect::<std::collections::BTreeSet<_>>().len()
}

/// The numeric option with the most values; the first of equals.
fn axis<'a>(all: &'a [OptionAxis], summaries: &[Summary]) -> &'a OptionAxis {
    let is_numeric = |option: &&OptionAxis| {
        let mut values = summaries.iter().map(|it| option.number(&it.configuration));
        values.all(|number| number.is_some())
    };
    let numeric = all.iter().filter(is_numeric);
    let best = numeric.reduce(|best, option| {
        if values(option, summaries) > values(best, summaries) {
            option
        } else {
            best
        }
    });
    best.unwrap_or(&all[0])
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
    use crate::options::training::Lists;
    use crate::sweep::{Grid, RunOutcome};
    use fused_mlp::training::EpochRecord;

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
            lists: Lists {
                learning_rate: vec![0.01, 0.1, 1.0],
                momentum: vec![0.0, 0.9],
                epochs: vec![2],
                ..Grid::default().lists
            },
            ..Grid::default()
        };
        let configurations = grid.configurations();
        let results: Vec<_> = (0..6).map(|run| result(run, &[0.9, 0.97])).collect();
        let svg = sweep_svg(&configurations, &results);
        for text in [
            "learning rate",
            "momentum 0.9",
            "learning rate 0.01, momentum 0",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("batch size") && !svg.contains("left out"));
    }

    #[test]
    fn little_and_nothing_can_be_drawn() {
        let grid = Grid::default();
        let configurations = grid.configurations();
        sweep_svg(&configurations, &[]);
        sweep_svg(&configurations, &[result(0, &[1.0])]);
        sweep_svg(&configurations, &[result(0, &[])]);
        let many = Grid {
            lists: Lists {
                momentum: (0..40).map(|share| share as f32 / 50.0).collect(),
                schedule: fused_mlp::training::Schedule::ALL.to_vec(),
                learning_rate: (1..50).map(|rate| rate as f32).collect(),
                ..Grid::default().lists
            },
            ..Grid::default()
        };
        let configurations = many.configurations();
        let all = 0..configurations.len();
        let results: Vec<_> = all.map(|run| result(run, &[0.9])).collect();
        assert!(sweep_svg(&configurations, &results).contains("left out"));
    }
}
