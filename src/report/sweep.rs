//! The picture of a sweep.

use super::profile::{color, svg};
use crate::sweep::{MeanDeviation, RunConfiguration, RunResult, Summary, summarise};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;

/// Width and height in pixels.
const SIZE: (u32, u32) = (960, 960);
/// Most lines of a chart: more could not be told apart.
const MOST_LINES: usize = 8;
/// Smallest error that is shown, in percent.
const SMALLEST: f64 = 1e-3;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult = Result<(), Box<dyn Error>>;

/// An option that may vary: its name, its number for an axis, and its text for a legend.
struct OptionAxis {
    name: &'static str,
    number: Option<fn(&RunConfiguration) -> f64>,
    text: fn(&RunConfiguration) -> String,
}

const OPTIONS: [OptionAxis; 9] = [
    OptionAxis {
        name: "learning rate",
        number: Some(|it| f64::from(it.options.learning_rate)),
        text: |it| it.options.learning_rate.to_string(),
    },
    OptionAxis {
        name: "minibatch",
        number: Some(|it| it.options.batch_size as f64),
        text: |it| it.options.batch_size.to_string(),
    },
    OptionAxis {
        name: "hidden units",
        number: Some(|it| it.hidden as f64),
        text: |it| it.hidden.to_string(),
    },
    OptionAxis {
        name: "init scale",
        number: Some(|it| f64::from(it.options.init_scale)),
        text: |it| it.options.init_scale.to_string(),
    },
    OptionAxis {
        name: "weight decay",
        number: Some(|it| f64::from(it.options.weight_decay)),
        text: |it| it.options.weight_decay.to_string(),
    },
    OptionAxis {
        name: "momentum",
        number: Some(|it| f64::from(it.options.momentum)),
        text: |it| it.options.momentum.to_string(),
    },
    OptionAxis {
        name: "epochs",
        number: Some(|it| f64::from(it.options.epochs)),
        text: |it| it.options.epochs.to_string(),
    },
    OptionAxis {
        name: "warm-up",
        number: Some(|it| f64::from(it.options.warm_up)),
        text: |it| it.options.warm_up.to_string(),
    },
    OptionAxis {
        name: "schedule",
        number: None,
        text: |it| it.options.schedule.to_string(),
    },
];

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
        let shown = varying.iter().filter(|option| Some(option.name) != without);
        let parts = shown.map(|option| format!("{} {}", option.name, (option.text)(configuration)));
        parts.collect::<Vec<_>>().join(", ")
    };
    let ends = ends(&summaries, axis, &|it| label(it, Some(axis.name)));
    let curves = curves(configurations, results, &summaries, &|it| label(it, None));
    let mut title = "Validation error after the last epoch (mean ± standard deviation)".to_owned();
    let left_out = ends.len().saturating_sub(MOST_LINES);
    if left_out > 0 {
        title += &format!("; {left_out} more lines left out");
    }
    svg(SIZE, |root| {
        let (upper, lower) = root.split_vertically(SIZE.1 / 2);
        draw(&upper, &title, axis.name, &ends[..ends.len() - left_out])?;
        let title = format!(
            "Mean validation error of the best {} after each epoch",
            curves.len()
        );
        draw(&lower, &title, "epoch", &curves)
    })
}

/// A line of a chart: points (x, error in percent, its standard deviation where it is shown).
struct Line {
    name: String,
    points: Vec<(f64, f64, f64)>,
}

fn error_percent(accuracy: f64) -> f64 {
    (100.0 * (1.0 - accuracy)).max(SMALLEST)
}

fn values(option: &OptionAxis, summaries: &[Summary]) -> usize {
    let texts = summaries.iter().map(|it| (option.text)(&it.configuration));
    texts.collect::<std::collections::BTreeSet<_>>().len()
}

