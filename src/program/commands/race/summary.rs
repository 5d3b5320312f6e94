//! What the runs of a race give.

use crate::bench::median;
use crate::run_folder::ScoreEvent;
use serde::Serialize;
use std::fmt;

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
    pub epochs: f64,
    /// Every evaluation.
    pub scores: Vec<ScoreEvent>,
}

/// What a race gave. A run that missed the target counts as slower than all others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RaceSummary {
    /// Share of correct predictions to reach.
    pub target: f64,
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
    pub fn of(target: f64, runs: &[RaceRun]) -> Self {
        let finite = |seconds: f64| seconds.is_finite().then_some(seconds);
        let of = |value: fn(&RaceRun) -> Option<f64>| -> Vec<f64> {
            runs.iter().filter_map(value).collect()
        };
        let all = of(|run| Some(run.seconds.unwrap_or(f64::INFINITY)));
        let reached = of(|run| run.seconds);
        let epochs = of(|run| run.seconds.map(|_| run.epochs));
        let start_up = of(|run| Some(run.start_up_seconds));
        Self {
            target,
            runs: runs.len(),
            failures: runs.len() - reached.len(),
            median_seconds: finite(median(&all)),
            fastest_seconds: reached.iter().copied().reduce(f64::min),
            slowest_seconds: reached.iter().copied().reduce(f64::max),
            median_epochs: finite(median(&epochs)),
            median_start_up_seconds: finite(median(&start_up)),
        }
    }
}

impl fmt::Display for RaceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "-".to_owned(),
        };
        write!(
            f,
            "accuracy {}, seconds: median {}, fastest {}, slowest {}; {} epochs (median); {} of {} runs \
             missed it\nseconds to the first step: {} (median)",
            self.target,
            shown(self.median_seconds, 3),
            shown(self.fastest_seconds, 3),
            shown(self.slowest_seconds, 3),
            shown(self.median_epochs, 2),
            self.failures,
            self.runs,
            shown(self.median_start_up_seconds, 3)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, seconds: Option<f64>) -> RaceRun {
        let score = |epoch: u32, accuracy: f64| ScoreEvent {
            epoch: epoch.into(),
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
            epochs: seed as f64,
            scores: vec![score(1, 0.95), score(2, 0.98)],
        }
    }

    #[test]
    fn a_missed_target_counts_as_slowest() {
        let runs = [run(1, Some(0.5)), run(2, None), run(3, Some(0.3))];
        let summary = RaceSummary::of(0.98, &runs);
        assert_eq!((summary.runs, summary.failures), (3, 1));
        assert_eq!(summary.median_seconds, Some(0.5));
        assert_eq!(summary.fastest_seconds, Some(0.3));
        assert_eq!(summary.slowest_seconds, Some(0.5));
        assert_eq!(summary.median_epochs, Some(2.0));
        // With half of the runs lost there is no median.
        let summary = RaceSummary::of(0.98, &[run(1, Some(0.5)), run(2, None)]);
        assert_eq!(summary.median_seconds, None);
        let summary = RaceSummary::of(0.98, &[run(2, None)]);
        assert_eq!(
            (summary.fastest_seconds, summary.slowest_seconds),
            (None, None)
        );
        assert_eq!(summary.median_epochs, None);
    }

    #[test]
    fn the_summary_tells_what_there_is() {
        let told = |runs: &[RaceRun]| RaceSummary::of(0.98, runs).to_string();
        let none = "accuracy 0.98, seconds: median -, fastest -, slowest -; - epochs (median); ";
        assert!(told(&[]).starts_with(none));
        assert!(told(&[run(2, None)]).starts_with(&format!("{none}1 of 1 runs missed it\n")));
        assert_eq!(
            told(&[run(3, Some(0.5))]),
            "accuracy 0.98, seconds: median 0.500, fastest 0.500, slowest 0.500; 3.00 epochs (median); \
             0 of 1 runs missed it\nseconds to the first step: 0.010 (median)"
        );
    }
}
