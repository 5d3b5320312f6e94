//! The CSV files of a run: their lines, written and read back.

use super::step_series::StepSeries;
use fused_mlp::backend::MinibatchResult;
use fused_mlp::training::{Epoch, EpochEnd, EpochRecord, StepRecord};
use std::ops::Range;

/// A CSV file of a run.
#[derive(Debug)]
pub struct CsvFile {
    pub name: &'static str,
    /// Its columns in every version.
    columns: &'static str,
    /// Whether those of [`EpochRecord::SHARES`] follow, as many as there were in the version that began it.
    has_shares: bool,
}

impl CsvFile {
    /// Its first line.
    pub fn header(&self) -> String {
        let shares = EpochRecord::SHARES.iter().filter(|_| self.has_shares);
        shares.fold(self.columns.to_owned(), |all, (name, _)| all + "," + name)
    }

    /// Whether an earlier version began a file with this line.
    fn is_earlier(&self, line: &str) -> bool {
        line.starts_with(self.columns) && self.header().starts_with(&format!("{line},"))
    }
}

/// A line a minibatch.
pub const STEPS: CsvFile = CsvFile {
    name: "steps.csv",
    columns: "step,epoch,samples,learning_rate,loss,accuracy",
    has_shares: false,
};
/// A line an epoch.
pub const EPOCHS: CsvFile = CsvFile {
    name: "epochs.csv",
    columns: "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate",
    has_shares: true,
};
/// A line an epoch. Times stand in a file of their own, so that all other CSV lines depend on the
/// options and the data alone.
pub const TIMES: CsvFile = CsvFile {
    name: "times.csv",
    columns: "epoch,seconds,samples_per_second",
    has_shares: false,
};
/// All of them, in the order of [`HistoryMarks`](fused_mlp::training::checkpoint::HistoryMarks).
pub const CSV_FILES: [&CsvFile; 3] = [&STEPS, &EPOCHS, &TIMES];

/// A file is not one that a run writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HistoryError(String);

impl HistoryError {
    /// Of a line with this number, from 1 on; 0 is for the whole file.
    pub fn new(line: usize, expected: &str, found: &str) -> Self {
        // A file without line ends is one long line.
        let quoted = format!("{:?}", found.chars().take(200).collect::<String>());
        Self(match (line, found) {
            (0, "") => format!("expected {expected}, found an empty file"),
            (0, _) => format!("expected {expected}, found {quoted}"),
            _ => format!("line {line}: expected {expected}, found {quoted}"),
        })
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

/// A number that may be missing.
fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Columns of `epochs.csv` before the shares.
const BEFORE_SHARES: usize = 6;

/// A line with so many shares.
pub fn epoch_line(record: &EpochRecord, shares: usize) -> String {
    let mut line = format!(
        "{},{},{},{},{},{}",
        record.epoch,
        record.train_loss,
        record.train_accuracy,
        optional(record.validation_loss),
        optional(record.validation_accuracy),
        record.learning_rate,
    );
    for (_, share) in &EpochRecord::SHARES[..shares] {
        line = line + "," + &optional(*share(&mut { *record }));
    }
    line + "\n"
}

/// Shares that the lines of an `epochs.csv` have.
pub fn shares_of(text: &str) -> usize {
    let columns = text.split('\n').next().unwrap_or_default().split(',');
    let shares = columns.count().saturating_sub(BEFORE_SHARES);
    shares.min(EpochRecord::SHARES.len())
}

pub fn time_line(record: &EpochRecord) -> String {
    let rate = optional(record.samples_per_second);
    format!("{},{},{rate}\n", record.epoch, record.seconds)
}

/// The numbers of each line after the first, of which the first counts the lines; what is empty, or a column that an
/// earlier version did not have, is NaN.
///
/// # Errors
/// The file, or a line, if no run writes it.
pub fn rows<'a>(
    text: &'a str,
    file: &CsvFile,
) -> Result<impl Iterator<Item = Result<Vec<f64>, HistoryError>> + use<'a>, HistoryError> {
    let header = file.header();
    // Other programs may have put CRLF in place of LF.
    let without_return = |line: &'a str| line.strip_suffix('\r').unwrap_or(line);
    let lines = text.split_terminator('\n').map(without_return);
    let mut lines = lines.zip(1_usize..);
    match lines.next() {
        None => return Err(HistoryError::new(0, &header, "")),
        Some((first, number)) if first != header && !file.is_earlier(first) => {
            return Err(HistoryError::new(number, &header, first));
        }
        Some(_) if !text.ends_with('\n') => {
            let last = text.rsplit('\n').next().unwrap_or_default();
            return Err(HistoryError::new(0, "a line end at the end", last));
        }
        Some(_) => {}
    }
    let first = text.split('\n').next().unwrap_or_default();
    let (columns, all) = (first.split(',').count(), header.split(',').count());
    Ok(lines.map(move |(line, number)| {
        let fields = line.split(',').map(|field| match field {
            "" => Ok(f64::NAN),
            _ => field.parse(),
        });
        let row: Option<Vec<f64>> = fields.collect::<Result<_, _>>().ok();
        let count = number - 1;
        let row = row.filter(|row| row.len() == columns && row[0] == count as f64);
        let expected = || format!("{columns} numbers, the first of them {count}");
        let mut row = row.ok_or_else(|| HistoryError::new(number, &expected(), line))?;
        row.resize(all, f64::NAN);
        Ok(row)
    }))
}

