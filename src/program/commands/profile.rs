//! `fused-mlp profile`.

mod folder;

use super::bench::StepArgs;
use super::memory;
use super::train::{DEFAULT_HIDDEN, from_here, open_data};
use crate::bench::{Work, median};
use crate::charts::{Roof, peak_name};
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::backend::{BackendKind, EngineArgs};
use crate::options::{named_value, output_name};
use crate::terminal::output::{Results, message, shown};
use crate::terminal::signals::Signals;
use crate::terminal::width;
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::{Backend, PassControl, Samples, check_shape};
use fused_mlp::engine::{Engine, Precision, Profile};
use fused_mlp::machine::{Machine, PeakBench, read_bandwidth, working_sets};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::simd::Isa;
use fused_mlp::training::{EpochEnd, Trainer, TrainingOptions};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bursts of the peak before each epoch.
const BURSTS: usize = 3;
/// Measurements of each bandwidth, of which the best counts. They take turns, because there are spells
/// in which two threads read no more than one, longer than a measurement in L1.
const READINGS: usize = 6;

/// Options of `fused-mlp profile`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("profile/notes.txt"))]
pub struct ProfileArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Units of the hidden layer
    #[arg(long, value_name = "N", default_value_t = DEFAULT_HIDDEN)]
    hidden: usize,
    /// Numbers of the first layer: f32 or int16
    #[arg(long, value_name = "FORMAT", default_value = "f32", value_parser = named_value::precision(), hide_possible_values = true)]
    precision: Precision,
    /// Epochs, after one to warm up
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    epochs: u32,
    /// Samples of a minibatch
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch_size: usize,
    /// Share of the velocity kept from step to step; 0 is plain SGD
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    momentum: f64,
    #[command(flatten)]
    steps: StepArgs,
    /// Folder for the profile; must not exist [default: measured/<machine>-<date>]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Print results as JSON, one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// The engine, seconds of each epoch, the clocks, and the roofs.
struct Measured {
    isa: Isa,
    threads: usize,
    shape: Shape,
    epochs: Vec<f64>,
    profile: Arc<Profile>,
    /// Its name, and FLOP/s.
    peak: (&'static str, f64),
    roofs: Vec<Roof>,
}

impl ProfileArgs {
    /// Of the epochs, after one to warm up.
    fn options(&self) -> TrainingOptions {
        let (epochs, momentum) = (self.epochs + 1, self.momentum as f32);
        TrainingOptions {
            precision: self.precision,
            ..self.steps.options(epochs, self.batch_size, momentum)
        }
    }
}

impl Measured {
    /// Whether the clock has seen time pass in all that was measured. A speed without a time is not finite.
    fn is_timed(&self) -> bool {
        let roofs = self.roofs.iter().map(|roof| &roof.gigabytes_per_second);
        let mut all = self.epochs.iter().chain([&self.peak.1]).chain(roofs);
        all.all(|&it| it > 0.0 && it.is_finite())
    }
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
    let (data, dataset) = open_data(args.data.as_deref(), None, args.access.access())?;
    let samples = Samples::from(&dataset.train);
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: args.hidden,
        classes: dataset.classes,
    };
    check_shape(shape).context("--hidden")?;
    let options = args.options();
    memory::check(shape, BackendKind::Fused, &options, 1)?;
    let mut trainer = Trainer::new(samples, &options)?;
    let parameters = options.initial_parameters(shape);
    let (isa, threads) = (args.engine.isa()?, args.engine.threads(args.hidden)?);
    let (optimizer, precision) = (options.optimizer(), options.precision);
    let mut engine = Engine::in_precision(&parameters, optimizer, threads, isa, precision)?;
    let machine = Machine::here();
    let control = PassControl::default();
    // Before there is a folder, which a signal would leave empty.
    let signals = Signals::watch(&control.stop)?;
    let folder = folder::create(args.out.as_deref(), &machine)?;
    let measured = measure(args, &dataset, &mut engine, &mut trainer, &control);
    if !matches!(&measured, Ok(Some(measured)) if measured.is_timed()) {
        // It is still empty, and why there is no profile is told below.
        let _ = fs::remove_dir(&folder);
    }
    let measured = match measured? {
        Some(measured) if measured.is_timed() => measured,
        measured => return Ok(unmeasured(&signals, measured.is_some())),
    };
    let work = Work::new(
        samples,
        shape.classes,
        args.batch_size,
        args.momentum != 0.0,
    );
    let time = Duration::from_secs_f64(measured.epochs.iter().sum());
    let clocks = measured.profile.threads();
    let passes = args.epochs.into();
    let rows = work.rows(&clocks, passes, time, &engine.units(), measured.peak.1);
    let data = from_here(&data.display().to_string());
    let summary = summary(args, &measured, &data, samples.len());
    let text = |most| folder::text((&machine, &summary), &measured, &rows, most);
    folder::write(&folder, &machine, &summary, &measured, &rows, &text(None))?;
    let mut results = Results::new(args.json);
    results.event(&summary)?;
    for row in &rows {
        results.event(row)?;
    }
    results.text(&text(width::of_output()));
    results.text(&format!("written to {}", shown(&folder)));
    results.finish()?;
    Ok(Ending::Success)
}

