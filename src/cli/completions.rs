//! `fused-mlp completions`.

use super::Ending;
use super::config::Kind;
use super::output::UNWRITABLE;
use anyhow::Context;
use clap::{Arg, Args, Command, ValueEnum, ValueHint};
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

/// A command whose options tell what they take: numbers are nothing to complete.
fn hinted(command: Command) -> Command {
    let hint = |arg: Arg| match (Kind::of(&arg), value_name(&arg)) {
        (Kind::Whole | Kind::Number | Kind::Range, _) => arg.value_hint(ValueHint::Other),
        (_, Some("DIR")) => arg.value_hint(ValueHint::DirPath),
        (_, Some("FILE" | "FILE.toml" | "MODEL" | "IMAGE")) => arg.value_hint(ValueHint::FilePath),
        _ => arg,
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

fn value_name(arg: &Arg) -> Option<&str> {
    let names = arg.get_value_names()?;
    names.first().map(|name| name.as_str())
}

/// The script for fish with the names of commands after `help`. clap_complete 4.6 offers them where none of
/// them was typed, and counts `help` itself among them; then fish falls back on files.
fn with_help(script: &str, command: &Command) -> String {
    let name = command.get_name();
    let using = format!("__fish_{}_using_subcommand help", name.replace('-', "_"));
    let lines = script.lines().map(|line| match line.contains(&using) {
        true => line.replacen(" help\" -f", "\" -f", 1) + "\n",
        false => format!("{line}\n"),
    });
    lines.collect::<String>() + &format!("complete -c {name} -n \"{using}\" -f\n")
}

/// The values of arguments without a name, which clap_complete 4.6 leaves out for fish.
fn fish_arguments(command: &Command) -> String {
    let mut script = String::new();
    for inner in command.get_subcommands() {
        for arg in inner.get_positionals() {
            let Some(values) = arg.get_value_parser().possible_values() else {
                continue;
            };
            let values: Vec<String> = values.map(|it| it.get_name().to_owned()).collect();
            script += &format!(
                "complete -c {0} -n \"__fish_{1}_using_subcommand {2}\" -f -a \"{3}\"\n",
                command.get_name(),
                command.get_name().replace('-', "_"),
                inner.get_name(),
                values.join(" ")
            );
        }
    }
    script
}

/// Prints the completions of a command.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(args: &CompletionsArgs, command: Command) -> anyhow::Result<Ending> {
    let mut command = hinted(command);
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
    if shell == clap_complete::Shell::Fish {
        script = with_help(&String::from_utf8(script)?, &command).into_bytes();
        script.extend(fish_arguments(&command).into_bytes());
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&script).and_then(|()| stdout.flush());
    written.context(UNWRITABLE)?;
    Ok(Ending::Success)
}
