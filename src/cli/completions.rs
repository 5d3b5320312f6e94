//! `fused-mlp completions`.

use super::Ending;
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::io::Write;

const EXAMPLES: &str = "Examples:
  source <(fused-mlp completions bash)
  fused-mlp completions bash > ~/.local/share/bash-completion/completions/fused-mlp
  fused-mlp completions zsh > ~/.zfunc/_fused-mlp    (with ~/.zfunc in fpath before compinit)
  fused-mlp completions fish > ~/.config/fish/completions/fused-mlp.fish";

/// Options of `fused-mlp completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// Shell that is to complete
    #[arg(value_enum)]
    shell: Shell,
}

/// Shells whose completions are tested.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the completions of a command.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(args: &CompletionsArgs, mut command: clap::Command) -> anyhow::Result<Ending> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&script).and_then(|()| stdout.flush());
    written.context("standard output cannot be written")?;
    Ok(Ending::Success)
}
