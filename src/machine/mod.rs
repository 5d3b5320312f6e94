//! The machine: its CPU, and how many multiply-adds and bytes a second it can do at most.
//!
//! What it is, [`Machine`] tells as far as the system does: Linux through `/proc` and `/sys`;
//! elsewhere, and where a file cannot be read, the answer is that nothing is known. What it can do is
//! measured: [`PeakBench`] in FLOP/s, [`read_bandwidth`] in bytes/s. They are the roofs that a
//! training on the same threads stays below.
//!
//! ```
//! use fused_mlp::machine::{self, PeakBench};
//! use fused_mlp::simd::{Isa, IsaRequest};
//!
//! let isa = Isa::select(IsaRequest::Auto)?;
//! let peak = PeakBench::new(isa, machine::default_threads())?.best_of(3);
//! println!("{isa}: {:.1} GFLOP/s", peak / 1e9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bandwidth;
mod control_group;
mod peak;

pub use bandwidth::{read_bandwidth, working_sets};
pub use control_group::memory_room;
pub use peak::PeakBench;

use crate::backend::team::Team;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Where Linux describes the CPUs.
const CPUS: &str = "/sys/devices/system/cpu";

/// The CPU and what else decides how fast a program runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Version of this crate.
    pub version: String,
    /// Model name of the CPU, `unknown` where the system does not tell.
    pub cpu: String,
    /// Best instruction set that the kernels can use here.
    pub isa: String,
    /// CPUs that this process may use.
    pub available_parallelism: usize,
    /// Cores among them; two CPUs of one core share its arithmetic units.
    pub physical_cores: Option<usize>,
    /// Frequency governor of the first CPU.
    pub governor: Option<String>,
    /// Operating system.
    pub os: String,
    /// Architecture of the CPU.
    pub arch: String,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let best = crate::simd::Isa::available().into_iter().next();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cpu: cpu_name().unwrap_or_else(|| "unknown".to_owned()),
            isa: best.map_or_else(String::new, |isa| isa.name().to_owned()),
            available_parallelism: available_parallelism(),
            physical_cores: physical_cores(),
            governor: read_line(&Path::new(CPUS).join("cpu0/cpufreq/scaling_governor")),
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
        }
    }
}

/// CPUs that this process may use, 1 where the system does not tell.
pub fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Threads that keep every core busy once: the cores that the CPUs of this process belong to, but no more than it
/// may use up by the quota of a container, rounded up.
pub fn default_threads() -> usize {
    let cores = physical_cores().unwrap_or_else(available_parallelism);
    let quota = control_group::cpu_quota().map_or(cores, |quota| quota.ceil() as usize);
    cores.min(quota).max(1)
}

/// The same, but no more than the hidden layer can be cut for: a thread with no units of its own only waits.
pub fn default_threads_for(hidden: usize) -> usize {
    default_threads().min(crate::engine::most_workers(hidden))
}

/// Model name of the first CPU, if the system tells.
pub fn cpu_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Number of cores of this machine.
#[cfg(not(target_os = "linux"))]
pub fn physical_cores() -> Option<usize> {
    Some(num_cpus::get_physical())
}

/// Number of cores that the CPUs of this process belong to, if the system tells.
#[cfg(target_os = "linux")]
pub fn physical_cores() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mut lines = status.lines();
    let allowed = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    cores_of(Path::new(CPUS), &cpu_list(allowed)?)
}

/// Cores of some CPUs: those with the same siblings are one.
#[cfg(any(target_os = "linux", test))]
fn cores_of(root: &Path, cpus: &[usize]) -> Option<usize> {
    let siblings = |cpu: &usize| {
        let file = root.join(format!("cpu{cpu}/topology/thread_siblings_list"));
        cpu_list(&read_line(&file)?)
    };
    let cores: Option<std::collections::BTreeSet<Vec<usize>>> = cpus.iter().map(siblings).collect();
    cores.map(|cores| cores.len()).filter(|&cores| cores > 0)
}

/// `0-2,8` as 0, 1, 2, 8.
#[cfg(any(target_os = "linux", test))]
fn cpu_list(text: &str) -> Option<Vec<usize>> {
    /// More CPUs than Linux supports.
    const MOST_CPUS: usize = 1 << 16;
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > MOST_CPUS {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// What all threads do together by the seconds from the first one's start to the last one's end, 0 if a coarse
/// clock saw no time pass. Each prepares and then does its work, of which it tells the amount. They begin
/// together: those that share a core take turns, so that only at the end all have done their part.
fn rate<T>(team: &Team, prepare: impl Fn() -> T + Sync, work: impl Fn(&T) -> f64 + Sync) -> f64 {
    let results = team.run(|_, barrier| {
        let prepared = prepare();
        barrier.wait().map(|()| {
            let start = Instant::now();
            (work(&prepared), start, Instant::now())
        })
    });
    // A broken barrier comes with a panic, which `run` has passed on.
    let done: Vec<(f64, Instant, Instant)> = results.into_iter().flatten().collect();
    let first = done.iter().map(|(_, start, _)| *start).min();
    let last = done.iter().map(|(.., end)| *end).max();
    let time = first
        .zip(last)
        .map(|(first, last)| last.duration_since(first));
    let amount: f64 = done.iter().map(|(amount, ..)| amount).sum();
    match time.unwrap_or_default().as_secs_f64() {
        0.0 => 0.0,
        seconds => amount / seconds,
    }
}

fn read_line(file: &Path) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a file, and makes the folders that it lies in.
    pub(super) fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn lists_of_cpus_are_read_and_nonsense_is_not() {
        assert_eq!(cpu_list(" 0-2,8\n"), Some(vec![0, 1, 2, 8]));
        assert_eq!(cpu_list("5"), Some(vec![5]));
        for nonsense in ["", "2-1", "a", "1,", "0-99999999999"] {
            assert_eq!(cpu_list(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn two_threads_of_a_core_count_once() {
        let root = tempfile::tempdir().unwrap();
        for (cpu, siblings) in [(0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")] {
            let file = format!("cpu{cpu}/topology/thread_siblings_list");
            write(root.path(), &file, siblings);
        }
        assert_eq!(cores_of(root.path(), &[0, 1, 2, 3]), Some(2));
        assert_eq!(cores_of(root.path(), &[0, 2]), Some(1));
        assert_eq!(cores_of(root.path(), &[0, 4]), None);
        assert_eq!(cores_of(root.path(), &[]), None);
    }

    #[test]
    fn there_is_at_least_one_thread_and_no_more_than_cores() {
        let most = physical_cores().unwrap_or_else(available_parallelism);
        assert!((1..=most).contains(&default_threads()));
    }
}
