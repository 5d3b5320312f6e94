//! Where the samples of a sampling profiler fall, as a flame graph.
//!
//! The system takes a sample by the time of the whole process and of whichever thread it meets at its
//! tick: how the samples are spread over the functions means something, how over the threads does not.

use anyhow::{Context, anyhow};
use pprof::ProfilerGuardBuilder;
use std::fs::File;
use std::path::Path;

/// Samples a second, of which the system gives at most one a tick: a prime number, so that they do
/// not keep step with anything.
const FREQUENCY: i32 = 997;
/// Libraries that are not sampled: unwinding within them may hang.
const BLOCKED: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// Runs some work under the profiler and writes its flame graph, a new file.
pub fn record<T>(path: &Path, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let guard = ProfilerGuardBuilder::default()
        .frequency(FREQUENCY)
        .blocklist(&BLOCKED)
        .build()
        .context("the sampling profiler cannot start; leave out --flamegraph")?;
    let result = work()?;
    let report = guard.report().build();
    let report = report.context("the samples cannot be read; leave out --flamegraph")?;
    if report.data.is_empty() {
        return Err(anyhow!(
            "the epochs were too short for a sample; use more --epochs for --flamegraph (the other \
             files are written)"
        ));
    }
    let name = || path.display().to_string();
    let file = File::create_new(path).with_context(name)?;
    report.flamegraph(file).with_context(name)?;
    Ok(result)
}
