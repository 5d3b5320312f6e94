//! What `fused-mlp bench` prints.

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
    let names = format!("{:<14} {:<8} {:<5}", "backend", "isa", "of");
    results.text(&format!("{names}{titles}  data"));
    for bench in rows {
        let of = bench.row(&rows[0]);
        let numbers = line(&EpochRow::COLUMNS, &of);
        let Configuration {
            backend,
            isa,
            precision,
            data,
            ..
        } = of.configuration;
        let (isa, precision) = (isa.as_deref().unwrap_or("-"), precision.name());
        let names = format!("{backend:<14} {isa:<8} {precision:<5}");
        results.text(&format!("{names}{numbers}  {data}"));
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
    for bench in rows {
        let configuration = bench.configuration();
        let Some(saved) = before.row(configuration) else {
            continue;
        };
        let ratio = MedianRatio::new(&bench.times.seconds, &saved.seconds);
        is_slower |= ratio.verdict == SLOWER;
        results.text(&format!("{ratio}: {configuration}"));
        let of = Comparison {
            configuration,
            ratio,
        };
        let bench = "comparison";
        results.event(&Event { bench, of })?;
    }
    Ok(is_slower)
}
