//! A file that grows line by line, or record by record, and survives a full disk and a crash.

use super::new::unwritable;
use anyhow::anyhow;
use flate2::Crc;
use fused_mlp::files::{shown, unreadable};
use fused_mlp::training::checkpoint::FileMark;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lines are kept in memory until they are in the file. A write that fails leaves no part of a line
/// behind, and is tried again with the next one.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    /// None before [`begin`](Self::begin) where it is not there.
    file: Option<File>,
    /// What was read, if its lines ended in CRLF: it is written again with LF.
    converted: Option<String>,
    /// What is in the file for good.
    written: Crc,
    length: u64,
    /// What is not.
    pending: Vec<u8>,
}

impl AppendFile {
    /// Creates an empty file, and locks it.
    ///
    /// # Errors
    /// If it cannot be made, or another process holds the lock.
    pub fn create(path: PathBuf) -> anyhow::Result<Self> {
        let file = lock(File::create_new(&path), &path)?;
        Ok(Self::new(path, Some(file)))
    }

    /// Opens a file and locks it, if it is there; nothing is read or changed yet.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(lock(opened, &path)?),
        };
        Ok(Self::new(path, file))
    }

    fn new(path: PathBuf, file: Option<File>) -> Self {
        Self {
            path,
            file,
            converted: None,
            written: Crc::new(),
            length: 0,
            pending: Vec::new(),
        }
    }

    /// What stands before `mark`, behind which the file is to go on. Nothing is changed.
    ///
    /// # Errors
    /// If the file does not begin as the mark says, or cannot be read.
    pub fn text_before(&mut self, mark: FileMark) -> anyhow::Result<String> {
        let changed = |found: &str| {
            anyhow!(
                "{}: expected its first {} bytes as they were when the checkpoint was written, \
                 found {found}",
                shown(&self.path),
                mark.bytes
            )
        };
        let Some(file) = &mut self.file else {
            return Err(changed("no file"));
        };
        let (bytes, is_converted) = lines_before(file, mark.bytes)
            .map_err(|error| anyhow!(unreadable(&self.path, &error, "the folder of a run")))?;
        let mut written = Crc::new();
        written.update(&bytes);
        if bytes.len() as u64 != mark.bytes || written.sum() != mark.crc32 {
            return Err(changed("others"));
        }
        let text = String::from_utf8(bytes).map_err(|error| changed(&error.to_string()))?;
        (self.written, self.length) = (written, mark.bytes);
        self.converted = is_converted.then(|| text.clone());
        Ok(text)
    }

    /// Cuts off what stands behind the text that was read last; a file of which nothing was read begins
    /// anew with a first line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(&mut self, header: &str) -> anyhow::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => lock(File::create_new(&self.path), &self.path)?,
        };
        let file = self.file.insert(file);
        let written = match self.converted.take() {
            Some(text) => file.rewind().and_then(|()| file.write_all(text.as_bytes())),
            None => Ok(()),
        };
        written
            .and_then(|()| file.set_len(self.length))
            .map_err(|error| unwritable(&self.path, &error))?;
        if self.length == 0 {
            self.append(format!("{header}\n"));
        }
        self.flush()
    }

    /// Adds text or bytes, which [`flush`](Self::flush) writes.
    pub fn append(&mut self, added: impl AsRef<[u8]>) {
        self.pending.extend_from_slice(added.as_ref());
    }

    /// Writes what was added.
    ///
    /// # Errors
    /// What the system says, or that the file is not at its place any more. What was added is kept
    /// for the next call.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.write_pending()
            .map_err(|error| unwritable(&self.path, &error))
    }

    fn write_pending(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut file = self.at_its_place()?;
        file.seek(SeekFrom::Start(self.length))?;
        if let Err(error) = file.write_all(&self.pending) {
            // Part of it may be there. If it cannot be cut off, the next write covers it.
            let _ = file.set_len(self.length);
            return Err(error);
        }
        self.length += self.pending.len() as u64;
        self.written.update(&self.pending);
        self.pending.clear();
        Ok(())
    }

    /// Writes what was added through to the disk, and tells where the file stands.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn mark(&mut self) -> anyhow::Result<FileMark> {
        self.flush()?;
        let synced = self.at_its_place().and_then(File::sync_data);
        synced.map_err(|error| unwritable(&self.path, &error))?;
        Ok(FileMark {
            bytes: self.length,
            crc32: self.written.sum(),
        })
    }

    /// The file. One that was removed can be written without an error, and nobody would ever see it.
    fn at_its_place(&self) -> io::Result<&File> {
        let file = self.file.as_ref();
        file.filter(|file| is_same(file, &self.path))
            .ok_or_else(|| io::Error::other("it was removed or replaced while the training ran"))
    }
}

