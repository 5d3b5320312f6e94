//! `fused-mlp bench`.

mod print;

use super::memory;
use super::train::{DEFAULT_HIDDEN, open_data};
use crate::bench::{Configuration, EpochBench, EpochRow, SavedBench, disagreement, machine_text};
use crate::charts::{speed_axes, speed_svg};
use crate::ending::{EXIT_MISSED, EXIT_SLOWER, Ending};
use crate::options::access::AccessArgs;
use crate::options::backend::{BackendArgs, BackendKind, EngineArgs};
use crate::options::{named_value, output_name};
use crate::run_folder::{NewFile, OverwriteArgs};
use crate::terminal::output::{Results, message, shown};
use crate::terminal::signals::Signals;
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::{PassControl, Samples, check_shape};
use fused_mlp::engine::Precision;
use fused_mlp::machine::{Machine, PeakBench};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{EpochEnd, Recipe, Trainer, TrainingOptions};
use print::{compare, print};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Options of `fused-mlp bench`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("bench/notes.txt"))]
pub struct BenchArgs {
    /// Folders of data sets [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    data: Vec<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Train on the first N samples only [default: all]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Units of the hidden layer
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [DEFAULT_HIDDEN])]
    hidden: Vec<usize>,
    /// Numbers of the first layer: f32, int16; int16 is of the fused backend alone
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "f32", value_parser = named_value::precision(), hide_possible_values = true)]
    precision: Vec<Precision>,
    /// Samples of a minibatch
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "100"
    )]
    batch_size: Vec<usize>,
    /// Share of the velocity kept from step to step; 0 is plain SGD
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0")]
    momentum: Vec<f32>,
    #[command(flatten)]
    steps: StepArgs,
    /// Epochs of each row that are timed, at least 5
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(5..=100_000))]
    repeats: u32,
    /// Epochs of each row before those, which are not timed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    discard: u32,
    /// Write all times to a file
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["json"]))]
    save: Option<PathBuf>,
    /// Draw the speed against batch size, hidden units and threads, with the peak, as SVG
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["svg"]))]
    plot: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Compare with the times in a file
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Exit with code 3 if a row is slower than in the file
    #[arg(long, requires = "compare")]
    fail_on_slower: bool,
    /// Print results as JSON, one object a line: the machine, the rows, the comparisons
    #[arg(long)]
    json: bool,
    /// Show no progress, only results
    #[arg(long)]
    quiet: bool,
    /// Implementations: fused, matrixmultiply, reference (slow: see --samples)
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "fused"
    )]
    backend: Vec<BackendKind>,
    /// Instruction sets of the fused kernels [default: FUSED_MLP_ISA, else auto]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = named_value::isa(), hide_possible_values = true)]
    isa: Vec<IsaRequest>,
    /// Threads [default: RAYON_NUM_THREADS, else one for each core this process may use]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    threads: Vec<usize>,
}

