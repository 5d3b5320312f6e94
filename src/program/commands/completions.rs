//! `fused-mlp completions`.

use crate::ending::Ending;
use crate::terminal::output::Results;
use clap::{Arg, Args, Command, ValueHint};
use clap_complete::Shell;

/// Options of `fused-mlp completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("completions_examples.txt"))]
pub struct CompletionsArgs {
    /// Shell that is to complete
    // Those whose completions are tested.
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// A command whose options offer files only where a path is meant, with blanks in their names too.
fn hinted(command: Command) -> Command {
    let hint = |arg: Arg| match (arg.get_action().takes_values(), arg.get_value_hint()) {
        (true, ValueHint::Unknown) => arg.value_hint(ValueHint::Other),
        (true, ValueHint::AnyPath) => arg.value_hint(ValueHint::FilePath),
        _ => arg,
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

/// Prints the completions of a command.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(args: &CompletionsArgs, command: Command) -> anyhow::Result<Ending> {
    let mut command = hinted(command).disable_help_subcommand(true);
    let shell: Shell = args.shell.parse().map_err(anyhow::Error::msg)?;
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    // clap_complete 4.6 writes the hyphen of a program's name in two ways for bash, so that nothing below a
    // command would be completed.
    let mut script = String::from_utf8(script)?.replace("fused__subcmd__mlp", "fused__mlp");
    if shell == Shell::Bash {
        script += include_str!("completions.bash");
    }
    let mut results = Results::new(false);
    results.bytes(script.as_bytes());
    results.finish()?;
    Ok(Ending::Success)
}
