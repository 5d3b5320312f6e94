//! `fused-mlp sweep`.

mod follower;
mod table;

use super::memory;
use super::train::{self, TrainArgs, open_data};
use crate::charts::sweep_svg;
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::AccessArgs;
use crate::options::backend::{BackendKind, EngineArgs};
use crate::options::training::arguments;
use crate::options::{Origins, named_value, output_name};
use crate::run_folder::{RunRecord, unwritable};
use crate::sweep::{
    Grid, MOST_RUNS, RunConfiguration, RunResult, Shard, ShardRequest, Summary, SweepEvent,
    SweepFolder, SweepPlan, best_by_validation, run as run_sweep, summarise, varying_options,
};
use crate::terminal::output::{Results, message, shown};
use crate::terminal::signals::Signals;
use anyhow::{Context, bail};
use clap::Args;
use follower::Follower;
use fused_mlp::backend::Samples;
use fused_mlp::engine::Precision;
use fused_mlp::machine::default_threads;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::simd::IsaRequest;
use fused_mlp::training::Recipe;
use fused_mlp::training::checkpoint::DataIdentity;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Options of `fused-mlp sweep`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("sweep/notes.txt"))]
pub struct SweepArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    grid: Grid,
    /// Tell after how many epochs the validation accuracy reaches this share; stops nothing
    #[arg(long, value_name = "SHARE", value_parser = super::train::parse_share)]
    target_accuracy: Option<f64>,
    /// Score the test data after each run, too
    #[arg(long)]
    test: bool,
    /// When all runs are done, train the best configuration into the folder best of the sweep's, a run as
    /// train leaves it; a sweep keeps no networks else
    #[arg(long, value_name = "WHICH", value_parser = ["best"])]
    keep: Option<String>,
    /// Train one of N parts alone, I from 0 to N - 1, in the folder of all: on many machines. auto: the part that
    /// Slurm, Open MPI, MPICH or Intel MPI says. The same command without it, or report, puts them together
    #[arg(long, value_name = "I/N", conflicts_with = "keep")]
    shard: Option<ShardRequest>,
    /// Folder of the sweep: new, or that of the same sweep
    #[arg(long, value_name = "DIR", default_value = "sweep", value_parser = output_name::folder())]
    out: PathBuf,
    /// Folder for event files that TensorBoard shows, in a folder for each run
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    tensorboard: Option<PathBuf>,
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

/// Names in a description of the checksums of the data.
const CHECKSUMS: [&str; 4] = [
    "sha256-of-training-images",
    "sha256-of-training-labels",
    "sha256-of-test-images",
    "sha256-of-test-labels",
];

/// Trains the runs that are not done, and tells all.
///
/// # Errors
/// If options, data or files cannot be used.
pub fn run(args: &SweepArgs) -> anyhow::Result<Ending> {
    let (data_folder, dataset) = open_data(args.data.as_deref(), None, args.access.access())?;
    let args = &fitting(args, &dataset);
    let configurations = configurations(&args.grid)?;
    let engine = EngineArgs {
        isa: args.isa,
        ..EngineArgs::default()
    };
    let named = varying_options(&configurations);
    let plan = SweepPlan {
        dataset: &dataset,
        configurations: &configurations,
        scores_test: args.test,
        isa: engine.isa()?,
        workers: workers(args),
        tensorboard: args.tensorboard.as_deref().map(|folder| (folder, &*named)),
    };
    plan.check()?;
    check_memory(&plan)?;
    let data = data_folder.display().to_string();
    let (mut folder, part) = open_folder(args, &plan, &data)?;
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::watch(&stop)?;
    signals.advise("runs under way are lost; the same command goes on with them".to_owned());
    let mut results = Results::new(args.json);
    let todo = folder.todo();
    let mut follower = Follower::new(args.quiet, &configurations, &folder);
    let sweep = part.map(|_| &*args.out);
    follower.heading(&plan, &folder, &data, sweep);
    for result in &folder.results {
        results.event(&table::Event::of(&configurations, result))?;
    }
    run_sweep(&plan, &todo, &stop, |event| {
        // Before a file that was shortened ends the process, and before a run is kept that has seen
        // other data than those before it.
        let checked = dataset.check_mappings();
        checked.context("the sweep ended; the same command goes on with whole data")?;
        follower.follow(&event);
        if let SweepEvent::Run(result) = event {
            let kept = folder.add(result)?;
            results.event(&table::Event::of(&configurations, kept))?;
            if let Some(line) = results.lost_reader("sweep") {
                follower.progress.line(&line);
            }
        }
        Ok(())
    })?;
    // What follows has the terminal to itself.
    follower.bar.finish_and_clear();
    folder.put_in_order()?;
    let ending = ending(&signals, &folder, part.is_some());
    if part.is_some() {
        results.finish()?;
        return Ok(ending);
    }
    let command = |best: &Summary| training(args, best);
    let target = args.target_accuracy;
    let best = conclude(results, &folder, &configurations, target, command)?;
    match best.filter(|_| args.keep.is_some() && ending == Ending::Success) {
        Some((best, training)) => keep(args, &best, training),
        None => Ok(ending),
    }
}

