//! Mutated files against every reader: no panic, no abort, no hang, no memory without bound, and no
//! file accepted that is not whole.
//!
//! `TEST_FUSED_MLP_FUZZ=1000000 cargo test --release --test fuzz -- --nocapture` runs a million
//! executions of each target that reads from memory, and a twentieth of each that reads files; the
//! seeds lie in `tests/fuzz/corpus`. `TEST_FUSED_MLP_FUZZ_SEED` chooses other mutations.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod guard;
mod mutate;
mod targets;

use fused_mlp::random::{Purpose, Stream};
use guard::Watch;
use std::time::Instant;

/// Executions of a target where the environment does not tell.
const EXECUTIONS: u64 = 40_000;
/// Executions that read from memory, for each that reads files.
const FILES_SHARE: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn fuzz(name: &str, share: u64, target: impl Fn(&[u8])) {
    let seeds = corpus::seeds(name);
    let executions = number("TEST_FUSED_MLP_FUZZ", EXECUTIONS) / share;
    let mut stream = Stream::new(
        number("TEST_FUSED_MLP_FUZZ_SEED", 1),
        Purpose::SyntheticTest,
    );
    let watch = Watch::default();
    let start = Instant::now();
    watch.during(|| {
        seeds.iter().for_each(|seed| watch.execute(seed, &target));
        for _ in 0..executions {
            watch.execute(&mutate::mutated(&seeds, &mut stream), &target);
        }
    });
    println!(
        "{name}: {executions} executions in {:.1} s",
        start.elapsed().as_secs_f64()
    );
}

fn data_folder() -> targets::DataFolder {
    targets::DataFolder::new(&corpus::images(), &corpus::labels())
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
fn steps() {
    fuzz("steps", 1, targets::steps);
}

#[test]
fn epochs() {
    fuzz("epochs", 1, targets::epochs);
}

#[test]
fn run() {
    fuzz("run", 1, targets::run);
}

#[test]
fn picture() {
    fuzz("picture", FILES_SHARE, targets::picture);
}
