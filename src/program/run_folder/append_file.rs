//! A text file that grows line by line, and survives a full disk and a crash.

use flate2::Crc;
use fused_mlp::training::checkpoint::FileMark;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lines are kept in memory until they are in the file. A write that fails leaves no part of a line
/// behind, and is tried again with the next one.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
    /// What is in the file for good.
    written: Crc,
    length: u64,
    /// What is not.
    pending: Vec<u8>,
    /// The mark up to which the file was read last, and the checksum of what is before it.
    known: Option<(FileMark, Crc)>,
}

impl AppendFile {
    /// Creates an empty file, and locks it.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::WouldBlock`] if another process holds the lock.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        let file = File::create_new(&path)?;
        Self::locked(path, file)
    }

    /// Opens a file that is there, and locks it; nothing is read or changed yet.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Self::locked(path, file)
    }

    fn locked(path: PathBuf, file: File) -> io::Result<Self> {
        // Where files have no locks, nobody holds one.
        if matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Self {
            path,
            file,
            written: Crc::new(),
            length: 0,
            pending: Vec::new(),
            known: None,
        })
    }

    /// What stands before `mark`. Nothing is changed.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if the file does not begin as the mark says: its text is what
    /// was found instead.
    pub fn text_before(&mut self, mark: FileMark) -> io::Result<String> {
        let invalid = |found: String| io::Error::new(io::ErrorKind::InvalidData, found);
        self.file.rewind()?;
        let mut bytes = Vec::new();
        (&mut self.file).take(mark.bytes).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != mark.bytes {
            return Err(invalid(format!("only {}", bytes.len())));
        }
        let crc = checksum(&bytes);
        if crc.sum() != mark.crc32 {
            return Err(invalid("others".to_owned()));
        }
        self.known = Some((mark, crc));
        String::from_utf8(bytes).map_err(|error| invalid(error.to_string()))
    }

    /// Cuts the file back to `mark`. What [`text_before`](Self::text_before) has read is not read again.
    ///
    /// # Errors
    /// As [`text_before`](Self::text_before); the file is not changed then.
    pub fn cut_back(&mut self, mark: FileMark) -> io::Result<()> {
        if self.known.as_ref().is_none_or(|(known, _)| *known != mark) {
            self.text_before(mark)?;
        }
        self.file.set_len(mark.bytes)?;
        if let Some((_, crc)) = self.known.take() {
            self.written = crc;
        }
        self.length = mark.bytes;
        self.pending.clear();
        Ok(())
    }

    /// Empties the file down to a first line.
    pub fn restart(&mut self, header: &str) -> io::Result<()> {
        self.cut_back(FileMark::default())?;
        self.append(format!("{header}\n").as_bytes());
        self.flush()
    }

    /// Adds text, which [`flush`](Self::flush) writes.
    pub fn append(&mut self, text: &[u8]) {
        self.pending.extend_from_slice(text);
    }

    /// Writes what was added.
    ///
    /// # Errors
    /// What the system says, or that the file is not at its place any more. What was added is kept
    /// for the next call.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.check_place()?;
        self.file.seek(SeekFrom::Start(self.length))?;
        if let Err(error) = self.file.write_all(&self.pending) {
            // Part of it may be there. If it cannot be cut off, the next write covers it.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += self.pending.len() as u64;
        self.written.update(&self.pending);
        self.pending.clear();
        Ok(())
    }

    /// Writes what was added through to the disk, and tells where the file stands.
    pub fn mark(&mut self) -> io::Result<FileMark> {
        self.flush()?;
        self.check_place()?;
        self.file.sync_data()?;
        Ok(FileMark {
            bytes: self.length,
            crc32: self.written.sum(),
        })
    }

    /// A file that was removed can be written without an error, and nobody would ever see it.
    #[cfg(unix)]
    fn check_place(&self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let here = std::fs::metadata(&self.path).map(identity);
        if here.is_ok_and(|here| {
            self.file
                .metadata()
                .map(identity)
                .is_ok_and(|own| own == here)
        }) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            "it was removed or replaced while the training ran",
        ))
    }

    #[cfg(not(unix))]
    fn check_place(&self) -> io::Result<()> {
        std::fs::metadata(&self.path).map(|_| ())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn checksum(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_file(path: &Path, header: &str) -> AppendFile {
        let mut file = AppendFile::create(path.to_owned()).unwrap();
        file.restart(header).unwrap();
        file
    }

    #[test]
    fn a_file_is_cut_back_to_its_mark_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let mut file = new_file(&path, "a,b");
        file.append(b"1,2\n");
        let mark = file.mark().unwrap();
        file.append(b"3,4\n5,");
        file.flush().unwrap();
        drop(file);
        let mut file = AppendFile::open(path.clone()).unwrap();
        file.cut_back(mark).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n");
        file.append(b"6,7\n");
        let later = file.mark().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n6,7\n");
        // The checksum goes on as well.
        file.cut_back(later).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n6,7\n");
        file.cut_back(mark).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n");
    }

    #[test]
    fn another_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let mark = new_file(&path, "a,b").mark().unwrap();
        for (other, found) in [("a,c\n9\n", "others"), ("a", "only 1"), ("", "only 0")] {
            std::fs::write(&path, other).unwrap();
            let error = AppendFile::open(path.clone()).unwrap().cut_back(mark);
            let error = error.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert_eq!(error.to_string(), found);
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
        file.append(b"1\n");
        assert!(file.flush().is_err() && file.mark().is_err());
        std::fs::rename(&away, &path).unwrap();
        file.append(b"2\n");
        file.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n1\n2\n");
    }

    #[test]
    fn two_do_not_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let first = AppendFile::create(path.clone()).unwrap();
        let error = AppendFile::open(path.clone()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        assert!(AppendFile::open(path).is_ok());
    }
}
