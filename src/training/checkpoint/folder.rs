//! The folder of checkpoints within a run folder.

use super::{Checkpoint, CheckpointError, load, to_bytes};
use crate::files::atomic::{self, PARTIAL};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Name of the folder within the run folder.
pub const FOLDER: &str = "checkpoints";
const PREFIX: &str = "step-";
const SUFFIX: &str = ".checkpoint";
/// Checkpoints that are kept: should the newest be damaged, there is one before it.
const KEPT: usize = 2;

/// Writes and finds checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
}

/// A checkpoint that was found.
#[derive(Debug)]
pub struct Loaded {
    /// Its file.
    pub file: PathBuf,
    /// What it holds.
    pub checkpoint: Checkpoint,
    /// Why newer ones cannot be used.
    pub skipped: Vec<CheckpointError>,
}

impl CheckpointFolder {
    /// Of a run folder; nothing is made yet.
    pub fn new(run: &Path) -> Self {
        Self {
            path: run.join(FOLDER),
        }
    }

    /// Writes a checkpoint of a training that has taken so many steps, and removes all but the
    /// newest two. It is complete or not there, whenever the process or the machine stops: its bytes
    /// go to a temporary file, which is synced and renamed, and then the folder is synced.
    ///
    /// # Errors
    /// [`CheckpointError::Write`]; the checkpoints before are still there then.
    pub fn write(&self, checkpoint: &Checkpoint, steps: u64) -> Result<PathBuf, CheckpointError> {
        let file = self.path.join(format!("{PREFIX}{steps:012}{SUFFIX}"));
        let write = || {
            match fs::create_dir(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            move_aside(&file)?;
            atomic::write(&file, &to_bytes(checkpoint))
        };
        write().map_err(|source| CheckpointError::Write {
            file: file.clone(),
            source,
        })?;
        self.remove_old(&file);
        Ok(file)
    }

    /// Newest first.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            other => other?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
                files.push(path);
            }
        }
        files.sort_unstable_by(|a, b| b.cmp(a));
        Ok(files)
    }

    /// Removes what a process that was killed while it wrote a checkpoint has left. Nobody else may
    /// be writing one. A file too many spoils nothing, so failures are left alone.
    pub fn remove_partial(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return;
        };
        let paths = entries.flatten().map(|entry| entry.path());
        for path in paths.filter(|path| path.extension().is_some_and(|it| it == PARTIAL)) {
            let _ = fs::remove_file(path);
        }
    }

    /// A file too many spoils nothing, so failures are left alone. What is no file does not count, nor
    /// what is of later steps than `newest`: it was of no use when the training went back before it.
    fn remove_old(&self, newest: &Path) {
        let files = self.files().unwrap_or_default().into_iter();
        let files = files.filter(|file| file.is_file() && file.as_path() <= newest);
        for file in files.skip(KEPT) {
            let _ = fs::remove_file(file);
        }
    }

    /// The newest checkpoint that is whole; `None` if there is no file at all.
    ///
    /// # Errors
    /// If there are files but none of them can be used: that of the newest.
    pub fn newest(&self) -> Result<Option<Loaded>, CheckpointError> {
        self.newest_that(|_| Ok::<_, &str>(()))
    }

    /// The newest checkpoint that is whole and that `check` has nothing against.
    ///
    /// # Errors
    /// As [`newest`](Self::newest); if any is whole, [`CheckpointError::Unfit`] of the newest of these.
    pub fn newest_that<E: Display>(
        &self,
        mut check: impl FnMut(&Checkpoint) -> Result<(), E>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        let files = self.files().map_err(|source| CheckpointError::Read {
            file: self.path.clone(),
            source,
        })?;
        let mut skipped = Vec::new();
        for file in files {
            let checked = load(&file).and_then(|checkpoint| match check(&checkpoint) {
                Ok(()) => Ok(checkpoint),
                Err(reason) => Err(CheckpointError::Unfit {
                    file: file.clone(),
                    reason: reason.to_string(),
                }),
            });
            match checked {
                Ok(checkpoint) => {
                    return Ok(Some(Loaded {
                        file,
                        checkpoint,
                        skipped,
                    }));
                }
                Err(error) => skipped.push(error),
            }
        }
        let is_unfit = |error: &CheckpointError| matches!(error, CheckpointError::Unfit { .. });
        let told = skipped.iter().position(is_unfit).unwrap_or(0);
        match skipped.into_iter().nth(told) {
            None => Ok(None),
            Some(error) => Err(error),
        }
    }
}

/// Whether there is no folder: nothing, or a file of its name.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Renames a folder that stands where a file belongs: somebody else made it, so it is kept.
fn move_aside(file: &Path) -> io::Result<()> {
    match fs::symlink_metadata(file) {
        Ok(metadata) if metadata.is_dir() => {
            let mut aside = file.as_os_str().to_owned();
            aside.push(".aside");
            fs::rename(file, aside)
        }
        _ => Ok(()),
    }
}
