//! The live view of a training: a chart of the loss, a bar, and the figures of the epoch under way.

use super::chart::{Glyphs, Losses, chart};
use crate::terminal::Line;
use anstyle::{AnsiColor, Style};
use fused_mlp::training::Epoch;
use indicatif::HumanCount;
use std::time::{Duration, Instant};

/// Most points of the chart that are kept; beyond, each two become one.
const MOST_POINTS: usize = 4096;
/// Points of an epoch in the chart: this number for all epochs together, between these bounds.
const POINTS: usize = 512;
const POINTS_OF_AN_EPOCH: (usize, usize) = (8, 256);
/// Columns beyond which the view does not grow.
const WIDEST: usize = 100;
/// Rows of the chart in a window of at least so many rows.
const CHART_ROWS: [(usize, usize); 3] = [(20, 7), (12, 4), (0, 0)];

const PLAIN: Style = Style::new();
const NUMBER: Style = Style::new().bold();
const BAR: Style = AnsiColor::Green.on_default();
const REST: Style = Style::new().dimmed();

/// What is to come.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// Epochs of the whole training.
    pub epochs: u32,
    /// Samples of an epoch.
    pub samples_per_epoch: usize,
    /// Whether the training may end before its last epoch.
    pub may_stop_early: bool,
}

/// Sums over samples: their number, their losses, and those predicted correctly.
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

    /// None without samples.
    fn mean_loss(self) -> Option<f64> {
        (self.samples > 0).then(|| self.loss / self.samples as f64)
    }
}

/// The training so far.
#[derive(Clone, Debug)]
pub struct LiveView {
    outlook: Outlook,
    /// Losses of epochs that are over, against epochs.
    past: Vec<(f64, f64)>,
    validation: Vec<(f64, f64)>,
    /// Losses of the epoch under way between two looks at it.
    current: Vec<(f64, f64)>,
    /// Epochs that are over.
    epochs_done: u32,
    /// Samples of the epoch under way that were trained on before this process or control.
    samples_before: usize,
    /// The sums when the epoch began, and when they were last looked at.
    at_start: Totals,
    latest: Totals,
    /// When the epoch began, and when there were new sums last.
    epoch_start: Instant,
    latest_at: Instant,
    /// What the figures were when the last epoch ended, until there are others.
    previous: Option<(Totals, f64)>,
    /// Samples of this process, and since when.
    trained: usize,
    start: Instant,
    now: Instant,
}

impl LiveView {
    /// Before the first step, `epochs_done` epochs after the beginning.
    pub fn new(outlook: Outlook, epochs_done: u32, now: Instant) -> Self {
        Self {
            outlook,
            past: Vec::new(),
            validation: Vec::new(),
            current: Vec::new(),
            epochs_done,
            samples_before: 0,
            at_start: Totals::default(),
            latest: Totals::default(),
            epoch_start: now,
            latest_at: now,
            previous: None,
            trained: 0,
            start: now,
            now,
        }
    }

    /// An epoch begins, or goes on after so many samples.
    pub fn begin_epoch(&mut self, samples_before: usize, totals: Totals, now: Instant) {
        self.samples_before = samples_before;
        (self.at_start, self.latest) = (totals, totals);
        (self.epoch_start, self.latest_at, self.now) = (now, now, now);
        self.current.clear();
    }

    /// Looks at the epoch under way.
    pub fn look(&mut self, totals: Totals, now: Instant) {
        let fresh = totals.since(self.latest);
        self.now = now;
        if let Some(loss) = fresh.mean_loss() {
            (self.latest, self.latest_at) = (totals, now);
            let middle = self.samples_of_epoch() as f64 - fresh.samples as f64 / 2.0;
            let share = middle / self.outlook.samples_per_epoch as f64;
            self.current
                .push((f64::from(self.epochs_done) + share, loss));
            halve_if_many(&mut self.current);
        }
    }

