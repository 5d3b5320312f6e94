//! A race: the same training from several seeds, each in a fresh process, until a target accuracy.

use super::axis::Axis;
use super::chart::{BLUE, Chart, Mark, SKY, Series, Style, THIN, VERMILION};
use crate::bench::{largest, median, smallest};
use crate::run_folder::ScoreEvent;
use serde::Serialize;

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
        let of = |value: fn(&RaceRun) -> Option<f64>| -> Vec<f64> {
            runs.iter().filter_map(value).collect()
        };
        let all = of(|run| Some(run.seconds.unwrap_or(f64::INFINITY)));
        let reached = of(|run| run.seconds);
        let epochs = of(|run| run.seconds.map(|_| run.epochs as f64));
        let start_up = of(|run| Some(run.start_up_seconds));
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

/// The accuracy of all runs against the seconds since their start, the target and the median.
pub fn race_svg(runs: &[RaceRun], target: f64) -> String {
    let scores = || runs.iter().flat_map(|run| &run.scores);
    let summary = RaceSummary::of(runs);
    let split = scores().next().map_or("test", |score| &score.split);
    let points = |run: &RaceRun| -> Vec<(f64, f64)> {
        let scores = run.scores.iter();
        scores.map(|it| (it.seconds, 100.0 * it.accuracy)).collect()
    };
    let lines = runs.iter();
    let lines = lines.map(|run| Series::new("", SKY, THIN, points(run)));
    let mut series: Vec<Series> = lines.collect();
    for (name, color, is_reached) in [
        ("reached the target", BLUE, true),
        ("missed it", VERMILION, false),
    ] {
        let ends = runs.iter();
        let ends = ends.filter(|run| run.seconds.is_some() == is_reached);
        let ends: Vec<(f64, f64)> = ends.filter_map(|run| points(run).pop()).collect();
        if !ends.is_empty() {
            series.push(Series::new(name, color, Style::Points { radius: 8 }, ends));
        }
    }
    // The shortest text of 100 times a share may show its binary form.
    let percent = (1e4 * target).round() / 100.0;
    let mut marks = vec![Mark::Level(percent, format!("{percent} %"))];
    let reached = summary.runs - summary.failures;
    let mut title = format!("{reached} of {} runs reached {percent} %", summary.runs);
    if let Some(seconds) = summary.median_seconds {
        let median = format!("median {seconds:.3} s");
        title += &format!(", {median}");
        marks.push(Mark::UprightNamedBelow(seconds, median));
    }
    Chart {
        title,
        x: Axis::linear("seconds from the start of the program"),
        y: Axis::linear(&format!("{split} accuracy, %")),
        series,
        marks,
    }
    .svg()
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
        let svg = race_svg(&runs, 0.98);
        assert!(
            svg.contains("2 of 3 runs reached 98 %, median 0.500 s"),
            "{svg}"
        );
        assert!(svg.contains("test accuracy, %") && svg.contains("missed it"));
        let svg = race_svg(&runs[..1], 0.98);
        assert!(!svg.contains("missed it"));
        race_svg(&[], 0.98);
    }
}
