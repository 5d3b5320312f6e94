//! Who set which option, and what environment and file add to the arguments.

use super::key;
use crate::terminal::output::message;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Who set an option that has not its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// The arguments of the program.
    #[default]
    CommandLine,
    /// An environment variable of this name.
    Environment(String),
    /// A file, at this line, counted from 1.
    File(PathBuf, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => write!(formatter, "command line"),
            Self::Environment(name) => write!(formatter, "{name}"),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
        }
    }
}

/// An option that somebody has set: by default the command line.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    origin: Origin,
    /// What stands before each value; nothing before those of an argument without a name.
    start: Option<String>,
    /// As on the command line; none where they stand there, or the program itself reads the variable.
    values: Vec<OsString>,
}

impl Setting {
    /// A default needs no value; so a default that a file repeats conflicts with nothing.
    pub fn new(arg: &Arg, mut values: Vec<OsString>, origin: Origin) -> Self {
        let defaults = arg.get_default_values().iter();
        if defaults.map(|value| value.as_os_str()).eq(&values) {
            values.clear();
        }
        let start = arg.get_long().map(|name| format!("--{name}="));
        Self {
            origin,
            start,
            values,
        }
    }

    fn warn(&self, id: &str, other: &str) {
        let [name, other] = [id, other].map(|id| id.replace('_', "-"));
        message(&format!(
            "warning: {name} (set by {}) has no effect beside {other}",
            self.origin
        ));
    }
}

/// Who set which option of a command. Options that are not here have their defaults.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<String, Setting>);

impl Origins {
    /// Where nothing but the command line was looked at.
    pub fn of_command_line(matches: &ArgMatches) -> Self {
        let ids = matches.ids().map(clap::Id::as_str);
        let given = ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        let settings = given.map(|id| (id.to_owned(), Setting::default()));
        Self(settings.collect())
    }

    /// Who set the option of this id (with underscores), if anybody did.
    pub fn get(&self, id: &str) -> Option<&Origin> {
        Some(&self.0.get(id)?.origin)
    }

    /// Where to look for the options that a message names as `--name`, if somebody else than the command
    /// line set them and the message does not tell: "; --name is set by …" for each, or nothing.
    pub fn of_named(&self, message: &str) -> String {
        let set = self.0.iter().map(|(id, setting)| (id, &setting.origin));
        let others = set.filter(|(_, origin)| **origin != Origin::CommandLine);
        let told = others.filter_map(|(id, origin)| {
            let name = format!("--{}", id.replace('_', "-"));
            let mut rests = message.split(name.as_str()).skip(1);
            let continues =
                |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
            let is_named = rests.any(|rest| !continues(rest));
            let is_told = message.contains(&origin.to_string());
            (is_named && !is_told).then(|| format!("; {name} is set by {origin}"))
        });
        told.collect()
    }

    /// Adds a source below the others. What an option of another source excludes is left out.
    pub fn add(&mut self, command: &Command, source: Vec<(&Arg, Setting)>) {
        let higher = self.clone();
        for (arg, setting) in source {
            let id = arg.get_id().as_str();
            if higher.get(id).is_some() {
                continue;
            }
            match excluding(command, arg, &higher) {
                Some(other) if !setting.values.is_empty() => setting.warn(id, &key(other)),
                _ => _ = self.0.insert(id.to_owned(), setting),
            }
        }
    }

    /// All arguments: options before a `--`, the others after it.
    pub fn insert_into(&self, arguments: &[OsString]) -> Vec<OsString> {
        let is_end = |argument: &OsString| argument == "--";
        let end = arguments.iter().position(is_end);
        let (options, others) = arguments.split_at(end.unwrap_or(arguments.len()));
        let (mut options, mut others) = (options.to_vec(), others.to_vec());
        for Setting { start, values, .. } in self.0.values() {
            for value in values {
                match start {
                    Some(start) => {
                        let mut option = OsString::from(start);
                        option.push(value);
                        options.push(option);
                    }
                    None if others.is_empty() => others.extend(["--".into(), value.clone()]),
                    None => others.push(value.clone()),
                }
            }
        }
        [options, others].concat()
    }
}

/// The option that somebody has set and that excludes another one of its command.
pub fn excluding<'a>(command: &'a Command, arg: &Arg, set: &Origins) -> Option<&'a Arg> {
    let names = |one: &Arg, other: &Arg| {
        let conflicts = command.get_arg_conflicts_with(one);
        conflicts.iter().any(|it| it.get_id() == other.get_id())
    };
    command.get_arguments().find(|other| {
        let is_set = other.get_id() != arg.get_id() && set.get(other.get_id().as_str()).is_some();
        is_set && (names(arg, other) || names(other, arg))
    })
}