    /// An epoch has ended: its steps tell more than the looks at it did.
    pub fn end_epoch(&mut self, epoch: &Epoch, now: Instant) {
        let record = &epoch.record;
        let (least, most) = POINTS_OF_AN_EPOCH;
        let points = (POINTS / self.outlook.epochs.max(1) as usize).clamp(least, most);
        let share = epoch.steps.len().div_ceil(points).max(1);
        let begin = f64::from(record.epoch - 1);
        let mut samples = 0;
        for steps in epoch.steps.chunks(share) {
            let minibatches = steps.iter().map(|step| step.minibatch);
            let count: usize = minibatches.clone().map(|minibatch| minibatch.samples).sum();
            let loss: f64 = minibatches.map(|it| it.loss * it.samples as f64).sum();
            let middle = samples as f64 + count as f64 / 2.0;
            samples += count;
            let place = begin + middle / self.outlook.samples_per_epoch as f64;
            self.past.push((place, loss / count as f64));
        }
        if let Some(loss) = record.validation_loss {
            self.validation.push((f64::from(record.epoch), loss));
        }
        halve_if_many(&mut self.past);
        halve_if_many(&mut self.validation);
        self.previous = self.figures_now().or(self.previous);
        self.trained += self.latest.since(self.at_start).samples;
        self.epochs_done = record.epoch;
        self.samples_before = 0;
        self.at_start = self.latest;
        (self.epoch_start, self.latest_at, self.now) = (now, now, now);
        self.current.clear();
    }

    fn samples_of_epoch(&self) -> usize {
        self.samples_before + self.latest.since(self.at_start).samples
    }

    /// The chart alone, as it is left behind at the end.
    pub fn final_chart(&self, (columns, rows): (usize, usize), glyphs: Glyphs) -> Vec<Line> {
        let columns = columns.saturating_sub(1);
        self.chart((columns, rows), self.epochs_done.max(1), glyphs)
    }

    /// The epoch at which the lower axis ends. Where nobody knows the last one, the axis doubles
    /// whenever it is too short.
    fn axis_end(&self) -> u32 {
        let epochs = self.outlook.epochs.max(1);
        if self.outlook.may_stop_early {
            (self.epochs_done + 1).next_power_of_two().min(epochs)
        } else {
            epochs
        }
    }