/// What all steps have in common that are measured: their rate, and their order.
#[derive(Debug, Clone, Args)]
pub struct StepArgs {
    /// Learning rate of every step
    #[arg(long, value_name = "RATE", default_value_t = 0.1)]
    learning_rate: f32,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

impl StepArgs {
    /// Epochs of such steps, whose samples are shuffled; momentum is in Nesterov's form, as `train` has it.
    pub fn options(&self, epochs: u32, batch_size: usize, momentum: f32) -> TrainingOptions {
        TrainingOptions {
            epochs,
            batch_size,
            momentum,
            nesterov: momentum != 0.0,
            learning_rate: self.learning_rate,
            seed: self.seed,
            ..Recipe::Assignment.options()
        }
    }
}

/// Measures, prints and compares.
///
/// # Errors
/// If options, data or files cannot be used.
pub fn run(args: &BenchArgs) -> anyhow::Result<Ending> {
    if cfg!(debug_assertions) {
        bail!("this is a debug build, whose times mean nothing; use cargo run --release -- bench");
    }
    let before = args.compare.as_deref().map(SavedBench::load).transpose()?;
    let sources = sources(args)?;
    let mut rows = rows(args, &sources)?;
    if let Some(before) = &before {
        check_comparable(before, &rows)?;
    }
    let plot = plot_file(args, &rows)?;
    let save = NewFile::asked(args.save.as_deref(), "--save", args.overwrite)?;
    let control = PassControl::default();
    let signals = Signals::watch(&control.stop)?;
    measure(args, &mut rows, &control)?;
    if let Some(signal) = signals.received() {
        message("interrupted: no times are shown, which need all epochs");
        return Ok(Ending::Signal(signal));
    }
    // Nothing is told of data that changed.
    for (_, dataset, _) in &sources {
        dataset.check_mappings()?;
    }
    if let Some(fault) = fault(&rows) {
        message(&format!("error: {fault}"));
        return Ok(Ending::Missed(EXIT_MISSED));
    }
    let machine = Machine::here();
    let mut results = Results::new(args.json);
    print(&mut results, &machine, &rows)?;
    let is_slower = match &before {
        Some(before) => compare(&mut results, &machine, &rows, before)?,
        None => false,
    };
    if let Some(file) = plot {
        let rows: Vec<EpochRow<'_>> = rows.iter().map(|row| row.row(&rows[0])).collect();
        let file = file.write(speed_svg(&machine_text(&machine), &rows).as_bytes())?;
        results.text(&format!("\nplot: {}", shown(&file)));
    }
    if let Some(file) = save {
        let rows = rows.into_iter().map(|row| row.times).collect();
        file.write(SavedBench { machine, rows }.text()?.as_bytes())?;
    }
    results.finish()?;
    Ok(match is_slower && args.fail_on_slower {
        true => Ending::Missed(EXIT_SLOWER),
        false => Ending::Success,
    })
}

/// The file of `--plot`, if there is something to draw.
fn plot_file(args: &BenchArgs, rows: &[EpochBench<'_>]) -> anyhow::Result<Option<NewFile>> {
    let configurations: Vec<&Configuration> = rows.iter().map(EpochBench::configuration).collect();
    if args.plot.is_some() && speed_axes(&configurations).is_empty() {
        bail!(
            "--plot draws the speed against --batch-size, --hidden or --threads, of which each has one value; give \
             one of them two or more"
        );
    }
    NewFile::asked(args.plot.as_deref(), "--plot", args.overwrite)
}

/// Refuses rows that have nothing to be compared with, before anything is measured.
fn check_comparable(before: &SavedBench, rows: &[EpochBench<'_>]) -> anyhow::Result<()> {
    let mut rows = rows.iter().map(EpochBench::configuration);
    match rows.find(|row| before.row(row).is_none()) {
        Some(row) => bail!(
            "the file of --compare has no times of {row}; expected every row that is measured; measure it \
             with --save, or leave it out"
        ),
        None => Ok(()),
    }
}

/// A data set, its folder, and the checksums of its training images and labels.
type Source = (PathBuf, Dataset, [String; 2]);

fn sources(args: &BenchArgs) -> anyhow::Result<Vec<Source>> {
    let open = |folder: Option<&Path>| {
        let (folder, dataset) = open_data(folder, None, args.access.access())?;
        let checksums = [dataset.train.images.sha256(), dataset.train.labels.sha256()];
        Ok((folder, dataset, checksums))
    };
    match args.data.as_slice() {
        [] => Ok(vec![open(None)?]),
        folders => folders.iter().map(|folder| open(Some(folder))).collect(),
    }
}

/// The product of all lists, each row once.
fn rows<'a>(args: &BenchArgs, sources: &'a [Source]) -> anyhow::Result<Vec<EpochBench<'a>>> {
    let mut rows: Vec<EpochBench<'a>> = Vec::new();
    for source in sources {
        for backend in backends(args) {
            for &batch_size in &args.batch_size {
                for &hidden in &args.hidden {
                    let precisions = args.precision.iter();
                    let steps =
                        precisions.flat_map(|it| args.momentum.iter().map(move |m| (*it, *m)));
                    for step in steps {
                        let row = row(args, source, &backend, (batch_size, hidden, step))?;
                        let mut others = rows.iter();
                        if others.all(|other| other.configuration() != row.configuration()) {
                            rows.push(row);
                        }
                    }
                }
            }
        }
    }
    Ok(rows)
}

/// The product of the lists of a backend. One that has no choice of instruction sets or threads is
/// measured once.
fn backends(args: &BenchArgs) -> Vec<BackendArgs> {
    fn choices<T: Copy>(list: &[T], is_there: bool) -> Vec<Option<T>> {
        if list.is_empty() || !is_there {
            return vec![None];
        }
        list.iter().copied().map(Some).collect()
    }
    let mut backends = Vec::new();
    for &backend in &args.backend {
        for isa in choices(&args.isa, backend == BackendKind::Fused) {
            for threads in choices(&args.threads, backend != BackendKind::Reference) {
                let engine = EngineArgs { threads, isa };
                backends.push(BackendArgs { backend, engine });
            }
        }
    }
    backends
}

/// The training samples, or the first of them.
fn samples<'a>(args: &BenchArgs, (folder, dataset, _): &'a Source) -> anyhow::Result<Samples<'a>> {
    let all = Samples::from(&dataset.train);
    let count = args.samples.unwrap_or(all.len());
    if !(1..=all.len()).contains(&count) {
        bail!(
            "--samples is {count}; expected 1 to {}, which {} has",
            all.len(),
            shown(folder)
        );
    }
    let images = &all.images()[..count * all.inputs()];
    Ok(Samples::new(images, &all.labels()[..count], all.inputs()))
}

