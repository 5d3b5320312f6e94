//! `--flag=false`: the command line takes back what a file or the environment has switched on.

use super::value::truth;
use clap::{ArgAction, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// `--name=true` or `--name=false`.
pub fn split(text: &str) -> Option<(&str, bool)> {
    let (name, value) = text.strip_prefix("--")?.split_once('=')?;
    truth(value).map(|value| (name, value))
}

/// Takes the values off the flags that have one, so that the last of several counts: the arguments,
/// and the flags that are switched off.
pub fn take(root: &Command, arguments: Vec<OsString>) -> (Vec<OsString>, BTreeSet<String>) {
    let (mut flags, mut options) = (BTreeSet::new(), BTreeSet::new());
    collect(root, &mut flags, &mut options);
    let name_of = |text: &str| text.strip_prefix("--").map(str::to_owned);
    let mut off = BTreeSet::new();
    let (mut kept, mut is_over) = (Vec::<OsString>::new(), false);
    for argument in arguments {
        is_over |= argument == "--";
        let text = argument.to_str().filter(|_| !is_over);
        let flag = text.and_then(split);
        match flag.filter(|(name, _)| flags.contains(*name) && !options.contains(*name)) {
            Some((name, false)) => {
                let plain = format!("--{name}");
                kept.retain(|other| *other != *plain);
                off.insert(name.to_owned());
            }
            Some((name, true)) => {
                off.remove(name);
                kept.push(format!("--{name}").into());
            }
            None => {
                if let Some(name) = text.and_then(name_of) {
                    off.remove(&name);
                }
                kept.push(argument);
            }
        }
    }
    (kept, off)
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
