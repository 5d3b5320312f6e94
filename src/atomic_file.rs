//! Files that are complete or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path`, replacing what is there: they go to a temporary file beside it, which
/// is then renamed.
///
/// # Errors
/// What the system says. What was at `path` before is still there then.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".partial");
    let temporary = PathBuf::from(temporary);
    let result = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // Nothing can be done about a file that cannot be removed; it is never read.
        let _ = fs::remove_file(&temporary);
    }
    result
}
