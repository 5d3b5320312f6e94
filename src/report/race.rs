//! A race: the same training from several seeds, each in a fresh process, until a target accuracy.

use super::ScoreEvent;
use super::profile::svg;
use crate::benchmark::{largest, median, smallest};
use plotters::prelude::*;
use serde::Serialize;

/// Width and height of the picture in pixels.
const SIZE: (u32, u32) = (960, 560);

const LINE: RGBColor = RGBColor(86, 180, 233);
const REACHED: RGBColor = RGBColor(0, 114, 178);
const MISSED: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(110, 110, 110);

/// One run of a race.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RaceRun {
    /// Its seed.
    pub seed: u64,
    /// How it ended, as `train` tells: `finished`, `missed` or `diverged`.
    pub outcome: String,
    /// Seconds from the start of the program to the end of the evaluation that reached the target;
    /// none if it was missed.
    pub seconds: Option<f64>,
    /// Seconds from the start of the program to the first step.
    pub start_up_seconds: f64,
    /// Seconds of the process as the one that started it sees them: loading the program and writing
    /// the results included.
    pub process_seconds: f64,
    /// Epochs that were trained.
    pub epochs: u64,
    /// Every evaluation.
    pub scores: Vec<ScoreEvent>,
}

/// What a race gave. A run that missed the target counts as slower than all others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RaceSummary {
    /// Runs.
    pub runs: usize,
    /// Runs that missed the target.
    pub failures: usize,
    /// Median of the seconds; none if half of the runs or more missed the target.
    pub median_seconds: Option<f64>,
    /// Of the fastest run; none if all missed the target.
    pub fastest_seconds: Option<f64>,
    /// Of the slowest run that reached the target.
    pub slowest_seconds: Option<f64>,
    /// Median of the epochs of the runs that reached the target.
    pub median_epochs: Option<f64>,
    /// Median of the seconds to the first step.
    pub median_start_up_seconds: Option<f64>,
}

impl RaceSummary {
    /// Of some runs.
    pub fn of(runs: &[RaceRun]) -> Self {
        let finite = |seconds: f64| seconds.is_finite().then_some(seconds);
        let all: Vec<f64> = runs
            .iter()
            .map(|run| run.seconds.unwrap_or(f64::INFINITY))
            .collect();
        let reached: Vec<f64> = runs.iter().filter_map(|run| run.seconds).collect();
        let reached_runs = runs.iter().filter(|run| run.seconds.is_some());
        let epochs: Vec<f64> = reached_runs.map(|run| run.epochs as f64).collect();
        let start_up: Vec<f64> = runs.iter().map(|run| run.start_up_seconds).collect();
        Self {
            runs: runs.len(),
            failures: runs.len() - reached.len(),
            median_seconds: finite(median(&all)),
            fastest_seconds: finite(smallest(&reached)),
            slowest_seconds: (!reached.is_empty()).then(|| largest(&reached)),
            median_epochs: finite(median(&epochs)),
            median_start_up_seconds: finite(median(&start_up)),
        }
    }
}

