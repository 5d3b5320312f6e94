//! Progress of a training on standard error.

mod curve;

use super::output::message;
use crate::terminal;
use curve::Curve;
use fused_mlp::backend::PassControl;
use fused_mlp::training::{Epoch, EpochEnd, EpochRecord};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often the live view looks at the training.
const INTERVAL: Duration = Duration::from_millis(20);
/// Losses from the lowest to the highest.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same where the locale has nothing but ASCII.
const ASCII_LEVELS: [char; 8] = ['_', '.', ',', '-', '=', '+', '*', '#'];

/// Lines on standard error, and below them a live view where it is a terminal.
#[derive(Clone, Debug)]
pub struct Progress {
    is_quiet: bool,
    live: Option<Live>,
}

/// The live view of a training, and what it follows.
#[derive(Clone, Debug)]
struct Live {
    /// Of all samples, each as often as it is trained on; it begins with those of earlier processes.
    bar: ProgressBar,
    control: Arc<PassControl>,
}

impl Live {
    /// Draws the view until nobody is there to tell that the training has `stopped`.
    fn follow(&self, stopped: &Receiver<()>) {
        let levels = match terminal::is_utf8() {
            true => LEVELS,
            false => ASCII_LEVELS,
        };
        let (start, before) = (Instant::now(), self.bar.position());
        let mut curve = Curve::new(self.bar.length().unwrap_or_default());
        let mut seen = (0, 0.0);
        while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            let (samples, loss, _) = self.control.totals();
            let fresh = (samples.saturating_sub(seen.0), loss - seen.1);
            if fresh.0 == 0 {
                continue;
            }
            curve.add(self.bar.position(), fresh.0, fresh.1);
            seen = (samples, loss);
            let speed = samples as f64 / start.elapsed().as_secs_f64();
            self.bar.set_message(format!(
                "loss {:.4}  {} samples/s{}  {}",
                fresh.1 / fresh.0 as f64,
                HumanCount(speed as u64),
                self.bar.prefix(),
                curve.text(&levels)
            ));
            self.bar.set_position(before + samples as u64);
        }
    }
}

/// A bar with this template.
fn bar(length: u64, template: &str, target: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

impl Progress {
    /// Lines alone; quiet means nothing at all.
    pub fn lines(is_quiet: bool) -> Self {
        Self {
            is_quiet,
            live: None,
        }
    }

    /// Of a training with this control, with a live view if it would be seen. `done` of all `samples`, each
    /// as often as it is trained on, were trained on by earlier processes.
    pub fn live(is_quiet: bool, samples: u64, done: u64, control: &Arc<PassControl>) -> Self {
        let is_seen = !is_quiet && terminal::can_redraw();
        let live = is_seen.then(|| {
            let template = "{wide_msg}\n{percent:>3} % [{wide_bar}] {eta} left";
            // It is not to be drawn before the first lines.
            let hidden = ProgressDrawTarget::hidden();
            let bar = bar(samples, template, hidden).with_position(done);
            let control = Arc::clone(control);
            Live { bar, control }
        });
        Self { is_quiet, live }
    }

    /// Prints a line.
    pub fn line(&self, line: &str) {
        if !self.is_quiet {
            message(line);
        }
    }

    /// Shows in the live view, too, what only some options give.
    pub fn follow(&self, record: &EpochRecord) {
        if let Some(live) = &self.live {
            live.bar.set_prefix(shares(record));
        }
    }

    /// A bar with a message, which nobody sees without a terminal.
    pub fn bar(&self, length: u64) -> ProgressBar {
        match self.is_quiet || !stderr().is_terminal() {
            true => ProgressBar::hidden(),
            false => bar(length, "[{wide_bar}] {msg}", ProgressDrawTarget::stderr()),
        }
    }

    /// Runs `work`, a whole training, within the live view, if there is one.
    ///
    /// # Errors
    /// The panic of `work`.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> std::thread::Result<T> {
        let work = AssertUnwindSafe(work);
        let Some(live) = &self.live else {
            return catch_unwind(work);
        };
        // What a panic says would be taken for a part of the view and removed with it.
        let hook = take_hook();
        set_hook(Box::new(move |info| terminal::without_bar(|| hook(info))));
        terminal::set_bar(Some(live.bar.clone()));
        live.bar.set_draw_target(ProgressDrawTarget::stderr());
        live.bar.reset_eta();
        let (running, stopped) = channel::<()>();
        let result = std::thread::scope(|scope| {
            scope.spawn(move || live.follow(&stopped));
            let result = catch_unwind(work);
            drop(running);
            result
        });
        terminal::set_bar(None);
        live.bar.finish_and_clear();
        result
    }
}

