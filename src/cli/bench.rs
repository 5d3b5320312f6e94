//! `fused-mlp bench`.

mod table;

use super::access::AccessArgs;
use super::backend::{BackendArgs, BackendKind, EngineArgs};
use super::named_value;
use super::output::{Results, message, shown};
use super::output_name;
use super::signals::Signals;
use super::train::{DEFAULT_HIDDEN, open_data};
use super::{EXIT_MISSED, EXIT_SLOWER, Ending};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::{PassControl, Samples, check_shape};
use fused_mlp::benchmark::{
    Configuration, EpochBench, PeakBench, SavedBench, SavedRow, disagreement,
};
use fused_mlp::machine::Machine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{EpochEnd, Schedule, Trainer, TrainingOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use table::{compare, describe, print};

const NOTES: &str = "\
Every option that takes a LIST (values separated by commas) multiplies the rows. All rows are
measured in turn, one epoch each, and again for every repeat, so that a change of the machine's
speed meets all of them. An epoch is one pass over the training samples: shuffling, preparation and
every step, no evaluation.

  median, best   time of an epoch
  epochs/s       1 / median
  GFLOP/s        executed: products with inputs of 0 left out; of the median
  of peak        executed FLOP/s / FMA peak of the same instruction set on the same threads,
                 of the median and of the best; the peak is measured in turn with the rows
  speed-up       median of the first row / median of this one, and the same of the best

A ratio between rows of one run says more than one between runs: --compare knows only that the
machine has the same name. Its verdict is of the ratio of the medians (this run / file), by a 95 %
bootstrap interval: same within 2 % of 1, faster below 1, slower above 1, else undecided.

Examples:
  fused-mlp bench
  fused-mlp bench --isa avx512,avx2 --threads 1,2
  fused-mlp bench --backend fused,matrixmultiply --save before.json
  fused-mlp bench --compare before.json --fail-on-slower

Every row must train: finite parameters, the last epoch's loss below the first one's, and the same
model, bit for bit, for all threads and instruction sets with fused multiply-add; else exit code 1.

Exit codes: as for every command, and 3 if --fail-on-slower found a slower row";

/// Options of `fused-mlp bench`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub struct BenchArgs {
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
    /// Samples of a minibatch
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "100"
    )]
    batch_size: Vec<usize>,
    /// Units of the hidden layer
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [DEFAULT_HIDDEN])]
    hidden: Vec<usize>,
    /// Share of the velocity kept from step to step; 0 is plain SGD
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0")]
    momentum: Vec<f32>,
    /// Folders of data sets [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    data: Vec<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Train on the first N samples only [default: all]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Learning rate of every step
    #[arg(long, value_name = "RATE", default_value_t = 0.1)]
    learning_rate: f32,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Epochs of each row that are timed, at least 5
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(5..=100_000))]
    repeats: u32,
    /// Epochs of each row before those
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    warm_up: u32,
    /// Write all times to a file
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["json"]))]
    save: Option<PathBuf>,
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
}

/// A data set, and how it is named in results.
struct Source {
    name: String,
    dataset: Dataset,
}

/// A row, and which of the peaks is its own.
struct Row<'a> {
    bench: EpochBench<'a>,
    peak: usize,
}

/// The FMA peak of an instruction set on some threads.
struct Peak {
    isa: Isa,
    threads: usize,
    bench: PeakBench,
    best: f64,
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
    if let Some(path) = &args.save {
        check_place(path)?;
    }
    let sources = sources(args)?;
    let (mut rows, mut peaks) = (Vec::new(), Vec::new());
    for source in &sources {
        add_rows(args, source, &mut rows, &mut peaks)?;
    }
    let control = PassControl::default();
    let signals = Signals::watch(&control.stop)?;
    let mut ending = measure(args, &mut rows, &mut peaks, &control)?;
    // Nothing is told of data that changed.
    for source in &sources {
        source.dataset.check_mappings()?;
    }
    if !is_sound(&mut rows) {
        ending = Ending::Missed(EXIT_MISSED);
    }
    if let (Ending::Success, Some(signal)) = (ending, signals.received()) {
        message("stopped by a signal; the rows hold the epochs until then");
        ending = Ending::Signal(signal);
    }
    let machine = Machine::here();
    let mut results = Results::new(args.json);
    print(&mut results, &machine, &rows, &peaks)?;
    if let Some(before) = &before {
        let is_slower = compare(&mut results, &machine, &rows, before)?;
        if is_slower && args.fail_on_slower && ending == Ending::Success {
            ending = Ending::Missed(EXIT_SLOWER);
        }
    }
    if let Some(path) = args
        .save
        .as_deref()
        .filter(|path| may_save(path, ending, &rows))
    {
        let saved = |row: &Row<'_>| SavedRow {
            configuration: row.bench.configuration().clone(),
            seconds: row.bench.seconds().to_vec(),
            peak_gflops: peaks[row.peak].best / 1e9,
        };
        let rows = timed(&rows).map(saved).collect();
        SavedBench { machine, rows }.save(path)?;
    }
    results.finish()?;
    Ok(ending)
}

