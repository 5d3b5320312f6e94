//! The command-line program: parse, run, one line for an error, an exit code.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
