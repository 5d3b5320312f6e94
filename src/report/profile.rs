//! Pictures and the timeline of a profile.

use crate::benchmark::{PhaseRow, TRAINING};
use crate::engine::PhaseClock;
use plotters::coord::Shift;
use plotters::prelude::*;
use serde::Serialize;
use std::error::Error;
use std::time::Instant;

/// Width in pixels.
const WIDTH: u32 = 960;
/// Height of a thread's bar, and of what is around the bars.
const BAR: u32 = 64;
const AROUND: u32 = 150;
/// Where the first name of the legend is, and how far the next one is below.
const LEGEND: (i32, i32) = (WIDTH as i32 - 215, 44);
const LEGEND_LINE: i32 = 19;

/// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito, "Color universal design",
/// 2008), and greys, one a phase.
const COLORS: [RGBColor; 10] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(240, 228, 66),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(120, 120, 120),
    RGBColor(200, 200, 200),
];

/// Colour of a phase by its place among the rows of a thread.
pub(super) fn color(index: usize) -> RGBColor {
    COLORS[index % COLORS.len()]
}

/// Those of the training.
pub(super) fn training_rows(rows: &[PhaseRow]) -> impl Iterator<Item = &PhaseRow> {
    rows.iter().filter(|row| row.profile == TRAINING)
}

type DrawResult = Result<(), Box<dyn Error>>;

/// An SVG picture with white ground.
pub(super) fn svg(
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

/// Shares of each thread's time in the training, a bar a thread.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn phases_svg(rows: &[PhaseRow]) -> Result<String, String> {
    let threads = training_rows(rows)
        .filter_map(|row| row.thread)
        .max()
        .map_or(0, |last| last + 1);
    let names: Vec<&str> = training_rows(rows)
        .filter(|row| row.thread.is_none())
        .map(|row| row.phase)
        .collect();
    let bars = BAR * u32::try_from(threads).unwrap_or(1).clamp(1, 64) + AROUND;
    let legend = LEGEND.1 + LEGEND_LINE * (names.len() as i32 + 1);
    svg((WIDTH, bars.max(legend.unsigned_abs())), |root| {
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
        let mut ends = vec![0.0; threads];
        for (index, name) in names.iter().enumerate() {
            let color = color(index);
            let mut bars = Vec::new();
            for row in training_rows(rows).filter(|row| row.phase == *name) {
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
            let color = color(index);
            let (x, y) = (LEGEND.0, LEGEND.1 + LEGEND_LINE * index as i32);
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
