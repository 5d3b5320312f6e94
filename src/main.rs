//! The command-line program: parse, run, one line for an error, an exit code.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
