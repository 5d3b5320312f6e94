//! How a command ends: its exit code.

use std::process::ExitCode;

/// The goal was missed: training diverged, or a target was not reached.
pub const EXIT_MISSED: u8 = 1;
/// Wrong usage, or data or files that cannot be used.
pub const EXIT_USAGE: u8 = 2;
/// Slower than before.
pub const EXIT_SLOWER: u8 = 3;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All was done.
    Success,
    /// The goal was missed, which this exit code tells; why was said.
    Missed(u8),
    /// A signal of this number asked to stop.
    Signal(u8),
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Success => Self::SUCCESS,
            Ending::Missed(code) => Self::from(code),
            Ending::Signal(signal) => Self::from(128 + signal),
        }
    }
}
