//! Where the options of a command come from: command line, environment, file, recipe, default.
//!
//! Nothing here knows a command by name: all is read off clap's description of it. What the
//! environment and the file set is put into the arguments before they are parsed, so that an
//! option is checked in the same way wherever it was set.

mod environment;
mod file;
mod flags;
mod merge;
mod origin;
mod print;
mod value;

pub use environment::clear_options;
pub use origin::{Origin, Origins};
pub use print::{Implied, print};
pub use value::Kind;

use clap::{ArgMatches, Args, Command};
use environment::Environment;
use file::ConfigFile;
use std::ffi::OsString;
use std::path::PathBuf;

/// Options that every command has.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Take options from a TOML file: those of all commands at its top, those of one in a table of
    /// its name. Command line and FUSED_MLP_<OPTION> in the environment take precedence
    #[arg(
        long,
        value_name = "FILE.toml",
        global = true,
        help_heading = "Configuration"
    )]
    config: Option<PathBuf>,
    /// Print every option with the source of its value, as such a file, and do nothing else
    #[arg(long, global = true, help_heading = "Configuration")]
    pub print_config: bool,
}

/// Options of this module and of clap: they are no settings.
const OWN: [&str; 4] = ["config", "print_config", "help", "version"];

/// A parsed command line.
pub struct Parsed {
    /// What clap found.
    pub matches: ArgMatches,
    /// Who set the options of the command.
    pub origins: Origins,
}

/// Why a command line cannot be used.
pub enum Failure {
    /// What clap says, and who had set the options; the command as it understands it.
    Usage(clap::Error, Box<Command>, Origins),
    /// The file or the environment is wrong.
    Config(anyhow::Error),
}

/// Parses the arguments, the program's name first, with what environment and file add to them.
///
/// # Errors
/// If one of the three cannot be used; help and version count as errors, as in clap.
pub fn parse(command: &Command, arguments: Vec<OsString>) -> Result<Parsed, Failure> {
    let environment = Environment::here();
    if !environment.sets_options() && !arguments.iter().any(is_configuring) {
        // The usual way is parsed once: the clock of a race is running.
        let matches = command.clone().try_get_matches_from(&arguments);
        let (leaf, origins) = (|| Box::new(command.clone()), Origins::default());
        let matches = matches.map_err(|error| Failure::Usage(error, leaf(), origins))?;
        let origins = Origins::of_command_line(leaf_matches(&matches));
        return Ok(Parsed { matches, origins });
    }
    let mut built = command.clone();
    built.build();
    for strange in environment.unknown(&built) {
        crate::cli::output::message(&format!("warning: {strange}"));
    }
    let (arguments, switched) = flags::take(&built, arguments);
    let tolerant = command.clone().ignore_errors(true);
    let first = tolerant
        .try_get_matches_from(&arguments)
        .map_err(|error| Failure::Usage(error, Box::new(built.clone()), Origins::default()))?;
    let (leaf, names) = leaf(&built, &first);
    let own = leaf_matches(&first);
    let path = own.get_one::<PathBuf>("config").cloned();
    let file = path.or_else(|| environment.config()).map(|path| {
        let found = ConfigFile::load(&path, &built);
        found.map(|file| (file, names.join("-")))
    });
    let file = file.transpose().map_err(Failure::Config)?;
    let merged = merge::Merge {
        leaf,
        given: own,
        switched: &switched,
        environment: &environment,
        file: file.as_ref().map(|(file, table)| (file, table.as_str())),
    };
    let merged = merged.run().map_err(Failure::Config)?;
    let arguments = merged.insert_into(arguments);
    let wants_print = own.get_flag("print_config");
    let strict = match wants_print {
        true => without_required(command.clone()),
        false => command.clone(),
    };
    match strict.try_get_matches_from(arguments) {
        Ok(matches) => Ok(Parsed {
            matches,
            origins: merged.origins,
        }),
        Err(error) => Err(Failure::Usage(
            error,
            Box::new(leaf.clone()),
            merged.origins,
        )),
    }
}

/// Whether an argument may concern this module.
fn is_configuring(argument: &OsString) -> bool {
    argument.to_str().is_some_and(|text| {
        let is_own = text.starts_with("--config") || text.starts_with("--print-config");
        is_own || flags::split(text).is_some()
    })
}

/// A command of which nothing is required, to print what there is.
fn without_required(command: Command) -> Command {
    command
        .mut_args(|arg| arg.required(false))
        .mut_subcommands(without_required)
}

/// The matches of the innermost command.
pub fn leaf_matches(matches: &ArgMatches) -> &ArgMatches {
    matches
        .subcommand()
        .map_or(matches, |(_, inner)| leaf_matches(inner))
}

/// The innermost command, and its names without the program's.
pub fn leaf<'a>(root: &'a Command, matches: &ArgMatches) -> (&'a Command, Vec<String>) {
    let (mut command, mut matches) = (root, matches);
    let mut names = Vec::new();
    while let Some((name, inner)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else {
            break;
        };
        names.push(found.get_name().to_owned());
        (command, matches) = (found, inner);
    }
    (command, names)
}

/// The options of a command that can be set.
fn settable(command: &Command) -> impl Iterator<Item = &clap::Arg> {
    command
        .get_arguments()
        .filter(|arg| !OWN.contains(&arg.get_id().as_str()))
}

/// The name of an option in a file.
fn key(arg: &clap::Arg) -> String {
    arg.get_long()
        .unwrap_or(arg.get_id().as_str())
        .replace('_', "-")
}
