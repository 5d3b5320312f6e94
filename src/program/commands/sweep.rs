//! `fused-mlp sweep`.

mod table;

use super::train::{DEFAULT_HIDDEN, from_here, open_data};
use crate::charts::sweep_svg;
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::number_range::NumberRange;
use crate::options::training::{ListArgs, once};
use crate::options::{Origins, named_value, output_name};
use crate::run_folder::DataDescription;
use crate::sweep::{
    Grid, RunConfiguration, RunResult, SweepEvent, SweepFolder, SweepFolderError, SweepPlan,
    best_by_validation, run as run_sweep, summarise,
};
use crate::terminal::output::{Results, message, shown};
use crate::terminal::progress::Progress;
use crate::terminal::signals::Signals;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use fused_mlp::machine::default_threads;
use fused_mlp::mnist::Dataset;
use fused_mlp::simd::{ISA_VARIABLE, Isa, IsaRequest};
use fused_mlp::training::checkpoint::DataIdentity;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const NOTES: &str =
    "Every option that takes a LIST (values separated by commas) multiplies the runs; --seeds takes
ranges too, such as 1-10. Each run trains on one thread, as many at a time as there are cores,
to the same parameters as fused-mlp train with the same options. The table takes the seeds of a
configuration together: mean ± standard deviation of those that did not diverge.

The folder holds sweep.csv (a line a run, appended when it ends), epochs.csv (a line an epoch),
sweep.json (the options) and sweep.svg. The same command goes on with a sweep that was
interrupted; runs that had not ended begin anew.

Examples:
  fused-mlp sweep --learning-rate 0.05,0.1,0.2 --seeds 1-3
  fused-mlp sweep --batch-size 32,100 --momentum 0,0.9 --epochs 5 --out batch-sizes
  fused-mlp sweep --epochs 5,6,7,8 --target-accuracy 0.98 --seeds 1-10

Exit codes: as for every command; a diverged run is a line, not a failure, but 1 if all diverged";

/// Options of `fused-mlp sweep`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES, allow_negative_numbers = true)]
pub struct SweepArgs {
    #[command(flatten)]
    lists: ListArgs,
    /// Units of the hidden layer
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [DEFAULT_HIDDEN])]
    hidden: Vec<usize>,
    /// Seeds of the initial weights and the sample order, each repeating every configuration
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_seeds, default_value = "1")]
    seeds: Vec<NumberRange>,
    /// Training samples set aside, which choose the best configuration; at least 1
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    validation: usize,
    /// Tell after how many epochs the validation accuracy reaches this share; stops nothing
    #[arg(long, value_name = "SHARE", value_parser = super::train::parse_share)]
    target_accuracy: Option<f64>,
    /// Score the test data after each run, too
    #[arg(long)]
    test: bool,
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Folder of the sweep: new, or that of the same sweep
    #[arg(long, value_name = "DIR", default_value = "sweep", value_parser = output_name::folder())]
    out: PathBuf,
    /// Runs at a time [default: one for each core this process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Instruction set of the kernels: auto, avx512, avx2 or portable [default: FUSED_MLP_ISA, else
    /// auto]
    #[arg(long, value_name = "ISA", value_parser = named_value::isa(), hide_possible_values = true)]
    isa: Option<IsaRequest>,
    /// Print results as JSON, one object a line: runs as they end, then summaries
    #[arg(long)]
    json: bool,
    /// Show no progress, only results
    #[arg(long)]
    quiet: bool,
}

/// Most runs of a sweep: more are a mistake of the range.
const MOST_RUNS: usize = 20_000;

fn parse_seeds(text: &str) -> Result<NumberRange, String> {
    let range: NumberRange = text.parse()?;
    if range.0.end() - range.0.start() >= MOST_RUNS as u64 {
        return Err(format!("expected a range of at most {MOST_RUNS} seeds"));
    }
    Ok(range)
}

/// Beginning of the names of the data's checksums in a description.
const CHECKSUM: &str = "sha256-of-";

/// What makes a sweep the same: the lists, the rounding, and the data wherever they are.
#[derive(Serialize)]
struct Description<'a> {
    #[serde(flatten)]
    grid: &'a Grid,
    test: bool,
    /// Instruction sets that give the same bits.
    isa: &'static str,
    data: &'a str,
    #[serde(flatten)]
    checksums: BTreeMap<String, String>,
}

