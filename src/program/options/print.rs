//! `--print-config`.

use super::training::RecipeArgs;
use super::{Origin, Origins, file, key, layers, settable};
use anyhow::bail;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use toml::de::DeValue;

/// The options of a command as a file, each with its source. `table` is the command's.
///
/// # Errors
/// If they are those of a run that goes on, which has its own.
pub fn print(
    (leaf, table): (&Command, &str),
    matches: &ArgMatches,
    origins: &Origins,
) -> anyhow::Result<String> {
    if origins.get("resume").is_some() {
        bail!(
            "--print-config is of a new run; the options of one to --resume are in its run.json: leave \
             one of the two out"
        );
    }
    let mut of_recipe = Vec::new();
    if leaf.get_arguments().any(|arg| arg.get_id() == "recipe") {
        let recipe = RecipeArgs::from_arg_matches(matches)?;
        recipe.options().check(usize::MAX)?;
        of_recipe = recipe.named();
    }
    let name = table.replace('-', " ");
    let mut text = format!("# The options of fused-mlp {name}, each with its source.\n[{table}]\n");
    for arg in settable(leaf) {
        let (key, id) = (key(arg), arg.get_id().as_str());
        let texts = texts(arg, matches);
        let excluding = layers::excluding(leaf, arg, origins);
        let resolved = of_recipe.iter().find(|(name, ..)| *name == id);
        let (texts, why) = match (origins.get(id), excluding, resolved) {
            (Some(Origin::Environment(name)), ..) if texts.is_empty() => {
                (std::env::var(name).into_iter().collect(), name.clone())
            }
            (Some(origin), ..) => (texts, origin.to_string()),
            (_, Some(other), _) => (vec![], format!("{} excludes it", super::key(other))),
            (_, _, Some((_, text, why))) => (text.iter().cloned().collect(), why.clone()),
            _ if texts.is_empty() => (texts, described_default(arg).unwrap_or_default()),
            _ => (texts, "default".to_owned()),
        };
        text += &match (texts.is_empty(), why.as_str()) {
            (false, why) => format!("{key} = {}  # {why}\n", toml(arg, &texts)),
            (true, "") => format!("# {key} is not set\n"),
            (true, why) => format!("# {key} is not set; {why}\n"),
        };
    }
    Ok(text)
}

/// What the help says of a default that is no value.
fn described_default(arg: &Arg) -> Option<String> {
    let help = arg.get_help()?.to_string();
    let (_, rest) = help.split_once("[default: ")?;
    let default = rest.split(']').next()?;
    Some(format!("default: {default}"))
}

/// The values of an option, as on the command line; a flag in any word is true or false.
fn texts(arg: &Arg, matches: &ArgMatches) -> Vec<String> {
    let id = arg.get_id().as_str();
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return vec![matches.get_flag(id).to_string()];
    }
    let raw = matches.get_raw(id).into_iter().flatten();
    raw.map(|text| text.to_string_lossy().into_owned())
        .collect()
}

fn toml(arg: &Arg, texts: &[String]) -> String {
    let values: Vec<String> = texts.iter().map(|text| to_toml(text)).collect();
    match arg.get_action() {
        ArgAction::Append => format!("[{}]", values.join(", ")),
        _ => values.concat(),
    }
}

/// A text of the command line as TOML: in quotes, unless it is read as the same text without them.
fn to_toml(text: &str) -> String {
    let is_same = DeValue::parse(text).is_ok_and(|value| {
        let is_quoted = matches!(value.get_ref(), DeValue::String(_));
        !is_quoted && file::text(value.get_ref()).as_deref() == Some(text)
    });
    match is_same {
        true => text.to_owned(),
        false => toml::Value::from(text).to_string(),
    }
}
