//! What `fused-mlp bench` prints.

use crate::bench::{
    Configuration, EpochBench, EpochRow, MedianRatio, SLOWER, SavedBench, cells, machine_text,
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
    results.text(&format!("{}\n", machine_text(machine)));
    let of: Vec<EpochRow> = rows.iter().map(|bench| bench.row(&rows[0])).collect();
    let column = |title: &str, cell: fn(&Configuration) -> String| -> Vec<String> {
        let cells = of.iter().map(|row| cell(row.configuration));
        [title.to_owned()].into_iter().chain(cells).collect()
    };
    let mut columns = vec![
        column("backend", |it| it.backend.clone()),
        column("isa", |it| it.isa.clone().unwrap_or_else(|| "-".to_owned())),
        column("of", |it| it.precision.name().to_owned()),
    ];
    columns.extend(cells(&EpochRow::COLUMNS, &of));
    columns.push(column("data", |it| it.data.clone()));
    results.table(&columns, 3);
    for of in of {
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
