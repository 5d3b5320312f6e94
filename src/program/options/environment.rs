//! Options in environment variables.

use super::backend::THREADS_VARIABLE;
use super::layers::{Origin, Setting};
use crate::terminal::output::message;
use clap::{Arg, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the names of all options begin with.
const PREFIX: &str = "FUSED_MLP_";

/// Variables that the program reads where it needs them, because they mean less than the option of that
/// id: another backend than the fused one passes over the instruction set, and a run that goes on keeps its
/// data. They stand above a file all the same.
const READ_ELSEWHERE: [(&str, &str); 3] = [
    ("data", fused_mlp::mnist::DATA_VARIABLE),
    ("isa", fused_mlp::simd::ISA_VARIABLE),
    ("threads", THREADS_VARIABLE),
];

/// Names of the variables that set options, known or not; empty ones count as absent.
fn names() -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| {
        name.starts_with(PREFIX) && !is_read_elsewhere(name) && value(name).is_some()
    })
}

/// Tells of variables that set nothing.
pub fn warn_of_unknown(commands: &BTreeMap<String, &Command>) {
    let args = commands.values().flat_map(|it| it.get_arguments());
    let known: BTreeSet<String> = args.filter_map(variable).collect();
    for name in names().filter(|name| !known.contains(name)) {
        message(&format!("warning: {name} sets no option of any command"));
    }
}

/// The file of `--config`.
pub fn config() -> Option<PathBuf> {
    value(&format!("{PREFIX}CONFIG")).map(PathBuf::from)
}

/// The value of a variable; empty ones count as absent, and so do 0 threads, as in rayon.
fn value(name: &str) -> Option<OsString> {
    let is_absent =
        |value: &OsString| value.is_empty() || (name == THREADS_VARIABLE && value == "0");
    std::env::var_os(name).filter(|value| !is_absent(value))
}

/// What the variables set of a command's options.
pub fn settings(command: &Command) -> Vec<(&Arg, Setting)> {
    let setting = |arg| {
        let own = variable(arg)?;
        let id = arg.get_id().as_str();
        // The variable says where data are found, not that a report is to compare runs on other data
        // than their own.
        if (command.get_name(), id) == ("report", "data") {
            return None;
        }
        if let Some(value) = value(&own).filter(|_| !is_read_elsewhere(&own)) {
            let origin = Origin::Environment(own);
            return Some((arg, Setting::new(arg, vec![value], origin)));
        }
        let mut elsewhere = READ_ELSEWHERE.iter().filter(|(other, _)| *other == id);
        let (_, name) = elsewhere.find(|(_, name)| value(name).is_some())?;
        let origin = Origin::Environment((*name).to_owned());
        Some((arg, Setting::new(arg, Vec::new(), origin)))
    };
    command.get_arguments().filter_map(setting).collect()
}

fn is_read_elsewhere(name: &str) -> bool {
    READ_ELSEWHERE.iter().any(|(_, other)| name == *other)
}

/// The name of the variable of an option. Arguments without a name have none.
fn variable(arg: &Arg) -> Option<String> {
    let name = arg.get_long()?;
    let is_of_clap = ["help", "version"].contains(&name);
    let name = name.replace('-', "_").to_ascii_uppercase();
    (!is_of_clap).then(|| format!("{PREFIX}{name}"))
}

/// Takes all options out of the environment of a child process; what is read elsewhere stays.
pub fn clear_options(command: &mut std::process::Command) {
    for name in names() {
        command.env_remove(name);
    }
}
