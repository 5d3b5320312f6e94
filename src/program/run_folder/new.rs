//! Files and folders that are never overwritten.

use anyhow::anyhow;
use fused_mlp::files::{create_folders, shown};
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most names that are tried for one file or folder.
const MOST_NAMES: u32 = 1000;

/// The time by the system's clock; where that stands beyond the year 9999, the last that can be written.
pub fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

/// That something cannot be written, in one line.
pub fn unwritable(path: &Path, source: &io::Error) -> anyhow::Error {
    anyhow!("{}: cannot be written: {source}", shown(path))
}

/// That a new `what`, a file or a folder, is there already.
pub fn is_there(path: &Path, what: &str) -> anyhow::Error {
    let path = shown(path);
    anyhow!("{path} exists already and is never overwritten; choose another {what} with --out")
}

fn not_made(path: &Path, what: &str, source: &io::Error) -> anyhow::Error {
    match source.kind() {
        ErrorKind::AlreadyExists => is_there(path, what),
        _ => unwritable(path, source),
    }
}

/// Creates a folder, and those that it lies in.
///
/// # Errors
/// If it is there already, or cannot be made.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    create_parents(path)?;
    fs::create_dir(path).map_err(|error| not_made(path, "folder", &error))
}

fn create_parents(path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().unwrap_or(Path::new(""));
    create_folders(parent).map_err(|error| unwritable(path, &error))
}

/// Creates `base`, or if that is there already the first of `base-2`, `base-3`, ... that is not.
///
/// # Errors
/// As [`create_folder`].
pub fn create_numbered_folder(base: &str) -> anyhow::Result<PathBuf> {
    create_parents(Path::new(base))?;
    first_free(base, "", "folder", |path| fs::create_dir(path))
}

/// Writes a file that is not there yet. If that fails, nothing is left of it.
///
/// # Errors
/// If it is there already, or cannot be written.
pub fn write_new_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_new(path, bytes).map_err(|error| not_made(path, "file", &error))
}

/// Writes `out`, or where there is none `name.extension`, or if that is there already the first of
/// `name-2.extension`, `name-3.extension`, ... that is not; returns which.
///
/// # Errors
/// As [`write_new_file`].
pub fn write_named_or_numbered(
    out: Option<&Path>,
    name: &str,
    extension: &str,
    bytes: &[u8],
) -> anyhow::Result<PathBuf> {
    if let Some(out) = out {
        return write_new_file(out, bytes).map(|()| out.to_owned());
    }
    let end = format!(".{extension}");
    first_free(name, &end, "file", |path| write_new(path, bytes))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        // Nothing can be done about a file that cannot be removed.
        let _ = fs::remove_file(path);
    })
}

/// Makes the first of the numbered names that is free.
fn first_free(
    base: &str,
    end: &str,
    what: &str,
    make: impl Fn(&Path) -> io::Result<()>,
) -> anyhow::Result<PathBuf> {
    let mut path = PathBuf::from(format!("{base}{end}"));
    let mut number = 2;
    loop {
        match make(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MOST_NAMES => {
                path = PathBuf::from(format!("{base}-{number}{end}"));
                number += 1;
            }
            Err(error) => return Err(not_made(&path, what, &error)),
            Ok(()) => return Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_and_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("sheet").display().to_string();
        let first = write_named_or_numbered(None, &base, "png", b"1").unwrap();
        let second = write_named_or_numbered(None, &base, "png", b"2").unwrap();
        assert_eq!(fs::read(&first).unwrap(), b"1");
        assert_eq!(second, root.path().join("sheet-2.png"));
        let error = write_new_file(&first, b"3").unwrap_err().to_string();
        assert!(error.contains("never overwritten"), "{error}");
        assert_eq!(fs::read(&first).unwrap(), b"1");
        let error = write_new_file(&root.path().join("absent/file"), b"").unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }

    #[test]
    fn a_folder_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/run");
        create_folder(&path).unwrap();
        let error = create_folder(&path).unwrap_err().to_string();
        assert!(error.contains("never overwritten"), "{error}");
        // Something in the way of the parent.
        write_new_file(&path.join("file"), b"").unwrap();
        let error = create_folder(&path.join("file/run")).unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
