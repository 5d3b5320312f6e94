//! Progress of a training on standard error.

mod chart;
mod live;

pub use live::Outlook;

use super::Line;
use super::output::message;
use crate::terminal;
use anstyle::{AnsiColor, Style};
use chart::Glyphs;
use fused_mlp::backend::PassControl;
use fused_mlp::training::{Epoch, EpochEnd};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use live::{LiveView, Totals};
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the live view is drawn.
const INTERVAL: Duration = Duration::from_millis(50);

const PLAIN: Style = Style::new();
const FAINT: Style = Style::new().dimmed();
const NUMBER: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Shows a live view where standard error is a terminal, and one line an epoch.
#[derive(Clone, Debug)]
pub struct Progress {
    is_quiet: bool,
    epochs: u32,
    live: Option<Arc<Mutex<LiveView>>>,
}

impl Progress {
    /// For so many epochs; quiet means nothing at all.
    pub fn new(is_quiet: bool, epochs: u32) -> Self {
        Self {
            is_quiet,
            epochs,
            live: None,
        }
    }

    /// Whether a live view would be seen.
    pub fn can_be_live(&self) -> bool {
        !self.is_quiet && terminal::can_redraw()
    }

    /// Begins the live view, if it would be seen, after so many epochs.
    pub fn begin_live(&mut self, outlook: Outlook, epochs_done: u32) {
        if self.can_be_live() {
            let view = LiveView::new(outlook, epochs_done, Instant::now());
            self.live = Some(Arc::new(Mutex::new(view)));
        }
    }

    /// Prints a line.
    pub fn line(&self, line: &str) {
        if self.is_quiet {
            return;
        }
        match self.live {
            Some(_) => terminal::defer_line(line),
            None => message(line),
        }
    }

    /// A bar for so many samples, which nobody sees without a terminal.
    pub fn bar(&self, samples: usize) -> ProgressBar {
        if self.is_quiet || !stderr().is_terminal() {
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

    /// A bar for so much work with a message, which nobody sees without a terminal.
    pub fn sweep_bar(&self, work: u64) -> ProgressBar {
        let target = match self.is_quiet || !stderr().is_terminal() {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(work), target);
        if let Ok(style) = ProgressStyle::with_template("[{wide_bar}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }

    /// Runs `work`, a whole training; the live view follows `control`, if there is one.
    pub fn during<T>(&self, control: &PassControl, work: impl FnOnce() -> T) -> T {
        let Some(live) = &self.live else {
            return work();
        };
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let drawer = scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    let mut view = lock(live);
                    view.look(totals(control), Instant::now());
                    let lines = view.lines(terminal::size(), glyphs());
                    drop(view);
                    terminal::draw(&lines);
                    std::thread::park_timeout(INTERVAL);
                }
            });
            let done = Done(&is_done, drawer.thread());
            let result = work();
            drop(done);
            result
        })
    }

    /// Tells the live view that an epoch begins, or goes on after so many samples.
    pub fn begin_epoch(&self, samples_done: usize, control: &PassControl) {
        if let Some(live) = &self.live {
            lock(live).begin_epoch(samples_done, totals(control), Instant::now());
        }
    }

    /// Prints the line of an epoch that has ended.
    pub fn epoch(&self, epoch: &Epoch, control: &PassControl) {
        if self.is_quiet {
            return;
        }
        if let Some(live) = &self.live {
            let now = Instant::now();
            let mut view = lock(live);
            view.look(totals(control), now);
            view.end_epoch(epoch, now);
        }
        let columns = if terminal::can_redraw() {
            terminal::size().0
        } else {
            usize::MAX
        };
        self.line(&epoch_line(epoch, self.epochs, columns).render(terminal::has_colours()));
    }

    /// Ends the live view and leaves its chart on the terminal.
    pub fn end_live(&mut self) {
        let Some(live) = self.live.take() else {
            return;
        };
        let chart = lock(&live).final_chart(terminal::size(), glyphs());
        terminal::draw(&chart);
        terminal::keep();
    }
}

fn lock(live: &Mutex<LiveView>) -> MutexGuard<'_, LiveView> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

fn glyphs() -> Glyphs {
    if terminal::is_utf8() {
        Glyphs::Braille
    } else {
        Glyphs::Ascii
    }
}

fn totals(control: &PassControl) -> Totals {
    let (samples, loss, correct) = control.totals();
    Totals {
        samples,
        loss,
        correct,
    }
}

/// The line of an epoch that has ended, of so many. Its speed is left out where it does not fit.
fn epoch_line(epoch: &Epoch, epochs: u32, columns: usize) -> Line {
    let record = &epoch.record;
    let width = epochs.to_string().len();
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut line = Line::default()
        .with(
            PLAIN,
            &format!(
                "epoch {:>width$}/{epochs}  loss {:.4}  accuracy ",
                record.epoch, record.train_loss
            ),
        )
        .with(NUMBER, &percent(record.train_accuracy));
    if let (Some(loss), Some(accuracy)) = (record.validation_loss, record.validation_accuracy) {
        line.push(PLAIN, &format!("  validation loss {loss:.4}  accuracy "));
        line.push(NUMBER, &percent(accuracy));
    }
    let speed = HumanCount(record.samples_per_second as u64);
    let (style, end) = match epoch.end {
        EpochEnd::Complete => (PLAIN, ""),
        EpochEnd::Stopped => (PLAIN, "  (stopped)"),
        EpochEnd::Diverged => (BAD, "  (diverged)"),
    };
    for speed in [
        format!("  {:.3} s", record.seconds),
        format!("  {speed} samples/s"),
    ] {
        if line.width() + speed.len() + end.len() <= columns {
            line.push(FAINT, &speed);
        }
    }
    line.push(style, end);
    line
}

/// Ends the drawing when dropped, also by a panic.
struct Done<'a>(&'a AtomicBool, &'a std::thread::Thread);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.unpark();
    }
}
