//! What environment and file add to the arguments.

use super::environment::Environment;
use super::file::ConfigFile;
use super::origin::{Origin, Origins, SetAside};
use super::value::{Kind, switch};
use super::{Useless, key, settable};
use anyhow::anyhow;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// The sources of a command's options.
pub struct Merge<'a> {
    pub leaf: &'a Command,
    /// The command line, parsed as far as it goes.
    pub given: &'a ArgMatches,
    /// Flags that the command line switches off.
    pub off: &'a BTreeSet<String>,
    pub environment: &'a Environment,
    /// The file, and the name of the command's table.
    pub file: Option<(&'a ConfigFile, &'a str)>,
}

/// Arguments to add, and who set what.
#[derive(Debug, Default)]
pub struct Merged<'a> {
    settings: Vec<Setting<'a>>,
    /// Flags that the command lacks, for clap to refuse.
    foreign: Vec<OsString>,
    pub origins: Origins,
}

/// An option that environment or file sets.
#[derive(Debug)]
struct Setting<'a> {
    arg: &'a Arg,
    values: Vec<OsString>,
    origin: Origin,
    /// Whether it takes effect only as an argument.
    is_argument: bool,
}

impl<'a> Merge<'a> {
    /// Command line over environment over file. An option that conflicts with one of a higher source
    /// is set aside.
    ///
    /// # Errors
    /// If a value is of another type than its option.
    pub fn run(&self) -> anyhow::Result<Merged<'a>> {
        let mut merged = Merged::default();
        self.add_command_line(&mut merged);
        for settings in [self.environment_settings()?, self.file_settings()?] {
            let higher = merged.origins.clone();
            for setting in settings {
                let id = setting.arg.get_id().as_str();
                if higher.get(id).is_some() || higher.aside(id).is_some() {
                    continue;
                }
                match self.conflict(setting.arg, &higher) {
                    Some(by) if setting.is_argument => merged.set_aside(setting, by),
                    _ => merged.add(setting),
                }
            }
        }
        Ok(merged)
    }

    fn add_command_line(&self, merged: &mut Merged<'_>) {
        for arg in self.leaf.get_arguments() {
            let id = arg.get_id().as_str();
            if self.given.value_source(id) == Some(ValueSource::CommandLine) {
                merged.origins.set(id, Origin::CommandLine);
            }
        }
        for name in self.off {
            let mut args = self.leaf.get_arguments();
            match args.find(|arg| arg.get_long() == Some(name)) {
                Some(arg) => merged
                    .origins
                    .set(arg.get_id().as_str(), Origin::CommandLine),
                None => merged.foreign.push(format!("--{name}").into()),
            }
        }
    }

    fn environment_settings(&self) -> anyhow::Result<Vec<Setting<'a>>> {
        let mut settings = Vec::new();
        for arg in settable(self.leaf) {
            let Some(variable) = self.environment.find(self.leaf, arg) else {
                continue;
            };
            let value = match Kind::of(arg) {
                Kind::Flag => switch(&variable.name, variable.value)?.to_string().into(),
                _ => variable.value.to_owned(),
            };
            settings.push(Setting {
                arg,
                values: vec![value],
                origin: Origin::Environment(variable.name),
                is_argument: !variable.is_read_elsewhere,
            });
        }
        Ok(settings)
    }

    fn file_settings(&self) -> anyhow::Result<Vec<Setting<'a>>> {
        let Some((file, table)) = self.file else {
            return Ok(Vec::new());
        };
        let mut settings = Vec::new();
        for arg in settable(self.leaf) {
            let key = key(arg);
            let Some((value, line)) = file.find(table, &key) else {
                continue;
            };
            let origin = Origin::File(file.path.clone(), *line);
            let texts = value.texts(arg);
            let texts = texts.map_err(|found| anyhow!("{origin}: {key} is {found}"))?;
            settings.push(Setting {
                arg,
                values: texts.into_iter().map(OsString::from).collect(),
                origin,
                is_argument: true,
            });
        }
        Ok(settings)
    }

    /// The option that is set and conflicts with another, and who set it.
    fn conflict(&self, arg: &Arg, set: &Origins) -> Option<(String, Origin)> {
        let others = self.leaf.get_arguments();
        let mut others = others.filter(|other| other.get_id() != arg.get_id());
        others.find_map(|other| {
            let id = other.get_id().as_str();
            let origin = set.get(id)?;
            are_in_conflict(self.leaf, arg, other).then(|| (id.to_owned(), origin.clone()))
        })
    }
}

