//! Where the options of a command come from: command line, environment, file, recipe, default.
//!
//! All is read off clap's description of a command. What the environment and the file set is put into
//! the arguments before they are parsed, so that an option is checked in the same way wherever it was set.

pub mod access;
pub mod backend;
mod environment;
mod file;
mod layers;
pub mod named_value;
pub mod number_range;
pub mod output_name;
pub mod presentation;
mod print;
pub mod training;
pub mod usage;

pub use environment::clear_options;
pub use layers::{Origin, Origins};
pub use print::print;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use std::collections::BTreeMap;
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

/// Parses the arguments, the program's name first, with what environment and file add to them: what clap
/// found, and who set the options of the command.
///
/// # Errors
/// If one of the three cannot be used; help and version count as errors, as in clap.
pub fn parse(root: &Command, arguments: &[OsString]) -> anyhow::Result<(ArgMatches, Origins)> {
    let mut built = root.clone();
    built.build();
    let commands = leaves(&built);
    environment::warn_of_unknown(&commands);
    let tolerant = adapted(root.clone(), arguments).ignore_errors(true);
    let given = tolerant.try_get_matches_from(arguments);
    let given = given.map_err(|error| usage::in_one_line(error, &Origins::default()))?;
    let (table, given) = leaf(&given);
    let mut origins = Origins::of_command_line(given);
    if let Some(command) = commands.get(&table) {
        origins.add(command, environment::settings(command));
        let file = given.get_one::<PathBuf>("config").cloned();
        if let Some(path) = file.or_else(environment::config) {
            origins.add(command, file::settings(&path, &table, &commands)?);
        }
    }
    let matches = strict(root, &origins.insert_into(arguments), &origins)?;
    Ok((matches, origins))
}

/// Parses all arguments.
fn strict(root: &Command, arguments: &[OsString], origins: &Origins) -> anyhow::Result<ArgMatches> {
    let command = adapted(root.clone(), arguments);
    let matches = command.try_get_matches_from(arguments);
    matches.map_err(|error| usage::in_one_line(error, origins))
}

/// A command for these arguments. Its flags take a value where they are given one, as `--quiet=false`,
/// which takes back what environment or file have switched on; the help shows plain flags. Of options that
/// are only to be printed, none is required.
fn adapted(command: Command, arguments: &[OsString]) -> Command {
    let is_printed = has(arguments, "--print-config");
    let adapt = |arg: Arg| {
        let start = format!("--{}=", arg.get_long().unwrap_or_default());
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
        match is_flag && has(arguments, &start) {
            true => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .value_name("BOOL")
                .value_parser(BoolishValueParser::new())
                .default_missing_value("true")
                .default_value("false"),
            false if is_printed => arg.required(false),
            false => arg,
        }
    };
    let command = command.mut_args(adapt);
    command.mut_subcommands(|inner| adapted(inner, arguments))
}

/// Whether an argument begins so.
fn has(arguments: &[OsString], start: &str) -> bool {
    let mut texts = arguments.iter().filter_map(|argument| argument.to_str());
    texts.any(|text| text.starts_with(start))
}

/// The name of the innermost command's table, as `data-info`, and its matches.
pub fn leaf(matches: &ArgMatches) -> (String, &ArgMatches) {
    let (mut names, mut inner) = (Vec::new(), matches);
    while let Some((name, below)) = inner.subcommand() {
        names.push(name);
        inner = below;
    }
    (names.join("-"), inner)
}

/// The commands that have none below them, by the names of their tables.
pub fn leaves(root: &Command) -> BTreeMap<String, &Command> {
    let mut found = BTreeMap::new();
    let inner = root.get_subcommands();
    for command in inner.filter(|it| it.get_name() != "help") {
        let name = command.get_name();
        let below = leaves(command).into_iter();
        found.extend(below.map(|(inner, leaf)| (format!("{name}-{inner}"), leaf)));
        if !command.has_subcommands() {
            found.insert(name.to_owned(), command);
        }
    }
    found
}

/// The options of a command that can be set in a file: not those of this module and of clap.
fn settable(command: &Command) -> impl Iterator<Item = &Arg> {
    let own = ["config", "print_config", "help", "version"];
    command
        .get_arguments()
        .filter(move |arg| !own.contains(&arg.get_id().as_str()))
}

/// The name of an option in a file.
fn key(arg: &Arg) -> String {
    arg.get_long()
        .unwrap_or(arg.get_id().as_str())
        .replace('_', "-")
}
