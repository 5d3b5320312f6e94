//! Mutated files of a run against their readers, as `tests/fuzz` does it with those of the library.

#[path = "../../../tests/fuzz/harness/mod.rs"]
mod harness;

use super::RunRecord;
use super::history::History;
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
    let mut history = History::default();
    if history.read_steps(&text).is_ok() {
        let count = text.split_terminator('\n').count() as u64 - 1;
        assert_eq!(history.last_step.map_or(0, |step| step.step), count);
        assert!(history.steps.losses().iter().all(|loss| loss.is_finite()));
    }
}

/// `epochs.csv` and `times.csv`, with a line of three dashes in between.
fn epochs_file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (epochs, times) = text.split_once("---\n").unwrap_or((&text, ""));
    let mut history = History::default();
    if history.read_epochs(epochs, times).is_ok() {
        let records = history.epochs;
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
    if let Err(error) = RunRecord::parse(&text) {
        assert!(error.to_string().len() < 2000);
    }
}
