//! What is measured: the kernels one by one, whole epochs and their phases, and the machine's peaks.
//!
//! Everything that is timed is checked as well: each kernel against the reference before it is
//! timed, each epoch by its loss.

mod agreement;
mod bandwidth;
mod epoch;
mod kernels;
mod peak;
mod profile;
mod saved;
mod statistics;

pub use agreement::disagreement;
pub use bandwidth::{WorkingSet, read_bandwidth};
pub use epoch::{Configuration, EpochBench, EpochRow, flop};
pub use kernels::{KernelBench, KernelName};
pub use peak::PeakBench;
pub(crate) use profile::TRAINING;
pub use profile::{PhaseRow, Place, Work, share_outside_kernels};
pub use saved::{SavedBench, SavedBenchError, SavedRow};
pub use statistics::{MedianRatio, Verdict, largest, median, smallest};
