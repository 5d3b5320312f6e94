//! What could not be written, while the training goes on.

use crate::terminal::output::{message, one_line};
use std::collections::BTreeMap;

/// What is written on the way, for the case that the training is interrupted.
pub const CHECKPOINT: &str = "a checkpoint";

/// Failures to write that may pass: a full disk is emptied, a folder comes back.
#[derive(Debug, Default)]
pub struct Saving {
    failures: BTreeMap<&'static str, anyhow::Error>,
}

impl Saving {
    /// Notes how it went to write `what`. A failure is told once, until it has passed.
    pub fn note<T>(&mut self, what: &'static str, result: anyhow::Result<T>) -> Option<T> {
        let before = self.failures.remove(what);
        result
            .map_err(|error| {
                if before.is_none() {
                    message(&format!(
                        "warning: {}; the training goes on, and this is tried again later",
                        one_line(&error)
                    ));
                }
                self.failures.insert(what, error)
            })
            .ok()
    }

    /// Forgets that `what` is not written, as it is no longer needed.
    pub fn forget(&mut self, what: &str) {
        self.failures.remove(what);
    }

    /// Whether something is not written now.
    pub fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Tells what is not written at the end.
    ///
    /// # Errors
    /// The first failure that has not passed.
    pub fn finish(self, run: &str) -> anyhow::Result<()> {
        let names: Vec<&str> = self.failures.keys().copied().collect();
        match self.failures.into_values().next() {
            None => Ok(()),
            Some(error) => Err(error.context(format!(
                "not everything could be saved in {run} ({} missing or incomplete); make room \
                 there, then fused-mlp train --resume {run} repeats what is missing",
                names.join(", ")
            ))),
        }
    }
}
