//! The seeds: small sound files, and some that were wrong in an instructive way.

use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fuzz/corpus").join(name)
}

/// The seeds of a target, in the order of their names.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder(name)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    assert!(!files.is_empty(), "{name} has no seeds");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A sound file of six images of 2 x 3 pixels.
pub fn images() -> Vec<u8> {
    fs::read(folder("images").join("sound")).unwrap()
}

/// Their labels.
pub fn labels() -> Vec<u8> {
    let mut file = vec![0, 0, 8, 1, 0, 0, 0, 6];
    file.extend([0, 1, 0, 1, 1, 0]);
    file
}
