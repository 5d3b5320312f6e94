//! Lines of the CSV files of a run, written and read back.

use fused_mlp::backend::MinibatchResult;
use fused_mlp::training::{EpochRecord, StepRecord};
use std::str::FromStr;

pub const STEPS_HEADER: &str = "step,epoch,samples,learning_rate,loss,accuracy";
pub const EPOCHS_HEADER: &str =
    "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate";
pub const TIMES_HEADER: &str = "epoch,seconds,samples_per_second";

/// A line is not one that a run writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}expected {expected}, found {}", place(*line), quoted(*line, found))]
pub struct HistoryError {
    /// Its number, from 1 on; 0 for the whole file.
    line: usize,
    /// What a run writes.
    expected: String,
    /// What is there.
    found: String,
}

/// Where a line is, if it is one.
fn place(line: usize) -> String {
    match line {
        0 => String::new(),
        line => format!("line {line}: "),
    }
}

/// What is there, in quotes.
fn quoted(line: usize, found: &str) -> String {
    match (line, found) {
        (0, "") => "an empty file".to_owned(),
        _ => format!("{found:?}"),
    }
}

impl HistoryError {
    pub fn new(line: usize, expected: &str, found: impl Into<String>) -> Self {
        // A file without line ends is one long line.
        let found = found.into().chars().take(200).collect();
        Self {
            line,
            expected: expected.to_owned(),
            found,
        }
    }
}

pub fn step_line(step: &StepRecord) -> String {
    let minibatch = step.minibatch;
    format!(
        "{},{},{},{},{},{}\n",
        step.step,
        step.epoch,
        minibatch.samples,
        step.learning_rate,
        minibatch.loss,
        minibatch.correct as f64 / minibatch.samples as f64,
    )
}

pub fn epoch_line(record: &EpochRecord) -> String {
    let optional = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    format!(
        "{},{},{},{},{},{}\n",
        record.epoch,
        record.train_loss,
        record.train_accuracy,
        optional(record.validation_loss),
        optional(record.validation_accuracy),
        record.learning_rate,
    )
}

pub fn time_line(record: &EpochRecord) -> String {
    let EpochRecord {
        epoch,
        seconds,
        samples_per_second,
        ..
    } = record;
    format!("{epoch},{seconds},{samples_per_second}\n")
}

/// One line, cut at its commas.
struct Line<'a> {
    number: usize,
    text: &'a str,
    fields: Vec<&'a str>,
}

impl Line<'_> {
    fn wrong(&self, expected: &str) -> HistoryError {
        HistoryError::new(self.number, expected, self.text)
    }

    fn field<T: FromStr>(&self, index: usize, expected: &str) -> Result<T, HistoryError> {
        self.fields[index].parse().map_err(|_| self.wrong(expected))
    }

    fn finite(&self, index: usize) -> Result<f64, HistoryError> {
        let value: f64 = self.field(index, "a number")?;
        let is_finite = value.is_finite();
        is_finite
            .then_some(value)
            .ok_or_else(|| self.wrong("a finite number"))
    }

    fn share(&self, index: usize) -> Result<f64, HistoryError> {
        let value = self.finite(index)?;
        let is_share = (0.0..=1.0).contains(&value);
        is_share
            .then_some(value)
            .ok_or_else(|| self.wrong("a share from 0 to 1"))
    }

    fn optional(&self, index: usize) -> Result<Option<f64>, HistoryError> {
        if self.fields[index].is_empty() {
            return Ok(None);
        }
        self.finite(index).map(Some)
    }
}

/// The lines after `header`, each with as many fields.
fn lines<'a>(
    text: &'a str,
    header: &str,
) -> Result<impl Iterator<Item = Result<Line<'a>, HistoryError>>, HistoryError> {
    let mut lines = text.split_terminator('\n').zip(1..);
    let first = lines.next().map_or("", |(line, _)| line);
    if text.is_empty() {
        return Err(HistoryError::new(0, header, ""));
    }
    if first != header {
        return Err(HistoryError::new(1, header, first));
    }
    if !text.ends_with('\n') {
        let last = text.rsplit('\n').next().unwrap_or_default();
        return Err(HistoryError::new(0, "a line end at the end", last));
    }
    let columns = header.split(',').count();
    Ok(lines.map(move |(text, number)| {
        let fields: Vec<&str> = text.split(',').collect();
        if fields.len() != columns {
            let expected = format!("{columns} fields");
            return Err(HistoryError::new(number, &expected, text));
        }
        Ok(Line {
            number,
            text,
            fields,
        })
    }))
}

