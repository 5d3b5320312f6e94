//! Progress of a training on standard error.

mod chart;
mod live;

pub use live::Outlook;

use super::output::message;
use super::{styled, width};
use crate::terminal;
use anstyle::{AnsiColor, Style};
use chart::Glyphs;
use fused_mlp::backend::PassControl;
use fused_mlp::training::{Epoch, EpochEnd};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use live::{LiveView, Totals};
use std::io::{IsTerminal, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the live view is drawn.
const INTERVAL: Duration = Duration::from_millis(50);

const FAINT: Style = Style::new().dimmed();
const NUMBER: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Lines on standard error, and below them a live view where it is a terminal.
#[derive(Clone, Debug)]
pub struct Progress {
    is_quiet: bool,
    live: Option<Live>,
}

/// The live view of a training, and what it follows.
#[derive(Clone, Debug)]
struct Live {
    view: Arc<Mutex<LiveView>>,
    control: Arc<PassControl>,
    start: Instant,
}

impl Live {
    /// The view, the sums of the training now, and the seconds so far.
    fn now(&self) -> (MutexGuard<'_, LiveView>, Totals, f64) {
        let (samples, loss, correct) = self.control.totals();
        let totals = Totals {
            samples,
            loss,
            correct,
        };
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        (view, totals, self.start.elapsed().as_secs_f64())
    }
}

impl Progress {
    /// Lines alone; quiet means nothing at all.
    pub fn lines(is_quiet: bool) -> Self {
        Self {
            is_quiet,
            live: None,
        }
    }

    /// Of a training with this control, with a live view if it would be seen.
    pub fn live(is_quiet: bool, outlook: Outlook, control: &Arc<PassControl>) -> Self {
        let live = (!is_quiet && terminal::can_redraw()).then(|| Live {
            view: Arc::new(Mutex::new(LiveView::new(outlook))),
            control: Arc::clone(control),
            start: Instant::now(),
        });
        Self { is_quiet, live }
    }

    /// Prints a line.
    pub fn line(&self, line: &str) {
        match self.live {
            _ if self.is_quiet => {}
            Some(_) => terminal::defer_line(line),
            None => message(line),
        }
    }

    /// A bar with a message, which nobody sees without a terminal.
    pub fn bar(&self, length: u64) -> ProgressBar {
        if self.is_quiet || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("[{wide_bar}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }

    /// Runs `work`, a whole training, within the live view, if there is one; however it ends, the chart alone
    /// stays on the terminal.
    ///
    /// # Errors
    /// The panic of `work`.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> std::thread::Result<T> {
        let work = AssertUnwindSafe(work);
        let Some(live) = &self.live else {
            return catch_unwind(work);
        };
        let (running, stopped) = channel::<()>();
        let result = std::thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    let (mut view, totals, now) = live.now();
                    view.look(totals, now);
                    let lines = view.lines(terminal::size(), glyphs());
                    drop(view);
                    terminal::draw(&lines);
                    if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            });
            let result = catch_unwind(work);
            drop(running);
            result
        });
        terminal::draw(&live.now().0.final_chart(terminal::size(), glyphs()));
        terminal::keep();
        result
    }

    /// Prints the line of an epoch that has ended, of so many.
    pub fn epoch(&self, epoch: &Epoch, epochs: u32) {
        if let Some(live) = &self.live {
            let (mut view, totals, now) = live.now();
            view.look(totals, now);
            view.end_epoch(epoch, now);
        }
        let columns = match terminal::can_redraw() {
            true => terminal::size().0,
            false => usize::MAX,
        };
        self.line(&terminal::shown(&epoch_line(epoch, epochs, columns)));
    }
}

fn glyphs() -> Glyphs {
    match terminal::is_utf8() {
        true => Glyphs::Braille,
        false => Glyphs::Ascii,
    }
}

/// The line of an epoch that has ended, of so many. Its speed is left out where it does not fit.
fn epoch_line(epoch: &Epoch, epochs: u32, columns: usize) -> String {
    let record = &epoch.record;
    let digits = epochs.to_string().len();
    let percent = |share: f64| styled(NUMBER, &format!("{:.2} %", 100.0 * share));
    let mut line = format!(
        "epoch {:>digits$}/{epochs}  loss {:.4}  accuracy {}",
        record.epoch,
        record.train_loss,
        percent(record.train_accuracy)
    );
    if let (Some(loss), Some(accuracy)) = (record.validation_loss, record.validation_accuracy) {
        let accuracy = percent(accuracy);
        line += &format!("  validation loss {loss:.4}  accuracy {accuracy}");
    }
    let end = match epoch.end {
        EpochEnd::Complete => String::new(),
        EpochEnd::Stopped => "  (stopped)".to_owned(),
        EpochEnd::Diverged => styled(BAD, "  (diverged)"),
    };
    let mut speed = format!("  {:.3} s", record.seconds);
    if let Some(rate) = record.samples_per_second {
        speed += &format!("  {} samples/s", HumanCount(rate as u64));
    }
    if width(&line) + speed.len() + width(&end) <= columns {
        line += &styled(FAINT, &speed);
    }
    line + &end
}