/// Tells why there is no profile.
fn unmeasured(signals: &Signals, is_complete: bool) -> Ending {
    match signals.received() {
        Some(signal) => {
            message("interrupted: no profile is written, which needs all epochs");
            Ending::Signal(signal)
        }
        None if is_complete => {
            message("error: the clock has seen no time pass in an epoch; no profile is written");
            Ending::Missed(EXIT_MISSED)
        }
        None => {
            message("error: the loss is not finite; use a lower --learning-rate");
            Ending::Missed(EXIT_MISSED)
        }
    }
}

/// Epochs, then roofs. Nothing if a signal came or the training
/// diverged.
fn measure(
    args: &ProfileArgs,
    dataset: &Dataset,
    engine: &mut Engine,
    trainer: &mut Trainer<'_>,
    control: &PassControl,
) -> anyhow::Result<Option<Measured>> {
    let threads = engine.threads();
    let bench = PeakBench::new(engine.isa(), threads)?.in_precision(args.precision);
    let mut measured = Measured {
        isa: engine.isa(),
        threads,
        shape: engine.parameters().shape,
        epochs: Vec::new(),
        profile: Arc::new(Profile::new(threads)),
        peak: (peak_name(args.precision), 0.0),
        roofs: Vec::new(),
    };
    for round in 0..=args.epochs {
        measured.peak.1 = bench.best_of(BURSTS).max(measured.peak.1);
        let clocks = (round > 0).then(|| Arc::clone(&measured.profile));
        engine.set_clocks(clocks);
        let epoch = trainer.train_epoch(engine, control)?;
        if epoch.end != EpochEnd::Complete {
            return Ok(None);
        }
        if round > 0 {
            measured.epochs.push(epoch.record.seconds);
        }
    }
    engine.set_clocks(None);
    // Nothing is told of data that changed.
    dataset.check_mappings()?;
    measured.roofs = roofs(engine)?;
    Ok(Some(measured))
}

fn roofs(engine: &Engine) -> anyhow::Result<Vec<Roof>> {
    let (isa, threads) = (engine.isa(), engine.threads());
    let mut roofs = working_sets(threads).map(|(name, bytes_per_thread)| Roof {
        name,
        bytes_per_thread,
        gigabytes_per_second: 0.0,
    });
    for _ in 0..READINGS {
        for roof in &mut roofs {
            let reading = read_bandwidth(isa, threads, roof.bytes_per_thread)? / 1e9;
            roof.gigabytes_per_second = reading.max(roof.gigabytes_per_second);
        }
    }
    Ok(roofs.into())
}

/// What the tables do not tell.
fn summary(args: &ProfileArgs, measured: &Measured, data: &str, samples: usize) -> Value {
    json!({
        "profile": "summary",
        "isa": measured.isa.name(),
        "threads": measured.threads,
        "network": measured.shape.to_string(),
        "data": data,
        "batch_size": args.batch_size,
        "samples": samples,
        "momentum": args.momentum,
        "precision": args.precision,
        "epochs": measured.epochs.len(),
        "seconds_median": median(&measured.epochs),
        "peak_gflops": measured.peak.1 / 1e9,
        "roofs": measured.roofs,
    })
}