/// Draws the accuracy of all runs against the seconds since their start, and the target.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn race_svg(runs: &[RaceRun], target: f64) -> Result<String, String> {
    let scores = || runs.iter().flat_map(|run| &run.scores);
    let end = scores().map(|score| score.seconds).fold(0.1, f64::max) * 1.05;
    let percents = scores().map(|score| 100.0 * score.accuracy);
    let lowest = percents.clone().fold(100.0 * target, f64::min);
    let highest = percents.fold(100.0 * target, f64::max);
    let around = (0.08 * (highest - lowest)).max(0.1);
    let summary = RaceSummary::of(runs);
    let title = title(&summary, target);
    svg(SIZE, |root| {
        let y_range = lowest - around..(highest + around).min(100.0);
        let mut chart = ChartBuilder::on(root)
            .margin(14)
            .caption(title, ("sans-serif", 20))
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, y_range.clone())?;
        let split = scores().next().map_or("test", |score| &score.split);
        chart
            .configure_mesh()
            .x_desc("seconds from the start of the program")
            .y_desc(format!("{split} accuracy, %"))
            .x_label_formatter(&|x| format!("{x:.2}"))
            .y_label_formatter(&|y| format!("{y:.1}"))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .light_line_style(RGBColor(248, 248, 248))
            .bold_line_style(RGBColor(228, 228, 228))
            .draw()?;
        let level = [(0.0, 100.0 * target), (end, 100.0 * target)];
        let dashes =
            |points: [(f64, f64); 2]| DashedLineSeries::new(points, 6, 4, GREY.stroke_width(1));
        chart.draw_series(dashes(level))?;
        if let Some(seconds) = summary.median_seconds {
            chart.draw_series(dashes([(seconds, y_range.start), (seconds, y_range.end)]))?;
        }
        for run in runs {
            let points = || {
                run.scores
                    .iter()
                    .map(|it| (it.seconds, 100.0 * it.accuracy))
            };
            chart.draw_series(LineSeries::new(points(), LINE.stroke_width(1)))?;
            chart.draw_series(points().map(|point| Circle::new(point, 2, LINE.filled())))?;
            let color = if run.seconds.is_some() {
                REACHED
            } else {
                MISSED
            };
            chart.draw_series(
                points()
                    .next_back()
                    .map(|end| Circle::new(end, 4, color.filled())),
            )?;
        }
        let font = ("sans-serif", 14);
        for (line, (color, text)) in [(REACHED, "reached the target"), (MISSED, "missed it")]
            .into_iter()
            .enumerate()
        {
            if color == MISSED && summary.failures == 0 {
                continue;
            }
            let (x, y) = (SIZE.0 as i32 - 170, SIZE.1 as i32 - 110 + 20 * line as i32);
            root.draw(&Circle::new((x, y + 6), 4, color.filled()))?;
            root.draw(&Text::new(text, (x + 12, y), font))?;
        }
        Ok(())
    })
}

fn title(summary: &RaceSummary, target: f64) -> String {
    let median = summary
        .median_seconds
        .map_or_else(String::new, |seconds| format!(", median {seconds:.3} s"));
    format!(
        "{} of {} runs reached {} %{median}",
        summary.runs - summary.failures,
        summary.runs,
        // The shortest text of 100 times a share may show its binary form.
        (1e4 * target).round() / 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, seconds: Option<f64>) -> RaceRun {
        let score = |epoch: u32, accuracy: f64| ScoreEvent {
            epoch,
            split: "test".to_owned(),
            accuracy,
            seconds: 0.1 * f64::from(epoch),
        };
        RaceRun {
            seed,
            outcome: "finished".to_owned(),
            seconds,
            start_up_seconds: 0.01,
            process_seconds: 1.0,
            epochs: seed,
            scores: vec![score(1, 0.95), score(2, 0.98)],
        }
    }

    #[test]
    fn a_missed_target_counts_as_slowest() {
        let runs = [run(1, Some(0.5)), run(2, None), run(3, Some(0.3))];
        let summary = RaceSummary::of(&runs);
        assert_eq!((summary.runs, summary.failures), (3, 1));
        assert_eq!(summary.median_seconds, Some(0.5));
        assert_eq!(summary.fastest_seconds, Some(0.3));
        assert_eq!(summary.slowest_seconds, Some(0.5));
        assert_eq!(summary.median_epochs, Some(2.0));
        // With half of the runs lost there is no median.
        let summary = RaceSummary::of(&[run(1, Some(0.5)), run(2, None)]);
        assert_eq!(summary.median_seconds, None);
        let summary = RaceSummary::of(&[run(2, None)]);
        assert_eq!(
            (summary.fastest_seconds, summary.slowest_seconds),
            (None, None)
        );
        assert_eq!(summary.median_epochs, None);
    }

    #[test]
    fn the_picture_tells_how_many_reached_the_target() {
        let runs = [run(1, Some(0.5)), run(2, None), run(3, Some(0.3))];
        let svg = race_svg(&runs, 0.98).unwrap();
        assert!(
            svg.contains("2 of 3 runs reached 98 %, median 0.500 s"),
            "{svg}"
        );
        assert!(svg.contains("test accuracy, %") && svg.contains("missed it"));
        let svg = race_svg(&runs[..1], 0.98).unwrap();
        assert!(!svg.contains("missed it"));
        race_svg(&[], 0.98).unwrap();
    }
}
