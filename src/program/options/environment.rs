//! Options in environment variables.

use super::layers::{Origin, Setting};
use super::usage::did_you_mean;
use crate::terminal::output::message;
use clap::{Arg, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the names of all options begin with.
const PREFIX: &str = "FUSED_MLP_";

/// Variables that the library reads where it needs them, because they mean less than the option of that
/// name: another backend than the fused one passes over the instruction set, and a run that goes on keeps
/// its data.
const READ_ELSEWHERE: [&str; 2] = [
    fused_mlp::mnist::DATA_VARIABLE,
    fused_mlp::simd::ISA_VARIABLE,
];

/// Names of the variables that set options, known or not; empty ones count as absent.
fn names() -> impl Iterator<Item = String> {
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names = set.filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with(PREFIX) && !READ_ELSEWHERE.contains(&name.as_str()))
}

/// Whether a variable sets an option.
pub fn sets_options() -> bool {
    names().next().is_some()
}

/// Tells of variables that set nothing.
pub fn warn_of_unknown(commands: &BTreeMap<String, &Command>) {
    let args = commands.values().flat_map(|it| it.get_arguments());
    let known: BTreeSet<String> = args.filter_map(variable).collect();
    for name in names().filter(|name| !known.contains(name)) {
        let similar = did_you_mean(&name, known.iter().map(String::as_str));
        message(&format!(
            "warning: {name} sets no option of any command{similar}"
        ));
    }
}

/// The file of `--config`.
pub fn config() -> Option<PathBuf> {
    value(&format!("{PREFIX}CONFIG")).map(PathBuf::from)
}

/// The value of a variable; empty ones count as absent.
fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What the variables set of a command's options.
pub fn settings(command: &Command) -> Vec<(&Arg, Setting)> {
    let setting = |arg| {
        let name = variable(arg).filter(|name| !READ_ELSEWHERE.contains(&name.as_str()))?;
        let values = vec![value(&name)?];
        let setting = Setting::new(arg, values, Origin::Environment(name));
        Some((arg, setting))
    };
    command.get_arguments().filter_map(setting).collect()
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
    for name in names() {
        command.env_remove(name);
    }
}
