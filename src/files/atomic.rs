//! Files that are complete or not there, whenever the process or the machine stops.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Ending of the names of files that are being written.
pub const PARTIAL: &str = "partial";

/// Writes `bytes` to `path`, replacing what is there: they go to a temporary file beside it, which
/// is then renamed. Both the file and the name are on the disk when this returns.
///
/// # Errors
/// What the system says. What was at `path` before is still there then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{PARTIAL}"));
    let temporary = PathBuf::from(temporary);
    let result = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    if result.is_err() {
        // Nothing can be done about a file that cannot be removed; it is never read.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// A rename is a change of the folder, which has to reach the disk too.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    match File::open(parent.unwrap_or(Path::new(".")))?.sync_all() {
        // Some network file systems cannot do it.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Elsewhere folders cannot be opened as files.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // The temporary file cannot be made, so nothing can happen to the file itself.
        fs::create_dir(folder.path().join("run.json.partial")).unwrap();
        assert!(write(&path, b"third").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }
}
