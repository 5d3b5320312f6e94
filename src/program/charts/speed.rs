//! Speed of whole epochs below the roofs of the machine.

use super::axis::Axis;
use super::chart::{Chart, Color, GREY, SERIES, SOLID, Series, Style, stacked};
use crate::bench::{Configuration, EpochRow};
use crate::terminal::output::counted;
use fused_mlp::engine::Precision;

/// Most lines of a chart: more could not be told apart.
const MOST_LINES: usize = 6;

/// What the speed is drawn against, if the rows differ in it.
const AXES: [(&str, fn(&Configuration) -> usize); 3] = [
    ("samples of a minibatch", |it| it.batch_size),
    ("hidden units", |it| it.shape.hidden),
    ("threads", |it| it.threads),
];
const THREADS: usize = 2;

/// What configurations are told by: first what [`AXES`] has, then what else decides the roof.
fn parts(it: &Configuration) -> [String; 8] {
    [
        format!("batch {}", it.batch_size),
        format!("hidden {}", it.shape.hidden),
        counted(it.threads, "thread"),
        it.isa.clone().unwrap_or_default(),
        it.precision.to_string(),
        it.backend.clone(),
        format!("momentum {}", it.momentum),
        it.data.clone(),
    ]
    // What belongs together stays in one line.
    .map(|part| part.replace(' ', "\u{a0}"))
}

/// The axes against which the speed of some configurations can be drawn.
pub fn speed_axes(configurations: &[&Configuration]) -> Vec<usize> {
    let differ = |&axis: &usize| {
        let value = AXES[axis].1;
        let mut others = configurations.iter();
        others.any(|it| value(it) != value(configurations[0]))
    };
    (0..AXES.len()).filter(differ).collect()
}

/// Executed GFLOP/s of the median epochs below the measured peaks: a chart for each of the minibatch, the hidden
/// units and the threads in which the rows differ.
pub fn speed_svg(machine: &str, rows: &[EpochRow<'_>]) -> String {
    let configurations: Vec<&Configuration> = rows.iter().map(|row| row.configuration).collect();
    let axes = speed_axes(&configurations).into_iter();
    let charts: Vec<(Chart, f64)> = axes.map(|axis| (chart(axis, rows), 480.0)).collect();
    stacked(&format!("Speed of epochs: {machine}"), &charts)
}

fn chart(axis: usize, rows: &[EpochRow<'_>]) -> Chart {
    let (name, value) = AXES[axis];
    let first = parts(rows[0].configuration);
    let differs = |part: usize| {
        let mut others = rows.iter();
        part != axis && others.any(|row| parts(row.configuration)[part] != first[part])
    };
    let line = |row: &EpochRow<'_>| named(row, (0..first.len()).filter(|&part| differs(part)));
    let roof = |row: &EpochRow<'_>| {
        let kind = match row.configuration.precision {
            Precision::F32 => "FMA peak",
            Precision::Int16 => "integer peak",
        };
        format!(
            "{kind} {}",
            named(row, (THREADS..5).filter(|&part| differs(part)))
        )
    };
    let x = |row: &EpochRow<'_>| value(row.configuration) as f64;
    let mut series = Vec::new();
    let lines = groups(rows, line);
    let told = match lines.len() {
        0..=MOST_LINES => String::new(),
        all => format!("; {MOST_LINES} of {all} lines"),
    };
    for ((name, rows), color) in lines.into_iter().take(MOST_LINES).zip(colors()) {
        let points = curve(&rows, x, |row| row.gflops_executed);
        let dots = Style::Points { radius: 5 };
        series.push(Series::new("", color, dots, points.clone()));
        series.push(Series::new(&name, color, SOLID, points).with_last(1.0));
    }
    for (name, rows) in groups(rows, roof) {
        let mut points = curve(&rows, x, |row| row.peak_gflops);
        if axis != THREADS {
            // It is one peak; single bursts fall short of it.
            let highest = points
                .iter()
                .fold(0.0, |most: f64, point| most.max(point.1));
            points.iter_mut().for_each(|point| point.1 = highest);
        }
        let style = Style::Line {
            width: 2,
            is_dashed: true,
        };
        series.push(Series::new(&name, GREY, style, points).with_last(1.0));
    }
    let highest = rows
        .iter()
        .fold(0.0, |most: f64, row| most.max(row.peak_gflops));
    Chart {
        title: format!("Speed against {name}"),
        x: Axis::log(name),
        y: Axis::linear(&format!(
            "executed GFLOP/s, median epoch; more is better{told}"
        ))
        .within(0.0, 1.05 * highest.max(1.0)),
        series,
    }
}

fn colors() -> impl Iterator<Item = Color> {
    // The first of them are those that differ most.
    [1, 4, 2, 5, 3, 0].map(|index| SERIES[index]).into_iter()
}

fn named(row: &EpochRow<'_>, chosen: impl Iterator<Item = usize>) -> String {
    let parts = parts(row.configuration);
    chosen
        .map(|part| parts[part].clone())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Rows of the same name, in the order of the first of each.
fn groups<'a, 'b>(
    rows: &'b [EpochRow<'a>],
    name: impl Fn(&EpochRow<'a>) -> String,
) -> Vec<(String, Vec<&'b EpochRow<'a>>)> {
    let mut groups: Vec<(String, Vec<&EpochRow<'_>>)> = Vec::new();
    for row in rows {
        let name = name(row);
        match groups.iter_mut().find(|group| group.0 == name) {
            Some(group) => group.1.push(row),
            None => groups.push((name, vec![row])),
        }
    }
    groups
}

/// The highest value at each place, from left to right.
fn curve<'a>(
    rows: &[&EpochRow<'a>],
    x: impl Fn(&EpochRow<'a>) -> f64,
    y: fn(&EpochRow<'a>) -> f64,
) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = rows.iter().map(|row| (x(row), y(row))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    points.dedup_by_key(|point| point.0);
    points
}
