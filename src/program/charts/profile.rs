//! Pictures and the timeline of a profile.

use super::axis::Axis;
use super::chart::{Chart, Color, SERIES, Series, Style};
use crate::bench::{PhaseRow, TRAINING};
use fused_mlp::engine::PhaseClock;
use serde_json::{Value, json};
use std::time::Instant;

/// Colour of a phase by its place among the rows of a thread.
pub fn color(index: usize) -> Color {
    SERIES[index % SERIES.len()]
}

/// Those of the training.
pub fn training_rows(rows: &[PhaseRow]) -> impl Iterator<Item = &PhaseRow> {
    rows.iter().filter(|row| row.profile == TRAINING)
}

/// Shares of each thread's time in the training, a bar a thread.
pub fn phases_svg(rows: &[PhaseRow]) -> String {
    let of_all = training_rows(rows).filter(|row| row.thread.is_none());
    let names: Vec<&str> = of_all.map(|row| row.phase).collect();
    let threads = training_rows(rows).filter_map(|row| row.thread).max();
    let mut ends = vec![0.0; threads.map_or(0, |last| last + 1)];
    let series = names.iter().enumerate().map(|(index, name)| {
        let mut bars = Vec::new();
        for row in training_rows(rows).filter(|row| row.phase == *name) {
            let Some(thread) = row.thread else { continue };
            let (start, end) = (ends[thread], ends[thread] + 100.0 * row.share);
            ends[thread] = end;
            bars.extend([(start, thread as f64), (end, thread as f64)]);
        }
        Series::new(name, color(index), Style::Bars { height: 0.7 }, bars)
    });
    let series = series.collect();
    Chart {
        title: "Share of the time of each thread".to_owned(),
        x: Axis::linear("% of the epochs' time").within(0.0, 100.0),
        y: Axis::linear("thread")
            .whole()
            .within(-0.5, ends.len() as f64 - 0.5),
        series,
        marks: Vec::new(),
    }
    .svg()
}

/// The first calls of each thread as a timeline in the Chrome trace format: named stretches of a thread's
/// time, in microseconds.
pub fn chrome_trace(clocks: &[PhaseClock]) -> String {
    let spans = clocks.iter().flat_map(PhaseClock::spans);
    let origin = spans.map(|span| span.start).min();
    let microseconds = |from: Option<Instant>, to: Instant| {
        let time = from.map(|from| to.duration_since(from));
        1e6 * time.unwrap_or_default().as_secs_f64()
    };
    let events = clocks.iter().enumerate().flat_map(|(thread, clock)| {
        clock.spans().iter().map(move |span| {
            json!({
                "name": span.phase.name(),
                "ph": "X",
                "pid": 1,
                "tid": thread,
                "ts": microseconds(origin, span.start),
                "dur": microseconds(Some(span.start), span.end),
            })
        })
    });
    let events: Vec<Value> = events.collect();
    json!({ "traceEvents": events, "displayTimeUnit": "ns" }).to_string()
}
