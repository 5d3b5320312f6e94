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

/// The script for bash, in which every state has one name. clap_complete 4.6 writes the hyphen of a
/// program's name in two ways, so that nothing below a command is completed.
fn repaired(script: &str) -> String {
    script.replace("fused__subcmd__mlp", "fused__mlp")
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
    if shell == clap_complete::Shell::Bash {
        script = repaired(&String::from_utf8(script)?).into_bytes();
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&script).and_then(|()| stdout.flush());
    written.context("standard output cannot be written")?;
    Ok(Ending::Success)
}
