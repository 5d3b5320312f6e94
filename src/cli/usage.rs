//! Mistakes of usage, each in one line.

use super::command_names;
use super::config::{Kind, Origin, Origins};
use super::suggestion::{did_you_mean, similar};
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

/// What clap says in several lines, in one: what is wrong, what is similar, and where it was set if
/// not on the command line.
///
/// `command` is that of the command line, below `root` or the same.
pub fn one_line(
    error: &clap::Error,
    (root, command): (&Command, &Command),
    origins: &Origins,
) -> String {
    // Only a built command can tell how its options are shown.
    let mut command = command.clone();
    command.build();
    let concerned = concerned(error, &command);
    let text = match concerned.first() {
        Some(arg) if parse_error(error) || is_flag_with_value(error, arg) => {
            invalid_value(error, arg)
        }
        _ => match meant(error, (root, &command)) {
            none if none.is_empty() => joined(&error.to_string(), is_tip),
            meant => joined(&error.to_string(), |_| false) + &meant,
        },
    };
    let set_by: Vec<String> = concerned
        .iter()
        .filter_map(|arg| {
            let id = arg.get_id().as_str();
            let origin = origins.get(id).filter(|&it| *it != Origin::CommandLine)?;
            let name = arg.get_long().unwrap_or(id);
            Some(format!("; --{name} is set by {origin}"))
        })
        .collect();
    format!("{}{}; --help tells more", in_words(text), set_by.concat())
}

/// A range, which clap tells in the syntax of the language, in words.
fn in_words(text: String) -> String {
    let range = text.rsplit_once(" is not in ").and_then(|(before, range)| {
        let (first, last) = range.split_once("..=")?;
        let (before, _) = before.rsplit_once(": ")?;
        Some(format!("{before}: expected {first} to {last}"))
    });
    range.unwrap_or(text)
}

/// Whether a tip of clap helps. How to pass the name of an option as a value does not: a slip is likelier,
/// and one that resembles no option is told without it. Nor do the commands that clap takes for similar.
fn is_tip(tip: &str) -> bool {
    !tip.starts_with("to pass '") && !tip.contains("similar subcommand")
}

/// The lines up to the usage as one; clap's tips, as far as they are wanted, are further sentences.
fn joined(text: &str, is_wanted: impl Fn(&str) -> bool) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    lines.fold(String::new(), |text, line| {
        match line.strip_prefix("tip: ") {
            Some(tip) if is_wanted(tip) => format!("{text}; {tip}"),
            Some(_) => text,
            None if text.is_empty() => line.to_owned(),
            None => format!("{text} {line}"),
        }
    })
}

/// The options of a command that an error is about.
fn concerned<'a>(error: &clap::Error, command: &'a Command) -> Vec<&'a clap::Arg> {
    let mut names = Vec::new();
    for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
        match error.get(kind) {
            Some(ContextValue::String(name)) => names.push(name.clone()),
            Some(ContextValue::Strings(several)) => names.extend(several.iter().cloned()),
            _ => {}
        }
    }
    names
        .iter()
        .filter_map(|name| find(command, name))
        .collect()
}

/// The option that clap shows by this name, in a command or one below it.
fn find<'a>(command: &'a Command, shown: &str) -> Option<&'a clap::Arg> {
    let mut args = command.get_arguments();
    let own = args.find(|arg| arg.to_string() == shown);
    own.or_else(|| {
        command
            .get_subcommands()
            .find_map(|inner| find(inner, shown))
    })
}

/// Whether a text is no number, which the standard library tells without saying what was expected.
fn parse_error(error: &clap::Error) -> bool {
    error.source().is_some_and(|source| {
        let whole = source.downcast_ref::<ParseIntError>();
        let is_no_number = |error: &ParseIntError| *error.kind() != IntErrorKind::PosOverflow;
        source.is::<ParseFloatError>() || whole.is_some_and(is_no_number)
    })
}

/// Whether a flag was given something else than true or false.
fn is_flag_with_value(error: &clap::Error, arg: &clap::Arg) -> bool {
    error.kind() == ErrorKind::TooManyValues && Kind::of(arg) == Kind::Flag
}

/// The command or the option that an unknown one may have meant.
fn meant(error: &clap::Error, (root, command): (&Command, &Command)) -> String {
    let unknown = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => name.as_str(),
        _ => "",
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            command_names::suggested(root, &[unknown(ContextKind::InvalidSubcommand)])
        }
        ErrorKind::UnknownArgument => {
            let options = command.get_arguments().filter_map(clap::Arg::get_long);
            let options = options.map(str::to_owned).collect();
            let name = unknown(ContextKind::InvalidArg).strip_prefix("--");
            let near = name.map_or(Vec::new(), |name| similar(name, &options));
            let near: Vec<String> = near.iter().map(|it| format!("--{it}")).collect();
            did_you_mean(&near)
        }
        _ => String::new(),
    }
}

fn invalid_value(error: &clap::Error, arg: &clap::Arg) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let expected = Kind::of(arg).expected();
    format!("error: invalid value '{value}' for '{arg}': expected {expected}")
}
