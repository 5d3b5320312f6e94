//! Phases below the roofs of the machine.

use super::axis::Axis;
use super::chart::{Chart, GREY, SERIES, Series, Style};
use crate::bench::PhaseRow;
use serde::Serialize;

/// A measured bandwidth of the machine, all threads together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Roof {
    /// What is read.
    pub name: &'static str,
    /// Size of what each thread reads.
    pub bytes_per_thread: usize,
    /// 10^9 bytes/s.
    pub gigabytes_per_second: f64,
}

/// FLOP/s of each phase, all threads together, against its FLOP for each byte, below
/// the roofs: the peak and the bandwidths.
pub fn roofline_svg(rows: &[PhaseRow], (peak, peak_gflops): (&str, f64), roofs: &[Roof]) -> String {
    let of_all = rows.iter().filter(|row| row.thread.is_none());
    let counted = of_all.filter(|row| row.gflops > 0.0 && row.flop_per_byte > 0.0);
    let points: Vec<&PhaseRow> = counted.collect();
    let limit = |start: f64, factor: f64, choose: fn(f64, f64) -> f64, of: fn(&PhaseRow) -> f64| {
        let values = points.iter().map(|row| factor * of(row));
        values.fold(start, choose)
    };
    let left = limit(0.1, 0.5, f64::min, |row| row.flop_per_byte);
    let right = limit(30.0, 2.0, f64::max, |row| row.flop_per_byte);
    let lowest = limit(peak_gflops / 50.0, 0.5, f64::min, |row| row.gflops);
    let mut series = Vec::new();
    for (row, color) in points.iter().zip(SERIES.into_iter().cycle()) {
        let name = format!("{} {:.0}", row.phase.replace('+', " + "), row.gflops);
        let dot = Style::Points { radius: 8 };
        let place = vec![(row.flop_per_byte, row.gflops)];
        series.push(Series::new(&name, color, dot, place));
    }
    for roof in roofs {
        let slope = roof.gigabytes_per_second;
        let name = format!("{}: {slope:.0} GB/s", roof.name);
        let start = (lowest / slope).max(left);
        let ends = vec![(start, start * slope), (peak_gflops / slope, peak_gflops)];
        series.push(Series::new(&name, GREY, Style::Slope, ends));
    }
    let peak = format!("{peak}: {peak_gflops:.0} GFLOP/s");
    let level = vec![(f64::NAN, peak_gflops)];
    series.push(Series::new(&peak, GREY, Style::Level, level));
    Chart {
        title: "Phases below the roofs of the machine, all threads".to_owned(),
        x: Axis::log("arithmetic intensity: executed FLOP a byte").within(left, right),
        y: Axis::log("executed GFLOP/s").within(lowest, peak_gflops * 2.0),
        series,
    }
    .svg()
}
