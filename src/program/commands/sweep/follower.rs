//! How far a sweep has come, for those who wait.

use crate::commands::train::from_here;
use crate::sweep::{RunConfiguration, SweepEvent, SweepFolder, SweepPlan};
use crate::terminal::output::shown;
use crate::terminal::progress::Progress;
use indicatif::{HumanDuration, ProgressBar};
use std::path::Path;
use std::time::{Duration, Instant};

/// Progress of a sweep on standard error.
pub struct Follower<'a> {
    pub progress: Progress,
    configurations: &'a [RunConfiguration],
    /// Of the epochs. It is cleared when it is dropped.
    pub bar: ProgressBar,
    runs: usize,
    runs_done: usize,
    last_told: Option<Instant>,
}

impl<'a> Follower<'a> {
    /// How often a line is printed where there is no bar, after a first one which finds out that nobody reads.
    const INTERVAL: Duration = Duration::from_secs(10);

    pub fn new(
        is_quiet: bool,
        configurations: &'a [RunConfiguration],
        folder: &SweepFolder,
    ) -> Self {
        let epochs = folder.todo().into_iter();
        let epochs = epochs.map(|index| u64::from(configurations[index].options.epochs));
        let progress = Progress::lines(is_quiet);
        Self {
            bar: progress.bar(epochs.sum()),
            progress,
            configurations,
            runs: folder.runs(),
            runs_done: folder.results.len(),
            last_told: None,
        }
    }

    /// Says what is trained: all, or a part of the sweep in the folder `part`.
    pub fn heading(
        &self,
        plan: &SweepPlan<'_>,
        folder: &SweepFolder,
        data: &str,
        part: Option<&Path>,
    ) {
        let done = match self.runs_done {
            0 => String::new(),
            done => format!(", {done} of them done before"),
        };
        let (of, then) = match part {
            None => (String::new(), String::new()),
            Some(sweep) => (
                format!(" of {}", self.configurations.len()),
                format!(
                    "; when all parts are done, fused-mlp report {} puts them together",
                    shown(sweep)
                ),
            ),
        };
        self.progress.line(&format!(
            "sweep of {} runs{of}{done} on {}: {} at a time ({}); results in {}{then}",
            self.runs,
            from_here(data),
            plan.workers,
            plan.isa.name(),
            shown(&folder.path)
        ));
    }

    /// Counts what was done.
    pub fn follow(&mut self, event: &SweepEvent) {
        self.bar.inc(match event {
            SweepEvent::Epoch { .. } => 1,
            SweepEvent::Run(result) => {
                self.runs_done += 1;
                // The epochs that a diverged run did not train are no work any more.
                let planned = self.configurations[result.index].options.epochs;
                u64::from(planned) - result.epochs.len() as u64
            }
        });
        let line = format!(
            "{}/{} runs, {} left",
            self.runs_done,
            self.runs,
            HumanDuration(self.bar.eta())
        );
        if !self.bar.is_hidden() {
            self.bar.set_message(line);
        } else if self
            .last_told
            .is_none_or(|it| it.elapsed() >= Self::INTERVAL)
        {
            self.progress.line(&line);
            self.last_told = Some(Instant::now());
        }
    }
}
