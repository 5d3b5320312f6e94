//! The file of `--config`.

use super::value::Value;
use super::{key, settable};
use crate::cli::suggestion::suggestion;
use anyhow::{Context, anyhow, bail};
use clap::{Arg, Command};
use fused_mlp::bounded_file;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Options by their names with hyphens, each with its line.
type Table = BTreeMap<String, (Value, usize)>;

/// A file whose keys are all options of this program.
#[derive(Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    shared: Table,
    tables: BTreeMap<String, Table>,
}

/// A command's options by their keys, by the name of its table: `train`, `data-info`.
type Commands = BTreeMap<String, BTreeMap<String, Arg>>;

impl ConfigFile {
    /// Reads a file, whose keys must be options of the commands below `root`.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or has an unknown table or key or a value of another type, with
    /// its line.
    pub fn load(path: &Path, root: &Command) -> anyhow::Result<Self> {
        let shown = path.display();
        let text =
            bounded_file::read_text_or_pipe(path, bounded_file::MAX_TEXT).with_context(|| {
                format!(
                    "--config {shown}: expected a \
            TOML file that can be read"
                )
            })?;
        let document = DeTable::parse(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span));
            anyhow!("{shown}:{line}: {}", error.message().replace('\n', ", "))
        })?;
        let reader = Reader {
            text: &text,
            shown: shown.to_string(),
            commands: commands(root),
        };
        let (shared, tables) = reader.read(document.get_ref())?;
        Ok(Self {
            path: path.to_owned(),
            shared,
            tables,
        })
    }

    /// What the file says of an option of a command: its table goes before the top of the file.
    pub fn find(&self, table: &str, key: &str) -> Option<&(Value, usize)> {
        let own = self.tables.get(table).and_then(|table| table.get(key));
        own.or_else(|| self.shared.get(key))
    }
}

/// All commands that have none below them.
fn commands(root: &Command) -> Commands {
    fn collect(command: &Command, name: &str, found: &mut Commands) {
        let inner = command.get_subcommands();
        let inner: Vec<_> = inner.filter(|it| it.get_name() != "help").collect();
        if inner.is_empty() {
            let options = settable(command).map(|arg| (key(arg), arg.clone()));
            found.insert(name.to_owned(), options.collect());
        }
        for command in inner {
            let name = match name {
                "" => command.get_name().to_owned(),
                outer => format!("{outer}-{}", command.get_name()),
            };
            collect(command, &name, found);
        }
    }
    let mut found = Commands::new();
    collect(root, "", &mut found);
    found
}

/// Options by their keys; several commands may have one of this key.
type Keys<'a> = BTreeMap<String, Vec<&'a Arg>>;

fn keys<'a>(options: impl IntoIterator<Item = (&'a String, &'a Arg)>) -> Keys<'a> {
    let mut found = Keys::new();
    for (key, arg) in options {
        found.entry(key.clone()).or_default().push(arg);
    }
    found
}

/// The line, counted from 1, where something begins.
fn line_of(text: &str, span: Range<usize>) -> usize {
    let before = &text.as_bytes()[..span.start.min(text.len())];
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

struct Reader<'a> {
    text: &'a str,
    shown: String,
    commands: Commands,
}

impl Reader<'_> {
    fn read(&self, document: &DeTable<'_>) -> anyhow::Result<(Table, BTreeMap<String, Table>)> {
        let (mut shared, mut tables) = (Table::new(), BTreeMap::new());
        let all = keys(self.commands.values().flatten());
        for (name, value) in document {
            let line = line_of(self.text, name.span());
            let written = name.get_ref();
            let name = written.replace('_', "-");
            let options = self.commands.get(&name);
            match (value.get_ref(), options) {
                (DeValue::Table(table), Some(options)) => {
                    let (mut found, options) = (Table::new(), keys(options));
                    let place = format!("an option of fused-mlp {}", name.replace('-', " "));
                    for (key, value) in table {
                        let line = line_of(self.text, key.span());
                        self.add(
                            &mut found,
                            (key.get_ref(), line),
                            value.get_ref(),
                            &options,
                            &place,
                        )?;
                    }
                    tables.insert(name, found);
                }
                (DeValue::Table(_), None) => {
                    let names: BTreeSet<String> = self.commands.keys().cloned().collect();
                    let advice = match suggestion(&name, &names) {
                        none if none.is_empty() => "; expected a table such as [train]".to_owned(),
                        similar => similar,
                    };
                    bail!(
                        "{}:{line}: [{written}] is the name of no command{advice}",
                        self.shown
                    );
                }
                (_, Some(_)) => bail!(
                    "{}:{line}: {name} is a command, so a table was expected: [{name}]",
                    self.shown
                ),
                (value, None) => {
                    let place = "an option of a command";
                    self.add(&mut shared, (written, line), value, &all, place)?;
                }
            }
        }
        Ok((shared, tables))
    }

    fn add(
        &self,
        table: &mut Table,
        (written, line): (&str, usize),
        value: &DeValue<'_>,
        options: &Keys<'_>,
        place: &str,
    ) -> anyhow::Result<()> {
        let (shown, key) = (&self.shown, written.replace('_', "-"));
        let Some(args) = options.get(&key) else {
            let names = options.keys().cloned().collect();
            let similar = suggestion(written, &names);
            bail!("{shown}:{line}: {written} is not {place}{similar}");
        };
        let value = Value::new(value);
        // A key at the top may be a number to one command and a list to another.
        let wrong: Vec<String> = args
            .iter()
            .map_while(|arg| value.texts(arg).err())
            .collect();
        if wrong.len() == args.len() {
            bail!("{shown}:{line}: {key} is {}", wrong[0]);
        }
        match table.insert(key.clone(), (value, line)) {
            Some((_, before)) => {
                bail!("{shown}:{line}: {key} is set twice; it stands in line {before}, too")
            }
            None => Ok(()),
        }
    }
}
