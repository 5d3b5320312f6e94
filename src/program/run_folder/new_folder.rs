//! Folders that are never overwritten.

use super::folder::RunFolderError;
use fused_mlp::files::create_folders;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Creates a folder, and those that it lies in.
///
/// # Errors
/// [`RunFolderError::Exists`] if it is there already, [`RunFolderError::Write`] if it cannot be
/// made.
pub fn create_folder(path: &Path) -> Result<(), RunFolderError> {
    let failed = |source| RunFolderError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        create_folders(parent).map_err(failed)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(RunFolderError::Exists {
            folder: path.to_owned(),
        }),
        other => other.map_err(failed),
    }
}

/// Creates `base`, or if that is there already the first of `base-2`, `base-3`, ... that is not.
///
/// # Errors
/// As [`create_folder`].
pub fn create_numbered_folder(base: &str) -> Result<PathBuf, RunFolderError> {
    let numbered = (2..1000).map(|number| format!("{base}-{number}"));
    for name in std::iter::once(base.to_owned()).chain(numbered) {
        let path = PathBuf::from(name);
        match create_folder(&path) {
            Ok(()) => return Ok(path),
            Err(RunFolderError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(RunFolderError::Exists {
        folder: base.into(),
    })
}
