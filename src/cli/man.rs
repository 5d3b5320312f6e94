//! `fused-mlp man`.

use super::Ending;
use super::output::UNWRITABLE;
use super::{command_names, output_name};
use anyhow::{Context, bail};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command};
use clap_mangen::Man;
use fused_mlp::file_messages::create_folders;
use roff::{Roff, roman};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  fused-mlp man | man -l -
  fused-mlp man train | man -l -
  fused-mlp man --out ~/.local/share/man/man1";

/// Options of `fused-mlp man`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// Command whose page is printed, as train or data info [default: the whole program]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder, which is made if it is not there
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
}

/// Prints one page or writes all.
///
/// # Errors
/// If there is no such command or a page cannot be written.
pub fn run(args: &ManArgs, mut root: Command) -> anyhow::Result<Ending> {
    root = root.disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &args.out {
        create_folders(folder).with_context(|| folder.display().to_string())?;
        write_pages(&root, folder)?;
        return Ok(Ending::Success);
    }
    let command = find(&root, &args.command)?;
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(&page(command)?)
        .and_then(|()| stdout.flush());
    written.context(UNWRITABLE)?;
    Ok(Ending::Success)
}

/// The command of these names. One below another may be named alone, as no two are called the same.
fn find<'a>(root: &'a Command, names: &[String]) -> anyhow::Result<&'a Command> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let alone = match names.as_slice() {
        [name] => command_names::ending_in(root, name),
        _ => Vec::new(),
    };
    let names = match alone.as_slice() {
        [path] => path.split(' ').collect(),
        _ => names,
    };
    let mut command = root;
    for name in &names {
        let Some(inner) = command.find_subcommand(name) else {
            bail!(
                "{name} is no command of {}{}; its --help lists them",
                bin_name(command),
                command_names::suggested(root, &names)
            );
        };
        command = inner;
    }
    Ok(command)
}

/// The command `man`, whose completions offer these names.
pub fn with_names(man: Command, names: Vec<String>) -> Command {
    man.mut_arg("command", |arg| {
        arg.value_parser(Offered(names)).hide_possible_values(true)
    })
}

/// Takes any text, and offers names.
#[derive(Debug, Clone)]
struct Offered(Vec<String>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            self.0.iter().map(|name| PossibleValue::new(name.clone())),
        ))
    }
}

fn bin_name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or(command.get_name())
}

/// The page of a command and of all below it.
fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<()> {
    let name = bin_name(command).replace(' ', "-");
    let path = folder.join(format!("{name}.1"));
    fs::write(&path, page(command)?).with_context(|| path.display().to_string())?;
    let inner = command.get_subcommands();
    inner
        .filter(|inner| inner.get_name() != "help")
        .try_for_each(|inner| write_pages(inner, folder))
}

/// A page with the sections of its notes kept as they stand: examples are lines, no paragraphs.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(concat!("fused-mlp ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    notes(command).to_writer(&mut page)?;
    Ok(page)
}

/// What stands below the options in the help.
fn notes(command: &Command) -> Roff {
    let text = command.get_after_help().map(ToString::to_string);
    let text = text.unwrap_or_default();
    let mut roff = Roff::new();
    let mut heading = Some("NOTES");
    for paragraph in text.split("\n\n") {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let (own, rest) = match first.split_once(':') {
            Some(("Examples" | "Example", line)) => (Some("EXAMPLES"), (line, rest)),
            Some(("Exit codes", line)) => (Some("EXIT STATUS"), (line, rest)),
            _ => (heading, (first, rest)),
        };
        // Notes go on under their heading until another one comes.
        heading = if own == Some("NOTES") {
            None
        } else {
            Some("NOTES")
        };
        match own {
            Some(name) => roff.control("SH", [name]),
            None => roff.control("PP", []),
        };
        roff.control("nf", []);
        for line in [rest.0].into_iter().chain(rest.1.lines()) {
            if !line.trim().is_empty() {
                roff.text([roman(line)]);
            }
        }
        roff.control("fi", []);
    }
    roff
}
