//! The kernels one by one, with real data, for measuring: each checks its result before it is
//! timed.

mod kernels;
mod peak;

pub use kernels::{KernelBench, KernelName};
pub use peak::PeakBench;