/// The same with the learning rate that fits the images, if none is given.
fn fitting(args: &SweepArgs, dataset: &Dataset) -> SweepArgs {
    let mut args = args.clone();
    if let Some(why) = args.grid.fit_rate(Samples::from(&dataset.train)) {
        message(&why);
    }
    args
}

/// The runs of a grid.
fn configurations(grid: &Grid) -> anyhow::Result<Vec<RunConfiguration>> {
    if grid.validation == 0 {
        bail!("--validation is 0; expected samples to choose the best configuration by");
    }
    let configurations = grid.configurations();
    let runs = configurations.len();
    if runs > MOST_RUNS {
        bail!("the lists make {runs} runs; expected at most {MOST_RUNS}");
    }
    Ok(configurations)
}

/// The folder of the sweep, and the part of it that is to be trained, if that is not all.
fn open_folder(
    args: &SweepArgs,
    plan: &SweepPlan<'_>,
    data: &str,
) -> anyhow::Result<(SweepFolder, Option<Shard>)> {
    let shard = args.shard.map(|it| it.part(variable)).transpose()?;
    let part = shard.as_ref().map(|(part, _)| *part);
    let description = description(&args.grid, plan, data)?;
    let folder = SweepFolder::open(&args.out, description, plan.configurations, part)?;
    if let (Some((part, told_by)), Some(ShardRequest::Auto)) = (shard, args.shard) {
        message(&format!("--shard auto: part {part}, by {told_by}"));
    }
    Ok((folder, part))
}

/// `fused-mlp report` of the folder of a sweep: puts its parts together, and tells what it gave.
///
/// # Errors
/// If its files cannot be used.
pub fn report(
    path: &Path,
    description: Map<String, Value>,
    is_json: bool,
) -> anyhow::Result<Ending> {
    let grid = Grid::described(&description);
    let grid = grid.with_context(|| format!("{}: expected a sweep", shown(path)))?;
    let configurations = grid.configurations();
    let folder = SweepFolder::open(path, description, &configurations, None)?;
    let mut results = Results::new(is_json);
    for result in &folder.results {
        results.event(&table::Event::of(&configurations, result))?;
    }
    conclude(results, &folder, &configurations, None, |_| Vec::new())?;
    if !folder.todo().is_empty() {
        let state = state(&folder);
        message(&format!("{state}; the same sweep goes on with the others"));
    }
    Ok(Ending::Success)
}

/// Draws and tells what a sweep has given, and returns the best, with the arguments that train it, if all is done.
fn conclude(
    mut results: Results,
    folder: &SweepFolder,
    configurations: &[RunConfiguration],
    target: Option<f64>,
    training: impl Fn(&Summary) -> Vec<String>,
) -> anyhow::Result<Option<(Summary, Vec<String>)>> {
    let summaries = summarise(configurations, &folder.results, target);
    // Among some of the runs the best means nothing yet.
    let best = best_by_validation(&summaries).filter(|_| folder.todo().is_empty());
    let svg = sweep_svg(configurations, &folder.results);
    let picture = folder.path.join("sweep.svg");
    std::fs::write(&picture, svg).map_err(|error| unwritable(&picture, &error))?;
    let training = best.map_or_else(Vec::new, |best| training(&summaries[best]));
    table::print(&mut results, &summaries, best, &training)?;
    results.finish()?;
    Ok(best.map(|best| (summaries[best].clone(), training)))
}

