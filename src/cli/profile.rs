//! `fused-mlp profile`.

#[cfg(feature = "flamegraph")]
mod flamegraph;
mod folder;

use super::access::AccessArgs;
use super::backend::EngineArgs;
use super::output::{Results, message, shown};
use super::output_name;
use super::signals::Signals;
use super::train::{self, DEFAULT_HIDDEN, from_here, open_data};
use super::{EXIT_MISSED, Ending};
use anyhow::{Context, bail};
use clap::Args;
use folder::{Summary, text};
use fused_mlp::backend::{Backend, PassControl, Samples, check_shape};
use fused_mlp::benchmark::{
    PeakBench, Place, Work, WorkingSet, median, read_bandwidth, share_outside_kernels, smallest,
};
use fused_mlp::engine::{Engine, Phase, Profile, ProfiledEngine};
use fused_mlp::machine::Machine;
use fused_mlp::mnist::Split;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::report::Roof;
use fused_mlp::simd::Isa;
use fused_mlp::training::{EpochEnd, Schedule, Trainer, TrainingOptions};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const NOTES: &str = "\
Plain and clocked epochs take turns; the clocked ones are what the tables show, the difference is
what clocking costs. Executed FLOP are those of the matrix products, without products with inputs of
0. GB/s count each number that a call needs once, however often it is read out of a nearer cache.
The times of all threads are their mean, GFLOP/s and GB/s their sum.

The folder holds README.md (the tables), profile.json, roofline.svg, phases.svg, and trace.json: a
timeline of the first steps for chrome://tracing or Perfetto.

Examples:
  fused-mlp profile
  fused-mlp profile --threads 1 --isa avx2 --out profiles/one-thread";

/// Bursts of the FMA peak before each pair of epochs.
const BURSTS: usize = 3;
/// Measurements of each bandwidth, of which the best counts. They take turns, because there are spells
/// in which two threads read no more than one, longer than a measurement in L1.
const READINGS: usize = 4;
/// Clocked evaluations, after one to warm up.
const EVALUATIONS: usize = 10;
/// Calls of a step.
const CALLS: usize = Phase::ALL.len() + 1;

/// Options of `fused-mlp profile`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub struct ProfileArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
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
    #[command(flatten)]
    engine: EngineArgs,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Steps of the timeline
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    trace_steps: u32,
    /// Folder for the profile; must not exist [default: profiles/<machine>-<date>]
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    /// Also write flamegraph.svg: as many plain epochs again, sampled. Needs a build with the cargo
    /// feature of this name
    #[arg(long)]
    flamegraph: bool,
    /// Print results as JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl ProfileArgs {
    /// Plain and clocked epochs in turn, after one of each to warm up.
    fn options(&self) -> anyhow::Result<TrainingOptions> {
        let most = u32::MAX / 2 - 1;
        if !(1..=most).contains(&self.epochs) {
            bail!("--epochs is {}; expected 1 to {most}", self.epochs);
        }
        Ok(TrainingOptions::default().with(|options| {
            options.epochs = 2 * (self.epochs + 1);
            options.batch_size = self.batch_size;
            options.learning_rate = self.learning_rate;
            options.schedule = Schedule::Constant;
            options.warm_up = 0.0;
            options.momentum = self.momentum;
            options.nesterov = false;
            options.weight_decay = 0.0;
            options.init_scale = 1.0;
            options.validation = 0;
            options.shuffle = true;
            options.seed = self.seed;
        }))
    }
}

