//! The machine that the program runs on, as far as the system tells.
//!
//! Linux tells through `/proc` and `/sys`; elsewhere, and where a file cannot be read, the answer is
//! that nothing is known.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where Linux describes the CPUs.
const CPUS: &str = "/sys/devices/system/cpu";

/// CPU, caches and what else decides how fast a program runs.
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
    /// Data and unified caches of the first CPU.
    pub caches: Vec<Cache>,
    /// Frequency governor of the first CPU.
    pub governor: Option<String>,
    /// Operating system.
    pub os: String,
    /// Architecture of the CPU.
    pub arch: String,
}

/// A cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// 1, 2, ...
    pub level: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// CPUs that share it.
    pub shared_by: usize,
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
            caches: caches(Path::new(CPUS)),
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

/// Threads that keep every core busy once: the CPUs that this process may use, but no more than the
/// cores that they belong to.
pub fn default_threads() -> usize {
    let cpus = available_parallelism();
    physical_cores().map_or(cpus, |cores| cores.clamp(1, cpus))
}

/// The first `model name` of Linux's list of CPUs.
pub fn cpu_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Cores that the CPUs of this process belong to.
pub fn physical_cores() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mut lines = status.lines();
    let allowed = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    cores_of(Path::new(CPUS), &cpu_list(allowed)?)
}

/// Cores of some CPUs: those with the same siblings are one.
fn cores_of(root: &Path, cpus: &[usize]) -> Option<usize> {
    let siblings = |cpu: &usize| {
        let file = root.join(format!("cpu{cpu}/topology/thread_siblings_list"));
        cpu_list(&read_line(&file)?)
    };
    let cores: Option<BTreeSet<Vec<usize>>> = cpus.iter().map(siblings).collect();
    cores.map(|cores| cores.len()).filter(|&cores| cores > 0)
}

/// Data and unified caches of the first CPU, in the order of their levels.
fn caches(root: &Path) -> Vec<Cache> {
    let mut caches = Vec::new();
    // Linux numbers them without a gap.
    for index in 0.. {
        let folder = root.join(format!("cpu0/cache/index{index}"));
        let read = |name: &str| read_line(&folder.join(name));
        let Some(kind) = read("type") else { break };
        if kind == "Instruction" {
            continue;
        }
        let found = read("level").and_then(|level| level.parse().ok());
        let size = read("size").and_then(|size| bytes(&size));
        let shared = read("shared_cpu_list").and_then(|list| cpu_list(&list));
        if let (Some(level), Some(bytes), Some(shared)) = (found, size, shared) {
            caches.push(Cache {
                level,
                bytes,
                shared_by: shared.len(),
            });
        }
    }
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// `48K` or `2M` in bytes.
fn bytes(size: &str) -> Option<u64> {
    let unit = match size.bytes().last()? {
        b'K' => 1 << 10,
        b'M' => 1 << 20,
        b'G' => 1 << 30,
        _ => return size.parse().ok(),
    };
    size[..size.len() - 1]
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)
}

/// `0-2,8` as 0, 1, 2, 8.
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

fn read_line(file: &Path) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
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
    fn caches_of_data_are_listed_by_level() {
        let root = tempfile::tempdir().unwrap();
        let described = [
            ("Unified", "2", "2048K", "0-1"),
            ("Instruction", "1", "32K", "0"),
            ("Data", "1", "48K", "0"),
        ];
        for (index, (kind, level, size, shared)) in described.into_iter().enumerate() {
            let fields = [("type", kind), ("level", level), ("size", size)];
            for (name, text) in fields.into_iter().chain([("shared_cpu_list", shared)]) {
                write(
                    root.path(),
                    &format!("cpu0/cache/index{index}/{name}"),
                    text,
                );
            }
        }
        let cache = |level, bytes, shared_by| Cache {
            level,
            bytes,
            shared_by,
        };
        let expected = [cache(1, 48 << 10, 1), cache(2, 2 << 20, 2)];
        assert_eq!(caches(root.path()), expected);
        assert_eq!(caches(&root.path().join("absent")), []);
    }

    #[test]
    fn there_is_at_least_one_thread_and_no_more_than_cpus() {
        assert!((1..=available_parallelism()).contains(&default_threads()));
    }
}
