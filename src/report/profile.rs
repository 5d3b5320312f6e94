//! Pictures and the timeline of a profile.

use crate::benchmark::PhaseRow;
use crate::engine::PhaseClock;
use plotters::coord::Shift;
use plotters::prelude::*;
use serde::Serialize;
use std::error::Error;
use std::time::Instant;

/// Width and height in pixels.
const ROOFLINE_SIZE: (u32, u32) = (960, 600);
const PHASES_WIDTH: u32 = 960;
/// Height of a thread's bar, and of what is around the bars.
const BAR: u32 = 64;
const AROUND: u32 = 150;

/// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito, "Color universal design",
/// 2008), one a phase.
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(240, 228, 66),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(120, 120, 120),
];

/// A measured limit of the machine, all threads together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Roof {
    /// What it is.
    pub name: String,
    /// 10^9 bytes/s.
    pub gigabytes_per_second: f64,
}

type DrawResult = Result<(), Box<dyn Error>>;

fn svg(
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> DrawResult,
) -> Result<String, String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = root.fill(&WHITE).map_err(Into::into);
        let drawn = drawn.and_then(|()| draw(&root));
        drawn.map_err(|error| error.to_string().replace('\n', " "))?;
        root.present().map_err(|error| error.to_string())?;
    }
    svg.push('\n');
    Ok(svg)
}

/// FLOP/s of each phase, all threads together, against its FLOP for each byte, below the roofs: the
/// FMA peak and the bandwidths.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn roofline_svg(rows: &[PhaseRow], peak_gflops: f64, roofs: &[Roof]) -> Result<String, String> {
    let points: Vec<(usize, &PhaseRow)> = rows
        .iter()
        .filter(|row| row.thread.is_none())
        .enumerate()
        .filter(|(_, row)| row.gflops > 0.0 && row.flop_per_byte > 0.0)
        .collect();
    let (left, right) = (0.1, 200.0);
    let lowest = points.iter().fold(peak_gflops / 50.0, |low, (_, row)| {
        low.min(row.gflops / 2.0)
    });
    svg(ROOFLINE_SIZE, |root| {
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
        let font = ("sans-serif", 13).into_font();
        let peak = LineSeries::new(
            [(left, peak_gflops), (right, peak_gflops)],
            BLACK.stroke_width(2),
        );
        chart.draw_series(peak)?;
        let label = format!("FMA peak {peak_gflops:.0} GFLOP/s");
        let place = (left * 1.1, peak_gflops * 1.3);
        chart.draw_series([Text::new(label, place, font.clone())])?;
        let shade = |index: usize| {
            let grey = 70 * u8::try_from(index).unwrap_or(u8::MAX).min(2);
            RGBColor(grey, grey, grey).stroke_width(2)
        };
        for (index, roof) in roofs.iter().enumerate() {
            let slope = roof.gigabytes_per_second;
            let corner = peak_gflops / slope;
            let start = (lowest / slope).max(left);
            let line = [(start, start * slope), (corner, peak_gflops)];
            chart.draw_series(LineSeries::new(line, shade(index)))?;
        }
        // Colours and names stand in the legend, where they cannot hide each other.
        for &(index, row) in &points {
            let color = COLORS[index % COLORS.len()];
            let label = format!("{}: {:.0} GFLOP/s", row.phase, row.gflops);
            let point = Circle::new((row.flop_per_byte, row.gflops), 7, color.filled());
            chart
                .draw_series([point])?
                .label(label)
                .legend(move |(x, y)| Circle::new((x + 9, y), 6, color.filled()));
        }
        for (index, roof) in roofs.iter().enumerate() {
            let label = format!("{}: {:.0} GB/s", roof.name, roof.gigabytes_per_second);
            let nothing = std::iter::empty::<Circle<(f64, f64), i32>>();
            chart
                .draw_series(nothing)?
                .label(label)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y + 4), (x + 18, y - 4)], shade(index))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(("sans-serif", 14))
            .background_style(WHITE.mix(0.9))
            .border_style(RGBColor(200, 200, 200))
            .draw()?;
        Ok(())
    })
}

/// Shares of each thread's time, a bar a thread.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn phases_svg(rows: &[PhaseRow]) -> Result<String, String> {
    let threads = rows
        .iter()
        .filter_map(|row| row.thread)
        .max()
        .map_or(0, |last| last + 1);
    let height = BAR * u32::try_from(threads).unwrap_or(1).clamp(1, 64) + AROUND;
    svg((PHASES_WIDTH, height), |root| {
        let bottom = -0.5..threads as f64 - 0.5;
        let mut chart = ChartBuilder::on(root)
            .margin(14)
            .margin_right(234)
            .caption("Share of the time of each thread", ("sans-serif", 20))
            .x_label_area_size(46)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..100.0, bottom)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .x_desc("% of the epochs' time")
            .y_desc("thread")
            .y_labels(threads.min(16))
            .y_label_formatter(&|y| {
                if y.fract() == 0.0 {
                    format!("{y}")
                } else {
                    String::new()
                }
            })
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .light_line_style(RGBColor(244, 244, 244))
            .draw()?;
        let names: Vec<&str> = rows
            .iter()
            .filter(|row| row.thread.is_none())
            .map(|row| row.phase)
            .collect();
        let mut ends = vec![0.0; threads];
        for (index, name) in names.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let mut bars = Vec::new();
            for row in rows.iter().filter(|row| row.phase == *name) {
                let Some(thread) = row.thread else { continue };
                let (start, end) = (ends[thread], ends[thread] + 100.0 * row.share);
                ends[thread] = end;
                let middle = thread as f64;
                let corners = [(start, middle - 0.35), (end, middle + 0.35)];
                bars.push(Rectangle::new(corners, color.filled()));
            }
            chart.draw_series(bars)?;
        }
        for (index, name) in names.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let (x, y) = (PHASES_WIDTH as i32 - 215, 44 + 19 * index as i32);
            root.draw(&Rectangle::new([(x, y), (x + 13, y + 13)], color.filled()))?;
            root.draw(&Text::new(
                (*name).to_owned(),
                (x + 20, y),
                ("sans-serif", 14),
            ))?;
        }
        Ok(())
    })
}

/// An event of the Chrome trace format: a named stretch of a thread's time, in microseconds.
#[derive(Serialize)]
struct TraceEvent {
    name: &'static str,
    ph: &'static str,
    pid: u32,
    tid: usize,
    ts: f64,
    dur: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    trace_events: Vec<TraceEvent>,
    display_time_unit: &'static str,
}

/// The first calls of each thread as a timeline in the Chrome trace format.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn chrome_trace(clocks: &[PhaseClock]) -> serde_json::Result<String> {
    let spans = clocks.iter().flat_map(PhaseClock::spans);
    let origin = spans.map(|span| span.start).min();
    let microseconds = |time: Instant| {
        origin.map_or(0.0, |origin| {
            time.duration_since(origin).as_secs_f64() * 1e6
        })
    };
    let events = clocks.iter().enumerate().flat_map(|(tid, clock)| {
        clock.spans().iter().map(move |span| TraceEvent {
            name: span.phase.name(),
            ph: "X",
            pid: 1,
            tid,
            ts: microseconds(span.start),
            dur: (span.end - span.start).as_secs_f64() * 1e6,
        })
    });
    serde_json::to_string(&Trace {
        trace_events: events.collect(),
        display_time_unit: "ns",
    })
}
