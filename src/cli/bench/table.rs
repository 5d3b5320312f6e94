//! What `fused-mlp bench` prints.

use super::{Peak, Row, timed};
use crate::cli::output::{Results, message};
use fused_mlp::benchmark::{Configuration, EpochRow, MedianRatio, SavedBench, Verdict};
use fused_mlp::machine::{Cache, Machine};
use serde::Serialize;

/// The machine, as a line of JSON.
#[derive(Serialize)]
struct MachineEvent<'a> {
    bench: &'static str,
    #[serde(flatten)]
    machine: &'a Machine,
}

/// A row compared with that of a file, as a line of JSON.
#[derive(Serialize)]
struct ComparisonEvent<'a> {
    bench: &'static str,
    #[serde(flatten)]
    configuration: &'a Configuration,
    /// These are null where the file has no such row.
    ratio: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    verdict: Option<Verdict>,
}

/// A row in words.
pub(super) fn describe(row: &Configuration) -> String {
    let isa = row.isa.as_deref().unwrap_or("-");
    format!(
        "{} {isa}, {} threads, minibatch {}, hidden {}, momentum {}, {} samples of {}",
        row.backend, row.threads, row.batch_size, row.hidden, row.momentum, row.samples, row.data
    )
}

/// Prints the machine, the rows and the peaks.
pub(super) fn print(
    results: &mut Results,
    machine: &Machine,
    rows: &[Row<'_>],
    peaks: &[Peak],
) -> anyhow::Result<()> {
    results.event(&MachineEvent {
        bench: "machine",
        machine,
    })?;
    // Nothing was timed: the machine is all there is to tell.
    let Some(first) = rows.first().filter(|_| timed(rows).next().is_some()) else {
        return Ok(());
    };
    let cache = |cache: &Cache| format!("L{} {} KiB", cache.level, cache.bytes >> 10);
    let caches: Vec<String> = machine.caches.iter().map(cache).collect();
    let cores = machine
        .physical_cores
        .map_or_else(|| "?".to_owned(), |cores| cores.to_string());
    results.text(&format!(
        "{}; {} CPUs, {cores} cores; {}; governor {}; fused-mlp {}\n",
        machine.cpu,
        machine.available_parallelism,
        caches.join(", "),
        machine.governor.as_deref().unwrap_or("unknown"),
        machine.version
    ));
    results.text(&format!(
        "{:<14} {:<8} {:>7} {:>6} {:>6} {:>8} {:>8} {:>10} {:>10} {:>8} {:>8} {:>13} {:>13}",
        "backend",
        "isa",
        "threads",
        "batch",
        "hidden",
        "momentum",
        "samples",
        "median ms",
        "best ms",
        "epochs/s",
        "GFLOP/s",
        "of peak, %",
        "speed-up"
    ));
    for Row { bench, peak } in timed(rows) {
        let row = bench.row(peaks[*peak].best, &first.bench);
        results.event(&row)?;
        results.text(&text(&row));
    }
    let mut data: Vec<&str> = Vec::new();
    for row in timed(rows) {
        let name = row.bench.configuration().data.as_str();
        if !data.contains(&name) {
            data.push(name);
        }
    }
    results.text(&format!("\ndata: {}", data.join(", ")));
    for peak in peaks {
        results.text(&format!(
            "FMA peak, {} on {} threads: {:.1} GFLOP/s",
            peak.isa,
            peak.threads,
            peak.best / 1e9
        ));
    }
    Ok(())
}

fn text(row: &EpochRow) -> String {
    let what = &row.configuration;
    let of_peak = format!(
        "{:.1} {:>6.1}",
        100.0 * row.peak_fraction_executed,
        100.0 * row.peak_fraction_executed_best
    );
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
    let speedup = format!(
        "{} {:>6}",
        ratio(row.speedup_over_first),
        ratio(row.speedup_over_first_best)
    );
    format!(
        "{:<14} {:<8} {:>7} {:>6} {:>6} {:>8} {:>8} {:>10.2} {:>10.2} {:>8.2} {:>8.1} {of_peak:>13} \
         {speedup:>13}",
        what.backend,
        what.isa.as_deref().unwrap_or("-"),
        what.threads,
        what.batch_size,
        what.hidden,
        what.momentum,
        what.samples,
        1e3 * row.seconds_median,
        1e3 * row.seconds_min,
        row.epochs_per_second,
        row.gflops_executed
    )
}

/// Prints the comparison of each row with the file; tells whether one is slower.
pub(super) fn compare(
    results: &mut Results,
    machine: &Machine,
    rows: &[Row<'_>],
    before: &SavedBench,
) -> anyhow::Result<bool> {
    let now = Machine {
        version: before.machine.version.clone(),
        ..machine.clone()
    };
    if now != before.machine {
        message(&format!(
            "warning: the file was measured on another machine or setting ({}, {} CPUs); the \
             ratios compare machines too",
            before.machine.cpu, before.machine.available_parallelism
        ));
    }
    results.text("\nthis run / file, ratio of the medians with its 95 % interval");
    let mut is_slower = false;
    for row in timed(rows) {
        let configuration = row.bench.configuration();
        let saved = before.row(configuration);
        let ratio = saved.map(|saved| MedianRatio::new(row.bench.seconds(), &saved.seconds));
        results.event(&ComparisonEvent {
            bench: "comparison",
            configuration,
            ratio: ratio.map(|ratio| ratio.ratio),
            low: ratio.map(|ratio| ratio.low),
            high: ratio.map(|ratio| ratio.high),
            verdict: ratio.map(|ratio| ratio.verdict),
        })?;
        is_slower |= ratio.is_some_and(|ratio| ratio.verdict == Verdict::Slower);
        let text = ratio.map_or_else(
            || "not in the file".to_owned(),
            |ratio| {
                format!(
                    "{:<9} {:.3} ({:.3} to {:.3})",
                    ratio.verdict.name(),
                    ratio.ratio,
                    ratio.low,
                    ratio.high
                )
            },
        );
        results.text(&format!("{text}: {}", describe(configuration)));
    }
    Ok(is_slower)
}
