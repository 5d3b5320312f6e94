//! Progress of a training on standard error.

use super::output::message;
use fused_mlp::backend::PassControl;
use fused_mlp::training::{Epoch, EpochEnd};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How often the bar is drawn.
const INTERVAL: Duration = Duration::from_millis(50);

/// Shows a bar within each epoch where standard error is a terminal, and one line an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    is_quiet: bool,
    is_animated: bool,
    epochs: u32,
}

impl Progress {
    /// For so many epochs; quiet means nothing at all.
    pub fn new(is_quiet: bool, epochs: u32) -> Self {
        Self {
            is_quiet,
            is_animated: !is_quiet && stderr().is_terminal(),
            epochs,
        }
    }

    /// Prints a line.
    pub fn line(&self, line: &str) {
        if !self.is_quiet {
            message(line);
        }
    }

    /// A bar for so many samples, which nobody sees without a terminal.
    pub fn bar(&self, samples: usize) -> ProgressBar {
        if !self.is_animated {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(samples as u64), ProgressDrawTarget::stderr());
        let template = "{prefix} [{wide_bar}] {human_pos}/{human_len} {per_sec:>14}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let per_second = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // The bar's own formatter; a failed write only loses a drawing.
                let _ = write!(out, "{} samples/s", HumanCount(state.per_sec() as u64));
            };
            bar.set_style(style.progress_chars("=> ").with_key("per_sec", per_second));
        }
        bar
    }

    /// A bar in thousandths with a message, which nobody sees without a terminal.
    pub fn sweep_bar(&self) -> ProgressBar {
        if !self.is_animated {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("[{wide_bar}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }

    /// Runs `work`, with a bar that follows `control` from the samples done earlier on, if there is
    /// a terminal to see it.
    pub fn during<T>(
        &self,
        epoch: u32,
        samples: usize,
        (control, earlier): (&PassControl, &AtomicUsize),
        work: impl FnOnce() -> T,
    ) -> T {
        if !self.is_animated {
            return work();
        }
        let bar = self.bar(samples);
        bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
        let is_done = AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            let drawer = scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    let done = control.samples_done.load(Ordering::Relaxed);
                    bar.set_position((earlier.load(Ordering::Relaxed) + done) as u64);
                    std::thread::park_timeout(INTERVAL);
                }
            });
            let done = Done(&is_done, drawer.thread());
            let result = work();
            drop(done);
            result
        });
        bar.finish_and_clear();
        result
    }

    /// Prints the line of an epoch that has ended.
    pub fn epoch(&self, epoch: &Epoch) {
        let record = &epoch.record;
        let mut line = format!(
            "epoch {:>width$}/{}  loss {:.4}  accuracy {:.2} %",
            record.epoch,
            self.epochs,
            record.train_loss,
            100.0 * record.train_accuracy,
            width = self.epochs.to_string().len(),
        );
        if let (Some(loss), Some(accuracy)) = (record.validation_loss, record.validation_accuracy) {
            line += &format!(
                "  validation loss {loss:.4}  accuracy {:.2} %",
                100.0 * accuracy
            );
        }
        line += &format!(
            "  {:.3} s  {} samples/s",
            record.seconds,
            HumanCount(record.samples_per_second as u64)
        );
        match epoch.end {
            EpochEnd::Complete => {}
            EpochEnd::Stopped => line += "  (stopped)",
            EpochEnd::Diverged => line += "  (diverged)",
        }
        self.line(&line);
    }
}

/// Ends the drawing when dropped, also by a panic.
struct Done<'a>(&'a AtomicBool, &'a std::thread::Thread);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.unpark();
    }
}
