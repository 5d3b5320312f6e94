//! A file that a command writes once it has its result: one that is there already is replaced with
//! `--overwrite` alone, and whether it can be written is known before the work for it begins.

use super::new::{create_parents, unwritable, unwritable_by};
use anyhow::{anyhow, bail};
use clap::Args;
use fused_mlp::files::{atomic, shown};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Most names that are tried for one file.
const MOST_NAMES: u32 = 1000;

/// `--overwrite`, for every command that writes files.
#[derive(Debug, Clone, Copy, Args)]
pub struct OverwriteArgs {
    /// Replace a file that is there already; else it is refused, or a name of the program's is numbered
    #[arg(long, alias = "force")]
    pub overwrite: bool,
}

/// The place of a file.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    /// The option that chooses another place.
    option: &'static str,
    /// Numbered where it is there already.
    is_default: bool,
    replaces: bool,
}

impl NewFile {
    /// The file that `option` names.
    ///
    /// # Errors
    /// If it is there already, or cannot be written.
    pub fn named(path: &Path, option: &'static str, args: OverwriteArgs) -> anyhow::Result<Self> {
        let file = Self {
            path: path.to_owned(),
            option,
            is_default: false,
            replaces: args.overwrite,
        };
        if path.is_dir() {
            let path = shown(path);
            bail!("{path} is a folder; expected the name of a file with {option}");
        }
        if path.exists() && !args.overwrite {
            return Err(file.is_there());
        }
        file.probe()?;
        Ok(file)
    }

    /// The file that `option` names, if it names one.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn asked(
        path: Option<&Path>,
        option: &'static str,
        args: OverwriteArgs,
    ) -> anyhow::Result<Option<Self>> {
        let file = path.map(|path| Self::named(path, option, args));
        file.transpose()
    }

    /// The file that `--out` names, or where it names none `default`, whose folder is made, and which is
    /// numbered if it is there already.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn named_or(
        named: Option<&Path>,
        default: PathBuf,
        args: OverwriteArgs,
    ) -> anyhow::Result<Self> {
        if let Some(path) = named {
            return Self::named(path, "--out", args);
        }
        create_parents(&default)?;
        let file = Self {
            path: default,
            option: "--out",
            is_default: true,
            replaces: args.overwrite,
        };
        file.probe()?;
        Ok(file)
    }

    /// Writes the file, and tells where it is. If that fails, nothing is left of it, and one that was to be
    /// replaced stays.
    ///
    /// # Errors
    /// If it has come to be there meanwhile, or cannot be written.
    pub fn write(&self, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        if self.replaces {
            atomic::write(&self.path, bytes).map_err(|error| unwritable(&self.path, &error))?;
            return Ok(self.path.clone());
        }
        let mut number = 1;
        loop {
            let path = self.numbered(number);
            match write_new(&path, bytes) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if !self.is_default || number == MOST_NAMES {
                        return Err(self.is_there());
                    }
                    number += 1;
                }
                Err(error) => return Err(unwritable(&path, &error)),
                Ok(()) => return Ok(path),
            }
        }
    }

    /// `report.html`, then `report-2.html` and so on.
    fn numbered(&self, number: u32) -> PathBuf {
        if number == 1 {
            return self.path.clone();
        }
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    fn is_there(&self) -> anyhow::Error {
        let (path, option) = (shown(&self.path), self.option);
        anyhow!(
            "{path} exists already; choose another name with {option}, or replace it with --overwrite"
        )
    }

    /// Makes the file that replacing it would begin with, and removes it.
    fn probe(&self) -> anyhow::Result<()> {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{}", atomic::PARTIAL));
        match File::create_new(&name) {
            // Another process may be writing it, which shows that it can be written.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(unwritable_by(&self.path, &error, self.option)),
            Ok(_) => fs::remove_file(&name).map_err(|error| unwritable(&self.path, &error)),
        }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        // Nothing can be done about a file that cannot be removed.
        let _ = fs::remove_file(path);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: OverwriteArgs = OverwriteArgs { overwrite: false };
    const REPLACED: OverwriteArgs = OverwriteArgs { overwrite: true };

    #[test]
    fn a_name_of_the_program_is_numbered_and_a_given_one_refused() {
        let root = tempfile::tempdir().unwrap();
        let default = root.path().join("sheets/sheet.png");
        let new = || NewFile::named_or(None, default.clone(), KEPT).unwrap();
        let first = new().write(b"1").unwrap();
        assert_eq!(first, default);
        let second = new().write(b"2").unwrap();
        assert_eq!(second, root.path().join("sheets/sheet-2.png"));
        let error = NewFile::named(&first, "--save", KEPT).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("exists already; choose another name with --save"));
        assert_eq!(fs::read(&first).unwrap(), b"1");
        for file in [
            NewFile::named(&first, "--save", REPLACED).unwrap(),
            NewFile::named_or(None, default.clone(), REPLACED).unwrap(),
        ] {
            assert_eq!(file.write(b"3").unwrap(), first);
        }
        assert_eq!(fs::read(&first).unwrap(), b"3");
        assert_eq!(fs::read(&second).unwrap(), b"2");
        // Nothing stays of the looks at whether they can be written.
        assert_eq!(fs::read_dir(root.path().join("sheets")).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_came_meanwhile_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.csv");
        let file = NewFile::named(&path, "--predictions", KEPT).unwrap();
        fs::write(&path, "other").unwrap();
        let error = file.write(b"own").unwrap_err().to_string();
        assert!(error.contains("exists already"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let root = tempfile::tempdir().unwrap();
        let absent = root.path().join("absent/x.csv");
        let error = NewFile::named(&absent, "--save", KEPT).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("cannot be written") && error.contains("with --save"));
        let folder = NewFile::named(root.path(), "--out", REPLACED).unwrap_err();
        assert!(folder.to_string().contains("is a folder"), "{folder}");
    }
}
