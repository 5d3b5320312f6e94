//! The command-line program: parse, run, one line for an error, an exit code.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod assignment;
mod bench;
mod charts;
mod commands;
mod ending;
mod options;
mod pages;
mod run_folder;
mod sweep;
mod tensorboard;
mod terminal;
mod weights;

use anyhow::{Context, anyhow};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use ending::EXIT_USAGE;
use fused_mlp::mnist::{DataError, Defect};
use options::{ConfigArgs, Origins, presentation};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;
use terminal::output::{Results, UNWRITABLE, is_closed_pipe, message, one_line};

/// What to do where there are no data.
const WHERE_DATA_ARE: &str = "copy them from a clone of fused-mlp: cp -r data/mnist DIR; then give --data DIR, \
                              or set FUSED_MLP_DATA to it";
const NOTES: &str = include_str!("notes.txt");

/// Trains a two-layer perceptron on MNIST-format data on a CPU.
#[derive(Debug, Parser)]
#[command(version, long_version = commands::version::long(), about, after_help = NOTES)]
#[command(
    arg_required_else_help = true,
    max_term_width = presentation::COLUMNS,
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
    Train(commands::train::TrainArgs),
    /// Score a trained network: loss, accuracy, precision, recall, confusion matrix.
    Eval(commands::eval::EvalArgs),
    /// Predict the digit in scans, photos and images of idx files.
    Predict(commands::predict::PredictArgs),
    /// Train a run again from its own record: does that give the same bytes?
    Verify(commands::train::verify::VerifyArgs),
    /// Draw images of a data set in the terminal or as a PNG contact sheet.
    Show(commands::show::ShowArgs),
    /// Write a model for another program: safetensors, .npz, ONNX, or a page to draw digits on.
    Export(commands::export::ExportArgs),
    /// Make a model file of another program's weights.
    Import(commands::import::ImportArgs),
    /// Train with every combination of options and seeds, one run a core at a time.
    Sweep(Box<commands::sweep::SweepArgs>),
    /// Train from several seeds, each in a fresh process, until a target accuracy: the seconds it takes.
    Race(commands::race::RaceArgs),
    /// Write a page that compares runs: curves, options, confusion matrices, weights.
    Report(commands::report::ReportArgs),
    /// Measure epochs, in turn, for every combination of options.
    Bench(commands::bench::BenchArgs),
    /// Show where the time of an epoch goes, phase by phase and thread by thread.
    Profile(commands::profile::ProfileArgs),
    /// Answer the questions of the course's assignment and write a report.
    Assignment(commands::assignment::AssignmentArgs),
    /// Describe, check or make a data set.
    Data(commands::data::DataArgs),
    /// Print completions of commands and options for a shell.
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual page of a command, or write all pages to a folder.
    Man(commands::man::ManArgs),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let start = Instant::now();
    let (command, origins) = match parse() {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(code) => return code,
    };
    if let Err(error) = make_ready(&command) {
        return failed(&error, &origins);
    }
    let result = match command {
        Command::Train(args) => commands::train::run(&args, &origins, start),
        Command::Eval(args) => commands::eval::run(&args, &origins),
        Command::Export(args) => commands::export::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Show(args) => commands::show::run(&args),
        Command::Verify(args) => commands::train::verify::run(&args, start),
        Command::Sweep(args) => commands::sweep::run(&args),
        Command::Race(args) => commands::race::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Profile(args) => commands::profile::run(&args),
        Command::Assignment(args) => commands::assignment::run(&args, start),
        Command::Data(args) => commands::data::run(&args),
        Command::Completions(args) => commands::completions::run(&args, program()),
        Command::Man(args) => commands::man::run(&args, program()),
    };
    match result {
        Ok(ending) => ending.into(),
        Err(error) => failed(&error, &origins),
    }
}

/// Sees to what would end the program later: a signal, and threads that check data, without which rayon would panic.
fn make_ready(command: &Command) -> anyhow::Result<()> {
    #[cfg(unix)]
    terminal::signals::survive_file_size_limit()?;
    if matches!(command, Command::Completions(_) | Command::Man(_)) {
        return Ok(());
    }
    let started = rayon::ThreadPoolBuilder::new().build_global();
    started.map_err(|it| anyhow!("threads cannot be started: {it}; raise ulimit -u or -v"))
}

/// Tells an error in one line, and help and version as they are. That nobody reads standard output any more
/// is no error.
fn failed(error: &anyhow::Error, origins: &Origins) -> ExitCode {
    match error.downcast_ref::<clap::Error>() {
        Some(help) => {
            let printed = help.print().and_then(|()| io::stdout().flush());
            let code = u8::try_from(help.exit_code()).unwrap_or(EXIT_USAGE);
            match printed.context(UNWRITABLE) {
                Err(error) => failed(&error, origins),
                Ok(()) => ExitCode::from(code),
            }
        }
        None if is_closed_pipe(error) => ExitCode::SUCCESS,
        None => {
            let text = one_line(error);
            message(&format!("error: {text}{}", origins.of_named(&text)));
            let defect = error.downcast_ref().map(|it: &DataError| &it.defect);
            if defect == Some(&Defect::NotFound) {
                message(WHERE_DATA_ARE);
            }
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// The program as clap sees it.
fn program() -> clap::Command {
    presentation::presented(Cli::command())
}

/// Parses command line, environment and file. Nothing if the options were to be printed.
fn parse() -> Result<Option<(Command, Origins)>, ExitCode> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let (matches, origins) = options::parse(&program(), &arguments)
        .map_err(|error| failed(&error, &Origins::default()))?;
    if options::leaf(&matches).1.get_flag("print_config") {
        print_config(&matches, &origins).map_err(|error| failed(&error, &origins))?;
        return Ok(None);
    }
    let cli = Cli::from_arg_matches(&matches)
        .map_err(|error| failed(&options::usage::in_one_line(error, &origins), &origins))?;
    Ok(Some((cli.command, origins)))
}

/// `--print-config`.
fn print_config(matches: &clap::ArgMatches, origins: &Origins) -> anyhow::Result<()> {
    let mut root = program();
    root.build();
    let (table, own) = options::leaf(matches);
    let leaf = options::leaves(&root).get(&table).copied();
    let leaf = leaf.context("--print-config is of a command; name one")?;
    let mut results = Results::new(false);
    // A file, whose lines are not to be cut.
    results.bytes(options::print((leaf, &table), own, origins)?.as_bytes());
    results.finish()
}
