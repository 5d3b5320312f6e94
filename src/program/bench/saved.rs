//! Measured epochs in a file, for comparing with later ones.

use super::epoch::{Configuration, Times};
use anyhow::anyhow;
use fused_mlp::files::{bounded, shown, unreadable};
use fused_mlp::machine::Machine;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a bench has measured, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedBench {
    /// The machine.
    pub machine: Machine,
    /// The rows, in their order.
    pub rows: Vec<Times>,
}

impl SavedBench {
    /// The content of the file.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or holds something else.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let expected = "a file that `bench --save` has written";
        let text = bounded::read_to_string(path, bounded::MAX_TEXT)
            .map_err(|error| anyhow!(unreadable(path, &error, expected)))?;
        let failed = |reason: String| {
            let file = shown(path);
            anyhow!(
                "{file} is no file that `bench --save` has written: {reason}; measure again with --save"
            )
        };
        let saved: Self = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let is_time = |seconds: &f64| seconds.is_finite() && *seconds > 0.0;
        let is_sound = |times: &[f64]| !times.is_empty() && times.iter().all(is_time);
        match saved.rows.iter().find(|row| !is_sound(&row.seconds)) {
            Some(Times { seconds, .. }) => Err(failed(format!(
                "a row has times {seconds:?}; expected one or more above 0"
            ))),
            None => Ok(saved),
        }
    }

    /// The row that measured the same.
    pub fn row(&self, configuration: &Configuration) -> Option<&Times> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.configuration == *configuration)
    }
}
