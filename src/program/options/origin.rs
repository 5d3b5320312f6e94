//! Who set an option.

use clap::ArgMatches;
use clap::parser::ValueSource;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Who set an option that has not its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The arguments of the program.
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

/// Who set which option of a command. Options that are not here have their defaults.
#[derive(Debug, Clone, Default)]
pub struct Origins(pub(super) BTreeMap<String, Origin>);

impl Origins {
    /// Where nothing but the command line was looked at.
    pub fn of_command_line(matches: &ArgMatches) -> Self {
        let ids = matches.ids().map(clap::Id::as_str);
        let given = ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        let origins = given.map(|id| (id.to_owned(), Origin::CommandLine));
        Self(origins.collect())
    }

    /// Who set the option of this id (with underscores), if anybody did.
    pub fn get(&self, id: &str) -> Option<&Origin> {
        self.0.get(id)
    }

    /// Where to look for the options that a message names as `--name`, if somebody else than the command
    /// line set them and the message does not tell: "; --name is set by …" for each, or nothing.
    pub fn of_named(&self, message: &str) -> String {
        let is_other = |origin: &Origin| *origin != Origin::CommandLine;
        let set = self.0.iter().filter(|(_, origin)| is_other(origin));
        set.filter_map(|(id, origin)| {
            let name = format!("--{}", id.replace('_', "-"));
            let mut rests = message.split(name.as_str()).skip(1);
            let continues =
                |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
            let is_named = rests.any(|rest| !continues(rest));
            let is_told = message.contains(&origin.to_string());
            (is_named && !is_told).then(|| format!("; {name} is set by {origin}"))
        })
        .collect()
    }

    /// Where to look for an option that somebody else than the command line set, for messages:
    /// " (set by …)", or nothing.
    pub fn note(&self, id: &str) -> String {
        match self.get(id) {
            None | Some(Origin::CommandLine) => String::new(),
            Some(origin) => format!(" (set by {origin})"),
        }
    }
}
