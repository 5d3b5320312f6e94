//! Event files for TensorBoard: what a training gives, step by step, as others watch it.
//!
//! A file is a sequence of records as TensorFlow writes them (TFRecord), each of them
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..8 | length of the data, little-endian |
//! | 8..12 | masked CRC-32C of these eight bytes |
//! | 12..12 + length | the data: an `Event` as a protocol buffer |
//! | 4 more | masked CRC-32C of the data |
//!
//! Source: `record_writer.h`, `event.proto`, `summary.proto` and `tensor.proto` of TensorFlow, with the numbers of their
//! fields.

/// Compiled here too, as the library does not show it.
#[path = "../interchange/protobuf.rs"]
mod protobuf;

use crate::run_folder::{AppendFile, unwritable};
use crate::weights;
use anyhow::bail;
use fused_mlp::backend::Evaluation;
use fused_mlp::files::shown;
use fused_mlp::network::Parameters;
use fused_mlp::training::{Epoch, StepRecord};
use protobuf::Message;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Points of the minibatches of a whole training, about: as many as TensorBoard keeps of a curve.
const POINTS: u64 = 1000;
/// What all names of event files have, by which TensorBoard knows them.
const MARK: &str = "tfevents";
/// Hidden units of the picture, and of a line of it.
const UNITS: usize = 100;
const UNITS_PER_LINE: usize = 10;
/// `SessionLog.SessionStatus.START`: what earlier files have from this step on is void.
const START: u64 = 1;
/// `DataType.DT_STRING`.
const STRING: u64 = 7;
/// Red, green, blue.
const COLORS: u64 = 3;

/// The event file of a training. What cannot be written is kept for the next call.
#[derive(Debug)]
pub struct EventFile {
    file: AppendFile,
    /// Steps of a point.
    interval: usize,
    /// The last step.
    step: u64,
}

/// Where a training stands that a file begins with.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// Steps of the epochs before.
    pub done: u64,
    /// Steps of the whole training.
    pub steps: u64,
    /// Whether the folder may hold event files already: those of the same training, which goes on.
    pub goes_on: bool,
}

impl EventFile {
    /// Begins a file of its own in a folder, which is made if it is not there, with the options as a table.
    ///
    /// # Errors
    /// If it cannot be made, or there is one of another training.
    pub fn create(
        folder: &Path,
        beginning: Beginning,
        options: &[(impl AsRef<str>, String)],
    ) -> anyhow::Result<Self> {
        let unwritable = |error| unwritable(folder, &error).context("--tensorboard");
        fs::create_dir_all(folder).map_err(unwritable)?;
        for entry in fs::read_dir(folder).map_err(unwritable)? {
            let name = entry.map_err(unwritable)?.file_name();
            if !beginning.goes_on && name.to_string_lossy().contains(MARK) {
                bail!(
                    "--tensorboard {} holds the events of a training, {}; choose a new folder",
                    shown(folder),
                    shown(Path::new(&name))
                );
            }
        }
        // TensorBoard reads the files of a folder in the order of their names.
        let name = format!("events.out.{MARK}.{:017.6}.fused-mlp", now());
        let mut events = Self {
            file: AppendFile::create(folder.join(name))?,
            interval: beginning.steps.div_ceil(POINTS).max(1).try_into()?,
            step: beginning.done,
        };
        events.add(&event(now(), 0).bytes(3, "brain.Event:2"));
        let started = Message::default().integer(1, START);
        events.add(&event(now(), beginning.done + 1).bytes(7, started));
        let row = |(name, value): &(_, String)| {
            let name: &str = AsRef::as_ref(name);
            format!("| {name} | {} |\n", value.replace('|', "\\|"))
        };
        let rows: String = options.iter().map(row).collect();
        let plugin = Message::default().bytes(1, "text");
        // A single text: of no dimension.
        let text = Message::default()
            .integer(1, STRING)
            .bytes(2, Message::default())
            .bytes(8, format!("| option | value |\n| --- | --- |\n{rows}"));
        let table = Message::default()
            .bytes(1, "options")
            .bytes(8, text)
            .bytes(9, Message::default().bytes(1, plugin));
        events.add_values(now(), beginning.done, vec![table]);
        events.file.flush()?;
        Ok(events)
    }

