//! The public surface: every documented item, read from the source and compared with a list. A
//! change of the list is a change of what the crate promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, Type, UseTree, Visibility};

/// The list.
const LIST: &str = "tests/library/surface.txt";
/// Set to write the list anew.
const WRITE: &str = "TEST_FUSED_MLP_WRITE_SURFACE";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn items(file: &Path) -> Vec<Item> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    syn::parse_file(&text).unwrap().items
}

/// Whether an item is seen from outside and documented.
fn is_promised(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let is_hidden = attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string() == "hidden")
    });
    // What a feature opens for benchmarks is no promise.
    let is_internal = attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| list.tokens.to_string().contains("\"internals\""))
    });
    matches!(visibility, Visibility::Public(_)) && !is_hidden && !is_internal
}

/// The names that a `use` brings, each with the first part of its path.
fn used(tree: &UseTree, first: Option<&str>, names: &mut BTreeMap<String, String>) {
    match tree {
        UseTree::Path(path) => {
            let own = path.ident.to_string();
            let first = first.map_or(own, str::to_owned);
            // `self::a` is `a`.
            let first = (first != "self").then_some(first);
            used(&path.tree, first.as_deref(), names);
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| used(tree, first, names));
        }
        UseTree::Name(name) => {
            let first = first.unwrap_or_default().to_owned();
            names.insert(name.ident.to_string(), first);
        }
        UseTree::Rename(rename) => {
            let first = first.unwrap_or_default().to_owned();
            names.insert(rename.rename.to_string(), first);
        }
        UseTree::Glob(_) => panic!("such a use has no names to list"),
    }
}

/// Names that a module's own file makes public.
fn exported(items: &[Item]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for item in items {
        let (visibility, attributes, name) = match item {
            Item::Use(item) => {
                if is_promised(&item.vis, &item.attrs) {
                    used(&item.tree, None, &mut names);
                }
                continue;
            }
            Item::Fn(item) => (&item.vis, &item.attrs, &item.sig.ident),
            Item::Struct(item) => (&item.vis, &item.attrs, &item.ident),
            Item::Enum(item) => (&item.vis, &item.attrs, &item.ident),
            Item::Trait(item) => (&item.vis, &item.attrs, &item.ident),
            Item::Const(item) => (&item.vis, &item.attrs, &item.ident),
            Item::Type(item) => (&item.vis, &item.attrs, &item.ident),
            _ => continue,
        };
        if is_promised(visibility, attributes) {
            names.insert(name.to_string(), String::new());
        }
    }
    names
}

