//! What `fused-mlp profile` prints and writes.

use super::Measured;
use crate::bench::{PhaseRow, cells, machine_text, median};
use crate::charts::roofline_svg;
use crate::run_folder::{create_folder, create_numbered_folder, minute_of, now, unwritable};
use crate::terminal::output::counted;
use crate::terminal::width::table;
use fused_mlp::machine::Machine;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the profile, empty and new: the one that was asked for, or one named by the CPU and
/// the day, with a number from the second profile of a day on.
pub fn create(asked: Option<&Path>, machine: &Machine) -> anyhow::Result<PathBuf> {
    if let Some(folder) = asked {
        create_folder(folder)?;
        return Ok(folder.to_owned());
    }
    let words = machine.cpu.to_lowercase();
    let words = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let cpu = words.collect::<Vec<_>>().join("-");
    let day = &now()[..10];
    create_numbered_folder(&format!("measured/{cpu}-{day}"))
}

/// The tables, in no more columns than `most`.
pub fn text(
    (machine, summary): (&Machine, &Value),
    measured: &Measured,
    rows: &[PhaseRow],
    most: Option<usize>,
) -> String {
    let mut text = format!(
        "{}; {} on {}\n{}, minibatch {}, momentum {}, {} samples\n\
         {} epochs: median {:.2} ms\n{} {:.1} GFLOP/s",
        machine_text(machine),
        measured.isa,
        counted(measured.threads, "thread"),
        measured.shape,
        summary["batch_size"],
        summary["momentum"],
        summary["samples"],
        measured.epochs.len(),
        1e3 * median(&measured.epochs),
        measured.peak.0,
        measured.peak.1 / 1e9
    );
    for roof in &measured.roofs {
        let (size, bandwidth) = (roof.bytes_per_thread >> 10, roof.gigabytes_per_second);
        text += &format!(
            "; read of {} {bandwidth:.0} GB/s ({size} KiB a thread)",
            roof.name
        );
    }
    for rows in rows.chunk_by(|one, other| one.thread == other.thread) {
        let title = match rows[0].thread {
            None => "all threads".to_owned(),
            Some(thread) => format!("thread {thread}"),
        };
        let names = rows.iter().map(|row| row.phase.to_string());
        let names = [title].into_iter().chain(names);
        let mut columns = vec![names.map(|name| format!("{name:<23}")).collect()];
        columns.extend(cells(&PhaseRow::COLUMNS, rows));
        text += &format!("\n\n{}", table(&columns, 1, most).join("\n"));
    }
    text
}

/// Writes all files of the folder.
pub fn write(
    folder: &Path,
    machine: &Machine,
    summary: &Value,
    measured: &Measured,
    rows: &[PhaseRow],
    text: &str,
) -> anyhow::Result<()> {
    let mut file = summary.clone();
    file["machine"] = serde_json::to_value(machine)?;
    file["phases"] = serde_json::to_value(rows)?;
    let (name, peak) = measured.peak;
    let roofline = roofline_svg(rows, (name, peak / 1e9), &measured.roofs);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let readme = format!(
        "# Profile of training\n\n`fused-mlp {}`, {}\n\n```text\n{text}\n```\n\n\
         ![Phases below the roofs of the machine](roofline.svg)\n\n\
         `profile.json` has all numbers.\n",
        arguments.join(" "),
        minute_of(&now())
    );
    let files = [
        ("profile.json", serde_json::to_string_pretty(&file)? + "\n"),
        ("roofline.svg", roofline),
        ("README.md", readme),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}
