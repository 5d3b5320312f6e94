//! Arrows between modules point one way: down the list in `src/README.md`, and never in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The heading in `src/README.md` above the list.
const HEADING: &str = "## Order of modules";
/// The parts of the list, and the folder and root file of each.
const PARTS: [(&str, &str, &str); 2] = [
    ("program", "src/program", "main.rs"),
    ("library", "src", "lib.rs"),
];

/// A module by the names of those that it lies in and its own: none for the root.
type Module = Vec<String>;

/// Every module that has a file, with what is written in it.
fn modules(folder: &Path, root: &str) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    let mut open = vec![(folder.to_owned(), Module::new())];
    while let Some((folder, parent)) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let below = || [parent.as_slice(), &[stem.to_owned()]].concat();
            if path.is_dir() {
                // The program and the Python package are crates of their own.
                let crates = [Path::new("src/program"), Path::new("src/python")];
                if !crates.contains(&path.as_path()) {
                    open.push((path.clone(), below()));
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let is_parent = stem == "mod" || parent.is_empty() && path.ends_with(root);
                let module = if is_parent { parent.clone() } else { below() };
                let text = fs::read_to_string(&path).unwrap();
                insert(&mut modules, module, &text);
            }
        }
    }
    modules
}

/// Adds the code of a file without its comments, and that of each module within it.
fn insert(modules: &mut BTreeMap<Module, String>, module: Module, text: &str) {
    let (mut own, mut inner) = (String::new(), None);
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with("//");
        let words: Vec<&str> = line.split_whitespace().collect();
        match (&inner, words.as_slice()) {
            (None, ["mod", name, "{"] | ["pub", "mod", name, "{"]) if !line.starts_with(' ') => {
                let path = [module.as_slice(), &[(*name).to_owned()]].concat();
                modules.insert(path.clone(), String::new());
                inner = Some(path);
            }
            (Some(_), ["}"]) if !line.starts_with(' ') => inner = None,
            _ if is_comment => {}
            (Some(path), _) => *modules.get_mut(path).unwrap() += &format!("{line}\n"),
            (None, _) => own += &format!("{line}\n"),
        }
    }
    modules.insert(module, own);
}

/// The modules that a module names by `crate::`, `self::` or `super::`.
fn named(module: &[String], text: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    let is_word = |character: char| character.is_alphanumeric() || "_:".contains(character);
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in text.match_indices(start) {
            if text[..at].ends_with(is_word) {
                continue;
            }
            let mut rest = &text[at..];
            let mut base = module.to_vec();
            loop {
                if let Some(more) = rest.strip_prefix("crate::") {
                    (base, rest) = (Module::new(), more);
                } else if let Some(more) = rest.strip_prefix("super::") {
                    base.pop();
                    rest = more;
                } else if let Some(more) = rest.strip_prefix("self::") {
                    rest = more;
                } else {
                    break;
                }
            }
            for path in paths(rest) {
                let mut target = [base.as_slice(), &path].concat();
                // What follows the last module is an item of it.
                while !all.contains_key(&target) {
                    target.pop();
                }
                found.insert(target);
            }
        }
    }
    found
}

/// The paths that a text begins with: one, or several in braces, as `a::{b, c::D}`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let end = |c: char| !(c.is_alphanumeric() || c == '_');
    if let Some(group) = text.strip_prefix('{') {
        let (mut paths_found, mut depth, mut from) = (Vec::new(), 0, 0);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    paths_found.extend(paths(group[from..at].trim()));
                    from = at + 1;
                    if character == '}' {
                        return paths_found;
                    }
                }
                _ => {}
            }
        }
        panic!("an open brace: {text}");
    }
    let (name, rest) = text.split_at(text.find(end).unwrap_or(text.len()));
    if name.is_empty() {
        return vec![Vec::new()];
    }
    let rest = rest.strip_prefix("::").map_or(vec![Vec::new()], paths);
    let with_name = |path: Vec<String>| [vec![name.to_owned()], path].concat();
    rest.into_iter().map(with_name).collect()
}

/// Which children of a module name which: `[a]` names `[b]` if something in `a` names something in `b`.
type Siblings = BTreeMap<Module, BTreeMap<String, BTreeSet<String>>>;

fn siblings(all: &BTreeMap<Module, String>) -> Siblings {
    let mut siblings = Siblings::new();
    for (module, text) in all {
        for target in named(module, text, all) {
            let common = module.iter().zip(&target).take_while(|(a, b)| a == b);
            let common = common.count();
            if common < module.len().min(target.len()) {
                let names = siblings.entry(module[..common].to_vec()).or_default();
                let names = names.entry(module[common].clone()).or_default();
                names.insert(target[common].clone());
            }
        }
    }
    siblings
}

/// The list of a part in `src/README.md`: below a line with its name, each indented line begins with a
/// module.
fn order(part: &str) -> Vec<String> {
    let text = fs::read_to_string("src/README.md").unwrap();
    let section = text
        .split_once(HEADING)
        .expect("src/README.md has the list")
        .1;
    let list = section.split("```").nth(1).unwrap();
    let lines = list.lines().skip_while(|line| line.trim() != part).skip(1);
    let lines = lines.take_while(|line| line.starts_with(' '));
    let first_word = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    lines.map(first_word).collect()
}

#[test]
fn modules_name_only_those_below_them_in_the_list() {
    let mut upward = Vec::new();
    for (part, folder, root) in PARTS {
        let all = modules(Path::new(folder), root);
        let order = order(part);
        let place = |name: &String| order.iter().position(|other| other == name);
        let top: BTreeSet<&String> = all.keys().filter_map(|module| module.first()).collect();
        let listed: BTreeSet<&String> = order.iter().collect();
        assert_eq!(listed, top, "modules of the {part}");
        for (module, text) in &all {
            let Some(own) = module.first() else { continue };
            for target in named(module, text, &all) {
                let is_down = target
                    .first()
                    .is_some_and(|other| place(other) >= place(own));
                if !is_down {
                    let names = format!("{} names {}", module.join("::"), target.join("::"));
                    upward.push(format!("{part}: {names}"));
                }
            }
        }
    }
    assert!(upward.is_empty(), "upward: {upward:#?}");
}

#[test]
fn the_parts_of_a_module_of_the_program_do_not_name_each_other_in_a_circle() {
    let mut circles = Vec::new();
    let all = modules(Path::new("src/program"), "main.rs");
    for (parent, mut names) in siblings(&all) {
        // Whoever names nobody else, or is named by nobody, is in no circle, and leaves.
        loop {
            let count = names.len();
            let all: BTreeSet<String> = names.keys().cloned().collect();
            names.retain(|_, others| !others.is_disjoint(&all));
            let named: BTreeSet<String> = names.values().flatten().cloned().collect();
            names.retain(|name, _| named.contains(name));
            if names.len() == count {
                break;
            }
        }
        if !names.is_empty() {
            circles.push(format!("{}: {names:?}", parent.join("::")));
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn paths_are_read_as_the_compiler_does() {
    let paths = |text: &str| -> Vec<String> {
        let paths = paths(text).into_iter();
        paths.map(|path| path.join("::")).collect()
    };
    assert_eq!(paths("a::b(c)"), ["a::b"]);
    assert_eq!(paths("{a, b::{C, d::E}};"), ["a", "b::C", "b::d::E"]);
    assert_eq!(paths("*;"), [""]);
}
