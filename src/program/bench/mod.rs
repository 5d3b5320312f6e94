//! What is measured: whole epochs, and the phases of each.
//!
//! Everything that is timed is checked as well: each epoch by its loss, and the models of rows that must
//! agree against each other.

mod agreement;
mod epoch;
mod phases;
mod saved;
mod statistics;
mod table;

pub use agreement::disagreement;
pub use epoch::{Configuration, EpochBench, EpochRow};
pub use phases::{PhaseRow, Work};
pub use saved::SavedBench;
pub use statistics::{MedianRatio, SLOWER, median};
pub use table::cells;

use fused_mlp::machine::Machine;

/// A machine in words; JSON tells more.
pub fn machine_text(machine: &Machine) -> String {
    format!(
        "{}, {} CPUs, {} {}; fused-mlp {}",
        machine.cpu, machine.available_parallelism, machine.os, machine.arch, machine.version
    )
}