/// Trains the best configuration in a folder of its own, or goes on with that if it was interrupted.
fn keep(args: &SweepArgs, best: &Summary, training: Vec<String>) -> anyhow::Result<Ending> {
    let out = args.out.join("best");
    let mut words = training;
    if out.exists() {
        let found = RunRecord::read(&out)?.start.settings;
        let found = RunConfiguration {
            hidden: found.hidden,
            options: found.options,
        };
        if found.without_seed() != best.configuration {
            bail!(
                "{} holds another run than the best of this sweep; move it away",
                shown(&out)
            );
        }
        words = vec!["train".to_owned(), format!("--resume={}", out.display())];
    } else {
        words.push(format!("--out={}", out.display()));
    }
    words.extend(args.json.then(|| "--json".to_owned()));
    words.extend(args.quiet.then(|| "--quiet".to_owned()));
    train::run(&TrainArgs::of(&words)?, &Origins::default(), Instant::now())
}

/// The arguments of the program that train a configuration from the first seed: to the network of the sweep,
/// as the same samples are set aside.
fn training(args: &SweepArgs, best: &Summary) -> Vec<String> {
    let RunConfiguration { hidden, options } = &best.configuration;
    let mut text = format!("train {}", arguments(options, Recipe::default()));
    text += &format!(" --hidden {hidden} --validation {}", options.validation);
    text += &format!(" --seed {}", args.grid.seeds()[0]);
    for word in args.access.words() {
        text += &format!(" {word}");
    }
    if let Some(isa) = args.isa {
        text += &format!(" --isa {}", isa.name());
    }
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let data = args.data.iter().map(|data| data.display().to_string());
    words.extend(data.flat_map(|data| ["--data".to_owned(), data]));
    words
}

/// Runs at a time. Where a launcher binds no process to its processors, each sees those of the machine.
fn workers(args: &SweepArgs) -> usize {
    let told = args.shard.and_then(|_| variable("SLURM_CPUS_PER_TASK"));
    let told = told.and_then(|told| told.parse().ok());
    let cores = default_threads().min(told.unwrap_or(usize::MAX)).max(1);
    args.workers.map_or(cores, usize::from)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Asks for the memory of as many runs as are trained at a time.
fn check_memory(plan: &SweepPlan<'_>) -> anyhow::Result<()> {
    let at_a_time = plan.workers.min(plan.configurations.len());
    for run in plan.configurations {
        let shape = Shape {
            inputs: plan.dataset.train.images.pixels(),
            hidden: run.hidden,
            classes: plan.dataset.classes,
        };
        memory::check(shape, BackendKind::Fused, &run.options, at_a_time)?;
    }
    Ok(())
}

/// What makes a sweep the same: the lists, the rounding, and the data wherever they are.
fn description(
    grid: &Grid,
    plan: &SweepPlan<'_>,
    data: &str,
) -> anyhow::Result<Map<String, Value>> {
    // Instruction sets that give the same bits; those of ARM are among the first.
    let mut runs = plan.configurations.iter();
    let isa = match plan.isa.is_fused() {
        _ if runs.all(|run| run.options.precision == Precision::Int16) => "any",
        true => "avx512 or avx2",
        false => "portable",
    };
    let mut fields = grid.description()?;
    fields.insert("test".to_owned(), plan.scores_test.into());
    fields.insert("isa".to_owned(), isa.into());
    fields.insert("data".to_owned(), data.into());
    let sums = DataIdentity::new(String::new(), plan.dataset).sha256;
    for (name, sum) in CHECKSUMS.into_iter().zip(sums) {
        fields.insert(name.to_owned(), sum.into());
    }
    Ok(fields)
}

/// Says why a sweep has not ended well. That all runs of a part diverged is no failure, for which a launcher
/// would end the other parts.
fn ending(signals: &Signals, folder: &SweepFolder, is_part: bool) -> Ending {
    if let (Some(signal), false) = (signals.received(), folder.todo().is_empty()) {
        let state = state(folder);
        message(&format!(
            "interrupted: {state}; the same command goes on with the others"
        ));
        return Ending::Signal(signal);
    }
    if !is_part && folder.results.iter().all(RunResult::is_diverged) {
        message("error: every run diverged; try smaller --learning-rate or --momentum");
        return Ending::Missed(EXIT_MISSED);
    }
    Ending::Success
}

/// How far a sweep has come.
fn state(folder: &SweepFolder) -> String {
    let (done, runs) = (folder.results.len(), folder.runs());
    format!("{done} of {runs} runs are in {}", shown(&folder.path))
}
