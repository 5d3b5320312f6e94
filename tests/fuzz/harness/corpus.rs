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