fn checksums(dataset: &Dataset) -> BTreeMap<String, String> {
    let sums = DataIdentity::new(String::new(), dataset).sha256;
    let names = [
        "training-images",
        "training-labels",
        "test-images",
        "test-labels",
    ];
    let names = names.map(|name| format!("{CHECKSUM}{name}"));
    names.into_iter().zip(sums).collect()
}

impl SweepArgs {
    fn grid(&self) -> Grid {
        let seeds: Vec<u64> = self.seeds.iter().flat_map(|it| it.0.clone()).collect();
        Grid {
            lists: self.lists.0.without_repetitions(),
            hidden: once("hidden", &self.hidden),
            validation: self.validation,
            seeds: once("seeds", &seeds),
        }
    }

    fn isa(&self) -> anyhow::Result<Isa> {
        let request = match self.isa {
            Some(request) => request,
            None => Isa::requested_by_environment().context(ISA_VARIABLE)?,
        };
        Ok(Isa::select(request)?)
    }
}

/// Trains the runs that are not done, and tells all.
///
/// # Errors
/// If options, data or files cannot be used.
pub fn run(args: &SweepArgs, origins: &Origins) -> anyhow::Result<Ending> {
    let grid = args.grid();
    if args.validation == 0 {
        bail!("--validation is 0; expected samples to choose the best configuration by");
    }
    let (data_folder, dataset) = open_data(args.data.as_deref(), None, args.access.access())?;
    let configurations = grid.configurations();
    if configurations.len() > MOST_RUNS {
        bail!(
            "the lists make {} runs; expected at most {MOST_RUNS}",
            configurations.len()
        );
    }
    let plan = SweepPlan {
        dataset: &dataset,
        configurations: &configurations,
        scores_test: args.test,
        isa: args.isa()?,
        workers: args.workers.map_or_else(default_threads, usize::from),
    };
    plan.check()?;
    let data = DataDescription::new(&data_folder, &dataset);
    let description = Description {
        grid: &grid,
        test: args.test,
        isa: match plan.isa.is_fused() {
            true => "avx512 or avx2",
            false => "portable",
        },
        data: &data.folder,
        checksums: checksums(&dataset),
    };
    let opened = SweepFolder::open(&args.out, &description, &configurations);
    let mut folder = opened.map_err(|error| other_sweep(error, origins, &data.folder))?;
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    let mut results = Results::new(args.json);
    let todo = folder.todo();
    let mut follower = Follower::new(args.quiet, &configurations, &todo);
    follower.heading(&plan, &folder, &data);
    for result in folder.results() {
        results.event(&table::RunEvent::new(&configurations, result))?;
    }
    run_sweep(&plan, &todo, &stop, |event| -> anyhow::Result<()> {
        // Before a file that was shortened ends the process, and before a run is kept that has seen
        // other data than those before it.
        let checked = dataset.check_mappings();
        checked.context("the sweep ended; the same command goes on with whole data")?;
        follower.follow(&event);
        if let SweepEvent::Run(result) = event {
            folder.add(result)?;
            results.event(&table::RunEvent::new(&configurations, result))?;
        }
        Ok(())
    })?;
    let summaries = summarise(&configurations, folder.results(), args.target_accuracy);
    let is_whole = folder.results().len() == configurations.len();
    // Among some of the runs the best means nothing yet.
    let best = best_by_validation(&summaries).filter(|_| is_whole);
    let svg = sweep_svg(&configurations, folder.results());
    let picture = folder.path().join("sweep.svg");
    std::fs::write(&picture, svg).with_context(|| picture.display().to_string())?;
    table::print(&mut results, &summaries, best)?;
    results.finish()?;
    Ok(ending(&signals, &folder, &configurations))
}