/// What an epoch has of the shares that only some options give, each after two spaces.
fn shares(record: &EpochRecord) -> String {
    let text = |(name, share): (&str, f64)| format!("  {name} {:.0} %", 100.0 * share);
    record.shares().map(text).collect()
}

/// The line of an epoch that has ended, of so many, with as much as has room in these columns.
pub fn epoch_line(epoch: &Epoch, epochs: u32, columns: Option<usize>) -> String {
    let record = &epoch.record;
    let digits = epochs.to_string().len();
    let (loss, percent) = (record.train_loss, 100.0 * record.train_accuracy);
    let mut long = format!("loss {loss:.4}  accuracy {percent:.2} %");
    let mut short = format!("{loss:.4}  {percent:.2} %");
    if let (Some(loss), Some(accuracy)) = (record.validation_loss, record.validation_accuracy) {
        let percent = 100.0 * accuracy;
        long += &format!("  validation loss {loss:.4}  accuracy {percent:.2} %");
        short += &format!("  validation {loss:.4}  {percent:.2} %");
    }
    long += &shares(record);
    let time = format!("  {:.3} s", record.seconds);
    let speed = record.samples_per_second.map_or_else(String::new, |rate| {
        format!("  {} samples/s", HumanCount(rate as u64))
    });
    let end = match epoch.end {
        EpochEnd::Complete => "",
        EpochEnd::Stopped => "  (stopped)",
        EpochEnd::Diverged => "  (diverged)",
    };
    let line = |rest: &str| format!("epoch {:>digits$}/{epochs}  {rest}{end}", record.epoch);
    let forms = [
        format!("{long}{time}{speed}"),
        format!("{long}{time}"),
        long,
        format!("loss {short}"),
    ];
    let has_room = |line: &String| columns.is_none_or(|most| line.chars().count() <= most);
    let mut lines = forms.iter().map(|form| line(form));
    lines.find(has_room).unwrap_or_else(|| line(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_a_line_of_any_terminal() {
        let record = EpochRecord {
            epoch: 7,
            train_loss: 0.28031,
            train_accuracy: 0.9144,
            validation_loss: Some(0.1611),
            validation_accuracy: Some(0.9534),
            visited: None,
            skipped: None,
            learning_rate: 0.1,
            seconds: 6.5761,
            samples_per_second: Some(8364.2),
        };
        let (end, steps) = (EpochEnd::Complete, Vec::new());
        let epoch = Epoch { record, steps, end };
        let line = |columns| epoch_line(&epoch, 100, columns);
        let long = "epoch   7/100  loss 0.2803  accuracy 91.44 %  validation loss 0.1611  accuracy 95.34 %";
        assert_eq!(line(None), format!("{long}  6.576 s  8,364 samples/s"));
        assert_eq!(line(Some(100)), format!("{long}  6.576 s"));
        assert_eq!(line(Some(90)), long);
        let short = "0.2803  91.44 %  validation 0.1611  95.34 %";
        assert_eq!(line(Some(80)), format!("epoch   7/100  loss {short}"));
        assert_eq!(line(Some(60)), format!("epoch   7/100  {short}"));
    }
}
