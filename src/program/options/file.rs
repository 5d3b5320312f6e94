//! The file of `--config`.

use super::layers::{Origin, Setting};
use super::{key, settable};
use anyhow::{Context, anyhow, bail};
use clap::{Arg, ArgAction, Command};
use fused_mlp::files::bounded;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// What a file sets of the options of the command with this table, which goes before the top of the file.
///
/// # Errors
/// If the file cannot be read, is no TOML, or has an unknown table or key, or a list or a table where an
/// option takes none, with its line.
pub fn settings<'a>(
    path: &Path,
    table: &str,
    commands: &BTreeMap<String, &'a Command>,
) -> anyhow::Result<Vec<(&'a Arg, Setting)>> {
    let shown = path.display();
    let text = bounded::read_text_or_pipe(path, bounded::MAX_TEXT)
        .with_context(|| format!("--config {shown}: expected a TOML file that can be read"))?;
    let line = |start: usize| text.bytes().take(start).filter(|&it| it == b'\n').count() + 1;
    let document = DeTable::parse(&text).map_err(|error| {
        let line = line(error.span().map_or(0, |span| span.start));
        anyhow!("{shown}:{line}: {}", error.message().replace('\n', ", "))
    })?;
    let mut entries: BTreeMap<_, (&DeValue<'_>, Origin)> = BTreeMap::new();
    let mut add = |table: &str, key: &Spanned<DeString<'_>>, value| {
        let origin = Origin::File(path.to_owned(), line(key.span().start));
        // In other files an underscore is usual.
        let place = (table.replace('_', "-"), key.get_ref().replace('_', "-"));
        check(&place.0, &place.1, commands).with_context(|| origin.to_string())?;
        match entries.insert(place, (value, origin.clone())) {
            Some(_) => bail!("{origin}: {} is set twice", key.get_ref()),
            None => Ok(()),
        }
    };
    for (name, value) in document.get_ref() {
        match value.get_ref() {
            DeValue::Table(inner) => inner
                .iter()
                .try_for_each(|(key, value)| add(name.get_ref(), key, value.get_ref()))?,
            value => add("", name, value)?,
        }
    }
    let mut settings = Vec::new();
    for arg in commands.get(table).into_iter().flat_map(|it| settable(it)) {
        let entry = |table: &str| entries.get(&(table.to_owned(), key(arg)));
        if let Some((value, origin)) = entry(table).or_else(|| entry("")) {
            let values = values(value, arg).with_context(|| origin.to_string())?;
            settings.push((arg, Setting::new(arg, values, origin.clone())));
        }
    }
    Ok(settings)
}

/// That there is such a command, and such an option of it, or of any where there is no table.
fn check(table: &str, name: &str, commands: &BTreeMap<String, &Command>) -> anyhow::Result<()> {
    let is_of = |command: &Command| settable(command).any(|arg| key(arg) == name);
    match (table, commands.get(table)) {
        ("", _) if commands.values().any(|command| is_of(command)) => Ok(()),
        ("", _) => bail!("{name} is not an option of a command; --help lists them"),
        (_, None) => bail!("[{table}] is the name of no command; fused-mlp --help lists them"),
        (_, Some(command)) if is_of(command) => Ok(()),
        _ => bail!("{name} is not an option of [{table}]; --help of the command lists them"),
    }
}

/// The values of an option as on the command line.
fn values(value: &DeValue<'_>, arg: &Arg) -> anyhow::Result<Vec<OsString>> {
    let is_list = matches!(arg.get_action(), ArgAction::Append);
    let texts: Option<Vec<OsString>> = match value {
        DeValue::Array(values) if is_list => values
            .iter()
            .map(|it| Some(text(it.get_ref())?.into()))
            .collect(),
        value => text(value).map(|text| vec![text.into()]),
    };
    let texts = texts.filter(|texts| !texts.is_empty());
    texts.with_context(|| {
        let more = if is_list { ", or a list of them" } else { "" };
        format!("{} takes a text, a number, true or false{more}", key(arg))
    })
}

/// A value as on the command line; lists and tables have none.
pub fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(date) => Some(date.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
