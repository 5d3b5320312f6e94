//! `fused-mlp profile`.

mod folder;

use super::backend::{BackendArgs, BackendKind};
use super::output::{Results, message};
use super::signals::Signals;
use super::train::{DEFAULT_HIDDEN, open_data};
use super::{EXIT_MISSED, Ending};
use anyhow::{Context, bail};
use clap::Args;
use folder::{Summary, create_folder, text, write};
use fused_mlp::backend::{Backend, PassControl, Samples, check_shape};
use fused_mlp::benchmark::{PeakBench, Work, median, read_bandwidth, smallest};
use fused_mlp::engine::{Engine, Phase, PhaseClock, ProfiledEngine};
use fused_mlp::machine::Machine;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::report::Roof;
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{EpochEnd, Schedule, Trainer, TrainingOptions};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

const NOTES: &str = "\
Plain and clocked epochs take turns; the clocked ones are what the tables show, the difference is
what clocking costs. Executed FLOP leave out products with inputs of 0. GB/s count each number that
a call needs once, however often it is read out of a nearer cache.

The folder holds README.md (the tables), profile.json, roofline.svg, phases.svg, and trace.json: a
timeline of the first steps for chrome://tracing or Perfetto.

Examples:
  fused-mlp profile
  fused-mlp profile --threads 1 --isa avx2 --out profiles/one-thread";

/// Bursts of the FMA peak before each pair of epochs.
const BURSTS: usize = 3;
/// Calls of a step.
const CALLS: usize = Phase::ALL.len();
/// Working sets whose read bandwidths are roofs: within L1, within L2, and larger than most L2.
const WORKING_SETS: [(usize, &str); 3] = [
    (16 << 10, "read of 16 KiB a thread"),
    (512 << 10, "read of 512 KiB a thread"),
    (64 << 20, "read of 64 MiB a thread"),
];

/// Options of `fused-mlp profile`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub struct ProfileArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Clocked epochs; as many plain ones are run between them
    #[arg(long, value_name = "N", default_value_t = 10)]
    epochs: u32,
    /// Samples of a minibatch
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch_size: usize,
    /// Units of the hidden layer
    #[arg(long, value_name = "N", default_value_t = DEFAULT_HIDDEN)]
    hidden: usize,
    /// Share of the velocity kept from step to step; 0 is plain SGD
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    momentum: f32,
    /// Learning rate of every step
    #[arg(long, value_name = "RATE", default_value_t = 0.1)]
    learning_rate: f32,
    /// Threads [default: RAYON_NUM_THREADS, else one for each core this process may use]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Instruction set: auto, avx512, avx2 or portable [default: FUSED_MLP_ISA, else auto]
    #[arg(long, value_name = "ISA")]
    isa: Option<IsaRequest>,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Steps of the timeline
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    trace_steps: u32,
    /// Folder for the profile; must not exist [default: profiles/<machine>-<date>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print results as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Times of the epochs, and the clocks.
#[derive(Default)]
struct Measured {
    plain: Vec<f64>,
    clocked: Vec<f64>,
    /// Of the clocked passes alone, without what comes before them.
    passes: f64,
    clocks: Vec<PhaseClock>,
    peak: f64,
}