fn row<'a>(
    args: &BenchArgs,
    source: &'a Source,
    backend: &BackendArgs,
    (batch_size, hidden, (precision, momentum)): (usize, usize, (Precision, f32)),
) -> anyhow::Result<EpochBench<'a>> {
    let samples = samples(args, source)?;
    let shape = Shape {
        inputs: samples.inputs(),
        hidden,
        classes: source.1.classes,
    };
    check_shape(shape).context("--hidden")?;
    let epochs = args.discard + args.repeats;
    let options = TrainingOptions {
        precision,
        ..args.steps.options(epochs, batch_size, momentum)
    };
    memory::check(shape, backend.backend, &options, 1)?;
    let trainer = Trainer::new(samples, &options)?;
    let parameters = options.initial_parameters(shape);
    let (backend, isa) = backend.select(&parameters, options.optimizer(), options.precision)?;
    let threads = backend.threads();
    let configuration = Configuration {
        backend: backend.name().to_owned(),
        isa: isa.map(|isa| isa.name().to_owned()),
        threads,
        batch_size,
        shape,
        samples: samples.len(),
        momentum,
        learning_rate: options.learning_rate,
        seed: options.seed,
        precision,
        data: source.0.display().to_string(),
        data_sha256: source.2.clone(),
    };
    // Backends of other crates may use the best instructions there are.
    let isa = isa.map_or_else(|| Isa::select(IsaRequest::Auto), Ok)?;
    let peak = PeakBench::new(isa, threads)?.in_precision(precision);
    Ok(EpochBench::new(
        configuration,
        samples,
        backend,
        trainer,
        peak,
    ))
}

/// Measures all rows in turn, beginning with another one in each round, until the signal to stop or the
/// first row that diverges.
fn measure(
    args: &BenchArgs,
    rows: &mut [EpochBench<'_>],
    control: &PassControl,
) -> anyhow::Result<()> {
    let rounds = args.discard + args.repeats;
    let count = rows.len();
    for round in 0..rounds {
        for place in 0..count {
            let row = &mut rows[(round as usize + place) % count];
            let end = row.epoch(control, round >= args.discard)?;
            if end != EpochEnd::Complete || control.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        if !args.quiet {
            message(&format!("round {} of {rounds}: {count} rows", round + 1));
        }
    }
    Ok(())
}

/// Why the times of these rows mean nothing, if they do: one has not really trained, or not the same model
/// as another that must agree with it.
fn fault(rows: &[EpochBench<'_>]) -> Option<String> {
    let failed = rows.iter().find_map(|row| Some((row, row.failure()?)));
    if let Some((row, reason)) = failed {
        let name = row.configuration();
        return Some(format!(
            "{name} has not trained: {reason}; use a lower --learning-rate"
        ));
    }
    if let Some((first, other)) = disagreement(rows) {
        return Some(format!(
            "{first} and {other} have trained different models, which must be the same"
        ));
    }
    // A coarse clock may miss some epochs alone; what is left would not be their times.
    let is_timed = |row: &&EpochBench<'_>| {
        let seconds = &row.times.seconds;
        !seconds.is_empty() && seconds.iter().all(|&seconds| seconds > 0.0)
    };
    let row = rows.iter().find(|row| !is_timed(row))?;
    let name = row.configuration();
    Some(format!(
        "the clock has seen no time pass in an epoch of {name}; use more --samples"
    ))
}
