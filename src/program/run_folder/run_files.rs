//! The files of a run before its training begins or goes on.

use super::append_file::AppendFile;
use super::folder::{
    CSV_FILES, EPOCHS_FILE, RUN_FILE, RunFolder, RunFolderError, STEPS_FILE, TIMES_FILE,
    write_failed,
};
use super::history::{parse_epochs, parse_steps};
use super::new_folder::{create_folder, create_numbered_folder};
use super::saved_run::SavedRun;
use fused_mlp::training::checkpoint::HistoryMarks;
use fused_mlp::training::{EpochRecord, StepRecord};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The CSV files of a run, which no other process writes to. Nothing that is in them is changed before
/// [`cut_back`](Self::cut_back) or [`restart`](Self::restart).
#[derive(Debug)]
pub struct RunFiles {
    path: PathBuf,
    /// None for those that are not there.
    files: [Option<AppendFile>; 3],
    /// What was read last, and up to where.
    known: Option<(HistoryMarks, Vec<StepRecord>, Vec<EpochRecord>)>,
}

impl RunFiles {
    /// Creates `path`, or where there is none `runs/<date-time>-<seed>` with the time in UTC, and
    /// empty files in it.
    ///
    /// # Errors
    /// [`RunFolderError::Exists`] if `path` is there already, [`RunFolderError::Write`] if it cannot
    /// be made.
    pub fn create(path: Option<&Path>, seed: u64) -> Result<Self, RunFolderError> {
        let path = match path {
            Some(path) => {
                create_folder(path)?;
                path.to_owned()
            }
            None => {
                let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S");
                // Runs that start in the same second get a number.
                create_numbered_folder(&format!("runs/{time}-{seed}"))?
            }
        };
        let create = |(name, _)| {
            let file = AppendFile::create(path.join(name));
            file.map(Some).map_err(|source| failed(&path, name, source))
        };
        let open = || {
            let [steps, epochs, times] = CSV_FILES.map(create);
            Ok::<_, RunFolderError>([steps?, epochs?, times?])
        };
        let files = open().inspect_err(|_| Self::remove_unbegun(&path))?;
        Ok(Self {
            path,
            files,
            known: None,
        })
    }

    /// Removes the folder of a run that this process has made and could not begin, so that the same
    /// command can be given again. It stays if there is anything else in it.
    pub fn remove_unbegun(path: &Path) {
        for name in [RUN_FILE, STEPS_FILE, EPOCHS_FILE, TIMES_FILE] {
            // What is not there, or cannot be removed, changes nothing.
            let _ = fs::remove_file(path.join(name));
        }
        let _ = fs::remove_dir(path);
    }

    /// Opens the files that are there of the run in `path`, of which `saved` was read.
    ///
    /// # Errors
    /// [`RunFolderError::Write`] if one cannot be opened for writing, [`RunFolderError::Busy`] if
    /// another process works on the run, or has since `saved` was read.
    pub fn open(path: &Path, saved: &SavedRun) -> Result<Self, RunFolderError> {
        let open = |(name, _)| match AppendFile::open(path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|error| failed(path, name, error)),
        };
        let [steps, epochs, times] = CSV_FILES.map(open);
        let files = [steps?, epochs?, times?];
        let path = path.to_owned();
        // Only now nobody else can change it.
        if SavedRun::read(&path)? != *saved {
            return Err(RunFolderError::Busy { folder: path });
        }
        Ok(Self {
            path,
            files,
            known: None,
        })
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all files up to the moment of a checkpoint. Nothing is changed.
    ///
    /// # Errors
    /// [`RunFolderError::Changed`] if a file is not as it was then, [`RunFolderError::Read`] if it
    /// cannot be read, [`RunFolderError::History`] if it is not that of a run.
    pub fn read_before(&mut self, marks: &HistoryMarks) -> Result<(), RunFolderError> {
        let mut texts = [const { String::new() }; 3];
        let files = self.files.iter_mut().zip(CSV_FILES);
        let files = files.zip([marks.steps, marks.epochs, marks.times]);
        for (((file, (name, _)), mark), text) in files.zip(&mut texts) {
            let path = self.path.join(name);
            let changed = |found: String| RunFolderError::Changed {
                path: path.clone(),
                bytes: mark.bytes,
                found,
            };
            let file = file.as_mut();
            let file = file.ok_or_else(|| changed("no file".to_owned()))?;
            *text = file
                .text_before(mark)
                .map_err(|source| match source.kind() {
                    io::ErrorKind::InvalidData => changed(source.to_string()),
                    _ => RunFolderError::Read {
                        path: path.clone(),
                        source,
                    },
                })?;
        }
        let [steps, epochs, times] = texts;
        let wrong = |name: &str, source| RunFolderError::History {
            path: self.path.join(name),
            source,
        };
        let steps = parse_steps(&steps).map_err(|error| wrong(STEPS_FILE, error))?;
        let epochs = parse_epochs(&epochs, &times).map_err(|error| wrong(EPOCHS_FILE, error))?;
        self.known = Some((*marks, steps, epochs));
        Ok(())
    }

