//! `fused-mlp man`.

use crate::ending::Ending;
use crate::options::output_name;
use crate::run_folder::{NewFile, OverwriteArgs, unwritable_by};
use crate::terminal::output::Results;
use anyhow::Context;
use clap::builder::Resettable;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use fused_mlp::files::create_folders;
use std::io;
use std::path::{Path, PathBuf};

/// Further sections of pages, each in a file beside the module that it tells of. They are read
/// in a terminal of 80 columns.
const SECTIONS: [(&str, &str); 6] = [
    ("fused-mlp", include_str!("../options/configuration.txt")),
    ("fused-mlp", include_str!("json.txt")),
    ("fused-mlp-train", include_str!("train.txt")),
    ("fused-mlp-train", include_str!("../run_folder/files.txt")),
    ("fused-mlp-sweep", include_str!("../sweep/files.txt")),
    ("fused-mlp-race", include_str!("race.txt")),
];

/// Options of `fused-mlp man`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("man_examples.txt"))]
pub struct ManArgs {
    /// Command whose page is printed, as train or data info [default: the whole program]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder, which is made if it is not there
    #[arg(long, value_name = "DIR", value_parser = output_name::folder())]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Prints one page or writes all.
///
/// # Errors
/// If there is no such command or a page cannot be written.
pub fn run(args: &ManArgs, root: Command) -> anyhow::Result<Ending> {
    let mut root = root.disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &args.out {
        create_folders(folder).map_err(|error| unwritable_by(folder, &error, "--out"))?;
        // All places are checked before the first page is written.
        let mut pages = Vec::new();
        add_pages(&root, (folder, args.overwrite), &mut pages)?;
        pages
            .iter()
            .try_for_each(|(file, page)| file.write(page).map(drop))?;
        return Ok(Ending::Success);
    }
    let mut names = args.command.iter();
    let command = names.try_fold(&root, |command, name| {
        let name_above = command.get_name();
        let found = command.find_subcommand(name);
        found.with_context(|| format!("{name} is no command of {name_above}; --help lists them"))
    })?;
    let mut results = Results::new(false);
    results.bytes(&page(command)?);
    results.finish()?;
    Ok(Ending::Success)
}

/// The page of a command and of all below it, each with its place.
fn add_pages(
    command: &Command,
    place: (&Path, OverwriteArgs),
    pages: &mut Vec<(NewFile, Vec<u8>)>,
) -> anyhow::Result<()> {
    let path = place.0.join(format!("{}.1", page_name(command)));
    pages.push((NewFile::named(&path, "--out", place.1)?, page(command)?));
    let mut inner = command.get_subcommands();
    inner.try_for_each(|inner| add_pages(inner, place, pages))
}

fn page_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

/// The page of clap_mangen, whose lines of examples would be one paragraph, with sections of our own.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let plain = command.clone().after_help(Resettable::Reset);
    let man = Man::new(plain).source(concat!("fused-mlp ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let heading = if help.starts_with("Examples:") {
        ""
    } else {
        "Notes:\n"
    };
    add_sections(&mut page, &format!("{heading}{help}"))?;
    let own = SECTIONS
        .iter()
        .filter(|(name, _)| *name == page_name(command));
    for (_, text) in own {
        add_sections(&mut page, text)?;
    }
    Ok(page)
}

/// Adds sections: one or two words and a colon in a line are a heading, lines that are indented stay as they are,
/// all others are filled.
fn add_sections(page: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let mut roff = Roff::new();
    let mut is_kept = false;
    for line in text.lines() {
        let heading = line.strip_suffix(':');
        let heading = heading.filter(|it| !it.starts_with(' ') && it.split(' ').count() <= 2);
        if is_kept != line.starts_with(' ') {
            is_kept = !is_kept;
            roff.control(if is_kept { "nf" } else { "fi" }, []);
        }
        match heading {
            Some(heading) => roff.control("SH", [heading.to_uppercase().as_str()]),
            None => roff.text([roman(line)]),
        };
    }
    roff.control("fi", []).to_writer(page)
}
