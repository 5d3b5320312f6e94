//! What `fused-mlp profile` prints and writes.

use anyhow::{Context, bail};
use fused_mlp::benchmark::PhaseRow;
use fused_mlp::engine::PhaseClock;
use fused_mlp::machine::Machine;
use fused_mlp::report::{Roof, chrome_trace, phases_svg, roofline_svg};
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
    /// Sample order and learning rates, before the threads start.
    pub(super) shuffle_share: f64,
    /// Barrier, preparation, shuffle, bookkeeping, and what the threads did not clock.
    pub(super) outside_kernels_share: f64,
    /// Scoring the test samples once.
    pub(super) evaluation_samples: usize,
    pub(super) evaluation_seconds: f64,
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

/// The folder of the profile, empty and new.
pub(super) fn create_folder(asked: Option<&Path>, machine: &Machine) -> anyhow::Result<PathBuf> {
    let create = |folder: &Path| -> anyhow::Result<bool> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        match fs::create_dir(folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error).with_context(|| folder.display().to_string()),
        }
    };
    if let Some(folder) = asked {
        if !create(folder)? {
            bail!(
                "--out {} is there already; choose another folder",
                folder.display()
            );
        }
        return Ok(folder.to_owned());
    }
    let words = machine.cpu.to_lowercase();
    let words = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let cpu = words.collect::<Vec<_>>().join("-");
    let base = format!(
        "profiles/{cpu}-{}",
        jiff::Timestamp::now().strftime("%Y-%m-%d")
    );
    // Profiles of the same day get a number.
    let numbered = (2..1000).map(|number| format!("{base}-{number}"));
    for name in std::iter::once(base.clone()).chain(numbered) {
        let folder = PathBuf::from(name);
        if create(&folder)? {
            return Ok(folder);
        }
    }
    bail!("{base} and 999 numbered folders are there already; name another one with --out")
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
        text += &format!("; {} {:.0} GB/s", roof.name, roof.gigabytes_per_second);
    }
    let mut thread = Some(usize::MAX);
    for row in rows {
        if row.thread != thread {
            thread = row.thread;
            let name = thread.map_or_else(|| "all threads".to_owned(), |t| format!("thread {t}"));
            text += &format!(
                "\n\n{name:<24} {:>9} {:>8} {:>8} {:>9} {:>8} {:>9}",
                "ms/epoch", "share", "calls", "GFLOP/s", "GB/s", "of peak"
            );
        }
        text += &format!(
            "\n{:<24} {:>9.3} {:>8} {:>8} {:>9.1} {:>8.1} {:>9}",
            row.phase,
            1e3 * row.seconds / summary.epochs as f64,
            percent(row.share),
            row.calls,
            row.gflops,
            row.gigabytes_per_second,
            percent(row.peak_fraction)
        );
    }
    text += &format!(
        "\n\nshuffle {} of an epoch\noutside kernels (barrier, preparation, shuffle, bookkeeping): {}\n\
         evaluation of {} samples: {:.2} ms",
        percent(summary.shuffle_share),
        percent(summary.outside_kernels_share),
        summary.evaluation_samples,
        1e3 * summary.evaluation_seconds
    );
    text
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
    let readme = format!(
        "# Profile of an epoch\n\nWritten by `fused-mlp profile`, version {}.\n\n```text\n{text}\n```\n\n\
         ![Phases below the roofs of the machine](roofline.svg)\n\n\
         ![Share of the time of each thread](phases.svg)\n\n\
         `trace.json` is a timeline of the first steps, for chrome://tracing or Perfetto.\n",
        machine.version
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