/// Whether two options of a command exclude each other.
pub fn are_in_conflict(command: &Command, one: &Arg, other: &Arg) -> bool {
    let names = |arg: &Arg, other: &Arg| {
        let conflicts = command.get_arg_conflicts_with(arg);
        conflicts
            .iter()
            .any(|found| found.get_id() == other.get_id())
    };
    names(one, other) || names(other, one)
}

impl Setting<'_> {
    /// As on the command line; nothing where there is nothing to say.
    fn arguments(&self) -> Vec<OsString> {
        // Defaults need no argument; so a default that a file repeats conflicts with nothing.
        let defaults = self.arg.get_default_values().iter();
        let is_default = defaults.map(|value| value.as_os_str()).eq(&self.values);
        match self.arg.get_long() {
            _ if is_default || !self.is_argument => Vec::new(),
            Some(name) if Kind::of(self.arg) == Kind::Flag => match self.values[0] == "true" {
                true => vec![format!("--{name}").into()],
                false => Vec::new(),
            },
            Some(name) => {
                let option = |value: &OsString| {
                    let mut option = OsString::from(format!("--{name}="));
                    option.push(value);
                    option
                };
                self.values.iter().map(option).collect()
            }
            None => self.values.clone(),
        }
    }
}

impl<'a> Merged<'a> {
    fn add(&mut self, setting: Setting<'a>) {
        let id = setting.arg.get_id().as_str();
        self.origins.set(id, setting.origin.clone());
        self.settings.push(setting);
    }

    fn set_aside(&mut self, setting: Setting<'a>, by: (String, Origin)) {
        let texts = setting.values.iter();
        let aside = SetAside {
            texts: texts
                .map(|text| text.to_string_lossy().into_owned())
                .collect(),
            origin: setting.origin,
            by,
        };
        let id = setting.arg.get_id().as_str();
        self.origins.set_aside(id, aside);
    }

    /// Sets aside what options of higher sources leave without effect; tells whether there was any.
    pub fn drop_useless(&mut self, useless: &[Useless]) -> bool {
        let before = self.settings.len();
        for Useless { option, by } in useless {
            let named = |setting: &Setting<'_>| setting.arg.get_id() == option;
            let Some(place) = self.settings.iter().position(named) else {
                continue;
            };
            let by = by
                .iter()
                .find_map(|other| Some((*other, self.cause(other)?)));
            let by = by.filter(|(_, cause)| cause.is_above(&self.settings[place].origin));
            if let Some((other, cause)) = by {
                let setting = self.settings.remove(place);
                self.set_aside(setting, (other.to_owned(), cause));
            }
        }
        self.settings.len() < before
    }

    /// Who set an option, or brought about that it has its default.
    fn cause(&self, id: &str) -> Option<Origin> {
        let aside = || self.origins.aside(id).map(|aside| aside.by.1.clone());
        self.origins.get(id).cloned().or_else(aside)
    }

    /// All arguments: options before a `--`, the others after it.
    pub fn insert_into(&self, mut arguments: Vec<OsString>) -> Vec<OsString> {
        let (options, others): (Vec<_>, Vec<_>) = self
            .settings
            .iter()
            .partition(|setting| setting.arg.get_long().is_some());
        let arguments_of = |settings: &[&Setting<'_>]| -> Vec<OsString> {
            settings.iter().flat_map(|it| it.arguments()).collect()
        };
        let end = arguments.iter().position(|argument| argument == "--");
        let place = end.unwrap_or(arguments.len());
        let options = [self.foreign.clone(), arguments_of(&options)].concat();
        arguments.splice(place..place, options);
        let others = arguments_of(&others);
        if end.is_none() && !others.is_empty() {
            arguments.push("--".into());
        }
        arguments.extend(others);
        arguments
    }
}