/// All rows before the first line that no run writes, for pictures, and what is wrong with that.
pub fn whole_rows(text: &str, file: &CsvFile) -> (Vec<Vec<f64>>, Option<HistoryError>) {
    // A run that was killed may have left a part of a line.
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut found = Vec::new();
    let mut read = || -> Result<(), HistoryError> {
        for row in rows(whole, file)? {
            found.push(row?);
        }
        Ok(())
    };
    let damage = read().err();
    (found, damage)
}

/// What the CSV files tell of a training.
#[derive(Debug, Default)]
pub struct History {
    pub steps: StepSeries,
    /// Of every epoch, but for one that was interrupted.
    pub steps_per_epoch: usize,
    /// The last step with a finite loss.
    pub last_step: Option<StepRecord>,
    pub epochs: Vec<EpochRecord>,
}

impl History {
    /// Adds an epoch.
    pub fn add(&mut self, epoch: &Epoch) {
        for step in &epoch.steps {
            self.push(step);
        }
        self.epochs.push(epoch.record);
        // The last step of an epoch that diverged was not taken.
        let untaken = usize::from(epoch.end == EpochEnd::Diverged);
        let last = epoch.steps.iter().rev().nth(untaken);
        self.last_step = last.copied().or(self.last_step);
    }

    fn push(&mut self, step: &StepRecord) {
        self.steps_per_epoch += usize::from(step.epoch == 1);
        self.steps.push(step.minibatch.loss, step.learning_rate);
    }

    /// Adds the text of `steps.csv`.
    ///
    /// # Errors
    /// The first line that no run writes.
    pub fn read_steps(&mut self, text: &str) -> Result<(), HistoryError> {
        for row in rows(text, &STEPS)? {
            let row = finite(row?, 0..6)?;
            let step = StepRecord {
                step: row[0] as u64,
                epoch: row[1] as u32,
                learning_rate: row[3] as f32,
                minibatch: MinibatchResult {
                    loss: row[4],
                    correct: (row[5] * row[2]).round() as usize,
                    samples: row[2] as usize,
                    skipped: 0,
                },
            };
            self.push(&step);
            self.last_step = Some(step);
        }
        Ok(())
    }

    /// Adds the texts of `epochs.csv` and `times.csv`, which have a line for each epoch.
    ///
    /// # Errors
    /// The first line that no run writes.
    pub fn read_epochs(&mut self, epochs: &str, times: &str) -> Result<(), HistoryError> {
        let epochs: Vec<Vec<f64>> = rows(epochs, &EPOCHS)?.collect::<Result<_, _>>()?;
        let times: Vec<Vec<f64>> = rows(times, &TIMES)?.collect::<Result<_, _>>()?;
        if epochs.len() != times.len() {
            let expected = format!("{} epochs, as in times.csv", times.len());
            return Err(HistoryError::new(0, &expected, &epochs.len().to_string()));
        }
        for (row, time) in epochs.into_iter().zip(times) {
            let (row, time) = (finite(row, 0..3)?, finite(time, 0..2)?);
            let optional = |value: f64| value.is_finite().then_some(value);
            let mut record = EpochRecord {
                epoch: row[0] as u32,
                train_loss: row[1],
                train_accuracy: row[2],
                validation_loss: optional(row[3]),
                validation_accuracy: optional(row[4]),
                visited: None,
                skipped: None,
                learning_rate: row[5] as f32,
                seconds: time[1],
                samples_per_second: optional(time[2]),
            };
            for ((_, share), &value) in EpochRecord::SHARES.iter().zip(&row[BEFORE_SHARES..]) {
                *share(&mut record) = optional(value);
            }
            self.epochs.push(record);
        }
        Ok(())
    }
}

