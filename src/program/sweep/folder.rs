//! The folder of a sweep: what is done is kept, and is not done again.
//!
//! | file | content |
//! | --- | --- |
//! | `sweep.json` | what the sweep is: its options and the checksums of its data |
//! | `sweep.csv` | one line for each run that has ended |
//! | `epochs.csv` | one line for each of their epochs |
//! | `times.csv` | one line for the wall time of each epoch, and of each run |
//! | `part-I-of-N` | of a sweep on many machines: what one of them did, a folder like this one |
//!
//! The lines of a run are appended when it ends, that in `sweep.csv` last, so that a run in there is
//! always whole. When the program ends they stand in the order of the runs.

use super::files::{
    RUNS_FILE, SWEEP_FILE, check_empty, check_same, failed, read_description, read_results,
};
use super::{RunConfiguration, RunRecord, RunResult, Shard, parts};
use crate::run_folder::history::{EPOCHS, TIMES, epoch_line, time_line};
use crate::run_folder::unwritable_by;
use anyhow::bail;
use fused_mlp::files::{atomic, create_folders, shown};
use fused_mlp::training::EpochRecord;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of a sweep, and the runs that are done.
#[derive(Debug)]
pub struct SweepFolder {
    /// Where it is.
    pub path: PathBuf,
    configurations: Vec<RunConfiguration>,
    part: Shard,
    /// Runs that are done: those that were done before in their order, then others as they ended.
    pub results: Vec<RunResult>,
    /// `sweep.json`, locked while this exists, so that no two processes write here. A lock ends with
    /// its process, however that ends.
    _lock: File,
}

impl SweepFolder {
    /// Begins a sweep in a folder that is new or empty, or goes on with the one that is there; or with a part
    /// of it, in a folder in there. A whole sweep of which there are parts is put together from them.
    ///
    /// `description` has the options of the sweep by their names on the command line; a sweep is the same
    /// if they are equal, but for `data`: the folder of the data may have moved, and their checksums tell.
    ///
    /// # Errors
    /// If the folder holds something else, another sweep or broken files, or cannot be
    /// written; if other parts are not done.
    pub fn open(
        path: &Path,
        description: Map<String, Value>,
        configurations: &[RunConfiguration],
        part: Option<Shard>,
    ) -> anyhow::Result<Self> {
        let create = |path: &Path| {
            create_folders(path).map_err(|error| unwritable_by(path, &error, "--out"))
        };
        create(path)?;
        let parts = parts::found(path)?;
        let (mut path, mut results) = (path.to_owned(), None);
        if let Some(part) = part {
            parts::check(&path, part, &parts, &description)?;
            path.push(part.folder());
            create(&path)?;
        } else if !parts.is_empty() {
            let all = parts::put_together(&path, &parts, &description, configurations)?;
            results = Some(all);
        }
        let file = path.join(SWEEP_FILE);
        match read_description(&path)? {
            Some(found) => check_same(&path, &found, &description)?,
            None => {
                check_empty(&path)?;
                let text = format!("{:#}\n", Value::from(description));
                atomic::write(&file, text.as_bytes())
                    .map_err(|error| unwritable_by(&file, &error, "--out"))?;
            }
        }
        let part = part.unwrap_or(Shard::WHOLE);
        // While nobody else writes.
        let lock = lock(&path, &file)?;
        let mut folder = Self {
            results: match results {
                Some(all) => all,
                None => read_results(&path, part, configurations.len())?,
            },
            path,
            configurations: configurations.to_vec(),
            part,
            _lock: lock,
        };
        folder.put_in_order()?;
        Ok(folder)
    }

