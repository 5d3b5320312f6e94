//! `--flag=false`: the command line takes back what a file or the environment has switched on.

use clap::{ArgAction, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// `--name=true` or `--name=false`.
pub fn split(text: &str) -> Option<(&str, bool)> {
    let (name, value) = text.strip_prefix("--")?.split_once('=')?;
    value.parse().ok().map(|value| (name, value))
}

/// Takes the flags that are given with a value out of the arguments.
pub fn take(root: &Command, arguments: Vec<OsString>) -> (Vec<OsString>, BTreeMap<String, bool>) {
    let (mut flags, mut options) = (BTreeSet::new(), BTreeSet::new());
    collect(root, &mut flags, &mut options);
    let mut switched = BTreeMap::new();
    let (mut kept, mut is_over) = (Vec::new(), false);
    for argument in arguments {
        is_over |= argument == "--";
        let flag = argument.to_str().and_then(split);
        let flag = flag.filter(|(name, _)| flags.contains(*name) && !options.contains(*name));
        match flag {
            Some((name, value)) if !is_over => {
                switched.insert(name.to_owned(), value);
            }
            _ => kept.push(argument),
        }
    }
    (kept, switched)
}

/// Names of the flags and of the options with a value, in all commands.
fn collect(command: &Command, flags: &mut BTreeSet<String>, options: &mut BTreeSet<String>) {
    for arg in command.get_arguments() {
        let names = match arg.get_action() {
            ArgAction::SetTrue => &mut *flags,
            _ => &mut *options,
        };
        names.extend(arg.get_long().map(str::to_owned));
    }
    for inner in command.get_subcommands() {
        collect(inner, flags, options);
    }
}