/// Reads `steps.csv`.
///
/// # Errors
/// The first line that no run writes.
pub fn parse_steps(text: &str) -> Result<Vec<StepRecord>, HistoryError> {
    let mut steps: Vec<StepRecord> = Vec::new();
    for line in lines(text, STEPS_HEADER)? {
        let line = line?;
        let samples: u32 = line.field(2, "a number of samples")?;
        let accuracy = line.share(5)?;
        let step = StepRecord {
            step: line.field(0, "the number of a step")?,
            epoch: line.field(1, "the number of an epoch")?,
            learning_rate: line.field(3, "a learning rate")?,
            minibatch: MinibatchResult {
                loss: line.finite(4)?,
                correct: (accuracy * f64::from(samples)).round() as usize,
                samples: samples as usize,
            },
        };
        let (number, epoch) = steps.last().map_or((0, 0), |last| (last.step, last.epoch));
        if step.step != number + 1 || step.epoch < epoch || step.epoch > epoch.saturating_add(1) {
            return Err(line.wrong(&format!("step {} after the one before", number + 1)));
        }
        if samples == 0 || !step.learning_rate.is_finite() {
            return Err(line.wrong("samples and a finite learning rate"));
        }
        steps.push(step);
    }
    Ok(steps)
}

/// Reads `epochs.csv` and `times.csv`, which have a line for each epoch.
///
/// # Errors
/// The first line that no run writes.
pub fn parse_epochs(epochs: &str, times: &str) -> Result<Vec<EpochRecord>, HistoryError> {
    let mut records: Vec<EpochRecord> = Vec::new();
    let mut times = lines(times, TIMES_HEADER)?;
    for line in lines(epochs, EPOCHS_HEADER)? {
        let line = line?;
        let number = records.len() + 1;
        let missing = || line.wrong("a line of the same epoch in times.csv");
        let time = times.next().ok_or_else(missing)??;
        let numbers: [usize; 2] = [
            line.field(0, "the number of an epoch")?,
            time.field(0, "the number of an epoch")?,
        ];
        if numbers != [number; 2] {
            return Err(line.wrong(&format!("epoch {number} in epochs.csv and times.csv")));
        }
        records.push(EpochRecord {
            epoch: line.field(0, "the number of an epoch")?,
            train_loss: line.finite(1)?,
            train_accuracy: line.share(2)?,
            validation_loss: line.optional(3)?,
            validation_accuracy: line.optional(4)?,
            learning_rate: line.field(5, "a learning rate")?,
            seconds: time.finite(1)?,
            samples_per_second: time.field(2, "samples per second")?,
        });
    }
    match times.next() {
        None => Ok(records),
        Some(line) => Err(line?.wrong("no more epochs than in epochs.csv")),
    }
}

/// Checks that a file has its first line, and after it as many lines of numbers as a run has written.
///
/// # Errors
/// The first line that no run writes, or the number of lines.
pub fn check_lines(text: &str, header: &str, expected: usize) -> Result<(), HistoryError> {
    let mut count = 0;
    for line in lines(text, header)? {
        numbers(&line?)?;
        count += 1;
    }
    if count == expected {
        return Ok(());
    }
    let expected = format!("{expected} lines after the first");
    Err(HistoryError::new(0, &expected, count.to_string()))
}

/// Reads all lines that are whole as numbers, for pictures: what is empty or not finite is NaN. Ends
/// before the first line that no run writes, and tells what is wrong with it.
pub fn parse_numbers(text: &str, header: &str) -> (Vec<Vec<f64>>, Option<HistoryError>) {
    // A run that was killed may have left a part of a line.
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut parsed = Vec::new();
    let mut parse = || -> Result<(), HistoryError> {
        for line in lines(whole, header)? {
            parsed.push(numbers(&line?)?);
        }
        Ok(())
    };
    let damage = parse().err();
    (parsed, damage)
}