/// That the sweep in the folder is another one; an option that nobody has set is told as missing.
fn other_sweep(error: SweepFolderError, origins: &Origins, data: &str) -> anyhow::Error {
    match error {
        SweepFolderError::Other {
            folder,
            option,
            found,
            expected,
        } if option.starts_with(CHECKSUM) => anyhow!(
            "the {} in {} are not those of the sweep in {}: expected SHA-256 {found}, found \
             {expected}; name its data set with --data, or choose another folder with --out",
            option[CHECKSUM.len()..].replace('-', " "),
            from_here(data),
            shown(&folder)
        ),
        SweepFolderError::Other {
            folder,
            option,
            found,
            expected,
        } if origins.get(&option.replace('-', "_")).is_none() => anyhow!(
            "{} holds a sweep with --{option} {found}, but --{option} is not given, and its \
             default is {expected}; give the same options to go on with it, or choose another \
             folder with --out",
            shown(&folder)
        ),
        other => other.into(),
    }
}

/// Says why a sweep has not ended well.
fn ending(signals: &Signals, folder: &SweepFolder, all: &[RunConfiguration]) -> Ending {
    let done = folder.results();
    if let (Some(signal), true) = (signals.received(), done.len() < all.len()) {
        message(&format!(
            "interrupted: {} of {} runs are in {}; the same command goes on with the others",
            done.len(),
            all.len(),
            shown(folder.path())
        ));
        return Ending::Signal(signal);
    }
    if done.iter().all(RunResult::is_diverged) {
        message("error: every run diverged; try smaller --learning-rate or --momentum");
        return Ending::Missed(EXIT_MISSED);
    }
    Ending::Success
}

/// Progress of a sweep on standard error.
struct Follower<'a> {
    progress: Progress,
    configurations: &'a [RunConfiguration],
    bar: indicatif::ProgressBar,
    runs_done: usize,
    work_done: f64,
    work: f64,
    start: Instant,
    last_told: Instant,
}

/// Work of one epoch, in proportion to its time.
fn work_of_epoch(run: &RunConfiguration) -> f64 {
    // The update of the parameters counts for so many samples of a minibatch, as measured.
    const UPDATE: f64 = 16.0;
    run.hidden as f64 * (1.0 + UPDATE / run.options.batch_size as f64)
}

impl<'a> Follower<'a> {
    /// How often a line is printed where there is no bar.
    const INTERVAL: Duration = Duration::from_secs(10);

    fn new(is_quiet: bool, configurations: &'a [RunConfiguration], todo: &[usize]) -> Self {
        let runs = todo.iter().map(|&index| &configurations[index]);
        let work = runs
            .map(|run| f64::from(run.options.epochs) * work_of_epoch(run))
            .sum();
        let progress = Progress::lines(is_quiet);
        Self {
            bar: progress.bar(1000),
            progress,
            configurations,
            runs_done: configurations.len() - todo.len(),
            work_done: 0.0,
            work,
            start: Instant::now(),
            last_told: Instant::now(),
        }
    }

    fn heading(&self, plan: &SweepPlan<'_>, folder: &SweepFolder, data: &DataDescription) {
        let done = match self.runs_done {
            0 => String::new(),
            done => format!(", {done} of them done before"),
        };
        self.progress.line(&format!(
            "sweep of {} runs{done} on {}: {} at a time ({}); results in {}",
            self.configurations.len(),
            from_here(&data.folder),
            plan.workers,
            plan.isa.name(),
            shown(folder.path())
        ));
    }

    fn follow(&mut self, event: &SweepEvent<'_>) {
        match event {
            SweepEvent::Epoch { index, .. } => {
                self.work_done += work_of_epoch(&self.configurations[*index]);
            }
            SweepEvent::Run(result) => {
                self.runs_done += 1;
                // The epochs that a diverged run did not train are no work any more.
                let run = &self.configurations[result.index];
                let left = f64::from(run.options.epochs) - result.epochs.len() as f64;
                self.work -= left * work_of_epoch(run);
            }
        }
        let share = if self.work > 0.0 {
            self.work_done / self.work
        } else {
            1.0
        };
        let elapsed = self.start.elapsed().as_secs_f64();
        let left = elapsed * (1.0 - share) / share;
        let line = format!(
            "{}/{} runs, {:.0} % of the epochs, {} left",
            self.runs_done,
            self.configurations.len(),
            100.0 * share,
            indicatif::HumanDuration(Duration::try_from_secs_f64(left).unwrap_or_default())
        );
        if !self.bar.is_hidden() {
            self.bar.set_position((1000.0 * share) as u64);
            self.bar.set_message(line);
        } else if self.last_told.elapsed() >= Self::INTERVAL {
            self.progress.line(&line);
            self.last_told = Instant::now();
        }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
