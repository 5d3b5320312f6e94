//! Speed of whole epochs below the roofs of the machine.

use super::axis::Axis;
use super::chart::{
    BLUE, Chart, Color, GREEN, GREY, PURPLE, SOLID, Series, Style, VERMILION, stacked,
};
use crate::bench::{Configuration, EpochRow};
use crate::terminal::output::counted;
use fused_mlp::engine::Precision;

/// Of the fastest lines of a chart: more could not be told apart.
const COLORS: [Color; 4] = [BLUE, VERMILION, GREEN, PURPLE];

/// Of a chart, with room for three lines of text a name.
const HEIGHT: f64 = 640.0;

/// What it measures, and that of a configuration.
type OptionAxis = (&'static str, fn(&Configuration) -> usize);

/// What the speed is drawn against, if the rows differ in it.
const AXES: [OptionAxis; 3] = [
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
    let charts: Vec<(Chart, f64)> = axes.map(|axis| (chart(axis, rows), HEIGHT)).collect();
    stacked(&format!("Speed of epochs: {machine}"), &charts)
}

/// What the most work a second is called.
pub fn peak_name(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "FMA peak",
        Precision::Int16 => "integer peak",
    }
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
        let kind = peak_name(row.configuration.precision);
        let differing = (THREADS..5).filter(|&part| differs(part));
        format!("{kind} {}", named(row, differing))
            .trim_end()
            .to_owned()
    };
    let x = |row: &EpochRow<'_>| value(row.configuration) as f64;
    let mut series = Vec::new();
    let mut lines = groups(rows, line);
    let fastest =
        |rows: &[&EpochRow<'_>]| rows.iter().map(|it| it.gflops_executed).fold(0.0, f64::max);
    lines.sort_by(|a, b| fastest(&b.1).total_cmp(&fastest(&a.1)));
    let told = match lines.len() {
        0..=4 => String::new(),
        all => format!("; the fastest 4 of {all} lines"),
    };
    for ((name, rows), color) in lines.into_iter().zip(COLORS) {
        let points = curve(&rows, x, |row| row.gflops_executed);
        let dots = Style::Points { radius: 5 };
        series.push(Series::new("", color, dots, points.clone()));
        series.push(Series::new(&name, color, SOLID, points).with_last(1.0));
    }
    series.extend(
        groups(rows, roof)
            .into_iter()
            .map(|(name, rows)| peak(&name, &rows, axis)),
    );
    let highest = rows
        .iter()
        .fold(0.0, |most: f64, row| most.max(row.peak_gflops));
    Chart {
        title: format!("Speed against {name}"),
        x: Axis::log(name).whole(),
        y: Axis::linear(&format!(
            "executed GFLOP/s, median epoch; more is better{told}"
        ))
        .within(0.0, 1.05 * highest.max(1.0)),
        series,
    }
}

/// The roof of some rows: one level, unless it grows with the threads. Single bursts fall short of it.
fn peak(name: &str, rows: &[&EpochRow<'_>], axis: usize) -> Series {
    let mut points = curve(
        rows,
        |row| AXES[axis].1(row.configuration) as f64,
        |row| row.peak_gflops,
    );
    if axis != THREADS {
        let highest = points
            .iter()
            .fold(0.0, |most: f64, point| most.max(point.1));
        points.iter_mut().for_each(|point| point.1 = highest);
    }
    let style = Style::Line {
        width: 2,
        is_dashed: true,
    };
    Series::new(name, GREY, style, points).with_last(1.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use fused_mlp::network::Shape;

    fn configuration(batch_size: usize, threads: usize) -> Configuration {
        Configuration {
            backend: "fused".to_owned(),
            isa: None,
            threads,
            batch_size,
            shape: Shape {
                inputs: 1,
                hidden: 300,
                classes: 2,
            },
            samples: 1,
            momentum: 0.0,
            learning_rate: 0.1,
            seed: 1,
            precision: Precision::F32,
            data: "here".to_owned(),
            data_sha256: Default::default(),
        }
    }

    fn row(configuration: &Configuration, speed: f64, peak: f64) -> EpochRow<'_> {
        EpochRow {
            configuration,
            repeats: 1,
            seconds_median: 1.0,
            seconds_min: 1.0,
            epochs_per_second: 1.0,
            gflops_executed: speed,
            peak_gflops: peak,
            peak_fraction_executed: 1.0,
            peak_fraction_executed_best: 1.0,
            speedup_over_first: 1.0,
            speedup_over_first_best: 1.0,
        }
    }

    #[test]
    fn a_chart_for_each_option_that_differs_with_its_roofs() {
        let of = [(100, 1), (1000, 1), (100, 2), (1000, 2)].map(|(b, t)| configuration(b, t));
        let speeds = [(50.0, 99.0), (60.0, 101.0), (90.0, 198.0), (110.0, 202.0)];
        let rows: Vec<_> = of
            .iter()
            .zip(speeds)
            .map(|(it, (s, p))| row(it, s, p))
            .collect();
        assert_eq!(speed_axes(&of.each_ref()), [0, 2]);
        let names = |axis: usize| -> Vec<String> {
            let named = chart(axis, &rows).series.into_iter().map(|it| it.name);
            let named = named.filter(|name| !name.is_empty());
            named.map(|name| name.replace('\u{a0}', " ")).collect()
        };
        let against_batch =
            "2 threads\n110,1 thread\n60,FMA peak 1 thread\n101,FMA peak 2 threads\n202";
        assert_eq!(names(0).join(","), against_batch);
        assert_eq!(
            names(2).join(","),
            "batch 1000\n110,batch 100\n90,FMA peak\n202"
        );
        let roof = chart(2, &rows).series.pop();
        assert_eq!(
            roof.map(|it| it.points),
            Some(vec![(1.0, 101.0), (2.0, 202.0)])
        );
        let svg = speed_svg("a CPU", &rows);
        assert!(svg.contains("Speed against samples of a minibatch") && svg.contains("a CPU"));
        assert!(!svg.contains("hidden units"));
    }
}
