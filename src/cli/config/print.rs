//! `--print-config`.

use super::merge::are_in_conflict;
use super::origin::Origins;
use super::settable;
use super::value::{Kind, is_list, to_toml};
use clap::{Arg, ArgMatches, Command};

/// What an option comes to that no argument sets.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The id of the option.
    pub id: &'static str,
    /// Its value, as on the command line; none if it has none.
    pub text: Option<String>,
    /// Its source; or why it has no value.
    pub why: String,
}

impl Resolved {
    /// A value.
    pub fn new(id: &'static str, value: impl ToString, why: impl Into<String>) -> Self {
        Self {
            id,
            text: Some(value.to_string()),
            why: why.into(),
        }
    }

    /// That an option has no value.
    pub fn none(id: &'static str, why: impl Into<String>) -> Self {
        Self {
            id,
            text: None,
            why: why.into(),
        }
    }
}

/// The options of a command as a file, each with its source.
///
/// `table` is the command's; `resolved` are values of options that are no arguments, of which the first
/// counts.
pub fn print(
    (leaf, table): (&Command, &str),
    matches: &ArgMatches,
    origins: &Origins,
    resolved: &[Resolved],
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
            resolved,
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
    resolved: &'a [Resolved],
}

impl Line<'_> {
    fn text(&self) -> String {
        let key = super::key(self.arg);
        let id = self.arg.get_id().as_str();
        let origin = self.origins.get(id).map(ToString::to_string);
        let raw = self.matches.get_raw(id).into_iter().flatten();
        let texts: Vec<String> = raw
            .map(|text| text.to_string_lossy().into_owned())
            .collect();
        let line =
            |texts: &[String], source: &str| format!("{key} = {}  # {source}", self.toml(texts));
        let resolved = self.resolved.iter().find(|it| it.id == id);
        let default = self.described_default();
        let has_value = resolved.is_some() || default.is_some();
        let text = match (&origin, resolved, self.excluding()) {
            (Some(origin), ..) if !texts.is_empty() => line(&texts, origin),
            (_, _, Some(other)) if has_value => {
                format!("# {key} is not set; {other} excludes it")
            }
            (_, Some(Resolved { text, why, .. }), _) => match text {
                Some(text) => line(std::slice::from_ref(text), why),
                None => format!("# {key} is not set; {why}"),
            },
            _ if !texts.is_empty() => line(&texts, "default"),
            _ => {
                let default = default.map(|text| format!("; default: {text}"));
                format!("# {key} is not set{}", default.unwrap_or_default())
            }
        };
        format!("{text}{}", self.aside())
    }

    /// What another option left without effect.
    fn aside(&self) -> String {
        let Some(aside) = self.origins.aside(self.arg.get_id().as_str()) else {
            return String::new();
        };
        let (by, source) = &aside.by;
        format!(
            "; {} of {} is set aside for {} ({source})",
            self.toml(&aside.texts),
            aside.origin,
            by.replace('_', "-"),
        )
    }

    fn toml(&self, texts: &[String]) -> String {
        let kind = Kind::of(self.arg);
        let values: Vec<String> = texts.iter().map(|text| to_toml(text, kind)).collect();
        match is_list(self.arg) {
            true => format!("[{}]", values.join(", ")),
            false => values.concat(),
        }
    }

    /// The option that is set and conflicts with this one.
    fn excluding(&self) -> Option<String> {
        let mut others = settable(self.leaf).filter(|other| {
            other.get_id() != self.arg.get_id()
                && self.origins.get(other.get_id().as_str()).is_some()
        });
        let other = others.find(|other| are_in_conflict(self.leaf, self.arg, other))?;
        Some(super::key(other))
    }

    /// What the help says of a default that is no value.
    fn described_default(&self) -> Option<String> {
        let help = self.arg.get_help()?.to_string();
        let (_, rest) = help.split_once("[default: ")?;
        rest.split(']').next().map(str::to_owned)
    }
}