/// Profiles, prints and writes the folder.
///
/// # Errors
/// If options, data or files cannot be used.
pub fn run(args: &ProfileArgs) -> anyhow::Result<Ending> {
    if cfg!(debug_assertions) {
        bail!(
            "this is a debug build, whose times mean nothing; use cargo run --release -- profile"
        );
    }
    let (data, dataset) = open_data(args.data.as_deref(), None)?;
    let samples = Samples::from(&dataset.train);
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: args.hidden,
        classes: dataset.classes,
    };
    check_shape(shape).context("--hidden")?;
    let compute = BackendArgs {
        backend: BackendKind::Fused,
        threads: args.threads,
        isa: args.isa,
    };
    let options = TrainingOptions {
        // Plain and clocked in turn, after one of each to warm up.
        epochs: args
            .epochs
            .checked_add(1)
            .and_then(|epochs| epochs.checked_mul(2))
            .unwrap_or(0),
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        schedule: Schedule::Constant,
        momentum: args.momentum,
        nesterov: false,
        weight_decay: 0.0,
        validation: 0,
        shuffle: true,
        seed: args.seed,
    };
    if args.epochs == 0 {
        bail!("--epochs is 0; expected at least 1");
    }
    let mut trainer = Trainer::new(samples, &options)?;
    let (isa, threads) = (compute.isa()?, compute.threads()?);
    let parameters = Parameters::initialise(shape, args.seed);
    let mut engine = Engine::new(&parameters, options.optimizer(), threads, isa)?;
    let machine = Machine::here();
    let folder = create_folder(args.out.as_deref(), &machine)?;
    let control = PassControl::default();
    let signals = Signals::watch(&control.stop)?;
    let measured = measure(args, &mut engine, &mut trainer, &control)?;
    let Some(measured) = measured else {
        // The folder is still empty.
        let _ = fs::remove_dir(&folder);
        return Ok(match signals.received() {
            Some(signal) => Ending::Signal(signal),
            None => {
                message("error: the loss is not finite; use a lower --learning-rate");
                Ending::Missed(EXIT_MISSED)
            }
        });
    };
    let order: Vec<u32> = (0..u32::try_from(dataset.test.len())?).collect();
    let test = Samples::from(&dataset.test);
    let mut evaluations = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        engine.evaluate(test, &order)?;
        evaluations.push(start.elapsed().as_secs_f64());
    }
    let epochs = measured.clocked.len();
    let non_zero = samples.images().iter().filter(|&&byte| byte != 0).count();
    let work = Work {
        inputs: shape.inputs,
        classes: shape.classes,
        samples: samples.len() * epochs,
        non_zero: non_zero * epochs,
        blocks: Work::blocks(samples.len(), args.batch_size) * epochs,
        has_velocities: args.momentum != 0.0,
    };
    let seconds: f64 = measured.clocked.iter().sum();
    let rows = work.rows(&measured.clocks, &engine.units(), seconds, measured.peak);
    let kernels: f64 = rows
        .iter()
        .filter(|row| row.thread.is_none() && row.gflops > 0.0)
        .map(|row| row.share)
        .sum();
    let softmax = Phase::Softmax.name();
    let softmax = rows
        .iter()
        .find(|row| row.phase == softmax)
        .map_or(0.0, |row| row.share);
    let cost = |clocked: f64, plain: f64| clocked / plain - 1.0;
    let summary = Summary {
        profile: "summary",
        isa: isa.name(),
        threads,
        batch_size: args.batch_size,
        network: shape.to_string(),
        samples: samples.len(),
        momentum: args.momentum,
        data: data.display().to_string(),
        epochs,
        seconds_median: median(&measured.clocked),
        seconds_min: smallest(&measured.clocked),
        plain_seconds_median: median(&measured.plain),
        plain_seconds_min: smallest(&measured.plain),
        clock_cost_median: cost(median(&measured.clocked), median(&measured.plain)),
        clock_cost_best: cost(smallest(&measured.clocked), smallest(&measured.plain)),
        shuffle_share: (seconds - measured.passes) / seconds,
        outside_kernels_share: 1.0 - kernels - softmax,
        evaluation_samples: order.len(),
        evaluation_seconds: smallest(&evaluations),
        peak_gflops: measured.peak / 1e9,
        roofs: roofs(isa, threads)?,
    };
    let text = text(&machine, &summary, &rows);
    write(&folder, &machine, &summary, &rows, &text, &measured.clocks)?;
    let mut results = Results::new(args.json);
    results.event(&summary)?;
    for row in &rows {
        results.event(row)?;
    }
    results.text(&text);
    results.text(&format!("written to {}", folder.display()));
    results.finish()?;
    Ok(Ending::Success)
}

/// Plain and clocked epochs in turn. Nothing if a signal came or the training diverged.
fn measure(
    args: &ProfileArgs,
    engine: &mut Engine,
    trainer: &mut Trainer<'_>,
    control: &PassControl,
) -> anyhow::Result<Option<Measured>> {
    let mut measured = Measured::default();
    let peak = PeakBench::new(engine.isa(), engine.threads())?;
    for clocked in [false, true] {
        let epoch = if clocked {
            trainer.train_epoch(&mut ProfiledEngine::new(engine, 0), control)?
        } else {
            trainer.train_epoch(engine, control)?
        };
        if epoch.end != EpochEnd::Complete {
            return Ok(None);
        }
    }
    let mut clocks = None;
    for _ in 0..args.epochs {
        measured.peak = peak.best_of(BURSTS).max(measured.peak);
        let plain = trainer.train_epoch(engine, control)?;
        let (collected, passes) = clocks.take().unwrap_or_default();
        let mut profiled = ProfiledEngine::resume(
            engine,
            // One more than a step: the first preparation and the first barrier.
            args.trace_steps as usize * CALLS + 2,
            collected,
            passes,
        );
        let clocked = trainer.train_epoch(&mut profiled, control)?;
        clocks = Some(profiled.finish());
        if plain.end != EpochEnd::Complete || clocked.end != EpochEnd::Complete {
            return Ok(None);
        }
        measured.plain.push(plain.record.seconds);
        measured.clocked.push(clocked.record.seconds);
    }
    if let Some((clocks, passes)) = clocks {
        measured.clocks = clocks;
        measured.passes = passes.as_secs_f64();
    }
    Ok(Some(measured))
}

fn roofs(isa: Isa, threads: usize) -> anyhow::Result<Vec<Roof>> {
    let roof = |&(bytes, name): &(usize, &str)| {
        Ok(Roof {
            name: name.to_owned(),
            gigabytes_per_second: read_bandwidth(isa, threads, bytes)? / 1e9,
        })
    };
    WORKING_SETS.iter().map(roof).collect()
}