/// Times of the epochs, and the clocks.
struct Measured {
    plain: Vec<f64>,
    clocked: Vec<f64>,
    profile: Profile,
    /// FLOP/s.
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
    if args.flamegraph && !cfg!(feature = "flamegraph") {
        bail!(
            "--flamegraph needs a build with its feature; use cargo run --release --features \
             flamegraph -- profile --flamegraph"
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
    let options = args.options()?;
    let mut trainer = Trainer::new(samples, &options)?;
    let parameters = Parameters::initialise(shape, args.seed);
    let (isa, threads) = (args.engine.isa()?, args.engine.threads()?);
    let mut engine = Engine::new(&parameters, options.optimizer(), threads, isa)?;
    let machine = Machine::here();
    let control = PassControl::default();
    // Before there is a folder, which a signal would leave empty.
    let signals = Signals::watch(&control.stop)?;
    let folder = folder::create(args.out.as_deref(), &machine)?;
    let measured = measure(args, &mut engine, &mut trainer, &control).and_then(|measured| {
        measured.map_or(Ok(None), |mut measured| {
            let evaluation = evaluate(&mut engine, &mut measured.profile, &dataset.test)?;
            // Nothing is told of data that changed.
            dataset.check_mappings()?;
            Ok(Some((measured, evaluation, roofs(isa, threads, &machine)?)))
        })
    });
    if !matches!(measured, Ok(Some(_))) {
        // It is still empty, and why there is no profile is told below.
        let _ = fs::remove_dir(&folder);
    }
    let Some((measured, evaluation, roofs)) = measured? else {
        return Ok(match signals.received() {
            Some(signal) => {
                message("interrupted: no profile is written, which needs all epochs");
                Ending::Signal(signal)
            }
            None => {
                message("error: the loss is not finite; use a lower --learning-rate");
                Ending::Missed(EXIT_MISSED)
            }
        });
    };
    let place = Place {
        units: &engine.units(),
        peak: measured.peak,
    };
    let (training, evaluations) = (&measured.profile.training, &measured.profile.evaluation);
    let time = Duration::from_secs_f64(measured.clocked.iter().sum());
    let mut rows = Work::of_training(
        samples,
        shape.classes,
        args.batch_size,
        options.momentum != 0.0,
    )
    .training_rows(training, time, place);
    let outside_kernels_share = share_outside_kernels(&rows);
    let test = Samples::from(&dataset.test);
    rows.extend(Work::of_evaluation(test, shape.classes).evaluation_rows(evaluations, place));
    let cost = |clocked: f64, plain: f64| clocked / plain - 1.0;
    let summary = Summary {
        profile: "summary",
        isa: isa.name(),
        threads,
        batch_size: args.batch_size,
        network: shape.to_string(),
        samples: samples.len(),
        momentum: args.momentum,
        data: from_here(&data.display().to_string()),
        epochs: measured.clocked.len(),
        seconds_median: median(&measured.clocked),
        seconds_min: smallest(&measured.clocked),
        plain_seconds_median: median(&measured.plain),
        plain_seconds_min: smallest(&measured.plain),
        clock_cost_median: cost(median(&measured.clocked), median(&measured.plain)),
        clock_cost_best: cost(smallest(&measured.clocked), smallest(&measured.plain)),
        outside_kernels_share,
        evaluation_samples: test.len(),
        evaluation_seconds_median: median(&evaluation),
        evaluation_seconds_min: smallest(&evaluation),
        peak_gflops: measured.peak / 1e9,
        roofs,
    };
    let text = text(&machine, &summary, &rows);
    let clocks = training.threads();
    folder::write(&folder, &machine, &summary, &rows, &text, &clocks)?;
    let mut results = Results::new(args.json);
    results.event(&summary)?;
    for row in &rows {
        results.event(row)?;
    }
    results.text(&text);
    #[cfg(feature = "flamegraph")]
    if args.flamegraph {
        // The same epochs once more, with the parameters that the others have left.
        let mut trainer = Trainer::new(samples, &options)?;
        flamegraph::record(&folder.join("flamegraph.svg"), || {
            for _ in 0..args.epochs {
                trainer.train_epoch(&mut engine, &control)?;
            }
            Ok(())
        })?;
    }
    results.text(&format!("written to {}", shown(&folder)));
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
    let threads = engine.threads();
    let peak = PeakBench::new(engine.isa(), threads)?;
    // More than the steps: the first preparation and the first barrier.
    let spans = args.trace_steps as usize * CALLS + 2;
    let mut warm_up = Profile::new(threads, 0);
    let mut measured = Measured {
        plain: Vec::new(),
        clocked: Vec::new(),
        profile: Profile::new(threads, spans),
        peak: 0.0,
    };
    for round in 0..=args.epochs {
        measured.peak = peak.best_of(BURSTS).max(measured.peak);
        let profile = match round {
            0 => &mut warm_up,
            _ => &mut measured.profile,
        };
        // Each goes first in every other round, so that coming after the bursts falls to both.
        for is_clocked in [round % 2 == 0, round % 2 == 1] {
            let epoch = if is_clocked {
                trainer.train_epoch(&mut ProfiledEngine::new(engine, profile), control)?
            } else {
                trainer.train_epoch(engine, control)?
            };
            if epoch.end != EpochEnd::Complete {
                return Ok(None);
            }
            let times = match is_clocked {
                true => &mut measured.clocked,
                false => &mut measured.plain,
            };
            if round > 0 {
                times.push(epoch.record.seconds);
            }
        }
    }
    Ok(Some(measured))
}

/// Seconds of each clocked evaluation of the test samples.
fn evaluate(engine: &mut Engine, profile: &mut Profile, test: &Split) -> anyhow::Result<Vec<f64>> {
    train::evaluate(engine, test)?;
    let mut engine = ProfiledEngine::new(engine, profile);
    let mut seconds = Vec::new();
    for _ in 0..EVALUATIONS {
        let start = Instant::now();
        train::evaluate(&mut engine, test)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

fn roofs(isa: Isa, threads: usize, machine: &Machine) -> anyhow::Result<Vec<Roof>> {
    let mut roofs = WorkingSet::all(&machine.caches, threads).map(|set| Roof {
        name: set.name,
        bytes_per_thread: set.bytes,
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
