//! Phases below the roofs of the machine.

use super::labels::{Labels, Rectangle};
use super::profile::{color, svg, training_rows};
use crate::benchmark::PhaseRow;
use plotters::prelude::*;
use serde::Serialize;

/// Width and height in pixels.
const SIZE: (u32, u32) = (960, 600);
/// Radius of a point, and what labels keep free around its middle.
const RADIUS: i32 = 6;
const CLEARANCE: i32 = 9;
/// Size of the labels' font, the mean width of its letters, and the height of a line.
const FONT: i32 = 13;
const LETTER: f64 = 5.8;
const LINE: i32 = 18;

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

/// FLOP/s of each phase of the training, all threads together, against its FLOP for each byte, below
/// the roofs: the FMA peak and the bandwidths.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn roofline_svg(rows: &[PhaseRow], peak_gflops: f64, roofs: &[Roof]) -> Result<String, String> {
    let points: Vec<(usize, &PhaseRow)> = training_rows(rows)
        .filter(|row| row.thread.is_none())
        .enumerate()
        .filter(|(_, row)| row.gflops > 0.0 && row.flop_per_byte > 0.0)
        .collect();
    let limit = |start: f64, factor: f64, choose: fn(f64, f64) -> f64, of: fn(&PhaseRow) -> f64| {
        let values = points.iter().map(|(_, row)| factor * of(row));
        values.fold(start, choose)
    };
    let left = limit(0.03, 0.5, f64::min, |row| row.flop_per_byte);
    let right = limit(100.0, 2.0, f64::max, |row| row.flop_per_byte);
    let lowest = limit(peak_gflops / 50.0, 0.5, f64::min, |row| row.gflops);
    svg(SIZE, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(14)
            .caption(
                "Phases below the roofs of the machine, all threads",
                ("sans-serif", 20),
            )
            .x_label_area_size(46)
            .y_label_area_size(70)
            .build_cartesian_2d(
                (left..right).log_scale(),
                (lowest..peak_gflops * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc("executed FLOP for each compulsory byte")
            .y_desc("executed GFLOP/s")
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .light_line_style(RGBColor(244, 244, 244))
            .bold_line_style(RGBColor(224, 224, 224))
            .draw()?;
        let (x_range, y_range) = chart.plotting_area().get_pixel_range();
        let mut labels = Labels::new(Rectangle {
            left: x_range.start,
            top: y_range.start,
            right: x_range.end,
            bottom: y_range.end,
        });

        let mut lines = vec![(
            [(left, peak_gflops), (right, peak_gflops)],
            format!("FMA peak: {peak_gflops:.0} GFLOP/s"),
        )];
        for roof in roofs {
            let slope = roof.gigabytes_per_second;
            let start = (lowest / slope).max(left);
            let line = [(start, start * slope), (peak_gflops / slope, peak_gflops)];
            lines.push((line, format!("{}: {slope:.0} GB/s", roof.name)));
        }
        for (line, _) in &lines {
            chart.draw_series(LineSeries::new(*line, RGBColor(90, 90, 90).stroke_width(2)))?;
            labels.keep_line_free(line.map(|place| chart.backend_coord(&place)));
        }
        let middles: Vec<(i32, i32)> = points
            .iter()
            .map(|(_, row)| chart.backend_coord(&(row.flop_per_byte, row.gflops)))
            .collect();
        for &(x, y) in &middles {
            labels.keep_free(Rectangle {
                left: x - CLEARANCE,
                top: y - CLEARANCE,
                right: x + CLEARANCE,
                bottom: y + CLEARANCE,
            });
        }
        let size = |label: &str| ((label.chars().count() as f64 * LETTER) as i32, LINE);
        let font = ("sans-serif", FONT);
        let mut named: Vec<_> = points
            .iter()
            .zip(middles)
            .map(|(&(index, row), middle)| {
                let label = format!("{}: {:.0} GFLOP/s", row.phase, row.gflops);
                (label, middle, color(index))
            })
            .collect();
        // Long labels have the fewest places, so they choose first.
        named.sort_by_key(|(label, ..)| std::cmp::Reverse(label.len()));
        for (label, middle, color) in named {
            let (width, height) = size(&label);
            let places = around(middle, (width, height));
            if let Some((x, y)) = labels.place((width, height), places) {
                // A line leads from the point to a label that is not beside it.
                let nearest = (
                    middle.0.clamp(x, x + width),
                    middle.1.clamp(y, y + height - 2),
                );
                let leader = PathElement::new([middle, nearest], RGBColor(120, 120, 120));
                root.draw(&leader)?;
                root.draw(&Text::new(label, (x, y), font))?;
            }
            root.draw(&Circle::new(middle, RADIUS, color.filled()))?;
            root.draw(&Circle::new(middle, RADIUS, BLACK))?;
        }
        for (line, label) in lines {
            let line = line.map(|place| chart.backend_coord(&place));
            if let Some(corner) = labels.place(size(&label), along(line, size(&label))) {
                root.draw(&Text::new(label, corner, font))?;
            }
        }
        Ok(())
    })
}

/// Corners of labels around a point, the nearest first: right, left, above, below and between.
fn around((x, y): (i32, i32), (width, height): (i32, i32)) -> impl Iterator<Item = (i32, i32)> {
    (0..6).flat_map(move |ring| {
        let away = CLEARANCE + 2 + ring * LINE / 2;
        let half = height / 2;
        [
            (x + away, y - half),
            (x - away - width, y - half),
            (x - width / 2, y - away - height),
            (x - width / 2, y + away),
            (x + CLEARANCE - width, y - away - height),
            (x + CLEARANCE - width, y + away),
            (x + away, y - away - half),
            (x + away, y + away - half),
            (x - away - width, y - away - half),
            (x - away - width, y + away - half),
        ]
    })
}

/// Corners of labels at a line that is level or rises to the right: above and left of its points or
/// below and right of them.
fn along(
    [start, end]: [(i32, i32); 2],
    (width, height): (i32, i32),
) -> impl Iterator<Item = (i32, i32)> {
    const PLACES: i32 = 20;
    const AWAY: i32 = 5;
    (1..PLACES).flat_map(move |place| {
        let x = start.0 + (end.0 - start.0) * place / PLACES;
        let y = start.1 + (end.1 - start.1) * place / PLACES;
        [(x - AWAY - width, y - AWAY - height), (x + AWAY, y + AWAY)]
    })
}
