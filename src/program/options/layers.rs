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
    /// As on the command line.
    arguments: Vec<OsString>,
}

impl<'a> Setting<'a> {
    /// A default needs no argument; so a default that a file repeats conflicts with nothing. There are no
    /// values where the program itself reads the variable.
    pub fn new(arg: &'a Arg, values: Vec<OsString>, origin: Origin) -> Self {
        let defaults = arg.get_default_values().iter();
        let is_default = defaults.map(|value| value.as_os_str()).eq(&values);
        let arguments = match arg.get_long() {
            _ if is_default => Vec::new(),
            None => values,
            Some(name) => {
                let option = |value| {
                    let mut option = OsString::from(format!("--{name}="));
                    option.push(value);
                    option
                };
                values.into_iter().map(option).collect()
            }
        };
        Self {
            arg,
            origin,
            arguments,
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
            let excluding = excluding(command, setting.arg, &higher);
            match excluding {
                _ if higher.get(setting.id()).is_some() => {}
                Some(other) if !setting.arguments.is_empty() => setting.warn(&key(other)),
                _ => {
                    self.origins.set(setting.id(), setting.origin.clone());
                    self.settings.push(setting);
                }
            }
        }
    }

    /// Leaves out what has no effect; tells whether there was any.
    pub fn drop_useless(&mut self, useless: &[Useless]) -> bool {
        let before = self.settings.len();
        for Useless { option, by } in useless {
            let mut dropped = self.settings.extract_if(.., |it| it.id() == *option);
            if let Some(setting) = dropped.next() {
                setting.warn(&by.replace('_', "-"));
                self.origins.remove(option);
            }
        }
        self.settings.len() < before
    }

    /// All arguments: options before a `--`, the others after it.
    pub fn insert_into(&self, arguments: &[OsString]) -> Vec<OsString> {
        let mut arguments = arguments.to_vec();
        let end = arguments.iter().position(|argument| argument == "--");
        let place = end.unwrap_or(arguments.len());
        let of = |has_name: bool| -> Vec<OsString> {
            let settings = self.settings.iter();
            let settings = settings.filter(|it| it.arg.get_long().is_some() == has_name);
            settings.flat_map(|it| it.arguments.clone()).collect()
        };
        arguments.splice(place..place, of(true));
        let others = of(false);
        if end.is_none() && !others.is_empty() {
            arguments.push("--".into());
        }
        arguments.extend(others);
        arguments
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