    /// What the sweep in a folder is, or that of its parts, if there is one.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn description(path: &Path) -> anyhow::Result<Option<Map<String, Value>>> {
        match path.is_dir() {
            true => match read_description(path)? {
                None => parts::description(path, &parts::found(path)?),
                found => Ok(found),
            },
            false => Ok(None),
        }
    }

    /// Number of runs that belong here.
    pub fn runs(&self) -> usize {
        self.part.places(self.configurations.len()).count()
    }

    /// Places in the list of configurations of the runs that are not done.
    pub fn todo(&self) -> Vec<usize> {
        let done: BTreeSet<usize> = self.results.iter().map(|result| result.index).collect();
        let all = self.part.places(self.configurations.len());
        all.filter(|index| !done.contains(index)).collect()
    }

    /// Keeps a run that has ended, and gives it back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, result: RunResult) -> anyhow::Result<&RunResult> {
        self.append(EPOCHS.name, epoch_lines(&result).as_bytes())?;
        self.append(TIMES.name, time_lines(&result).as_bytes())?;
        self.append(RUNS_FILE, &csv([self.run_line(&result)])?)?;
        self.results.push(result);
        Ok(&self.results[self.results.len() - 1])
    }

    fn append(&self, name: &str, lines: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| {
            file.write_all(lines)?;
            file.sync_data()
        });
        written.map_err(failed(&path, "written"))
    }

    /// Writes the CSV files anew, with the runs that are done, in their order, and nothing else.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn put_in_order(&mut self) -> anyhow::Result<()> {
        self.results.sort_by_key(|result| result.index);
        let options = self.configurations[0].texts().into_iter();
        let options: Vec<&str> = options.map(|(name, _)| name).collect();
        let options = options.join(",");
        let results = self.results.iter();
        let runs = csv(results.clone().map(|result| self.run_line(result)))?;
        let epochs: String = results.clone().map(epoch_lines).collect();
        let times: String = results.map(time_lines).collect();
        for (name, columns, lines) in [
            (EPOCHS.name, EPOCHS.header(), epochs.into_bytes()),
            (TIMES.name, TIMES.header(), times.into_bytes()),
            (RUNS_FILE, format!("{options},{RUN_COLUMNS}"), runs),
        ] {
            let path = self.path.join(name);
            let text = [format!("run,{columns}\n").as_bytes(), &lines].concat();
            atomic::write(&path, &text).map_err(failed(&path, "written"))?;
        }
        Ok(())
    }

    /// A run in `sweep.csv`: its number, its options and what it gave.
    fn run_line<'a>(&self, result: &'a RunResult) -> (usize, Vec<String>, &'a RunRecord) {
        let options = self.configurations[result.index].texts().into_iter();
        let options = options.map(|(_, text)| text).collect();
        (result.index + 1, options, &result.record)
    }
}

/// Names of the fields of a [`RunRecord`].
const RUN_COLUMNS: &str = "outcome,epochs_done,train_loss,train_accuracy,validation_loss,\
                           validation_accuracy,best_epoch,best_validation_accuracy,test_loss,\
                           test_accuracy";

/// The epochs of a run, each with the run's number.
fn epoch_lines(result: &RunResult) -> String {
    let run = result.index + 1;
    let line = |record| format!("{run},{}", epoch_line(record, EpochRecord::SHARES.len()));
    result.epochs.iter().map(line).collect()
}

/// Their times, and that of the run, which is of no epoch.
fn time_lines(result: &RunResult) -> String {
    let run = result.index + 1;
    let line = |record| format!("{run},{}", time_line(record));
    let epochs: String = result.epochs.iter().map(line).collect();
    format!("{epochs}{run},,{},\n", result.seconds)
}

/// Lines of a CSV file.
fn csv(lines: impl IntoIterator<Item = impl Serialize>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new();
    let mut writer = writer.has_headers(false).from_writer(Vec::new());
    lines
        .into_iter()
        .try_for_each(|line| writer.serialize(line))?;
    Ok(writer.into_inner()?)
}

fn lock(folder: &Path, file: &Path) -> anyhow::Result<File> {
    let opened = File::open(file).map_err(failed(file, "read"))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => bail!(
            "another process is at work on the sweep in {}; wait for it, or choose another folder \
             with --out",
            shown(folder)
        ),
        // Where files have no locks, as on many network file systems, nobody holds one.
        Err(TryLockError::Error(_)) => Ok(opened),
    }
}