fn sources(args: &BenchArgs) -> anyhow::Result<Vec<Source>> {
    let open = |folder: Option<&PathBuf>| {
        let (folder, dataset) =
            open_data(folder.map(PathBuf::as_path), None, args.access.access())?;
        Ok(Source {
            name: folder.display().to_string(),
            dataset,
        })
    };
    if args.data.is_empty() {
        return Ok(vec![open(None)?]);
    }
    args.data.iter().map(|folder| open(Some(folder))).collect()
}

/// The training samples, or the first of them.
fn samples<'a>(args: &BenchArgs, source: &'a Source) -> anyhow::Result<Samples<'a>> {
    let all = Samples::from(&source.dataset.train);
    let count = args.samples.unwrap_or(all.len());
    if !(1..=all.len()).contains(&count) {
        bail!(
            "--samples is {count}; expected 1 to {}, which {} has",
            all.len(),
            source.name
        );
    }
    let (images, labels) = (
        &all.images()[..count * all.inputs()],
        &all.labels()[..count],
    );
    Ok(Samples::new(images, labels, all.inputs()))
}

/// Adds the product of all lists for one data set. A backend that has no choice of instruction sets
/// or threads is measured once.
fn add_rows<'a>(
    args: &BenchArgs,
    source: &'a Source,
    rows: &mut Vec<Row<'a>>,
    peaks: &mut Vec<Peak>,
) -> anyhow::Result<()> {
    fn choices<T: Copy>(list: &[T], is_there: bool) -> Vec<Option<T>> {
        if list.is_empty() || !is_there {
            return vec![None];
        }
        list.iter().copied().map(Some).collect()
    }
    let samples = samples(args, source)?;
    for &backend in &args.backend {
        for isa in choices(&args.isa, backend == BackendKind::Fused) {
            for threads in choices(&args.threads, backend != BackendKind::Reference) {
                let backend = BackendArgs {
                    backend,
                    engine: EngineArgs { threads, isa },
                };
                for &batch_size in &args.batch_size {
                    for &hidden in &args.hidden {
                        for &momentum in &args.momentum {
                            let what = (batch_size, hidden, momentum);
                            let row = row(args, source, samples, &backend, what, peaks)?;
                            let is_new = rows.iter().all(|other| {
                                other.bench.configuration() != row.bench.configuration()
                            });
                            if is_new {
                                rows.push(row);
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn row<'a>(
    args: &BenchArgs,
    source: &'a Source,
    samples: Samples<'a>,
    backend: &BackendArgs,
    (batch_size, hidden, momentum): (usize, usize, f32),
    peaks: &mut Vec<Peak>,
) -> anyhow::Result<Row<'a>> {
    let shape = Shape {
        inputs: samples.inputs(),
        hidden,
        classes: source.dataset.classes,
    };
    check_shape(shape).context("--hidden")?;
    let options = TrainingOptions::default().with(|options| {
        options.epochs = args.warm_up + args.repeats;
        options.batch_size = batch_size;
        options.learning_rate = args.learning_rate;
        options.schedule = Schedule::Constant;
        options.warm_up = 0.0;
        options.momentum = momentum;
        options.nesterov = false;
        options.weight_decay = 0.0;
        options.init_scale = 1.0;
        options.validation = 0;
        options.shuffle = true;
        options.seed = args.seed;
    });
    let trainer = Trainer::new(samples, &options)?;
    let parameters = Parameters::initialise(shape, args.seed);
    let selected = backend.select(&parameters, options.optimizer())?;
    let threads = selected.backend.threads();
    let configuration = Configuration {
        backend: selected.backend.name().to_owned(),
        isa: selected.isa.map(|isa| isa.name().to_owned()),
        threads,
        batch_size,
        inputs: shape.inputs,
        hidden,
        classes: shape.classes,
        samples: samples.len(),
        momentum,
        data: source.name.clone(),
    };
    // Backends of other crates may use the best instructions there are.
    let isa = match selected.isa {
        Some(isa) => isa,
        None => Isa::select(IsaRequest::Auto)?,
    };
    let same = |peak: &Peak| peak.isa == isa && peak.threads == threads;
    let peak = match peaks.iter().position(same) {
        Some(peak) => peak,
        None => {
            peaks.push(Peak {
                isa,
                threads,
                bench: PeakBench::new(isa, threads)?,
                best: 0.0,
            });
            peaks.len() - 1
        }
    };
    let bench = EpochBench::new(configuration, samples, selected.backend, trainer);
    Ok(Row { bench, peak })
}

/// Measures all rows in turn, beginning with another one in each round.
fn measure(
    args: &BenchArgs,
    rows: &mut [Row<'_>],
    peaks: &mut [Peak],
    control: &PassControl,
) -> anyhow::Result<Ending> {
    /// Bursts before each round; they take about ten milliseconds.
    const BURSTS: usize = 3;
    let rounds = args.warm_up + args.repeats;
    let count = rows.len();
    for round in 0..rounds {
        for peak in &mut *peaks {
            peak.best = peak.bench.best_of(BURSTS).max(peak.best);
        }
        for place in 0..count {
            let row = &mut rows[(round as usize + place) % count];
            match row.bench.epoch(control, round >= args.warm_up)? {
                EpochEnd::Complete => {}
                EpochEnd::Stopped => return Ok(Ending::Success),
                EpochEnd::Diverged => {
                    message(&format!(
                        "error: the loss of {} is not finite; use a lower --learning-rate",
                        describe(row.bench.configuration())
                    ));
                    row.bench.discard();
                    return Ok(Ending::Missed(EXIT_MISSED));
                }
            }
            if control.stop.load(Ordering::Relaxed) {
                return Ok(Ending::Success);
            }
        }
        if !args.quiet {
            message(&format!("round {} of {rounds}: {count} rows", round + 1));
        }
    }
    Ok(Ending::Success)
}

/// The rows that have times: all, unless the run was cut short.
fn timed<'r, 'a>(rows: &'r [Row<'a>]) -> impl Iterator<Item = &'r Row<'a>> {
    rows.iter().filter(|row| !row.bench.seconds().is_empty())
}

/// Checks that every row has really trained, and the same model as those that must agree with it;
/// tells where not. The times of rows that have not mean nothing, and are dropped.
fn is_sound(rows: &mut [Row<'_>]) -> bool {
    let mut is_sound = true;
    for row in &mut *rows {
        if let Some(reason) = row.bench.failure() {
            message(&format!(
                "error: {} has not trained: {reason}; use a lower --learning-rate",
                describe(row.bench.configuration())
            ));
            row.bench.discard();
            is_sound = false;
        }
    }
    let benches: Vec<_> = rows.iter().map(|row| &row.bench).collect();
    if let Some((first, row)) = disagreement(&benches) {
        message(&format!(
            "error: {} and {} have trained different models, which must be the same; no times are \
             shown",
            describe(rows[first].bench.configuration()),
            describe(rows[row].bench.configuration())
        ));
        rows.iter_mut().for_each(|row| row.bench.discard());
        is_sound = false;
    }
    is_sound
}

/// Refuses a file that cannot be written after the measurement, or is not ours to replace, before it
/// begins.
fn check_place(path: &Path) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        bail!(
            "--save is {}; expected a file in a folder that exists",
            shown(path)
        );
    }
    if path.exists() && SavedBench::load(path).is_err() {
        bail!(
            "--save is {}; expected a new file or times that bench has saved, found another file, \
             which is not replaced; choose another name",
            shown(path)
        );
    }
    Ok(())
}

/// Whether the times may be written: complete ones always; those of a run that was interrupted only
/// where they replace no others.
fn may_save(path: &Path, ending: Ending, rows: &[Row<'_>]) -> bool {
    let reason = match ending {
        Ending::Missed(EXIT_MISSED) => "not every row has trained",
        _ if timed(rows).next().is_none() => "nothing was measured",
        Ending::Signal(_) if path.exists() => "the run was interrupted, and the file has others",
        _ => return true,
    };
    message(&format!(
        "warning: the times are not written to {}: {reason}",
        shown(path)
    ));
    false
}
