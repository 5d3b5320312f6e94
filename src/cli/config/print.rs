//! `--print-config`.

use super::environment::Environment;
use super::merge::are_in_conflict;
use super::origin::Origins;
use super::settable;
use super::value::{Kind, is_list, to_toml};
use clap::{Arg, ArgMatches, Command};

/// A value that another option implies: id, text, and by what.
pub type Implied = (&'static str, String, String);

/// The options of a command as a file, each with its source.
///
/// `table` is the command's; `implied` are values of options that nobody has set.
pub fn print(
    (leaf, table): (&Command, &str),
    matches: &ArgMatches,
    origins: &Origins,
    implied: &[Implied],
) -> String {
    let mut text = format!(
        "# The options of fused-mlp {}, each with its source.\n[{table}]\n",
        table.replace('-', " ")
    );
    for arg in settable(leaf) {
        let line = Line {
            leaf,
            arg,
            matches,
            origins,
            implied,
        };
        text += &line.text();
        text.push('\n');
    }
    text
}

struct Line<'a> {
    leaf: &'a Command,
    arg: &'a Arg,
    matches: &'a ArgMatches,
    origins: &'a Origins,
    implied: &'a [Implied],
}

impl Line<'_> {
    fn text(&self) -> String {
        let key = super::key(self.arg);
        let id = self.arg.get_id().as_str();
        let origin = self.origins.get(id).map(ToString::to_string);
        if let (Some(origin), Some(texts)) = (&origin, self.read_elsewhere()) {
            return format!("{key} = {}  # {origin}", self.toml(&texts));
        }
        let texts: Vec<String> = self
            .matches
            .get_raw(id)
            .into_iter()
            .flatten()
            .map(|text| text.to_string_lossy().into_owned())
            .collect();
        if !texts.is_empty() {
            let origin = origin.as_deref().unwrap_or("default");
            return format!("{key} = {}  # {origin}", self.toml(&texts));
        }
        match self.implied.iter().find(|(implied, ..)| *implied == id) {
            Some((_, text, by)) if !self.is_excluded() => {
                format!("{key} = {}  # {by}", self.toml(std::slice::from_ref(text)))
            }
            _ => format!("# {key} is not set{}", self.described_default()),
        }
    }

    /// The value of a variable that is no argument.
    fn read_elsewhere(&self) -> Option<Vec<String>> {
        let id = self.arg.get_id().as_str();
        let origin = self.origins.get(id)?;
        let environment = Environment::here();
        let variable = environment.find(self.arg)?;
        let is_it = origin.to_string() == variable.name && variable.is_read_elsewhere;
        is_it.then(|| vec![variable.value.to_string_lossy().into_owned()])
    }

    fn toml(&self, texts: &[String]) -> String {
        let kind = Kind::of(self.arg);
        let values: Vec<String> = texts.iter().map(|text| to_toml(text, kind)).collect();
        match is_list(self.arg) {
            true => format!("[{}]", values.join(", ")),
            false => values.concat(),
        }
    }

    /// Whether the option conflicts with one that is set.
    fn is_excluded(&self) -> bool {
        let mut others = settable(self.leaf).filter(|other| {
            other.get_id() != self.arg.get_id()
                && self.origins.get(other.get_id().as_str()).is_some()
        });
        others.any(|other| are_in_conflict(self.leaf, self.arg, other))
    }

    /// What the help says of a default that is no value.
    fn described_default(&self) -> String {
        let help = self.arg.get_help().map(ToString::to_string);
        let described = help.as_deref().and_then(|help| {
            let (_, rest) = help.split_once("[default: ")?;
            rest.split(']').next()
        });
        described.map_or_else(String::new, |text| format!("; default: {text}"))
    }
}