/// Whether a path leads to an open file.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let (here, own) = (std::fs::metadata(path), file.metadata());
    here.is_ok() && here.map(identity).ok() == own.map(identity).ok()
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn is_same(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A file that was opened, locked. Where files have no locks, nobody holds one.
fn lock(opened: io::Result<File>, path: &Path) -> anyhow::Result<File> {
    let file = opened.map_err(|error| unwritable(path, &error))?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        let folder = path.parent().unwrap_or(path);
        return Err(anyhow!(
            "{} is being written by another process; wait for its end",
            shown(folder)
        ));
    }
    Ok(file)
}

/// The first bytes of a file, as many as there are; and whether its lines end in CRLF, as other programs write
/// them: the bytes then are those with LF.
fn lines_before(file: &mut File, count: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(count).read_to_end(&mut bytes)?;
    if !bytes.contains(&b'\r') {
        return Ok((bytes, false));
    }
    // No line is so short that this would not do.
    file.take(count).read_to_end(&mut bytes)?;
    let lines = bytes.split(|&byte| byte == b'\n');
    let lines: Vec<&[u8]> = lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    let mut bytes = lines.join(&b'\n');
    bytes.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    Ok((bytes, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_file(path: &Path, header: &str) -> AppendFile {
        let mut file = AppendFile::create(path.to_owned()).unwrap();
        file.begin(header).unwrap();
        file
    }

    #[test]
    fn a_file_is_cut_back_to_its_mark_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let mut file = new_file(&path, "a,b");
        file.append("1,2\n");
        let mark = file.mark().unwrap();
        file.append("3,4\n5,");
        file.flush().unwrap();
        drop(file);
        let cut_back = |mark| {
            let mut file = AppendFile::open(path.clone()).unwrap();
            file.text_before(mark).unwrap();
            file.begin("a,b").unwrap();
            file
        };
        let text = || std::fs::read_to_string(&path).unwrap();
        let mut file = cut_back(mark);
        assert_eq!(text(), "a,b\n1,2\n");
        file.append("6,7\n");
        let later = file.mark().unwrap();
        assert_eq!(text(), "a,b\n1,2\n6,7\n");
        drop(file);
        // The checksum goes on as well.
        drop(cut_back(later));
        assert_eq!(text(), "a,b\n1,2\n6,7\n");
        drop(cut_back(mark));
        assert_eq!(text(), "a,b\n1,2\n");
        // Of a file of which nothing was read, nothing stays.
        AppendFile::open(path.clone()).unwrap().begin("c").unwrap();
        assert_eq!(text(), "c\n");
    }

    #[test]
    fn another_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let mark = new_file(&path, "a,b").mark().unwrap();
        for other in ["a,c\n9\n", "a", ""] {
            std::fs::write(&path, other).unwrap();
            let error = AppendFile::open(path.clone()).unwrap().text_before(mark);
            let error = error.unwrap_err().to_string();
            assert!(error.ends_with(", found others"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let mut file = new_file(&path, "a");
        // Away from its place, it is as good as not written.
        let away = folder.path().join("away.csv");
        std::fs::rename(&path, &away).unwrap();
        file.append("1\n");
        assert!(file.flush().is_err() && file.mark().is_err());
        std::fs::rename(&away, &path).unwrap();
        file.append("2\n");
        file.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n1\n2\n");
    }

    #[test]
    fn two_do_not_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let first = AppendFile::create(path.clone()).unwrap();
        let error = AppendFile::open(path.clone()).unwrap_err().to_string();
        assert!(
            error.contains("being written by another process"),
            "{error}"
        );
        drop(first);
        assert!(AppendFile::open(path).is_ok());
    }
}
