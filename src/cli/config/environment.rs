//! Options in environment variables.

use super::settable;
use super::value::switch;
use crate::cli::suggestion::{did_you_mean, similar};
use clap::{Arg, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the names of all options begin with.
const PREFIX: &str = "FUSED_MLP_";

/// Options of this module that have a variable: the file, and the flag that prints.
const CONFIG: &str = "FUSED_MLP_CONFIG";
const PRINT_CONFIG: &str = "FUSED_MLP_PRINT_CONFIG";

/// Variables that the program reads where it needs them, because they mean less than the option of
/// that name: another backend than the fused one passes over the instruction set, and a run that goes
/// on keeps its data.
const READ_ELSEWHERE: [(&str, &str); 3] = [
    ("data", fused_mlp::mnist::DATA_VARIABLE),
    ("isa", fused_mlp::simd::ISA_VARIABLE),
    ("threads", "RAYON_NUM_THREADS"),
];

/// Options, after their commands, that no variable sets: FUSED_MLP_DATA says where data are found, not
/// that a report is to compare runs on other data than their own.
const WITHOUT_VARIABLE: [(&str, &str); 1] = [("report", "data")];

/// The variables that may concern options; empty ones count as absent.
pub struct Environment(BTreeMap<String, OsString>);

/// What a variable says of an option.
pub struct Variable<'a> {
    pub name: String,
    pub value: &'a OsStr,
    /// Whether the value takes effect without being made an argument.
    pub is_read_elsewhere: bool,
}

impl Environment {
    /// That of this process.
    pub fn here() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let is_ours = name.starts_with(PREFIX) || name == READ_ELSEWHERE[2].1;
            (is_ours && !value.is_empty()).then_some((name, value))
        });
        Self(named.collect())
    }

    /// Whether there is more than what is read elsewhere.
    pub fn sets_options(&self) -> bool {
        let mut names = self.0.keys();
        names.any(|name| READ_ELSEWHERE.iter().all(|(_, other)| name != other))
    }

    /// Variables with the prefix that set nothing: each as a sentence, with the nearest name.
    pub fn unknown(&self, root: &Command) -> Vec<String> {
        let (mut options, mut arguments) = (BTreeSet::new(), BTreeSet::new());
        collect(root, &mut options, &mut arguments);
        options.extend(["CONFIG", "PRINT_CONFIG"].map(str::to_owned));
        let named = |rest: &String| !options.contains(rest);
        let own = self.0.keys().filter_map(|name| name.strip_prefix(PREFIX));
        let strange = own.map(str::to_owned).filter(named);
        strange
            .map(|rest| match arguments.contains(&rest) {
                true => format!(
                    "{PREFIX}{rest} sets nothing: {} is an argument, and only options have variables",
                    rest.to_ascii_lowercase()
                ),
                false => {
                    let similar = similar(&rest, &options).into_iter();
                    let similar: Vec<_> = similar.map(|it| format!("{PREFIX}{it}")).collect();
                    let told = did_you_mean(&similar);
                    format!("{PREFIX}{rest} sets no option of any command{told}")
                }
            })
            .collect()
    }

    /// The file of `--config`.
    pub fn config(&self) -> Option<PathBuf> {
        self.0.get(CONFIG).map(PathBuf::from)
    }

    /// Whether `--print-config` is switched on.
    ///
    /// # Errors
    /// If its variable says neither yes nor no.
    pub fn prints(&self) -> anyhow::Result<bool> {
        let value = self.0.get(PRINT_CONFIG);
        value.map_or(Ok(false), |value| switch(PRINT_CONFIG, value))
    }

    /// The variable that sets an option of a command, if there is one.
    pub fn find(&self, command: &Command, arg: &Arg) -> Option<Variable<'_>> {
        let name = variable(arg)?;
        let id = arg.get_id().as_str();
        if WITHOUT_VARIABLE.contains(&(command.get_name(), id)) {
            return None;
        }
        let elsewhere = READ_ELSEWHERE.iter().find(|(other, _)| *other == id);
        let own = elsewhere.is_none_or(|(_, other)| *other != name);
        if let (true, Some(value)) = (own, self.0.get(&name)) {
            return Some(Variable {
                name,
                value,
                is_read_elsewhere: false,
            });
        }
        let name = elsewhere?.1.to_owned();
        let value = self.0.get(&name)?;
        // As in rayon, 0 threads are the default.
        (id != "threads" || value != "0").then_some(Variable {
            name,
            value,
            is_read_elsewhere: true,
        })
    }
}

/// The name of the variable of an option; arguments without a name have none.
fn variable(arg: &Arg) -> Option<String> {
    Some(format!("{PREFIX}{}", rest(arg)?))
}

/// What stands after the prefix.
fn rest(arg: &Arg) -> Option<String> {
    let id = arg.get_id().as_str();
    // The folder of `data info` is an argument without a name, which the same variable sets.
    let long = arg.get_long().or((id == "data").then_some(id))?;
    Some(upper(long))
}

fn upper(name: &str) -> String {
    name.replace('-', "_").to_ascii_uppercase()
}

/// The names after the prefix of all options of a command and of those below it, and those that
/// arguments would have.
fn collect(command: &Command, options: &mut BTreeSet<String>, arguments: &mut BTreeSet<String>) {
    for arg in settable(command) {
        match rest(arg) {
            Some(name) => options.insert(name),
            None => arguments.insert(upper(arg.get_id().as_str())),
        };
    }
    for inner in command.get_subcommands() {
        collect(inner, options, arguments);
    }
}

/// Takes all options out of the environment of a child process; what is read elsewhere stays.
pub fn clear_options(command: &mut std::process::Command) {
    for name in Environment::here().0.keys() {
        if READ_ELSEWHERE.iter().all(|(_, other)| name != other) {
            command.env_remove(name);
        }
    }
}
