//! Mutated files of a run against their readers, as `tests/fuzz` does it with those of the library.

#[path = "../../../tests/fuzz/harness/mod.rs"]
mod harness;

use super::SavedRun;
use super::history::{parse_epochs, parse_steps};
use harness::fuzz;

#[test]
fn steps() {
    fuzz("steps", 1, steps_file);
}

#[test]
fn epochs() {
    fuzz("epochs", 1, epochs_file);
}

#[test]
fn run() {
    fuzz("run", 1, run_file);
}

/// `steps.csv`.
fn steps_file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(steps) = parse_steps(&text) {
        assert!(
            steps
                .iter()
                .zip(1..)
                .all(|(step, number)| step.step == number)
        );
        assert!(steps.iter().all(|step| step.minibatch.loss.is_finite()));
        assert_eq!(steps.len() + 1, text.split_terminator('\n').count());
    }
}

/// `epochs.csv` and `times.csv`, with a line of three dashes in between.
fn epochs_file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (epochs, times) = text.split_once("---\n").unwrap_or((&text, ""));
    if let Ok(records) = parse_epochs(epochs, times) {
        assert!(
            records
                .iter()
                .zip(1..)
                .all(|(record, number)| record.epoch == number)
        );
        assert_eq!(records.len() + 1, times.split_terminator('\n').count());
    }
}

/// `run.json`.
fn run_file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Err(error) = SavedRun::parse(&text) {
        assert!(error.to_string().len() < 2000);
    }
}
