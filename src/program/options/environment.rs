//! Options in environment variables.

use super::backend::THREADS_VARIABLE;
use super::layers::Setting;
use super::origin::Origin;
use super::usage::did_you_mean;
use crate::terminal::output::message;
use clap::{Arg, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the names of all options begin with.
const PREFIX: &str = "FUSED_MLP_";

/// Variables that the program reads where it needs them, because they mean less than the option of
/// that name: another backend than the fused one passes over the instruction set, and a run that goes
/// on keeps its data.
const READ_ELSEWHERE: [(&str, &str); 3] = [
    ("data", fused_mlp::mnist::DATA_VARIABLE),
    ("isa", fused_mlp::simd::ISA_VARIABLE),
    ("threads", THREADS_VARIABLE),
];

/// The variables that may concern options; empty ones count as absent, and so do 0 threads, as in rayon.
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// That of this process.
    pub fn here() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let is_ours = name.starts_with(PREFIX) || is_read_elsewhere(&name);
            let is_absent = value.is_empty() || (name == THREADS_VARIABLE && value == "0");
            (is_ours && !is_absent).then_some((name, value))
        });
        Self(named.collect())
    }

    /// Whether there is more than what is read elsewhere.
    pub fn sets_options(&self) -> bool {
        self.0.keys().any(|name| !is_read_elsewhere(name))
    }

    /// Tells of variables with the prefix that set nothing.
    pub fn warn_of_unknown(&self, commands: &BTreeMap<String, &Command>) {
        let args = commands.values().flat_map(|it| it.get_arguments());
        let names: BTreeSet<String> = args.filter_map(variable).collect();
        let own = self.0.keys().filter(|name| name.starts_with(PREFIX));
        for name in own.filter(|name| !names.contains(*name)) {
            let similar = did_you_mean(name, names.iter().map(String::as_str));
            message(&format!(
                "warning: {name} sets no option of any command{similar}"
            ));
        }
    }

    /// The file of `--config`.
    pub fn config(&self) -> Option<PathBuf> {
        let value = self.0.get(&format!("{PREFIX}CONFIG"));
        value.map(PathBuf::from)
    }

    /// What the variables set of a command's options.
    pub fn settings<'a>(&self, command: &'a Command) -> Vec<Setting<'a>> {
        let setting = |arg: &'a Arg| {
            let id = arg.get_id().as_str();
            // The variable says where data are found, not that a report is to compare runs on other data
            // than their own.
            if (command.get_name(), id) == ("report", "data") {
                return None;
            }
            let elsewhere = READ_ELSEWHERE.iter().find(|(other, _)| *other == id);
            let elsewhere = elsewhere.map(|(_, name)| (*name).to_owned());
            let names = std::iter::once(variable(arg)?).chain(elsewhere);
            let mut found = names.filter_map(|name| Some((self.0.get(&name)?, name)));
            let (value, name) = found.next()?;
            let values = match is_read_elsewhere(&name) {
                true => Vec::new(),
                false => vec![value.clone()],
            };
            Some(Setting::new(arg, values, Origin::Environment(name)))
        };
        command.get_arguments().filter_map(setting).collect()
    }
}

fn is_read_elsewhere(name: &str) -> bool {
    READ_ELSEWHERE.iter().any(|(_, other)| name == *other)
}

/// The name of the variable of an option. Arguments without a name have none, but for the folder of `data
/// info`, which is the option `data` of other commands.
fn variable(arg: &Arg) -> Option<String> {
    let id = arg.get_id().as_str();
    let name = arg.get_long().or((id == "data").then_some(id))?;
    let is_of_clap = ["help", "version"].contains(&id);
    let name = name.replace('-', "_").to_ascii_uppercase();
    (!is_of_clap).then(|| format!("{PREFIX}{name}"))
}

/// Takes all options out of the environment of a child process; what is read elsewhere stays.
pub fn clear_options(command: &mut std::process::Command) {
    let variables = Environment::here().0.into_keys();
    for name in variables.filter(|name| !is_read_elsewhere(name)) {
        command.env_remove(name);
    }
}
