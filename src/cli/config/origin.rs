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

impl Origin {
    /// Whether it takes precedence over another.
    pub fn is_above(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    fn rank(&self) -> u8 {
        match self {
            Self::CommandLine => 2,
            Self::Environment(_) => 1,
            Self::File(..) => 0,
        }
    }
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

/// A value that has no effect, since an option of a higher source leaves it none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The value, as on the command line.
    pub texts: Vec<String>,
    /// Who set it.
    pub origin: Origin,
    /// The id of the other option, and who set that.
    pub by: (String, Origin),
}

/// Who set which option of a command. Options that are not here have their defaults.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    set: BTreeMap<String, Origin>,
    aside: BTreeMap<String, SetAside>,
}

impl Origins {
    /// Where nothing but the command line was looked at.
    pub(super) fn of_command_line(matches: &ArgMatches) -> Self {
        let ids = matches.ids().map(clap::Id::as_str);
        let is_given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let mut origins = Self::default();
        for id in ids.filter(is_given) {
            origins.set(id, Origin::CommandLine);
        }
        origins
    }

    /// Notes who set an option.
    pub(super) fn set(&mut self, id: &str, origin: Origin) {
        self.set.insert(id.to_owned(), origin);
    }

    /// Notes that an option has its default, since another one leaves it no effect.
    pub(super) fn set_aside(&mut self, id: &str, aside: SetAside) {
        self.set.remove(id);
        self.aside.insert(id.to_owned(), aside);
    }

    /// What was set aside of the option of this id.
    pub fn aside(&self, id: &str) -> Option<&SetAside> {
        self.aside.get(id)
    }

    /// Who set the option of this id (with underscores), if anybody did.
    pub fn get(&self, id: &str) -> Option<&Origin> {
        self.set.get(id)
    }

    /// Where to look for the options that a message names as `--name`, if somebody else than the command
    /// line set them and the message does not tell: "; --name is set by …" for each, or nothing.
    pub fn of_named(&self, message: &str) -> String {
        let is_other = |origin: &Origin| *origin != Origin::CommandLine;
        let set = self.set.iter().filter(|(_, origin)| is_other(origin));
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
