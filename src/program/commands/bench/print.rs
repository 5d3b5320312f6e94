//! What `fused-mlp bench` prints.

use super::timed;
use crate::bench::{
    Configuration, EpochBench, EpochRow, MedianRatio, SLOWER, SavedBench, line, machine_text,
    titles,
};
use crate::terminal::output::{Results, message};
use fused_mlp::machine::Machine;
use serde::Serialize;

/// A line of JSON.
#[derive(Serialize)]
struct Event<T> {
    /// `machine`, `epoch` or `comparison`.
    bench: &'static str,
    #[serde(flatten)]
    of: T,
}

/// A row compared with that of a file.
#[derive(Serialize)]
struct Comparison<'a> {
    #[serde(flatten)]
    configuration: &'a Configuration,
    #[serde(flatten)]
    ratio: MedianRatio,
}

/// Prints the machine and the rows.
pub fn print(
    results: &mut Results,
    machine: &Machine,
    rows: &[EpochBench<'_>],
) -> anyhow::Result<()> {
    results.event(&Event {
        bench: "machine",
        of: machine,
    })?;
    let titles = titles(&EpochRow::COLUMNS);
    results.text(&format!("{}\n", machine_text(machine)));
    results.text(&format!("{:<14} {:<8}{titles}  data", "backend", "isa"));
    for bench in timed(rows) {
        let of = bench.row(&rows[0]);
        let numbers = line(&EpochRow::COLUMNS, &of);
        let Configuration {
            backend, isa, data, ..
        } = of.configuration;
        let isa = isa.as_deref().unwrap_or("-");
        results.text(&format!("{backend:<14} {isa:<8}{numbers}  {data}"));
        results.event(&Event { bench: "epoch", of })?;
    }
    Ok(())
}

/// Prints the comparison of each row with the file; tells whether one is slower.
pub fn compare(
    results: &mut Results,
    machine: &Machine,
    rows: &[EpochBench<'_>],
    before: &SavedBench,
) -> anyhow::Result<bool> {
    let now = Machine {
        version: before.machine.version.clone(),
        ..machine.clone()
    };
    if now != before.machine {
        message(&format!(
            "warning: the file was measured on another machine or setting ({}); the ratios compare \
             machines too",
            machine_text(&before.machine)
        ));
    }
    results.text("\nthis run / file, ratio of the medians with its 95 % interval");
    let mut is_slower = false;
    for bench in timed(rows) {
        let configuration = bench.configuration();
        let saved = before.row(configuration);
        let ratio = saved.map_or(MedianRatio::NONE, |saved| {
            MedianRatio::new(&bench.times.seconds, &saved.seconds)
        });
        is_slower |= ratio.verdict == Some(SLOWER);
        results.text(&format!("{ratio}: {configuration}"));
        results.event(&Event {
            bench: "comparison",
            of: Comparison {
                configuration,
                ratio,
            },
        })?;
    }
    for saved in &before.rows {
        let is_measured = |row: &EpochBench<'_>| *row.configuration() == saved.configuration;
        if !timed(rows).any(is_measured) {
            message(&format!(
                "warning: in the file, but not measured: {}",
                saved.configuration
            ));
        }
    }
    Ok(is_slower)
}
