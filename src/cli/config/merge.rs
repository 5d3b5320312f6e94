//! What environment and file add to the arguments.

use super::environment::Environment;
use super::file::ConfigFile;
use super::origin::{Origin, Origins};
use super::value::{Kind, is_list};
use super::{key, settable};
use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The sources of a command's options.
pub struct Merge<'a> {
    pub leaf: &'a Command,
    /// The command line, parsed as far as it goes.
    pub given: &'a ArgMatches,
    /// Flags that the command line gives a value.
    pub switched: &'a BTreeMap<String, bool>,
    pub environment: &'a Environment,
    /// The file, and the name of the command's table.
    pub file: Option<(&'a ConfigFile, &'a str)>,
}

/// Arguments to add, and who set what.
#[derive(Debug, Default)]
pub struct Merged {
    options: Vec<OsString>,
    positionals: Vec<OsString>,
    pub origins: Origins,
}

/// An option that environment or file sets.
struct Setting<'a> {
    arg: &'a Arg,
    values: Vec<OsString>,
    origin: Origin,
}

impl Merge<'_> {
    /// Command line over environment over file. An option that conflicts with one of a higher source
    /// is left out, too.
    ///
    /// # Errors
    /// If a value is of another type than its option.
    pub fn run(&self) -> anyhow::Result<Merged> {
        let mut merged = Merged::default();
        self.add_command_line(&mut merged);
        for settings in [
            self.environment_settings(&mut merged)?,
            self.file_settings()?,
        ] {
            let higher = merged.origins.clone();
            for setting in settings {
                let id = setting.arg.get_id().as_str();
                let is_beaten = higher.get(id).is_some() || self.conflicts(setting.arg, &higher);
                if !is_beaten {
                    merged.add(setting);
                }
            }
        }
        Ok(merged)
    }

    fn add_command_line(&self, merged: &mut Merged) {
        for arg in self.leaf.get_arguments() {
            let id = arg.get_id().as_str();
            let source = self.given.value_source(id);
            if source == Some(ValueSource::CommandLine) {
                merged.origins.0.insert(id.to_owned(), Origin::CommandLine);
            }
        }
        for (name, &value) in self.switched {
            let arg = self.leaf.get_arguments();
            let arg = { arg }.find(|arg| arg.get_long() == Some(name));
            // An option that the command lacks is left for clap to refuse.
            if value || arg.is_none() {
                merged.options.push(format!("--{name}").into());
            }
            if let Some(arg) = arg {
                let id = arg.get_id().to_string();
                merged.origins.0.insert(id, Origin::CommandLine);
            }
        }
    }

    fn environment_settings(&self, merged: &mut Merged) -> anyhow::Result<Vec<Setting<'_>>> {
        let mut settings = Vec::new();
        for arg in settable(self.leaf) {
            let id = arg.get_id().as_str();
            let Some(variable) = self.environment.find(arg) else {
                continue;
            };
            if merged.origins.get(id).is_some() {
                continue;
            }
            let origin = Origin::Environment(variable.name);
            if variable.is_read_elsewhere {
                merged.origins.0.insert(id.to_owned(), origin);
                continue;
            }
            let values = match Kind::of(arg) {
                Kind::Flag => vec![switch(variable.value, &origin)?.to_string().into()],
                _ => vec![variable.value.to_owned()],
            };
            settings.push(Setting {
                arg,
                values,
                origin,
            });
        }
        Ok(settings)
    }

    fn file_settings(&self) -> anyhow::Result<Vec<Setting<'_>>> {
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
            if !is_list(arg) && texts.len() != 1 {
                bail!("{origin}: {key} is a list; expected one value");
            }
            settings.push(Setting {
                arg,
                values: texts.into_iter().map(OsString::from).collect(),
                origin,
            });
        }
        Ok(settings)
    }

    /// Whether an option conflicts with one that is set.
    fn conflicts(&self, arg: &Arg, set: &Origins) -> bool {
        let mut others = self.leaf.get_arguments().filter(|other| {
            other.get_id() != arg.get_id() && set.get(other.get_id().as_str()).is_some()
        });
        others.any(|other| are_in_conflict(self.leaf, arg, other))
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

impl Merged {
    fn add(&mut self, setting: Setting<'_>) {
        let Setting {
            arg,
            values,
            origin,
        } = setting;
        let id = arg.get_id().to_string();
        // Defaults need no argument; so a default that a file repeats conflicts with nothing.
        let defaults = arg.get_default_values().iter();
        let is_default = defaults.map(|value| value.as_os_str()).eq(&values);
        match arg.get_long() {
            _ if is_default => {}
            Some(name) if Kind::of(arg) == Kind::Flag => {
                if values[0] == "true" {
                    self.options.push(format!("--{name}").into());
                }
            }
            Some(name) => self.options.extend(values.iter().map(|value| {
                let mut option = OsString::from(format!("--{name}="));
                option.push(value);
                option
            })),
            None => self.positionals.extend(values),
        }
        self.origins.0.insert(id, origin);
    }

    /// All arguments: options before a `--`, the others after it.
    pub fn insert_into(&self, mut arguments: Vec<OsString>) -> Vec<OsString> {
        let end = arguments.iter().position(|argument| argument == "--");
        let place = end.unwrap_or(arguments.len());
        arguments.splice(place..place, self.options.iter().cloned());
        if end.is_none() && !self.positionals.is_empty() {
            arguments.push("--".into());
        }
        arguments.extend(self.positionals.iter().cloned());
        arguments
    }
}

/// The value of a variable that stands for a flag.
fn switch(value: &OsStr, origin: &Origin) -> anyhow::Result<bool> {
    let text = value.to_string_lossy().to_ascii_lowercase();
    match text.as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => bail!("{origin} is {text:?}; expected true or false"),
    }
}
