//! Reading whole files that somebody named: a pipe, a device or a file beyond all measure is refused
//! before a byte of it is read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a file of options or of a record, such as `run.json`.
pub const MAX_TEXT: u64 = 64 << 20;
/// Most bytes of a file with a line a step or an epoch.
pub const MAX_LINES: u64 = 8 << 30;

/// Opens a regular file, and tells its length.
///
/// # Errors
/// What the system said, or that it is no regular file.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    // Looked at before it is opened, because opening a pipe waits for a writer.
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other(
            "expected a regular file, found a pipe, socket or device",
        ));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// All bytes of a regular file of at most `most`.
///
/// # Errors
/// As [`open`]; that it is larger, or that memory does not hold it.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open(path)?;
    read_opened(file, length, most)
}

fn read_opened(file: File, length: u64, most: u64) -> io::Result<Vec<u8>> {
    check(length, most)?;
    let mut bytes = Vec::new();
    let room = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes
        .try_reserve_exact(room)
        .map_err(|_| io::ErrorKind::OutOfMemory)?;
    // It may grow meanwhile, and some files of the system do not tell their length.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    check(bytes.len() as u64, most)?;
    Ok(bytes)
}

/// The text of a regular file of at most `most` bytes.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_to_string(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?)
}

/// As [`read_to_string`], but from a pipe too, as shells make them of `<(command)`.
///
/// # Errors
/// As [`read_to_string`].
pub fn read_text_or_pipe(path: &Path, most: u64) -> io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if fs::metadata(path)?.file_type().is_fifo() {
            return text(read_opened(File::open(path)?, 0, most)?);
        }
    }
    read_to_string(path, most)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    // Notepad and PowerShell on Windows begin such files with a mark of the order of bytes.
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let text = match is_utf16 {
            true => "it is in UTF-16; save it as UTF-8".to_owned(),
            false => error.utf8_error().to_string(),
        };
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn check(length: u64, most: u64) -> io::Result<()> {
    if length <= most {
        return Ok(());
    }
    let text = format!("expected at most {most} bytes, found {length} or more");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"abc");
        assert_eq!(read_to_string(&path, 3).unwrap(), "abc");
        let error = read(&path, 2).unwrap_err().to_string();
        assert_eq!(error, "expected at most 2 bytes, found 3 or more");
        fs::write(&path, [0xff]).unwrap();
        let error = read_to_string(&path, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        // 20 GB that take no room on the disk.
        File::create(&path).unwrap().set_len(20 << 30).unwrap();
        assert!(read(&path, MAX_TEXT).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_not_read() {
        let error = read(Path::new("/dev/zero"), 9).unwrap_err().to_string();
        assert!(error.starts_with("expected a regular file"), "{error}");
        let error = read(Path::new("/"), 9).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_does_not_tell_its_length_is_bounded_too() {
        let path = Path::new("/proc/self/status");
        assert!(!read(path, MAX_TEXT).unwrap().is_empty());
        assert!(read(path, 9).is_err());
    }
}