/// The files of a module: `name.rs`, and all below `name`.
fn files(name: &str) -> Vec<PathBuf> {
    let source = root().join("src");
    let mut files = Vec::new();
    let file = source.join(format!("{name}.rs"));
    if file.exists() {
        files.push(file);
    }
    let mut folders = vec![source.join(name)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).into_iter().flatten();
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// What there is to say of one item: its fields, variants and functions.
fn parts(item: &Item) -> Option<(String, Vec<String>)> {
    let fields = |fields: &Fields| -> Vec<String> {
        let all = fields.iter();
        let shown = all.filter(|field| is_promised(&field.vis, &field.attrs));
        shown
            .filter_map(|field| Some(field.ident.as_ref()?.to_string()))
            .collect()
    };
    match item {
        Item::Struct(item) => Some((item.ident.to_string(), fields(&item.fields))),
        Item::Enum(item) => {
            let variants = item
                .variants
                .iter()
                .map(|variant| variant.ident.to_string());
            Some((item.ident.to_string(), variants.collect()))
        }
        Item::Trait(item) => {
            let functions = item.items.iter().filter_map(|item| match item {
                TraitItem::Fn(function) => Some(format!("{}()", function.sig.ident)),
                _ => None,
            });
            Some((item.ident.to_string(), functions.collect()))
        }
        Item::Impl(item) if item.trait_.is_none() => {
            let Type::Path(path) = &*item.self_ty else {
                return None;
            };
            let functions = item.items.iter().filter_map(|item| match item {
                ImplItem::Fn(function) if is_promised(&function.vis, &function.attrs) => {
                    Some(format!("{}()", function.sig.ident))
                }
                ImplItem::Const(constant) if is_promised(&constant.vis, &constant.attrs) => {
                    Some(constant.ident.to_string())
                }
                _ => None,
            });
            Some((
                path.path.segments.last()?.ident.to_string(),
                functions.collect(),
            ))
        }
        _ => None,
    }
}

/// All promised items of a module whose public names these are.
fn module(prefix: &str, name: &str, names: &BTreeSet<String>, surface: &mut BTreeSet<String>) {
    surface.extend(names.iter().map(|item| format!("{prefix}{item}")));
    for item in files(name).iter().flat_map(|file| items(file)) {
        let Some((owner, parts)) = parts(&item).filter(|(owner, _)| names.contains(owner)) else {
            continue;
        };
        surface.extend(parts.iter().map(|part| format!("{prefix}{owner}::{part}")));
    }
}

fn surface() -> BTreeSet<String> {
    let library = items(&root().join("src/lib.rs"));
    let mut surface = BTreeSet::new();
    let mut public = BTreeSet::new();
    for item in &library {
        if let Item::Mod(item) = item
            && is_promised(&item.vis, &item.attrs)
        {
            let name = item.ident.to_string();
            let own = [format!("src/{name}.rs"), format!("src/{name}/mod.rs")];
            let own = own
                .iter()
                .map(|path| root().join(path))
                .find(|path| path.exists());
            let names = exported(&items(&own.unwrap())).into_keys().collect();
            module(&format!("{name}::"), &name, &names, &mut surface);
            public.insert(name);
        }
    }
    for (name, from) in exported(&library) {
        if public.contains(&from) {
            surface.insert(format!("{name} = {from}::{name}"));
        } else {
            module("", &from, &BTreeSet::from([name]), &mut surface);
        }
    }
    for name in table_of_options() {
        surface.insert(format!("training::TrainingOptions::{name}"));
        surface.insert(format!("training::Training::{name}()"));
    }
    surface
}

/// Names in the table of a training's options, which a macro makes fields and methods of.
fn table_of_options() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/training/options.rs")).unwrap();
    let table = text.split("$callback! {").nth(1).unwrap();
    let table = table.split("macro_rules!").next().unwrap();
    let rows = table
        .lines()
        .filter(|line| line.ends_with(';') && line.contains(": "));
    let names = rows.map(|row| row.trim().split(':').next().unwrap().to_owned());
    names.collect()
}

#[test]
fn the_documented_items_are_those_of_the_list() {
    let found = surface();
    let path = root().join(LIST);
    if std::env::var_os(WRITE).is_some() {
        let text: String = found.iter().map(|item| format!("{item}\n")).collect();
        fs::write(&path, text).unwrap();
    }
    let list = fs::read_to_string(&path).unwrap();
    let listed: BTreeSet<String> = list.lines().map(str::to_owned).collect();
    let missing: Vec<_> = listed.difference(&found).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(
        missing.is_empty() && new.is_empty(),
        "no longer documented: {missing:#?}\nnot in {LIST}: {new:#?}\nif that is meant: {WRITE}=1 cargo \
         test --test library"
    );
}

#[test]
fn the_reading_of_the_source_knows_what_is_hidden() {
    let found = surface();
    for item in [
        "Dataset = mnist::Dataset",
        "Model",
        "Model::predict()",
        "training::Training::run_with()",
        "training::TrainingOptions::epochs",
        "mnist::Defect::Truncated",
        "backend::Backend::train()",
        "reference::softmax",
    ] {
        assert!(found.contains(item), "{item}");
    }
    for hidden in ["report", "assignment", "internals", "kernels"] {
        assert!(!found.iter().any(|item| item.contains(hidden)), "{hidden}");
    }
}
