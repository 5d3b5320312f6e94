//! The picture of a sweep.

use super::axis::Axis;
use super::chart::{Chart, SERIES, SOLID, Series, Style, stacked};
use crate::sweep::{MeanDeviation, RunConfiguration, RunResult, Summary, summarise};
use std::collections::BTreeSet;

/// Most lines of a chart: more could not be told apart.
const MOST_LINES: usize = 8;

/// Draws two charts. Upper: the validation error after the last epoch against the option with the most
/// values (the learning rate, if it has as many as any), mean and standard deviation over the
/// seeds, a line for each combination of the others. Lower: the mean validation error after each
/// epoch of the best configurations.
///
/// Where there are more lines than can be told apart, the best are shown. Runs that diverged are left
/// out.
pub fn sweep_svg(configurations: &[RunConfiguration], results: &[RunResult]) -> String {
    let summaries = summarise(configurations, results, None).into_iter();
    let scores: Vec<Score> = summaries.filter_map(Score::new).collect();
    let first = scores.first().map_or(&[][..], |score| &score.options);
    let count = |place: usize| {
        let texts = scores.iter().map(|score| &score.options[place].1);
        texts.collect::<BTreeSet<_>>().len()
    };
    let varying: Vec<usize> = (0..first.len()).filter(|&it| count(it) > 1).collect();
    let is_numeric = |&place: &usize| scores.iter().all(|it| it.number(place).is_some());
    let numeric = varying.iter().copied().filter(is_numeric);
    // The first of equals is the last from behind.
    let axis = numeric.rev().max_by_key(|&it| count(it)).unwrap_or(0);
    let x_name = first.get(axis).map_or("learning rate", |(name, _)| name);
    let others: Vec<usize> = varying.iter().copied().filter(|&it| it != axis).collect();
    let mut ends = ends(&scores, axis, &others);
    let left_out = ends.len().saturating_sub(MOST_LINES);
    ends.truncate(MOST_LINES);
    let mut title = "Validation error after the last epoch (mean ± standard deviation)".to_owned();
    if left_out > 0 {
        title += &format!("; {left_out} more lines left out");
    }
    let curves = curves(configurations, results, &scores, &varying);
    let best = format!(
        "Mean validation error of the best {} after each epoch",
        curves.len()
    );
    stacked(&[errors(title, x_name, &ends), errors(best, "epoch", &curves)])
}

/// Runs that differ by their seed alone: their options, but for the seed, and their validation accuracy.
struct Score {
    configuration: RunConfiguration,
    /// Names and values, the learning rate first.
    options: Vec<(String, String)>,
    accuracy: MeanDeviation,
}

impl Score {
    fn new(summary: Summary) -> Option<Self> {
        let texts = summary.configuration.texts().into_iter();
        let texts = texts.filter(|(name, _)| *name != "seed");
        let mut options: Vec<(String, String)> = texts
            .map(|(name, text)| (name.replace('_', " "), text))
            .collect();
        options.sort_by_key(|(name, _)| name != "learning rate");
        Some(Self {
            accuracy: summary.validation_accuracy?,
            configuration: summary.configuration,
            options,
        })
    }

    /// The value of an option on an axis; none if its values are names.
    fn number(&self, place: usize) -> Option<f64> {
        self.options[place].1.parse().ok()
    }

    fn label(&self, places: &[usize]) -> String {
        let options = places.iter().map(|&place| &self.options[place]);
        let parts: Vec<String> = options
            .map(|(name, text)| format!("{name} {text}"))
            .collect();
        parts.join(", ")
    }
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
    let places = lines.iter().flat_map(|line| &line.points);
    let (low, high) = places.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), point| {
        (low.min(point.0), high.max(point.0))
    });
    let is_wide = low > 0.0 && high >= 5.0 * low;
    let mut series = Vec::new();
    for (line, color) in lines.iter().zip(SERIES.into_iter().cycle()) {
        let points = line.points.iter().map(|&(x, error, _)| (x, error));
        let points: Vec<(f64, f64)> = points.collect();
        let bars = line.points.iter().filter(|point| point.2 > 0.0);
        // A bar does not reach 0.
        let bars = bars.flat_map(|&(x, error, deviation)| {
            let low = (error - deviation).max(0.5 * error);
            [(x, low), (x, error + deviation)]
        });
        let (strokes, dots) = (Style::Strokes { width: 2 }, Style::Points { radius: 7 });
        series.extend([
            Series::new("", color, strokes, bars.collect()),
            Series::new("", color, dots, points.clone()),
            Series::new(&line.name, color, SOLID, points),
        ]);
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

/// One line for each combination of the options that are not the axis, the best line first.
fn ends(scores: &[Score], axis: usize, others: &[usize]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for score in scores {
        let (name, accuracy) = (score.label(others), score.accuracy);
        let error = error_percent(accuracy.mean);
        let x = score.number(axis).unwrap_or(f64::NAN);
        let point = (x, error, 100.0 * accuracy.deviation);
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name,
                points: vec![point],
            }),
        }
    }
    let lowest = |line: &Line| {
        let errors = line.points.iter().map(|point| point.1);
        errors.fold(f64::INFINITY, f64::min)
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
    scores: &[Score],
    varying: &[usize],
) -> Vec<Line> {
    let mut best: Vec<&Score> = scores.iter().collect();
    best.sort_by(|a, b| b.accuracy.mean.total_cmp(&a.accuracy.mean));
    best.truncate(MOST_LINES);
    let curve = |score: &Score| {
        let of_it = |run: &&RunResult| {
            !run.is_diverged() && configurations[run.index].without_seed() == score.configuration
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
        let epochs = 1..=score.configuration.options.epochs;
        Line {
            name: score.label(varying),
            points: epochs.filter_map(point).collect(),
        }
    };
    best.into_iter().map(curve).collect()
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
            learning_rate: 0.1,
            seconds: 1.0,
            samples_per_second: Some(1.0),
        };
        let epochs = (1..).zip(accuracies).map(record).collect();
        RunResult::new(index, RunOutcome::Finished, epochs, None, 1.0)
    }

    #[test]
    fn a_line_for_each_combination_that_is_not_on_the_axis() {
        let grid = Grid::of("--learning-rate 0.01,0.1,1.0 --momentum 0.0,0.9 --epochs 2");
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
        assert!(sweep_svg(&configurations, &results).contains("left out"));
    }
}
