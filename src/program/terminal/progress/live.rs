//! The live view of a training: a chart of the loss, a bar, and the figures of the epoch under way.

use super::chart::{Glyphs, chart};
use super::{FAINT, NUMBER};
use crate::terminal::{styled, width};
use anstyle::{AnsiColor, Style};
use fused_mlp::training::{Epoch, EpochRecord};
use indicatif::{HumanCount, HumanDuration};
use std::time::Duration;

/// Most points of a line of the chart; beyond, each two become one.
const MOST_POINTS: usize = 4096;
/// Points of an epoch in the chart.
const POINTS_OF_AN_EPOCH: usize = 256;
/// Columns beyond which the view does not grow.
const WIDEST: usize = 100;
/// Rows beyond which the chart does not grow.
const HIGHEST: usize = 7;

const BAR: Style = AnsiColor::Green.on_default();

/// What is to come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outlook {
    /// Epochs of the whole training.
    pub epochs: u32,
    /// Samples of an epoch.
    pub samples_per_epoch: usize,
    /// Samples that were trained on before this process.
    pub samples_done: usize,
}

/// Sums over the samples of this process: their number, their losses, and those predicted correctly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub samples: usize,
    pub loss: f64,
    pub correct: usize,
}

impl Totals {
    fn since(self, earlier: Self) -> Self {
        Self {
            samples: self.samples.saturating_sub(earlier.samples),
            loss: self.loss - earlier.loss,
            correct: self.correct.saturating_sub(earlier.correct),
        }
    }
}

/// Losses against epochs.
#[derive(Clone, Debug, Default)]
struct Points(Vec<(f64, f64)>);

impl Points {
    fn push(&mut self, place: f64, loss: f64) {
        self.0.push((place, loss));
        if self.0.len() > MOST_POINTS {
            let mean = |pair: &[(f64, f64)]| match pair {
                [(x, a), (y, b)] => ((x + y) / 2.0, (a + b) / 2.0),
                _ => pair[0],
            };
            self.0 = self.0.chunks(2).map(mean).collect();
        }
    }
}

/// The training so far. Times are seconds since the view began.
#[derive(Clone, Debug, Default)]
pub struct LiveView {
    outlook: Outlook,
    /// Losses of the epochs that are over, and of the one under way between two looks at it.
    training: Points,
    validation: Points,
    /// The sums when the last epoch ended, and when they were last looked at.
    at_start: Totals,
    latest: Totals,
    /// When the last epoch ended, and when there were new sums last.
    epoch_start: f64,
    latest_at: f64,
    /// The last epoch that ended.
    previous: Option<EpochRecord>,
    now: f64,
}

impl LiveView {
    /// Before the first step.
    pub fn new(outlook: Outlook) -> Self {
        Self {
            outlook,
            ..Self::default()
        }
    }

    /// Looks at the epoch under way.
    pub fn look(&mut self, totals: Totals, now: f64) {
        let fresh = totals.since(self.latest);
        self.now = now;
        if fresh.samples > 0 {
            (self.latest, self.latest_at) = (totals, now);
            let samples = fresh.samples as f64;
            let place = self.epochs_done() - samples / 2.0 / self.samples_per_epoch();
            self.training.push(place, fresh.loss / samples);
        }
    }

    /// An epoch has ended: its steps tell more than the looks at it did.
    pub fn end_epoch(&mut self, epoch: &Epoch, now: f64) {
        let record = epoch.record;
        let mut place = f64::from(record.epoch - 1);
        self.training.0.retain(|(looked_at, _)| *looked_at <= place);
        let share = epoch.steps.len().div_ceil(POINTS_OF_AN_EPOCH).max(1);
        for steps in epoch.steps.chunks(share) {
            let minibatches = steps.iter().map(|step| step.minibatch);
            let (count, loss) = minibatches.fold((0.0, 0.0), |(count, loss), it| {
                let samples = it.samples as f64;
                (count + samples, loss + samples * it.loss)
            });
            let width = count / self.samples_per_epoch();
            self.training.push(place + width / 2.0, loss / count);
            place += width;
        }
        if let Some(loss) = record.validation_loss {
            self.validation.push(f64::from(record.epoch), loss);
        }
        self.previous = Some(record);
        (self.at_start, self.epoch_start) = (self.latest, now);
    }

    fn samples_per_epoch(&self) -> f64 {
        self.outlook.samples_per_epoch.max(1) as f64
    }

    /// Epochs that are over, and the part of the one under way.
    fn epochs_done(&self) -> f64 {
        (self.outlook.samples_done + self.latest.samples) as f64 / self.samples_per_epoch()
    }

