//! What `fused-mlp profile` prints and writes.

use anyhow::Context;
use fused_mlp::benchmark::PhaseRow;
use fused_mlp::engine::PhaseClock;
use fused_mlp::machine::Machine;
use fused_mlp::report::{
    Roof, chrome_trace, create_folder, create_numbered_folder, phases_svg, roofline_svg,
};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What the tables do not tell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub(super) profile: &'static str,
    pub(super) isa: &'static str,
    pub(super) threads: usize,
    pub(super) batch_size: usize,
    pub(super) network: String,
    pub(super) samples: usize,
    pub(super) momentum: f32,
    pub(super) data: String,
    pub(super) epochs: usize,
    /// Of a clocked epoch.
    pub(super) seconds_median: f64,
    pub(super) seconds_min: f64,
    /// Of a plain epoch.
    pub(super) plain_seconds_median: f64,
    pub(super) plain_seconds_min: f64,
    /// Median clocked / median plain - 1, and the same of the shortest.
    pub(super) clock_cost_median: f64,
    pub(super) clock_cost_best: f64,
    /// Barrier, preparation, shuffle, bookkeeping, and starting the threads.
    pub(super) outside_kernels_share: f64,
    /// Scoring the test samples once.
    pub(super) evaluation_samples: usize,
    pub(super) evaluation_seconds_median: f64,
    pub(super) evaluation_seconds_min: f64,
    pub(super) peak_gflops: f64,
    pub(super) roofs: Vec<Roof>,
}

/// `profile.json`.
#[derive(Serialize)]
struct ProfileFile<'a> {
    machine: &'a Machine,
    #[serde(flatten)]
    summary: &'a Summary,
    phases: &'a [PhaseRow],
}

/// The folder of the profile, empty and new: the one that was asked for, or one named by the CPU and
/// the day, with a number from the second profile of a day on.
pub(super) fn create(asked: Option<&Path>, machine: &Machine) -> anyhow::Result<PathBuf> {
    if let Some(folder) = asked {
        create_folder(folder)?;
        return Ok(folder.to_owned());
    }
    let words = machine.cpu.to_lowercase();
    let words = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let cpu = words.collect::<Vec<_>>().join("-");
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    Ok(create_numbered_folder(&format!("profiles/{cpu}-{day}"))?)
}

/// The tables.
pub(super) fn text(machine: &Machine, summary: &Summary, rows: &[PhaseRow]) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut text = format!(
        "{}, {} on {} threads\n{}, minibatch {}, momentum {}, {} samples\n\
         {} clocked epochs: median {:.2} ms, best {:.2} ms; plain: median {:.2} ms, best {:.2} ms\n\
         clocks cost {} of the median, {} of the best\nFMA peak {:.1} GFLOP/s",
        machine.cpu,
        summary.isa,
        summary.threads,
        summary.network,
        summary.batch_size,
        summary.momentum,
        summary.samples,
        summary.epochs,
        1e3 * summary.seconds_median,
        1e3 * summary.seconds_min,
        1e3 * summary.plain_seconds_median,
        1e3 * summary.plain_seconds_min,
        percent(summary.clock_cost_median),
        percent(summary.clock_cost_best),
        summary.peak_gflops
    );
    for roof in &summary.roofs {
        let size = size(roof.bytes_per_thread as u64);
        let (name, bandwidth) = (roof.name, roof.gigabytes_per_second);
        text += &format!("; read of {name} {bandwidth:.0} GB/s ({size} a thread)");
    }
    let mut table = None;
    for row in rows {
        if table != Some((row.profile, row.thread)) {
            table = Some((row.profile, row.thread));
            let threads = match row.thread {
                None => "all threads".to_owned(),
                Some(thread) => format!("thread {thread}"),
            };
            text += &format!(
                "\n\n{:<24} {:>9} {:>8} {:>8} {:>9} {:>8} {:>9}",
                format!("{}, {threads}", row.profile),
                "ms/pass",
                "share",
                "calls",
                "GFLOP/s",
                "GB/s",
                "of peak"
            );
        }
        text += &format!(
            "\n{:<24} {:>9.3} {:>8} {:>8}",
            row.phase,
            1e3 * row.seconds / row.passes as f64,
            percent(row.share),
            row.calls,
        );
        // What does nothing that is counted has no rates.
        let is_counted = |rate: f64, text: String| if rate > 0.0 { text } else { String::new() };
        text += &format!(
            " {:>9} {:>8} {:>9}",
            is_counted(row.gflops, format!("{:.1}", row.gflops)),
            is_counted(
                row.gigabytes_per_second,
                format!("{:.1}", row.gigabytes_per_second)
            ),
            is_counted(row.peak_fraction, percent(row.peak_fraction)),
        );
        text.truncate(text.trim_end().len());
    }
    text += &format!(
        "\n\noutside kernels (barrier, preparation, shuffle, bookkeeping): {}\n\
         evaluation of {} samples: median {:.2} ms, best {:.2} ms",
        percent(summary.outside_kernels_share),
        summary.evaluation_samples,
        1e3 * summary.evaluation_seconds_median,
        1e3 * summary.evaluation_seconds_min
    );
    text
}

/// Bytes in the largest unit that leaves no fraction.
fn size(bytes: u64) -> String {
    match bytes.trailing_zeros() {
        20.. => format!("{} MiB", bytes >> 20),
        10.. => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} B"),
    }
}

/// What the system tells about the machine beyond its CPU.
fn environment(machine: &Machine) -> String {
    let caches = machine.caches.iter();
    let caches = caches
        .map(|cache| {
            let (level, size) = (cache.level, size(cache.bytes));
            match cache.shared_by {
                1 => format!("L{level} {size}"),
                cpus => format!("L{level} {size} for {cpus} CPUs"),
            }
        })
        .collect::<Vec<_>>();
    let cores = machine.physical_cores;
    format!(
        "- {}, {} {}; {} CPUs{}\n- caches: {}\n- frequency governor: {}\n- fused-mlp {}",
        machine.cpu,
        machine.os,
        machine.arch,
        machine.available_parallelism,
        cores.map_or_else(String::new, |cores| format!(" of {cores} cores")),
        if caches.is_empty() {
            "unknown".to_owned()
        } else {
            caches.join(", ")
        },
        machine.governor.as_deref().unwrap_or("unknown"),
        machine.version
    )
}

/// Writes all files of the folder.
pub(super) fn write(
    folder: &Path,
    machine: &Machine,
    summary: &Summary,
    rows: &[PhaseRow],
    text: &str,
    clocks: &[PhaseClock],
) -> anyhow::Result<()> {
    let file = ProfileFile {
        machine,
        summary,
        phases: rows,
    };
    let roofline = roofline_svg(rows, summary.peak_gflops, &summary.roofs);
    let phases = phases_svg(rows);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let readme = format!(
        "# Profile of training\n\n`fused-mlp {}`, {}\n\n{}\n\n```text\n{text}\n```\n\n\
         ![Phases below the roofs of the machine](roofline.svg)\n\n\
         ![Share of the time of each thread](phases.svg)\n\n\
         `trace.json` is a timeline of the first steps, for chrome://tracing or Perfetto;\n\
         `profile.json` has all numbers.\n",
        arguments.join(" "),
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        environment(machine)
    );
    let files = [
        ("profile.json", serde_json::to_string_pretty(&file)? + "\n"),
        ("roofline.svg", roofline.map_err(anyhow::Error::msg)?),
        ("phases.svg", phases.map_err(anyhow::Error::msg)?),
        ("trace.json", chrome_trace(clocks)? + "\n"),
        ("README.md", readme),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
