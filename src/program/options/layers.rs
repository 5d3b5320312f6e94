//! What environment and file add to the arguments.

use super::origin::{Origin, Origins};
use super::{Useless, key};
use crate::terminal::output::message;
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;

/// An option that environment or file sets.
#[derive(Debug)]
pub struct Setting<'a> {
    arg: &'a Arg,
    origin: Origin,
    /// As on the command line; none where the program itself reads the variable.
    values: Vec<OsString>,
}

impl<'a> Setting<'a> {
    /// A default needs no argument; so a default that a file repeats conflicts with nothing.
    pub fn new(arg: &'a Arg, mut values: Vec<OsString>, origin: Origin) -> Self {
        let defaults = arg.get_default_values().iter();
        if defaults.map(|value| value.as_os_str()).eq(&values) {
            values.clear();
        }
        Self {
            arg,
            origin,
            values,
        }
    }

    fn id(&self) -> &'a str {
        self.arg.get_id().as_str()
    }

    fn warn(&self, other: &str) {
        message(&format!(
            "warning: {} (set by {}) has no effect beside {other}",
            key(self.arg),
            self.origin
        ));
    }
}

/// Settings of several sources, the highest first.
pub struct Layers<'a> {
    settings: Vec<Setting<'a>>,
    pub origins: Origins,
}

impl<'a> Layers<'a> {
    /// Those of the command line, parsed as far as it goes.
    pub fn new(given: &ArgMatches) -> Self {
        Self {
            settings: Vec::new(),
            origins: Origins::of_command_line(given),
        }
    }

    /// Adds a source below the others. What an option of another source excludes is left out.
    pub fn add(&mut self, command: &Command, source: Vec<Setting<'a>>) {
        let higher = self.origins.clone();
        for setting in source {
            if higher.get(setting.id()).is_some() {
                continue;
            }
            match excluding(command, setting.arg, &higher) {
                Some(other) if !setting.values.is_empty() => setting.warn(&key(other)),
                _ => {
                    let origin = setting.origin.clone();
                    self.origins.0.insert(setting.id().to_owned(), origin);
                    self.settings.push(setting);
                }
            }
        }
    }

    /// Leaves out what has no effect; tells whether there was any.
    pub fn drop_useless(&mut self, useless: &[Useless]) -> bool {
        let before = self.settings.len();
        for Useless { option, by } in useless {
            for setting in self.settings.extract_if(.., |it| it.id() == *option) {
                setting.warn(&by.replace('_', "-"));
                self.origins.0.remove(*option);
            }
        }
        self.settings.len() < before
    }

    /// All arguments: options before a `--`, the others after it.
    pub fn insert_into(&self, arguments: &[OsString]) -> Vec<OsString> {
        let is_end = |argument: &OsString| argument == "--";
        let end = arguments.iter().position(is_end);
        let (options, others) = arguments.split_at(end.unwrap_or(arguments.len()));
        let (mut options, mut others) = (options.to_vec(), others.to_vec());
        for Setting { arg, values, .. } in &self.settings {
            match arg.get_long() {
                Some(name) => options.extend(values.iter().map(|value| {
                    let mut option = OsString::from(format!("--{name}="));
                    option.push(value);
                    option
                })),
                None => {
                    if others.is_empty() {
                        others.push("--".into());
                    }
                    others.extend(values.iter().cloned());
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