    fn chart(&self, (columns, rows): (usize, usize), end: u32, glyphs: Glyphs) -> Vec<Line> {
        let (_, chart_rows) = CHART_ROWS
            .into_iter()
            .find(|(least, _)| rows >= *least)
            .unwrap_or_default();
        let placed = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            let end = f64::from(end);
            points.iter().map(|&(x, loss)| (x / end, loss)).collect()
        };
        let mut training = placed(&self.past);
        training.extend(placed(&self.current));
        let losses = Losses {
            training: &training,
            validation: &placed(&self.validation),
        };
        let name = if end == 1 { "epoch" } else { "epochs" };
        let name = format!("{end} {name}");
        chart(losses, (columns.min(WIDEST), chart_rows), &name, glyphs)
    }

    /// The whole view for a window of so many columns and rows.
    pub fn lines(&self, (columns, rows): (usize, usize), glyphs: Glyphs) -> Vec<Line> {
        // The last column stays free: some terminals wrap when it is written.
        let columns = columns.saturating_sub(1).min(WIDEST);
        let mut lines = self.chart((columns, rows), self.axis_end(), glyphs);
        lines.push(self.bar(columns, glyphs));
        if rows > 3 {
            lines.push(self.figures(columns));
        }
        lines
    }

    /// Share of the training that is done.
    fn share(&self) -> f64 {
        let per_epoch = self.outlook.samples_per_epoch.max(1) as f64;
        let epochs = f64::from(self.epochs_done) + self.samples_of_epoch() as f64 / per_epoch;
        (epochs / f64::from(self.outlook.epochs.max(1))).min(1.0)
    }

    /// Which epoch, how far, how much longer.
    fn bar(&self, columns: usize, glyphs: Glyphs) -> Line {
        let epochs = self.outlook.epochs;
        let number = (self.epochs_done + 1).min(epochs);
        let share = self.share();
        let left = format!("{number}/{epochs} ");
        let mut right = format!(" {:3.0} %", (100.0 * share).floor());
        if let Some(time) = self.time_left() {
            let bound = if self.outlook.may_stop_early {
                "at most "
            } else {
                ""
            };
            right += &format!("  {bound}{} left", duration(time));
        }
        let name = "epoch ";
        let room = columns.saturating_sub(name.len() + left.len() + right.len());
        if room < 5 {
            let short = format!("{left}{:.0} %", (100.0 * share).floor());
            return Line::default().with(PLAIN, &short.chars().take(columns).collect::<String>());
        }
        let (full, rest) = bar(share, room, glyphs);
        Line::default()
            .with(PLAIN, name)
            .with(NUMBER, &left)
            .with(BAR, &full)
            .with(REST, &rest)
            .with(PLAIN, &right)
    }

    /// Loss, accuracy and speed of the epoch under way, as many of them as there is room for.
    fn figures(&self, columns: usize) -> Line {
        let mut line = Line::default();
        let Some((totals, rate)) = self.figures_now().or(self.previous) else {
            return line;
        };
        let mut add = |parts: &[(Style, &str)]| {
            let width: usize = parts.iter().map(|(_, text)| text.chars().count()).sum();
            let gap = if line.width() == 0 { "" } else { "  " };
            let fits = line.width() + gap.len() + width <= columns;
            if fits {
                line.push(PLAIN, gap);
                parts
                    .iter()
                    .for_each(|(style, text)| line.push(*style, text));
            }
            fits
        };
        let per_sample = 1.0 / totals.samples as f64;
        let loss = totals.loss * per_sample;
        let accuracy = 100.0 * totals.correct as f64 * per_sample;
        let speed = HumanCount(rate as u64).to_string();
        let (loss, accuracy) = (format!("{loss:.4}"), format!("{accuracy:.2} %"));
        let _ = add(&[(PLAIN, "loss "), (NUMBER, &loss)])
            && add(&[(PLAIN, "accuracy "), (NUMBER, &accuracy)])
            && add(&[(NUMBER, &speed), (PLAIN, " samples/s")]);
        line
    }

    /// Sums and samples per second of the epoch under way, once there are any.
    fn figures_now(&self) -> Option<(Totals, f64)> {
        let totals = self.latest.since(self.at_start);
        let seconds = (self.latest_at - self.epoch_start).as_secs_f64();
        (totals.samples > 0 && seconds > 0.0).then(|| (totals, totals.samples as f64 / seconds))
    }

    /// Time until the last epoch ends, at the speed of this process so far, scoring included.
    fn time_left(&self) -> Option<Duration> {
        let trained = self.trained + self.latest.since(self.at_start).samples;
        let all = f64::from(self.outlook.epochs) * self.outlook.samples_per_epoch as f64;
        let seconds = (self.now - self.start).as_secs_f64();
        let left = seconds / trained as f64 * (1.0 - self.share()) * all;
        (trained > 0).then(|| Duration::try_from_secs_f64(left).ok())?
    }
}

/// Each two points become one, where there are too many.
fn halve_if_many(points: &mut Vec<(f64, f64)>) {
    if points.len() > MOST_POINTS {
        let mean = |pair: &[(f64, f64)]| {
            let count = pair.len() as f64;
            let sum = pair
                .iter()
                .fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
            (sum.0 / count, sum.1 / count)
        };
        *points = points.chunks(2).map(mean).collect();
    }
}

/// The full and the empty part of a bar of so many columns.
fn bar(share: f64, columns: usize, glyphs: Glyphs) -> (String, String) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    match glyphs {
        Glyphs::Braille => {
            let eighths = (share * (8 * columns) as f64) as usize;
            let (full, part) = (eighths / 8, EIGHTHS[eighths % 8]);
            let rest = columns - full - usize::from(!part.is_empty());
            (format!("{}{part}", "█".repeat(full)), "░".repeat(rest))
        }
        Glyphs::Ascii => {
            let room = columns - 2;
            let full = (share * room as f64) as usize;
            (
                format!("[{}", "=".repeat(full)),
                format!("{}]", "-".repeat(room - full)),
            )
        }
    }
}

/// A time in at most two units.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