fn numbers(line: &Line<'_>) -> Result<Vec<f64>, HistoryError> {
    let columns = 0..line.fields.len();
    columns
        .map(|index| match line.fields[index] {
            "" => Ok(f64::NAN),
            _ => line.field(index, "a number"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64, epoch: u32, loss: f64) -> StepRecord {
        StepRecord {
            step,
            epoch,
            learning_rate: 0.1 / step as f32,
            minibatch: MinibatchResult {
                loss,
                correct: 1,
                samples: 3,
            },
        }
    }

    #[test]
    fn what_is_written_is_read_back_to_the_last_bit() {
        let steps = [step(1, 1, 0.1 + 0.2), step(2, 1, 1e-300), step(3, 2, 2.5)];
        let text: String = steps.iter().map(step_line).collect();
        assert_eq!(
            parse_steps(&format!("{STEPS_HEADER}\n{text}")).unwrap(),
            steps
        );
        let record = |epoch, validation_loss| EpochRecord {
            epoch,
            train_loss: 1.0 / 3.0,
            train_accuracy: 0.7,
            validation_loss,
            validation_accuracy: validation_loss.map(|_| 0.25),
            learning_rate: 0.15,
            seconds: 1.0 / 7.0,
            samples_per_second: 1e6 / 7.0,
        };
        let records = [record(1, None), record(2, Some(0.3))];
        let epochs: String = records.iter().map(epoch_line).collect();
        let times: String = records.iter().map(time_line).collect();
        let epochs = format!("{EPOCHS_HEADER}\n{epochs}");
        let times = format!("{TIMES_HEADER}\n{times}");
        assert_eq!(parse_epochs(&epochs, &times).unwrap(), records);
        assert!(parse_epochs(&epochs, &format!("{TIMES_HEADER}\n")).is_err());
        assert!(parse_epochs(&format!("{EPOCHS_HEADER}\n"), &times).is_err());
    }

    #[test]
    fn numbers_for_pictures_may_be_missing_or_cut() {
        let read = |lines: &str| parse_numbers(&format!("{TIMES_HEADER}\n{lines}"), TIMES_HEADER);
        assert_eq!(read("1,0.5,10\n2,0."), (vec![vec![1.0, 0.5, 10.0]], None));
        let (odd, damage) = read("1,NaN,\n");
        assert!(odd[0][1].is_nan() && odd[0][2].is_nan() && damage.is_none());
        for wrong in ["1,2\n", "1,2,x\n"] {
            // What stands before the damage is kept.
            let (lines, damage) = read(&format!("1,0.5,10\n{wrong}3,0.5,10\n"));
            assert_eq!(lines, [[1.0, 0.5, 10.0]]);
            assert!(damage.unwrap().to_string().starts_with("line 3: expected "));
        }
        assert!(parse_numbers("", TIMES_HEADER).1.is_some());
    }

    #[test]
    fn lines_that_no_run_writes_are_refused() {
        let text = |lines: &str| parse_steps(&format!("{STEPS_HEADER}\n{lines}"));
        assert_eq!(text("").unwrap(), []);
        let good = "1,1,3,0.1,2.5,0.5\n";
        assert!(text(good).is_ok());
        for wrong in [
            "1,1,3,0.1,2.5,0.5",
            "3,1,3,0.1,2.5,0.5\n",
            "1,2,3,0.1,2.5,0.5\n",
            "1,1,0,0.1,2.5,0.5\n",
            "1,1,3,NaN,2.5,0.5\n",
            "1,1,3,0.1,inf,0.5\n",
            "1,1,3,0.1,2.5,1.5\n",
            "1,1,3,0.1,2.5\n",
            "1,1,3,0.1,2.5,0.5,\n",
            "\n",
            "a,1,3,0.1,2.5,0.5\n",
        ] {
            assert!(text(wrong).is_err(), "{wrong}");
            assert!(text(&format!("{good}{wrong}")).is_err(), "{wrong}");
        }
        assert!(parse_steps("").is_err() && parse_steps("step\n").is_err());
    }
}
