//! The folder that a run leaves behind.

use super::append_file::AppendFile;
use super::history::{
    CSV_FILES, EPOCHS, History, STEPS, epoch_line, shares_of, step_line, time_line,
};
use super::new::{create_folder, create_numbered_folder, name_of, now, unwritable};
use super::record::{RUN_FILE, RunRecord};
use anyhow::{anyhow, bail};
use fused_mlp::files::shown;
use fused_mlp::training::checkpoint::{FileMark, HistoryMarks};
use fused_mlp::training::{Epoch, EpochRecord};
use std::fs;
use std::path::{Path, PathBuf};

/// The learning curve.
const CURVE_FILE: &str = "loss.svg";

/// The folder of a run, whose CSV files no other process writes to. Nothing that is in them is changed
/// before [`begin`](Self::begin).
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// As [`CSV_FILES`].
    files: [AppendFile; 3],
    /// Shares that the lines of epochs have: as many as in the version that began the run, whose checkpoints know
    /// the bytes before.
    shares: usize,
    history: History,
}

impl RunFolder {
    /// Creates `path`, or where there is none `runs/<date-time>-<seed>` with the time in UTC, and
    /// empty files in it.
    ///
    /// # Errors
    /// If `path` is there already, or it cannot be made.
    pub fn create(path: Option<&Path>, seed: u64) -> anyhow::Result<Self> {
        let path = match path {
            Some(path) => {
                create_folder(path)?;
                path.to_owned()
            }
            None => {
                let time = name_of(&now());
                // Runs that start in the same second get a number.
                create_numbered_folder(&format!("runs/{time}-{seed}"))?
            }
        };
        Self::with_files(path.clone(), AppendFile::create).inspect_err(|_| remove_unbegun(&path))
    }

    /// Opens the files of a run that goes on, of which `record` was read.
    ///
    /// # Errors
    /// If one cannot be opened for writing, or another process works on the run, or has since `record` was
    /// read.
    pub fn open(path: &Path, record: &RunRecord) -> anyhow::Result<Self> {
        let opened = Self::with_files(path.to_owned(), AppendFile::open)?;
        // Only now nobody else can change it.
        if RunRecord::read(path)? != *record {
            bail!(
                "{} is being written by another process; wait for its end",
                shown(path)
            );
        }
        Ok(opened)
    }

    fn with_files(
        path: PathBuf,
        open: impl Fn(PathBuf) -> anyhow::Result<AppendFile>,
    ) -> anyhow::Result<Self> {
        let [steps, epochs, times] = CSV_FILES.map(|file| open(path.join(file.name)));
        Ok(Self {
            files: [steps?, epochs?, times?],
            path,
            shares: EpochRecord::SHARES.len(),
            history: History::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its files hold.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Reads all files up to the moment of a checkpoint, to which [`begin`](Self::begin) goes back. Nothing
    /// is changed.
    ///
    /// # Errors
    /// If a file cannot be read, is not as it was then, or not that of a run.
    pub fn read_before(&mut self, marks: &HistoryMarks) -> anyhow::Result<()> {
        let [steps, epochs, times] = &mut self.files;
        let texts = [
            steps.text_before(marks.steps)?,
            epochs.text_before(marks.epochs)?,
            times.text_before(marks.times)?,
        ];
        let mut history = History::default();
        let wrong = |name: &str, error| anyhow!("{}: {error}", shown(&self.path.join(name)));
        let read = history.read_steps(&texts[0]);
        read.map_err(|error| wrong(STEPS.name, error))?;
        let read = history.read_epochs(&texts[1], &texts[2]);
        read.map_err(|error| wrong(EPOCHS.name, error))?;
        self.history = history;
        self.shares = shares_of(&texts[1]);
        Ok(())
    }

    /// Goes back to what was read last, or where nothing was, to the beginning. Files that are not there
    /// are made.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn begin(&mut self) -> anyhow::Result<()> {
        let mut files = self.files.iter_mut().zip(CSV_FILES);
        files.try_for_each(|(file, kind)| file.begin(&kind.header()))
    }

    /// Appends an epoch and its steps to the CSV files.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn add_epoch(&mut self, epoch: &Epoch) -> anyhow::Result<()> {
        self.history.add(epoch);
        let [steps, epochs, times] = &mut self.files;
        epoch
            .steps
            .iter()
            .for_each(|it| steps.append(step_line(it)));
        epochs.append(epoch_line(&epoch.record, self.shares));
        times.append(time_line(&epoch.record));
        self.flush()
    }

    /// Writes all lines that were added.
    ///
    /// # Errors
    /// If that fails; the lines are kept and written by the next call that can.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.files.iter_mut().try_for_each(AppendFile::flush)
    }

    /// Writes all lines through to the disk, and tells where the files stand.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn marks(&mut self) -> anyhow::Result<HistoryMarks> {
        let [steps, epochs, times]: [anyhow::Result<FileMark>; 3] =
            self.files.each_mut().map(AppendFile::mark);
        Ok(HistoryMarks {
            steps: steps?,
            epochs: epochs?,
            times: times?,
        })
    }

    /// Writes the learning curve into a file, which is returned.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_curve(&self, svg: &str) -> anyhow::Result<PathBuf> {
        let file = self.path.join(CURVE_FILE);
        fs::write(&file, svg).map_err(|error| unwritable(&file, &error))?;
        Ok(file)
    }
}

/// Removes the folder of a run that this process has made and could not begin, so that the same command
/// can be given again. It stays if there is anything else in it.
pub fn remove_unbegun(path: &Path) {
    let csv_files = CSV_FILES.iter().map(|file| file.name);
    for name in csv_files.chain([RUN_FILE]) {
        // What is not there, or cannot be removed, changes nothing.
        let _ = fs::remove_file(path.join(name));
    }
    let _ = fs::remove_dir(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Crc;
    use fused_mlp::training::EpochEnd;

    #[test]
    fn a_run_of_an_earlier_version_goes_on_with_its_columns() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        let lines = [
            (
                STEPS.name,
                "step,epoch,samples,learning_rate,loss,accuracy\n",
            ),
            (
                EPOCHS.name,
                "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate\n\
                 1,0.5,0.75,,,0.125\n",
            ),
            ("times.csv", "epoch,seconds,samples_per_second\n1,2,30\n"),
        ];
        let [steps, epochs, times] = lines.map(|(name, text)| {
            fs::write(path.join(name), text).unwrap();
            let mut crc = Crc::new();
            crc.update(text.as_bytes());
            FileMark {
                bytes: text.len() as u64,
                crc32: crc.sum(),
            }
        });
        let mut folder = RunFolder::with_files(path.to_owned(), AppendFile::open).unwrap();
        let marks = HistoryMarks {
            steps,
            epochs,
            times,
        };
        folder.read_before(&marks).unwrap();
        folder.begin().unwrap();
        let record = EpochRecord {
            epoch: 2,
            visited: Some(0.5),
            ..folder.history().epochs[0]
        };
        let (steps, end) = (Vec::new(), EpochEnd::Complete);
        folder.add_epoch(&Epoch { record, steps, end }).unwrap();
        let text = fs::read_to_string(path.join(EPOCHS.name)).unwrap();
        assert_eq!(text, format!("{}2,0.5,0.75,,,0.125\n", lines[1].1));
    }
}