    /// The chart alone, as it is left behind at the end.
    pub fn final_chart(&self, (columns, rows): (usize, usize), glyphs: Glyphs) -> Vec<String> {
        let columns = columns.saturating_sub(1);
        self.chart((columns, rows), self.epochs_done().ceil().max(1.0), glyphs)
    }

    fn chart(&self, (columns, rows): (usize, usize), end: f64, glyphs: Glyphs) -> Vec<String> {
        let placed = |points: &Points| -> Vec<(f64, f64)> {
            points.0.iter().map(|&(x, loss)| (x / end, loss)).collect()
        };
        let (training, validation) = (placed(&self.training), placed(&self.validation));
        let name = format!("{end} epoch{}", if end == 1.0 { "" } else { "s" });
        let size = (columns.min(WIDEST), (rows / 3).min(HIGHEST));
        chart([&training, &validation], size, &name, glyphs)
    }

    /// The whole view for a window of so many columns and rows.
    pub fn lines(&self, (columns, rows): (usize, usize), glyphs: Glyphs) -> Vec<String> {
        // The last column stays free: some terminals wrap when it is written.
        let columns = columns.saturating_sub(1).min(WIDEST);
        let mut lines = self.chart((columns, rows), f64::from(self.outlook.epochs), glyphs);
        lines.push(self.bar(columns, glyphs));
        if rows > 3 {
            lines.push(self.figures(columns));
        }
        lines
    }

    /// Share of the training that is done.
    fn share(&self) -> f64 {
        (self.epochs_done() / f64::from(self.outlook.epochs)).min(1.0)
    }

    /// Which epoch, how far, how much longer.
    fn bar(&self, columns: usize, glyphs: Glyphs) -> String {
        let epochs = f64::from(self.outlook.epochs);
        let number = (self.epochs_done().floor() + 1.0).min(epochs);
        let number = format!("{number}/{epochs} ");
        let share = self.share();
        let percent = format!("{:.0} %", (100.0 * share).floor());
        let left = self.time_left().map_or_else(String::new, |time| {
            let seconds = time.as_secs_f64();
            match seconds < 60.0 {
                true => format!("  {seconds:.1} s left"),
                false => format!("  {} left", HumanDuration(time)),
            }
        });
        let name = "epoch ";
        let taken = name.len() + number.len() + " ".len() + percent.len() + left.len();
        let room = columns.saturating_sub(taken);
        if room < 5 {
            return format!("{number}{percent}").chars().take(columns).collect();
        }
        let (full, rest) = match glyphs {
            Glyphs::Braille => ("█", "░"),
            Glyphs::Ascii => ("=", "-"),
        };
        let done = (share * room as f64) as usize;
        let number = styled(NUMBER, &number);
        let full = styled(BAR, &full.repeat(done));
        let rest = styled(FAINT, &rest.repeat(room - done));
        format!("{name}{number}{full}{rest} {percent}{left}")
    }

    /// Loss, accuracy and speed of the epoch under way, or of the last one until there are any; as many of
    /// them as there is room for.
    fn figures(&self, columns: usize) -> String {
        let totals = self.latest.since(self.at_start);
        let seconds = self.latest_at - self.epoch_start;
        let samples = totals.samples as f64;
        let (loss, accuracy, speed) = match self.previous {
            _ if samples > 0.0 && seconds > 0.0 => (
                totals.loss / samples,
                totals.correct as f64 / samples,
                Some(samples / seconds),
            ),
            Some(last) => (
                last.train_loss,
                last.train_accuracy,
                last.samples_per_second,
            ),
            None => return String::new(),
        };
        let mut figures = vec![
            ("loss ", format!("{loss:.4}"), ""),
            ("  accuracy ", format!("{:.2} %", 100.0 * accuracy), ""),
        ];
        if let Some(speed) = speed {
            figures.push(("  ", HumanCount(speed as u64).to_string(), " samples/s"));
        }
        let mut line = String::new();
        for (before, number, after) in figures {
            let figure = format!("{before}{}{after}", styled(NUMBER, &number));
            if width(&line) + width(&figure) > columns {
                break;
            }
            line += &figure;
        }
        line
    }

    /// Time until the last epoch ends, at the speed of this process so far, scoring included.
    fn time_left(&self) -> Option<Duration> {
        let trained = self.latest.samples as f64 / self.samples_per_epoch();
        let to_come = f64::from(self.outlook.epochs) - self.epochs_done();
        Duration::try_from_secs_f64(self.now / trained * to_come).ok()
    }
}

#[cfg(test)]
mod tests;