    /// Adds an epoch that has just ended: its steps as means of some, and what it gave.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add_epoch(&mut self, epoch: &Epoch) -> anyhow::Result<()> {
        let record = &epoch.record;
        let begun = now() - record.seconds;
        let steps = epoch.steps.len();
        for (number, chunk) in epoch.steps.chunks(self.interval).enumerate() {
            let done = number * self.interval + chunk.len();
            let time = begun + record.seconds * done as f64 / steps as f64;
            self.step = chunk[chunk.len() - 1].step;
            self.add_values(time, self.step, means(chunk));
        }
        let values = [
            ("loss/epoch", Some(record.train_loss)),
            ("accuracy/epoch", Some(record.train_accuracy)),
            ("loss/validation", record.validation_loss),
            ("accuracy/validation", record.validation_accuracy),
            ("samples_per_second", record.samples_per_second),
        ];
        let values = values.into_iter().filter_map(|(tag, it)| Some((tag, it?)));
        let scalars = values.chain(record.shares()).map(scalar).collect();
        self.add_values(now(), self.step, scalars);
        self.file.flush()
    }

    /// Adds what stands at the end: the test, if there was one, and the strongest hidden units of a network on images
    /// of so many rows and columns.
    ///
    /// # Errors
    /// If it cannot be drawn or written.
    pub fn finish(
        &mut self,
        test: Option<&Evaluation>,
        parameters: &Parameters,
        size: (usize, usize),
    ) -> anyhow::Result<()> {
        let mut units = weights::strongest(parameters);
        units.truncate(UNITS);
        let limit = weights::limit([(parameters, &*units)]);
        let picture = weights::picture(parameters, &units, size, UNITS_PER_LINE, limit)?;
        let image = Message::default()
            .integer(1, picture.height.try_into()?)
            .integer(2, picture.width.try_into()?)
            .integer(3, COLORS)
            .bytes(4, picture.png);
        let mut values = vec![Message::default().bytes(1, "hidden_units").bytes(4, image)];
        if let Some(test) = test {
            values.push(scalar(("loss/test", test.loss)));
            values.push(scalar(("accuracy/test", test.accuracy())));
        }
        self.add_values(now(), self.step, values);
        self.file.flush()
    }

    fn add_values(&mut self, wall_time: f64, step: u64, values: Vec<Message>) {
        let summary = Message::default().each(1, values);
        self.add(&event(wall_time, step).bytes(5, summary));
    }

    fn add(&mut self, event: &Message) {
        self.file.append(record(event.as_ref()));
    }
}

/// `Event`, but for what it is about.
fn event(wall_time: f64, step: u64) -> Message {
    Message::default().double(1, wall_time).integer(2, step)
}

/// Seconds since 1970 by the system's clock.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// `Summary.Value`.
fn scalar((tag, value): (&str, f64)) -> Message {
    Message::default().bytes(1, tag).float(2, value as f32)
}

/// What some steps gave together, and the last learning rate.
fn means(steps: &[StepRecord]) -> Vec<Message> {
    let minibatches = || steps.iter().map(|step| step.minibatch);
    let samples = minibatches().map(|it| it.samples).sum::<usize>() as f64;
    let loss: f64 = minibatches().map(|it| it.loss * it.samples as f64).sum();
    let correct: usize = minibatches().map(|it| it.correct).sum();
    let rate = steps.last().map_or(f64::NAN, |it| it.learning_rate.into());
    let values = [
        ("loss/minibatch", loss / samples),
        ("accuracy/minibatch", correct as f64 / samples),
        ("learning_rate", rate),
    ];
    values.map(scalar).into()
}

/// A record with these data.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let sums = [&length[..], data].map(|bytes| masked(crc32c(bytes)).to_le_bytes());
    [&length[..], &sums[0], data, &sums[1]].concat()
}

/// CRC-32C: that of Castagnoli's polynomial, bits from the lowest on.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| crc >> 1 ^ 0x82f6_3b78 & (crc & 1).wrapping_neg();
    !bytes
        .iter()
        .fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

/// Sums of data that hold sums themselves are masked.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_sums_of_its_length_and_its_data() {
        // The check value of the CRC's definition, and TensorFlow's mask of it.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked(0xe306_9283), 0xc78a_b0e5);
        let bytes = record(b"123456789");
        assert_eq!(bytes.len(), 8 + 4 + 9 + 4);
        assert_eq!(bytes[..8], [9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[8..12], masked(crc32c(&bytes[..8])).to_le_bytes());
        assert_eq!(&bytes[12..21], b"123456789");
        assert_eq!(bytes[21..], 0xc78a_b0e5_u32.to_le_bytes());
    }

    #[test]
    fn a_value_of_zero_is_written() {
        let value = scalar(("loss/epoch", 0.0));
        assert!(value.as_ref().ends_with(&[0x15, 0, 0, 0, 0]), "{value:?}");
    }
}
