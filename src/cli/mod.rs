//! Commands and their options.

mod access;
mod assignment;
mod backend;
mod bench;
mod command_names;
mod completions;
mod config;
mod data;
mod eval;
mod export;
mod import;
mod man;
mod model;
mod named_value;
mod number_range;
mod output;
mod output_name;
mod picture_style;
mod predict;
mod profile;
mod progress;
mod race;
mod report;
mod resolved;
mod show;
mod signals;
mod suggestion;
mod sweep;
mod terminal;
mod train;
mod usage;
mod version;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use config::{ConfigArgs, Origins};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// No command was given: the help is shown.
const MISSING: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
/// The goal was missed: training diverged.
const EXIT_MISSED: u8 = 1;
/// Slower than before.
const EXIT_SLOWER: u8 = 3;
/// Wrong usage, or data or files that cannot be used.
const EXIT_USAGE: u8 = 2;

const NOTES: &str = "\
Examples:
  fused-mlp train
  fused-mlp eval --model runs/first
  fused-mlp train --config options.toml
  fused-mlp sweep --learning-rate 0.05,0.1,0.2 --seeds 1-3
  fused-mlp help train

Every option can also be set in the environment, as FUSED_MLP_LEARNING_RATE for --learning-rate, or
in the file of --config. The command line takes precedence over the environment, that over the file,
that over a recipe, and that over defaults; --print-config tells which of them set what.

Exit codes:
  0 success; 1 training or evaluation not finite, or target missed; 2 wrong usage or data;
  3 slower (bench --fail-on-slower); 101 a fault of the program or the machine;
  129 terminal closed; 130 interrupted; 143 terminated";

/// Trains a two-layer perceptron on MNIST-format data on a CPU.
#[derive(Debug, Parser)]
#[command(version, long_version = version::long(), about, after_help = NOTES)]
#[command(
    arg_required_else_help = true,
    max_term_width = 100,
    args_override_self = true
)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network and score it on the test data.
    Train(train::TrainArgs),
    /// Score a trained network: loss, accuracy, precision, recall, confusion matrix.
    Eval(eval::EvalArgs),
    /// Predict the digit in scans, photos and images of idx files.
    Predict(predict::PredictArgs),
    /// Draw images of a data set in the terminal or as a PNG contact sheet.
    Show(show::ShowArgs),
    /// Write a model for another program: safetensors, .npz or ONNX.
    Export(export::ExportArgs),
    /// Make a model file of another program's weights.
    Import(import::ImportArgs),
    /// Train with every combination of options and seeds, one run a core at a time.
    Sweep(Box<sweep::SweepArgs>),
    /// Train from several seeds, each in a fresh process, until a target accuracy: the seconds it takes.
    Race(race::RaceArgs),
    /// Write a page that compares runs: curves, options, confusion matrices, weights.
    Report(report::ReportArgs),
    /// Measure epochs, in turn, for every combination of options.
    Bench(bench::BenchArgs),
    /// Show where the time of an epoch goes, phase by phase and thread by thread.
    Profile(profile::ProfileArgs),
    /// Answer the questions of the course's assignment and write a report.
    Assignment(assignment::AssignmentArgs),
    /// Describe, check or make a data set.
    Data(data::DataArgs),
    /// Print completions of commands and options for a shell.
    Completions(completions::CompletionsArgs),
    /// Print the manual page of a command, or write all pages to a folder.
    Man(man::ManArgs),
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// All was done.
    Success,
    /// The goal was missed, which this exit code tells; why was said.
    Missed(u8),
    /// A signal of this number asked to stop.
    Signal(u8),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let start = Instant::now();
    terminal::unforce_colours();
    let (command, origins) = match parse() {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(code) => return code,
    };
    if let Err(error) = signals::survive_file_size_limit() {
        return failed(&error, &origins);
    }
    let result = match command {
        Command::Train(args) => train::run(&args, &origins, start),
        Command::Eval(args) => eval::run(&args, &origins),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Sweep(args) => sweep::run(&args, &origins),
        Command::Race(args) => race::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Assignment(args) => assignment::run(&args, start),
        Command::Data(args) => data::run(&args),
        Command::Completions(args) => completions::run(&args, root()),
        Command::Man(args) => man::run(&args, root()),
    };
    match result {
        Ok(Ending::Success) => ExitCode::SUCCESS,
        Ok(Ending::Missed(code)) => ExitCode::from(code),
        Ok(Ending::Signal(signal)) => ExitCode::from(128 + signal),
        Err(error) => failed(&error, &origins),
    }
}

/// Tells an error. That nobody reads standard output any more is none.
fn failed(error: &anyhow::Error, origins: &Origins) -> ExitCode {
    if output::is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let text = output::one_line(error);
    let set_by = origins.of_named(&text);
    output::message(&format!("error: {text}{set_by}"));
    ExitCode::from(EXIT_USAGE)
}

/// The program as clap sees it. Only here are the names of all commands known, which `man` offers.
fn root() -> clap::Command {
    let root = Cli::command();
    let names = command_names::all(&root);
    root.mut_subcommand("man", |man| man::with_names(man, names))
}

/// Options of a command that others leave without effect.
fn useless(table: &str, matches: &clap::ArgMatches) -> Vec<config::Useless> {
    match table {
        "train" => train::useless(matches),
        "eval" => backend::useless(matches),
        "export" => export::useless(matches),
        _ => Vec::new(),
    }
}

/// Parses command line, environment and file. Nothing if the options were to be printed.
fn parse() -> Result<Option<(Command, Origins)>, ExitCode> {
    let root = root();
    let parsed = config::parse(&root, std::env::args_os().collect(), useless);
    let parsed = parsed.map_err(|failure| match failure {
        config::Failure::Config(error) => failed(&error, &Origins::default()),
        config::Failure::Usage(error, command, origins) => refused(&error, &command, &origins),
    })?;
    let (matches, origins) = (parsed.matches, parsed.origins);
    let told = |error: clap::Error| refused(&error, &root, &origins);
    if config::leaf_matches(&matches).get_flag("print_config") {
        print_config(&matches, &origins).map_err(|error| failed(&error, &origins))?;
        return Ok(None);
    }
    let cli = Cli::from_arg_matches(&matches).map_err(told)?;
    Ok(Some((cli.command, origins)))
}

/// What clap has to say: help and version as they are, a mistake in one line.
fn refused(error: &clap::Error, command: &clap::Command, origins: &Origins) -> ExitCode {
    let is_mistake = error.use_stderr() && error.kind() != MISSING;
    if !is_mistake {
        // Help and version.
        let printed = error.print().and_then(|()| io::stdout().flush());
        return match printed.context(output::UNWRITABLE) {
            Err(error) if !output::is_closed_pipe(&error) => failed(&error, origins),
            _ => ExitCode::from(error.exit_code().try_into().unwrap_or(EXIT_USAGE)),
        };
    }
    output::message(&usage::one_line(error, (&root(), command), origins));
    ExitCode::from(EXIT_USAGE)
}

/// `--print-config`.
fn print_config(matches: &clap::ArgMatches, origins: &Origins) -> anyhow::Result<()> {
    let mut root = root();
    root.build();
    let (leaf, names) = config::leaf(&root, matches);
    let own = config::leaf_matches(matches);
    let table = names.join("-");
    let resolved = resolved::resolved((leaf, &table), own, origins)?;
    let mut results = output::Results::new(false);
    results.text(config::print((leaf, &table), own, origins, &resolved).trim_end());
    results.finish()
}
