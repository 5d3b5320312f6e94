//! Mutated files against every reader: no panic, no abort, no hang, no memory without bound, and no
//! file accepted that is not whole.
//!
//! `TEST_FUSED_MLP_FUZZ=1000000 cargo test --release --test fuzz -- --nocapture` runs a million
//! executions of each target that reads from memory, and a twentieth of each that reads files; the
//! seeds lie in `tests/fuzz/corpus`. `TEST_FUSED_MLP_FUZZ_SEED` chooses other mutations.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod targets;

use harness::fuzz;

/// Executions that read from memory, for each that reads files.
const FILES_SHARE: u64 = 20;

fn data_folder() -> targets::DataFolder {
    targets::DataFolder::new(&targets::images(), &targets::labels())
}

#[test]
fn header() {
    fuzz("images", 1, targets::header);
}

#[test]
fn images() {
    let folder = data_folder();
    fuzz("images", FILES_SHARE, |input| folder.images(input));
}

#[test]
fn labels() {
    let folder = data_folder();
    fuzz("labels", FILES_SHARE, |input| folder.labels(input));
}

#[test]
fn gzip() {
    let folder = data_folder();
    fuzz("gzip", FILES_SHARE, |input| folder.gzip(input));
}

#[test]
fn compressed() {
    let folder = data_folder();
    fuzz("images", FILES_SHARE, |input| folder.compressed(input));
}

#[test]
fn model() {
    fuzz("model", 1, targets::model);
}

#[test]
fn foreign() {
    fuzz("foreign", 1, targets::foreign);
}

#[test]
fn checkpoint() {
    fuzz("checkpoint", 1, targets::checkpoint);
}

#[test]
fn payload() {
    fuzz("checkpoint", 1, targets::payload);
}

#[test]
fn picture() {
    fuzz("picture", FILES_SHARE, targets::picture);
}
