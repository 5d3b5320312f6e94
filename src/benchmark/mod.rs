//! What is measured: the kernels one by one, whole epochs, and the machine's FMA peak.
//!
//! Everything that is timed is checked as well: each kernel against the reference before it is
//! timed, each epoch by its loss.

mod epoch;
mod kernels;
mod peak;
mod saved;
mod statistics;

pub use epoch::{Configuration, EpochBench, EpochRow};
pub use kernels::{KernelBench, KernelName};
pub use peak::PeakBench;
pub use saved::{SavedBench, SavedBenchError, SavedRow};
pub use statistics::{MedianRatio, Verdict, largest, median, smallest};
