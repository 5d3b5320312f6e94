//! Progress of the questions on standard error.

use crate::pages::assignment::AssignmentRun;
use crate::terminal::output::{message, shown};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a line is printed where there is no bar.
const INTERVAL: Duration = Duration::from_secs(10);
/// Steps of the bar.
const STEPS: f64 = 1000.0;

/// Shows a bar where standard error is a terminal, else a line now and then.
#[derive(Debug)]
pub struct Follower {
    is_quiet: bool,
    bar: ProgressBar,
    state: Mutex<State>,
}

/// What is going on, since when, and when it was told last.
#[derive(Debug)]
struct State {
    what: String,
    start: Instant,
    last_told: Instant,
}

impl Follower {
    /// Quiet means nothing at all.
    pub fn new(is_quiet: bool) -> Self {
        let bar = if !is_quiet && stderr().is_terminal() {
            ProgressBar::with_draw_target(Some(STEPS as u64), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("[{wide_bar}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            is_quiet,
            bar,
            state: Mutex::new(State {
                what: String::new(),
                start: Instant::now(),
                last_told: Instant::now(),
            }),
        }
    }

    /// What is about to happen, in one line.
    pub fn heading(&self, run: &AssignmentRun, folder: &Path) {
        if self.is_quiet {
            return;
        }
        let threads = run.settings.threads;
        message(&format!(
            "assignment{}: {}, {threads} thread{}; results in {}",
            if run.settings.is_quick { ", quick" } else { "" },
            run.settings.isa.name(),
            if threads == 1 { "" } else { "s" },
            shown(folder)
        ));
    }

    /// A part begins.
    pub fn begin(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.what.clear();
    }

    /// A part has ended: its answer has the terminal to itself.
    pub fn end(&self) {
        self.bar.set_message("");
        self.bar.finish_and_clear();
        self.bar.reset();
    }

    /// Something has gone so far.
    pub fn report(&self, what: &str, share: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.what != what {
            what.clone_into(&mut state.what);
            (state.start, state.last_told) = (now, now);
        }
        let elapsed = (now - state.start).as_secs_f64();
        let left = Duration::try_from_secs_f64(elapsed * (1.0 - share) / share.max(1e-9));
        let line = format!(
            "{what}: {:.0} %, {} left",
            100.0 * share,
            HumanDuration(left.unwrap_or_default())
        );
        if !self.bar.is_hidden() {
            self.bar.set_position((STEPS * share) as u64);
            self.bar.set_message(line);
        } else if !self.is_quiet && now - state.last_told >= INTERVAL {
            message(&line);
            state.last_told = now;
        }
    }
}
