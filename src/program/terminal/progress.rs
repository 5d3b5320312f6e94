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
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
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

    /// Of a training with this control after so many epochs, with a live view if it would be seen.
    pub fn live(
        is_quiet: bool,
        outlook: Outlook,
        epochs_done: u32,
        control: &Arc<PassControl>,
    ) -> Self {
        let live = (!is_quiet && terminal::can_redraw()).then(|| Live {
            view: Arc::new(Mutex::new(LiveView::new(outlook, epochs_done))),
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

    /// Draws the live view, if there is one, until what is returned is dropped.
    pub fn follow(&self) -> Option<Drawing> {
        let live = self.live.clone()?;
        let (running, stopped) = channel();
        let drawn = live.clone();
        let drawer = std::thread::spawn(move || {
            loop {
                let (mut view, totals, now) = drawn.now();
                view.look(totals, now);
                let lines = view.lines(terminal::size(), glyphs());
                drop(view);
                terminal::draw(&lines);
                if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
        });
        Some(Drawing {
            live,
            thread: Some((running, drawer)),
        })
    }

    /// Tells the live view that an epoch begins, or goes on after so many samples.
    pub fn begin_epoch(&self, samples_done: usize) {
        if let Some(live) = &self.live {
            let (mut view, totals, now) = live.now();
            view.begin_epoch(samples_done, totals, now);
        }
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

/// A live view that is being drawn. When this is dropped, by a panic too, its chart alone stays on the
/// terminal.
#[derive(Debug)]
pub struct Drawing {
    live: Live,
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Drop for Drawing {
    fn drop(&mut self) {
        if let Some((running, drawer)) = self.thread.take() {
            drop(running);
            // If it has panicked, its message was told.
            let _ = drawer.join();
        }
        terminal::draw(&self.live.now().0.final_chart(terminal::size(), glyphs()));
        terminal::keep();
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
    let speed = HumanCount(record.samples_per_second as u64);
    for speed in [
        format!("  {:.3} s", record.seconds),
        format!("  {speed} samples/s"),
    ] {
        if width(&line) + speed.len() + width(&end) <= columns {
            line += &styled(FAINT, &speed);
        }
    }
    line + &end
}