/// The numeric option with the most values; the first of equals.
fn axis(summaries: &[Summary]) -> &'static OptionAxis {
    let numeric = OPTIONS.iter().filter(|option| option.number.is_some());
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
        let (Some(accuracy), Some(number)) = (summary.validation_accuracy, axis.number) else {
            continue;
        };
        let point = (
            number(&summary.configuration),
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

/// Range of an axis, and whether it is logarithmic: where its values span a factor of five.
fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, bool) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    match (low <= high, low > 0.0 && high >= 5.0 * low) {
        (false, _) => (0.0, 1.0, false),
        (true, true) => (low / 1.1, high * 1.1, true),
        (true, false) => {
            let around = if low < high {
                0.04 * (high - low)
            } else {
                0.5 * high.abs().max(1e-6)
            };
            (low - around, high + around, false)
        }
    }
}

fn draw(area: &Area<'_>, title: &str, x_name: &str, lines: &[Line]) -> DrawResult {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (left, right, is_log) = range(points().map(|point| point.0));
    let (low, high, _) = range(points().flat_map(|point| {
        let (bottom, top) = bar(point);
        [bottom, top]
    }));
    let (low, high) = (low.max(SMALLEST), high.max(2.0 * SMALLEST));
    let axis = Axis {
        left,
        right,
        is_log,
    };
    let mut values: Vec<f64> = points().map(|point| point.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let places = ticks(&values).into_iter().map(|value| axis.place(value));
    let x = (axis.place(left)..axis.place(right)).log_scale();
    let y = (low..high).log_scale();
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(title, ("sans-serif", 20))
        .x_label_area_size(46)
        .y_label_area_size(72)
        .build_cartesian_2d(
            x.with_key_points(places.collect()),
            y.with_key_points(decimals(low, high)),
        )?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc("validation error, %")
        .x_label_formatter(&|place| short(axis.value(*place)))
        .y_label_formatter(&|error| short(*error))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .light_line_style(RGBColor(244, 244, 244))
        .bold_line_style(RGBColor(224, 224, 224))
        .draw()?;
    for (index, line) in lines.iter().enumerate() {
        let color = color(index);
        let points = || line.points.iter().map(|&(x, y, _)| (axis.place(x), y));
        let series = chart.draw_series(LineSeries::new(points(), color.stroke_width(2)))?;
        if !line.name.is_empty() {
            let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3));
            series.label(&line.name).legend(key);
        }
        chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
        let bars = line.points.iter().filter(|point| point.2 > 0.0);
        chart.draw_series(bars.map(|point| {
            let (x, (bottom, top)) = (axis.place(point.0), bar(point));
            PathElement::new([(x, bottom), (x, top)], color.stroke_width(1))
        }))?;
    }
    if lines.iter().any(|line| !line.name.is_empty()) {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(("sans-serif", 13))
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .draw()?;
    }
    Ok(())
}

/// A horizontal axis, drawn by the drawing library as a logarithmic one in any case, for only those
/// can have labels at chosen places.
#[derive(Clone, Copy)]
struct Axis {
    left: f64,
    right: f64,
    is_log: bool,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let share = (value - self.left) / (self.right - self.left);
        if self.is_log { value } else { share.exp() }
    }

    fn value(&self, place: f64) -> f64 {
        let linear = self.left + place.ln() * (self.right - self.left);
        if self.is_log { place } else { linear }
    }
}

/// Ends of the bar of one standard deviation to each side; it does not reach 0.
fn bar(&(_, error, deviation): &(f64, f64, f64)) -> (f64, f64) {
    ((error - deviation).max(0.5 * error), error + deviation)
}

/// Those of the values that have room for a label.
fn ticks(values: &[f64]) -> Vec<f64> {
    const MOST: usize = 14;
    let every = values.len().div_ceil(MOST).max(1);
    values.iter().copied().step_by(every).collect()
}

/// 1, 1.5, 2, 3, 5, 7 times powers of ten between two numbers.
fn decimals(low: f64, high: f64) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = decades
        .flat_map(|decade| [1.0, 1.5, 2.0, 3.0, 5.0, 7.0].map(|digit| digit * 10f64.powi(decade)));
    all.filter(|value| (low..=high).contains(value)).collect()
}

/// A number without the digits that come from its binary form.
fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
