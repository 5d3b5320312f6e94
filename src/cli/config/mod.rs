//! Where the options of a command come from: command line, environment, file, recipe, default.
//!
//! All is read off clap's description of a command; none is known by its name here, but for the option
//! that no variable sets. What the environment and the file set is put into the arguments before they are parsed, so that an
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
pub use print::{Resolved, print};
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

/// An option that has no effect beside others.
#[derive(Debug, Clone)]
pub struct Useless {
    /// Its id.
    pub option: &'static str,
    /// Ids of the others; the first that somebody set decides.
    pub by: Vec<&'static str>,
}

/// What is useless among the options of the command with this table. An option of a lower source than
/// the other's is set aside; else it is for the command to refuse.
pub type FindUseless = fn(table: &str, &ArgMatches) -> Vec<Useless>;

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
pub fn parse(
    command: &Command,
    arguments: Vec<OsString>,
    find_useless: FindUseless,
) -> Result<Parsed, Failure> {
    let environment = Environment::here();
    if !environment.sets_options() && !arguments.iter().any(is_configuring) {
        // The usual way is parsed once: the clock of a race is running.
        let matches = command.clone().try_get_matches_from(&arguments);
        let matches = matches.map_err(|error| {
            let command = Box::new(meant(command, &arguments));
            Failure::Usage(error, command, Origins::default())
        })?;
        let origins = Origins::of_command_line(leaf_matches(&matches));
        return Ok(Parsed { matches, origins });
    }
    let mut built = command.clone();
    built.build();
    for strange in environment.unknown(&built) {
        crate::cli::output::message(&format!("warning: {strange}"));
    }
    let (mut arguments, off) = flags::take(&built, arguments);
    let prints = environment.prints().map_err(Failure::Config)?;
    if prints && !off.contains("print-config") && arguments.len() > 1 {
        arguments.insert(1, "--print-config".into());
    }
    let tolerant = command.clone().ignore_errors(true);
    let first = tolerant
        .try_get_matches_from(&arguments)
        .map_err(|error| Failure::Usage(error, Box::new(built.clone()), Origins::default()))?;
    let (leaf, names) = leaf(&built, &first);
    let table = names.join("-");
    let own = leaf_matches(&first);
    let path = own.get_one::<PathBuf>("config").cloned();
    let file = path.or_else(|| environment.config());
    let file = file.map(|path| ConfigFile::load(&path, &built));
    let file = file.transpose().map_err(Failure::Config)?;
    let merge = merge::Merge {
        leaf,
        given: own,
        off: &off,
        environment: &environment,
        file: file.as_ref().map(|file| (file, table.as_str())),
    };
    let mut merged = merge.run().map_err(Failure::Config)?;
    let strict = match own.get_flag("print_config") {
        true => without_required(command.clone()),
        false => command.clone(),
    };
    loop {
        let arguments = merged.insert_into(arguments.clone());
        let matches = match strict.clone().try_get_matches_from(arguments) {
            Ok(matches) => matches,
            Err(error) => {
                let leaf = Box::new(leaf.clone());
                return Err(Failure::Usage(error, leaf, merged.origins));
            }
        };
        // What was set aside may have kept others in effect.
        if !merged.drop_useless(&find_useless(&table, leaf_matches(&matches))) {
            let origins = merged.origins;
            return Ok(Parsed { matches, origins });
        }
    }
}

/// The command that arguments name, whatever is wrong with the rest of them.
fn meant(command: &Command, arguments: &[OsString]) -> Command {
    let mut built = command.clone();
    built.build();
    let tolerant = command.clone().ignore_errors(true);
    match tolerant.try_get_matches_from(arguments) {
        Ok(matches) => leaf(&built, &matches).0.clone(),
        Err(_) => built,
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
