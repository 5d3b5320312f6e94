//! The names of all commands, and what a mistyped one may have meant.

use super::suggestion::{did_you_mean, similar};
use clap::Command;
use std::collections::BTreeSet;

/// All commands, as they are typed after the program's name.
fn paths(root: &Command) -> BTreeSet<String> {
    fn collect(command: &Command, before: &str, found: &mut BTreeSet<String>) {
        for inner in command
            .get_subcommands()
            .filter(|it| it.get_name() != "help")
        {
            let path = format!("{before}{}", inner.get_name());
            collect(inner, &format!("{path} "), found);
            found.insert(path);
        }
    }
    let mut found = BTreeSet::new();
    collect(root, "", &mut found);
    found
}

/// The names that commands have, each once.
pub fn all(root: &Command) -> Vec<String> {
    let names: BTreeSet<String> = paths(root)
        .iter()
        .flat_map(|path| path.split(' '))
        .map(str::to_owned)
        .collect();
    names.into_iter().collect()
}

/// The commands whose last name this is, as they are typed.
pub fn ending_in(root: &Command, name: &str) -> Vec<String> {
    let paths = paths(root).into_iter();
    paths.filter(|path| last_name(path) == name).collect()
}

/// "; did you mean …?" with the commands that these words may have meant, or nothing.
pub fn suggested(root: &Command, words: &[&str]) -> String {
    let paths = paths(root);
    // Words too many are no slips; words too few may be the last ones.
    let starts = (1..=words.len())
        .rev()
        .map(|count| words[..count].join(" "));
    let mut found = starts.map(|start| similar(&start, &paths));
    let found = found.find(|found| !found.is_empty());
    did_you_mean(&found.unwrap_or_else(|| with_last_name_like(words, &paths)))
}

/// The commands whose last name is near the last of these words.
fn with_last_name_like<'a>(words: &[&str], paths: &'a BTreeSet<String>) -> Vec<&'a str> {
    let typed = words.last().copied().unwrap_or_default();
    let names = paths
        .iter()
        .map(|path| last_name(path).to_owned())
        .collect();
    let near = similar(typed, &names);
    let paths = paths.iter().map(String::as_str);
    paths
        .filter(|path| near.contains(&last_name(path)))
        .collect()
}

fn last_name(path: &str) -> &str {
    path.rsplit(' ').next().unwrap_or(path)
}
