//! What lies in a folder that is taken for one with a data set and is none.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::names::{MnistFile, files_of};
use crate::files::shown;

/// Most entries that are looked at.
const MOST_ENTRIES: usize = 2000;
/// How far below the folder they may be: `MNIST/raw` and one more.
const DEPTH: usize = 3;
/// Endings of files that hold images and are no idx files.
const FOREIGN: [&str; 7] = ["csv", "png", "jpg", "jpeg", "parquet", "npz", "mat"];

/// What was found and what would work; nothing if neither is known.
pub(super) fn hint(folder: &Path) -> Option<String> {
    let entries = entries(folder);
    let below = entries.iter().filter(|path| path.is_dir());
    if let Some(found) = { below }.find(|path| files_of(path, None).is_some()) {
        return Some(format!("found them in {}; give that folder", shown(found)));
    }
    let mut files = entries.iter().filter_map(|path| renamed(path));
    if let Some((found, own)) = files.next() {
        let emnist = match found.contains("emnist") {
            true => ", and give --transpose, as EMNIST's images are",
            false => "",
        };
        return Some(format!(
            "found {found}; copy it under the name {own}, and the others likewise{emnist}"
        ));
    }
    let is_foreign = |path: &&PathBuf| {
        let ending = path.extension().and_then(|it| it.to_str());
        ending.is_some_and(|it| FOREIGN.contains(&it.to_ascii_lowercase().as_str()))
    };
    let found = shown(entries.iter().find(is_foreign)?);
    Some(format!(
        "found {found}; images and labels have to be written as idx files, which data/README.md describes; \
         `fused-mlp predict` reads single PNG and JPEG files"
    ))
}

/// What is in a folder and those below it, the nearest first.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = VecDeque::from([(folder.to_owned(), 1)]);
    while let Some((folder, depth)) = folders.pop_front() {
        let room = MOST_ENTRIES.saturating_sub(found.len());
        let read = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = read.take(room).map(|entry| entry.path()).collect();
        paths.sort();
        let below = paths.iter().filter(|path| depth < DEPTH && path.is_dir());
        folders.extend(below.map(|path| (path.clone(), depth + 1)));
        found.extend(paths);
    }
    found
}

/// The name of an idx file with the name of its data set before it, as `emnist-letters-train-images-idx3-ubyte`
/// or `qmnist-test-labels-idx2-int.gz`, and what it has to be called.
fn renamed(path: &Path) -> Option<(String, String)> {
    let found = path.file_name()?.to_str()?;
    let plain = found.strip_suffix(".gz").unwrap_or(found);
    if MnistFile::ALL
        .iter()
        .any(|file| file.names().contains(&plain))
    {
        return None;
    }
    let holds = ["images", "labels"]
        .into_iter()
        .find(|it| plain.contains(it))?;
    let is_idx = [".idx", "-idx", "ubyte"]
        .iter()
        .any(|it| plain.contains(it));
    let split = match plain {
        _ if !is_idx => return None,
        name if name.contains("train") => "train",
        name if name.contains("test") || name.contains("t10k") => "t10k",
        _ => return None,
    };
    let rank = if holds == "images" { 3 } else { 1 };
    let gz = &found[plain.len()..];
    let own = format!("{split}-{holds}-idx{rank}-ubyte{gz}");
    Some((shown(path), own))
}
