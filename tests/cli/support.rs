//! A small part of MNIST in a folder of its own, and the program run there.

use assert_cmd::Command;
use fused_mlp::mnist::{Dataset, Split};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Training and test samples of the small data set.
pub const TRAIN: usize = 600;
pub const TEST: usize = 200;

/// The full data set.
pub fn mnist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist")
}

/// An idx file.
pub fn idx(sizes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|&size| (size as u32).to_be_bytes()));
    file.extend(bytes);
    file
}

/// An empty current folder, and the small data set beside it.
pub struct Place {
    root: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self {
            root: TempDir::new().unwrap(),
        };
        fs::create_dir(place.folder()).unwrap();
        fs::create_dir(place.data()).unwrap();
        let dataset = Dataset::open(mnist()).unwrap();
        place.write_split("train", &dataset.train, TRAIN);
        place.write_split("t10k", &dataset.test, TEST);
        place
    }

    fn write_split(&self, name: &str, split: &Split, count: usize) {
        let (rows, columns) = (split.images.rows(), split.images.columns());
        let pixels = &split.images.bytes()[..count * rows * columns];
        let images = idx(&[count, rows, columns], pixels);
        let labels = idx(&[count], &split.labels.bytes()[..count]);
        let path = |kind: &str| self.data().join(format!("{name}-{kind}-ubyte"));
        fs::write(path("images-idx3"), images).unwrap();
        fs::write(path("labels-idx1"), labels).unwrap();
    }

    /// The current folder of the program.
    pub fn folder(&self) -> PathBuf {
        self.root.path().join("current")
    }

    /// The small data set.
    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A path in the current folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The program with these arguments, separated by spaces; the data set is set by environment.
    pub fn program(&self, arguments: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("fused-mlp"));
        command
            .current_dir(self.folder())
            .env("FUSED_MLP_DATA", self.data())
            .env_remove("FUSED_MLP_ISA")
            .env_remove("RAYON_NUM_THREADS")
            .env_remove("FUSED_MLP_CONFIG")
            .args(arguments.split_whitespace());
        command
    }

    /// The program below a limit of the shell, as `-f 4`.
    #[cfg(target_os = "linux")]
    pub fn limited(&self, limit: &str, arguments: &str) -> Command {
        let program = assert_cmd::cargo::cargo_bin!("fused-mlp").display();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit {limit}; exec {program} {arguments}")])
            .current_dir(self.folder())
            .env("FUSED_MLP_DATA", self.data());
        command
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub fn stdout(&self, arguments: &str) -> String {
        let output = self.program(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the program, which must fail with this code, print nothing and say one line.
    pub fn failure(&self, arguments: &str, code: i32) -> String {
        one_line_failure(&mut self.program(arguments), code)
    }
}

/// The line that a failing command says.
pub fn one_line_failure(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("error: "), "{line}");
    line
}

/// The objects of JSON lines.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The names of an object's fields.
pub fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}
