//! Folders that are never overwritten, and words about what cannot be written.

use anyhow::anyhow;
use fused_mlp::files::{create_folders, shown};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Most names that are tried for one folder.
const MOST_NAMES: u32 = 1000;

/// The time by the system's clock, in UTC, as RFC 3339 has it: `2026-11-28T12:34:56.123456789Z`. A clock
/// before 1970 counts as 1970, one beyond the year 9999 as its end.
pub fn now() -> String {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let now = SystemTime::now().clamp(SystemTime::UNIX_EPOCH, last);
    humantime::format_rfc3339_nanos(now).to_string()
}

/// Such a time without colons, to the second, for a name: `2026-11-28T12-34-56`.
pub fn name_of(time: &str) -> String {
    time[..19].replace(':', "-")
}

/// Such a time for readers: `2026-11-28 12:34 UTC`.
pub fn minute_of(time: &str) -> String {
    format!("{} {} UTC", &time[..10], &time[11..16])
}

/// That something cannot be written, in one line.
pub fn unwritable(path: &Path, source: &io::Error) -> anyhow::Error {
    anyhow!("{}: cannot be written: {source}", shown(path))
}

/// That something whose place `option` chooses cannot be written, and what to do.
pub fn unwritable_by(path: &Path, source: &io::Error, option: &str) -> anyhow::Error {
    let error = unwritable(path, source);
    match source.kind() {
        ErrorKind::NotFound => {
            anyhow!("{error}; make its folder first, or choose another place with {option}")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            anyhow!("{error}; choose another place with {option}")
        }
        _ => error,
    }
}

/// That a part of a new folder, or the folder, is there already.
pub fn is_there(path: &Path) -> anyhow::Error {
    let path = shown(path);
    anyhow!("{path} exists already and is never overwritten; choose another folder with --out")
}

fn not_made(path: &Path, source: &io::Error) -> anyhow::Error {
    match source.kind() {
        ErrorKind::AlreadyExists => is_there(path),
        _ => unwritable_by(path, source, "--out"),
    }
}

/// Creates a folder, and those that it lies in.
///
/// # Errors
/// If it is there already, or cannot be made.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    create_parents(path)?;
    fs::create_dir(path).map_err(|error| not_made(path, &error))
}

/// Creates the folders that a file or folder lies in.
///
/// # Errors
/// If one cannot be made.
pub fn create_parents(path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().unwrap_or(Path::new(""));
    create_folders(parent).map_err(|error| unwritable_by(path, &error, "--out"))
}

/// Creates `base`, or if that is there already the first of `base-2`, `base-3`, ... that is not.
///
/// # Errors
/// As [`create_folder`].
pub fn create_numbered_folder(base: &str) -> anyhow::Result<PathBuf> {
    create_parents(Path::new(base))?;
    let mut path = PathBuf::from(base);
    let mut number = 2;
    loop {
        match fs::create_dir(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MOST_NAMES => {
                path = PathBuf::from(format!("{base}-{number}"));
                number += 1;
            }
            Err(error) => return Err(not_made(&path, &error)),
            Ok(()) => return Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_for_names_and_for_readers() {
        let time = "2026-11-28T12:34:56.123456789Z";
        assert_eq!(name_of(time), "2026-11-28T12-34-56");
        assert_eq!(minute_of(time), "2026-11-28 12:34 UTC");
        assert_eq!(now().len(), time.len());
        assert!(humantime::parse_rfc3339(&now()).is_ok());
    }

    #[test]
    fn a_folder_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/run");
        create_folder(&path).unwrap();
        let error = create_folder(&path).unwrap_err().to_string();
        assert!(error.contains("never overwritten"), "{error}");
        // Something in the way of the parent.
        fs::write(path.join("file"), "").unwrap();
        let error = create_folder(&path.join("file/run")).unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