    /// Goes back to the moment of a checkpoint: what was written later is cut off, once all files are
    /// known to fit. Returns the last step before it, too. What was read last is not read again.
    ///
    /// # Errors
    /// As [`read_before`](Self::read_before); [`RunFolderError::Write`] if a file cannot be cut.
    pub fn cut_back(
        mut self,
        marks: &HistoryMarks,
    ) -> Result<(RunFolder, Option<StepRecord>), RunFolderError> {
        if self.known.as_ref().is_none_or(|(known, ..)| known != marks) {
            self.read_before(marks)?;
        }
        let (_, steps, epochs) = self.known.take().unwrap_or_default();
        let marks = [marks.steps, marks.epochs, marks.times];
        let folder = self.begin(|index, file| file.cut_back(marks[index]))?;
        Ok((folder.with_history(&steps, epochs), steps.last().copied()))
    }

    /// Goes back to the beginning, with a first line in each file.
    ///
    /// # Errors
    /// [`RunFolderError::Write`].
    pub fn restart(self) -> Result<RunFolder, RunFolderError> {
        self.begin(|index, file| file.restart(CSV_FILES[index].1))
    }

    /// Files that are not there are made.
    fn begin(
        self,
        prepare: impl Fn(usize, &mut AppendFile) -> io::Result<()>,
    ) -> Result<RunFolder, RunFolderError> {
        let path = self.path;
        let mut files = Vec::new();
        for (index, file) in self.files.into_iter().enumerate() {
            let name = CSV_FILES[index].0;
            let file = file.map_or_else(|| AppendFile::create(path.join(name)), Ok);
            let mut file = file.map_err(|source| failed(&path, name, source))?;
            prepare(index, &mut file).map_err(|source| write_failed(&file, source))?;
            files.push(file);
        }
        let files = files.try_into().expect("three files");
        Ok(RunFolder::new(path, files))
    }
}

/// Why a file cannot be opened or made.
fn failed(folder: &Path, name: &str, source: io::Error) -> RunFolderError {
    match source.kind() {
        io::ErrorKind::WouldBlock => RunFolderError::Busy {
            folder: folder.to_owned(),
        },
        _ => RunFolderError::Write {
            path: folder.join(name),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/run");
        RunFiles::create(Some(&path), 1).unwrap();
        let error = RunFiles::create(Some(&path), 1).unwrap_err();
        assert!(matches!(error, RunFolderError::Exists { .. }), "{error}");
        // Something in the way of the parent.
        let below_a_file = path.join(STEPS_FILE).join("run");
        let error = RunFiles::create(Some(&below_a_file), 1).unwrap_err();
        assert!(matches!(error, RunFolderError::Write { .. }), "{error}");
    }
}
