//! Where a run took place.

use fused_mlp::machine::{available_parallelism, cpu_name};
use serde::Serialize;

/// Machine and program of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Version of this crate.
    pub version: &'static str,
    /// Model name of the CPU, `unknown` where the system does not tell.
    pub cpu: String,
    /// Instruction set of the kernels; none for backends that have none of ours.
    pub isa: Option<&'static str>,
    /// Threads that train.
    pub threads: usize,
    /// CPUs that this process may use.
    pub available_parallelism: usize,
    /// Operating system.
    pub os: &'static str,
    /// Architecture of the CPU.
    pub arch: &'static str,
}

impl Environment {
    /// The environment of this process.
    pub fn new(isa: Option<&'static str>, threads: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            cpu: cpu_name().unwrap_or_else(|| "unknown".to_owned()),
            isa,
            threads,
            available_parallelism: available_parallelism(),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        }
    }
}
