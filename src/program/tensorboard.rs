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
//! Source: `record_writer.h`, `event.proto` and `summary.proto` of TensorFlow; the messages below have those of their
//! fields that are written here, under their numbers.

use crate::run_folder::{AppendFile, unwritable};
use crate::weights;
use anyhow::bail;
use fused_mlp::backend::Evaluation;
use fused_mlp::files::shown;
use fused_mlp::network::Parameters;
use fused_mlp::training::{Epoch, StepRecord};
use prost::Message;
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
const START: i32 = 1;
/// `DataType.DT_STRING`.
const STRING: i32 = 7;
/// Red, green, blue.
const COLORS: i32 = 3;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// One of the last three.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(message, optional, tag = "9")]
    metadata: Option<SummaryMetadata>,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
struct SummaryMetadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

/// A single text: of no dimension.
#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    tensor_shape: Option<TensorShapeProto>,
    #[prost(string, repeated, tag = "8")]
    string_val: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {}

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
        events.add(Event {
            wall_time: now(),
            file_version: Some("brain.Event:2".to_owned()),
            ..Event::default()
        });
        events.add(Event {
            wall_time: now(),
            step: beginning.done as i64 + 1,
            session_log: Some(SessionLog { status: START }),
            ..Event::default()
        });
        let plugin_name = "text".to_owned();
        let row = |(name, value): &(_, String)| {
            let name: &str = AsRef::as_ref(name);
            format!("| {name} | {} |\n", value.replace('|', "\\|"))
        };
        let rows: String = options.iter().map(row).collect();
        let table = Value {
            tag: "options".to_owned(),
            metadata: Some(SummaryMetadata {
                plugin_data: Some(PluginData { plugin_name }),
            }),
            tensor: Some(TensorProto {
                dtype: STRING,
                tensor_shape: Some(TensorShapeProto {}),
                string_val: vec![format!("| option | value |\n| --- | --- |\n{rows}")],
            }),
            ..Value::default()
        };
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
        let mut values = vec![Value {
            tag: "hidden_units".to_owned(),
            image: Some(Image {
                height: picture.height.try_into()?,
                width: picture.width.try_into()?,
                colorspace: COLORS,
                encoded_image_string: picture.png,
            }),
            ..Value::default()
        }];
        if let Some(test) = test {
            values.push(scalar(("loss/test", test.loss)));
            values.push(scalar(("accuracy/test", test.accuracy())));
        }
        self.add_values(now(), self.step, values);
        self.file.flush()
    }

    fn add_values(&mut self, wall_time: f64, step: u64, value: Vec<Value>) {
        self.add(Event {
            wall_time,
            step: step as i64,
            summary: Some(Summary { value }),
            ..Event::default()
        });
    }

    fn add(&mut self, event: Event) {
        self.file.append(record(&event.encode_to_vec()));
    }
}

/// Seconds since 1970 by the system's clock.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

fn scalar((tag, value): (&str, f64)) -> Value {
    Value {
        tag: tag.to_owned(),
        simple_value: Some(value as f32),
        ..Value::default()
    }
}

/// What some steps gave together, and the last learning rate.
fn means(steps: &[StepRecord]) -> Vec<Value> {
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
        let value = scalar(("loss/epoch", 0.0)).encode_to_vec();
        assert!(value.ends_with(&[0x15, 0, 0, 0, 0]), "{value:?}");
    }
}