/// A row whose numbers in these columns are finite.
fn finite(row: Vec<f64>, columns: Range<usize>) -> Result<Vec<f64>, HistoryError> {
    match row[columns].iter().all(|number| number.is_finite()) {
        true => Ok(row),
        false => Err(HistoryError::new(
            row[0] as usize + 1,
            "finite numbers",
            &format!("{row:?}"),
        )),
    }
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
                skipped: 0,
            },
        }
    }

    fn steps(lines: &str) -> Result<History, HistoryError> {
        let mut history = History::default();
        let header = STEPS.header();
        history.read_steps(&format!("{header}\n{lines}"))?;
        Ok(history)
    }

    #[test]
    fn what_is_written_is_read_back_to_the_last_bit() {
        let written = [step(1, 1, 0.1 + 0.2), step(2, 1, 1e-300), step(3, 2, 2.5)];
        let text: String = written.iter().map(step_line).collect();
        let read = steps(&text).unwrap();
        assert_eq!(read.last_step, Some(written[2]));
        assert_eq!(read.steps.losses(), written.map(|step| step.minibatch.loss));
        assert_eq!(read.steps_per_epoch, 2);
        let record = |epoch, validation_loss| EpochRecord {
            epoch,
            train_loss: 1.0 / 3.0,
            train_accuracy: 0.7,
            validation_loss,
            validation_accuracy: validation_loss.map(|_| 0.25),
            visited: validation_loss,
            skipped: None,
            learning_rate: 0.15,
            seconds: 1.0 / 7.0,
            samples_per_second: validation_loss.map(|_| 1e6 / 7.0),
        };
        let records = [record(1, None), record(2, Some(0.3))];
        let written = |shares| -> String {
            let lines = records.iter().map(|record| epoch_line(record, shares));
            lines.collect()
        };
        let epochs = written(2);
        let times: String = records.iter().map(time_line).collect();
        let epochs = format!("{}\n{epochs}", EPOCHS.header());
        assert!(epochs.starts_with(&format!("{},visited,skipped\n", EPOCHS.columns)));
        let times = format!("{}\n{times}", TIMES.header());
        let read = |epochs: &str, times: &str| {
            let mut history = History::default();
            history.read_epochs(epochs, times)?;
            Ok::<_, HistoryError>(history.epochs)
        };
        assert_eq!(read(&epochs, &times).unwrap(), records);
        assert_eq!(shares_of(&epochs), 2);
        assert!(read(&epochs, &format!("{}\n", TIMES.header())).is_err());
        assert!(read(&format!("{}\n", EPOCHS.header()), &times).is_err());
        // A file of a version that had no shares, and one of both.
        let earlier = format!("{}\n{}", EPOCHS.columns, written(0));
        let without = records.map(|record| EpochRecord {
            visited: None,
            ..record
        });
        assert_eq!(read(&earlier, &times).unwrap(), without);
        assert_eq!(shares_of(&earlier), 0);
        let mixed = format!("{}\n{}", EPOCHS.columns, written(1));
        assert!(read(&mixed, &times).is_err());
    }

    #[test]
    fn numbers_for_pictures_may_be_missing_or_cut() {
        let read = |lines: &str| whole_rows(&format!("{}\n{lines}", TIMES.header()), &TIMES);
        assert_eq!(read("1,0.5,10\n2,0."), (vec![vec![1.0, 0.5, 10.0]], None));
        let (odd, damage) = read("1,NaN,\n");
        assert!(odd[0][1].is_nan() && odd[0][2].is_nan() && damage.is_none());
        for wrong in ["1,2\n", "1,2,x\n"] {
            // What stands before the damage is kept.
            let (lines, damage) = read(&format!("1,0.5,10\n{wrong}3,0.5,10\n"));
            assert_eq!(lines, [[1.0, 0.5, 10.0]]);
            assert!(damage.unwrap().to_string().starts_with("line 3: expected "));
        }
        assert!(whole_rows("", &TIMES).1.is_some());
    }

    #[test]
    fn lines_that_no_run_writes_are_refused() {
        assert_eq!(steps("").unwrap().last_step, None);
        let good = "1,1,3,0.1,2.5,0.5\n";
        assert!(steps(good).is_ok());
        for wrong in [
            "1,1,3,0.1,2.5,0.5",
            "3,1,3,0.1,2.5,0.5\n",
            "1,1,3,NaN,2.5,0.5\n",
            "1,1,3,0.1,inf,0.5\n",
            "1,1,3,0.1,2.5\n",
            "1,1,3,0.1,2.5,0.5,\n",
            "\n",
            "a,1,3,0.1,2.5,0.5\n",
        ] {
            assert!(steps(wrong).is_err(), "{wrong}");
            assert!(steps(&format!("{good}{wrong}")).is_err(), "{wrong}");
        }
        let read = |text: &str| History::default().read_steps(text);
        assert!(read("").is_err() && read("step\n").is_err());
    }
}
