//! Options in environment variables.

use super::file::suggestion;
use clap::{Arg, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the names of all options begin with.
pub const PREFIX: &str = "FUSED_MLP_";

/// Variables that the program reads where it needs them, because they mean less than the option of
/// that name: another backend than the fused one passes over the instruction set, and a run that goes
/// on keeps its data.
const READ_ELSEWHERE: [(&str, &str); 3] = [
    ("data", fused_mlp::mnist::DATA_VARIABLE),
    ("isa", fused_mlp::simd::ISA_VARIABLE),
    ("threads", "RAYON_NUM_THREADS"),
];

/// What the project's own tests read.
const OF_TESTS: [&str; 7] = [
    "KILLS",
    "FUZZ",
    "FUZZ_SEED",
    "PHOTOS",
    "PHOTOS_OUT",
    "WRITE_SURFACE",
    "TEST_FOLDER",
];

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

    /// Variables with the prefix that set no option of any command, and what the nearest name is like.
    pub fn unknown(&self, root: &Command) -> Vec<String> {
        let mut known = BTreeSet::from([format!("{PREFIX}CONFIG")]);
        collect_variables(root, &mut known);
        let own = self.0.keys().filter(|name| name.starts_with(PREFIX));
        let strange = own.filter(|name| {
            let rest = &name[PREFIX.len()..];
            // Cargo hands what the build script sets to the programs that it starts.
            !known.contains(*name) && !OF_TESTS.contains(&rest) && !rest.starts_with("BUILD_")
        });
        strange
            .map(|name| {
                format!(
                    "{name} sets no option of any command{}",
                    suggestion(name, &known)
                )
            })
            .collect()
    }

    /// The file of `--config`.
    pub fn config(&self) -> Option<PathBuf> {
        self.0.get(&format!("{PREFIX}CONFIG")).map(PathBuf::from)
    }

    /// The variable that sets an option, if there is one.
    pub fn find(&self, arg: &Arg) -> Option<Variable<'_>> {
        let name = variable(arg)?;
        let id = arg.get_id().as_str();
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
    let id = arg.get_id().as_str();
    // The folder of `data info` is an argument without a name, which the same variable sets.
    let long = arg.get_long().or((id == "data").then_some(id))?;
    Some(format!(
        "{PREFIX}{}",
        long.replace('-', "_").to_ascii_uppercase()
    ))
}

/// The variables of all options of a command and of those below it.
fn collect_variables(command: &Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(variable));
    for inner in command.get_subcommands() {
        collect_variables(inner, known);
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
