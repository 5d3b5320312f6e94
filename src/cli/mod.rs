//! Commands and their options.

mod assignment;
mod backend;
mod bench;
mod data;
mod eval;
mod output;
mod profile;
mod progress;
mod race;
mod report;
mod signals;
mod sweep;
mod terminal;
mod train;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
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

const EXIT_CODES: &str = "Exit codes: 0 success, 1 training or evaluation not finite, or target missed, 2 wrong usage or data, \
                          3 slower (bench --fail-on-slower), \
                          130 interrupted, 143 terminated";

/// Trains a two-layer perceptron on MNIST-format data on a CPU.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network and score it on the test data.
    Train(train::TrainArgs),
    /// Score a trained network: loss, accuracy, precision, recall, confusion matrix.
    Eval(eval::EvalArgs),
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
    let command = match parse() {
        Ok(cli) => cli.command,
        Err(code) => return code,
    };
    let result = match command {
        Command::Train(args) => train::run(&args, start),
        Command::Eval(args) => eval::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Race(args) => race::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Assignment(args) => assignment::run(&args, start),
        Command::Data(args) => data::run(&args).map(|()| Ending::Success),
    };
    match result {
        Ok(Ending::Success) => ExitCode::SUCCESS,
        Ok(Ending::Missed(code)) => ExitCode::from(code),
        Ok(Ending::Signal(signal)) => ExitCode::from(128 + signal),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::message(&format!("error: {}", output::one_line(&error)));
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// Parses the command line. What clap says about a mistake in several lines becomes one.
fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let is_mistake = error.use_stderr() && error.kind() != MISSING;
        if !is_mistake {
            // Help and version. That nobody reads them spoils nothing.
            let _ = error.print();
            return ExitCode::from(error.exit_code().try_into().unwrap_or(EXIT_USAGE));
        }
        let text = error.to_string();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<&str> = lines
            .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
            .collect();
        output::message(&format!("{}; --help tells more", lines.join(" ")));
        ExitCode::from(EXIT_USAGE)
    })
}
