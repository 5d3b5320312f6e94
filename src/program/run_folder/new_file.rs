//! Files that are never overwritten.

use fused_mlp::files::shown;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewFileError {
    /// It is there already.
    #[error(
        "{} exists already and is never overwritten; choose another file with --out",
        shown(file)
    )]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// It cannot be written.
    #[error("{}: cannot be written: {source}", shown(file))]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a file that is not there yet. If that fails, nothing is left of it.
///
/// # Errors
/// A [`NewFileError`].
pub fn write_new_file(path: &Path, bytes: &[u8]) -> Result<(), NewFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => NewFileError::Exists { file: path.into() },
        _ => NewFileError::Write {
            file: path.into(),
            source,
        },
    };
    let mut file = File::create_new(path).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Nothing can be done about a file that cannot be removed.
        let _ = fs::remove_file(path);
        failed(error)
    })
}

/// Writes `name.extension`, or if that is there already the first of `name-2.extension`,
/// `name-3.extension`, ... that is not; returns which.
///
/// # Errors
/// As [`write_new_file`].
pub fn write_numbered_file(
    name: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<PathBuf, NewFileError> {
    let mut path = PathBuf::from(format!("{name}.{extension}"));
    for number in 2.. {
        match write_new_file(&path, bytes) {
            Err(NewFileError::Exists { .. }) if number < 1000 => {
                path = PathBuf::from(format!("{name}-{number}.{extension}"));
            }
            other => return other.map(|()| path),
        }
    }
    unreachable!("the thousandth name ends the loop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_and_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("sheet").display().to_string();
        let first = write_numbered_file(&base, "png", b"1").unwrap();
        let second = write_numbered_file(&base, "png", b"2").unwrap();
        assert_eq!(fs::read(&first).unwrap(), b"1");
        assert_eq!(second, root.path().join("sheet-2.png"));
        let error = write_new_file(&first, b"3").unwrap_err().to_string();
        assert!(error.contains("never overwritten"), "{error}");
        assert_eq!(fs::read(&first).unwrap(), b"1");
        let error = write_new_file(&root.path().join("absent/file"), b"").unwrap_err();
        assert!(matches!(error, NewFileError::Write { .. }), "{error}");
    }
}
