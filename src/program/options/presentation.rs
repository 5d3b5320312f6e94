//! How options and commands stand in the help: their short names and headings, which are the same for every
//! command.

use crate::terminal::width;
use clap::{Arg, Command};

/// Short names of options.
const SHORT: [(&str, char); 5] = [
    ("epochs", 'e'),
    ("batch-size", 'b'),
    ("out", 'o'),
    ("quiet", 'q'),
    ("seed", 's'),
];

/// Options by what they are about, in commands with many of them.
const HEADINGS: [(&str, &str); 7] = [
    ("Data", "data validation samples no-mmap transpose invert"),
    ("Network", "hidden init init-scale precision"),
    (
        "Optimizer",
        "recipe epochs batch-size learning-rate schedule warm-up momentum nesterov weight-decay no-shuffle \
         seed seeds",
    ),
    ("Stopping", "target-accuracy target-on patience min-delta"),
    (
        "Output",
        "out overwrite resume checkpoint-every checkpoint-minutes tensorboard keep shard test json quiet",
    ),
    (
        "Measurement",
        "repeats discard save overwrite compare fail-on-slower",
    ),
    ("Machine", "backend threads isa workers"),
];
/// Options of a command up to which no headings help.
const FEW: usize = 12;

/// Commands in the order of the help, by what they are for. Those that stand nowhere end the list.
const GROUPS: [(&str, &str); 5] = [
    ("Commands", "train eval predict show verify"),
    ("Comparing", "report sweep race"),
    ("Data and models", "data export import"),
    ("Measuring", "bench profile"),
    ("Others", ""),
];
/// Columns of the help where there are more.
pub const COLUMNS: usize = 100;

/// The program with short options, headings and groups.
pub fn presented(root: Command) -> Command {
    let root = with_short_names(root);
    let template = template(&root);
    root.help_template(template)
}

fn with_short_names(command: Command) -> Command {
    let has_many = command.get_arguments().count() > FEW;
    let present = |arg: Arg| {
        let name = arg.get_long().unwrap_or_default().to_owned();
        let short = SHORT.iter().find(|(long, _)| *long == name);
        let is_of = |names: &str| has_many && names.split(' ').any(|it| it == name);
        let heading = HEADINGS.iter().find(|(_, names)| is_of(names));
        let arg = match short {
            Some(&(_, short)) => arg.short(short),
            None => arg,
        };
        match heading {
            Some(&(heading, _)) => arg.help_heading(heading),
            None => arg,
        }
    };
    // `--seed -1` is told to be a wrong value, not an option.
    let command = command.allow_negative_numbers(true);
    command.mut_args(present).mut_subcommands(with_short_names)
}

/// The help of the program, with its commands in groups; clap has one list.
fn template(root: &Command) -> String {
    let mut built = root.clone();
    built.build();
    let (header, literal) = (
        root.get_styles().get_header(),
        root.get_styles().get_literal(),
    );
    let columns = width::of_output().map_or(COLUMNS, |it| it.min(COLUMNS));
    let names = built
        .get_subcommands()
        .map(|command| command.get_name().len());
    let indent = 4 + names.max().unwrap_or(0);
    let line = |command: &Command| {
        let about = command.get_about().map(ToString::to_string);
        let about = width::wrapped(&about.unwrap_or_default(), Some(columns - indent));
        let about = about.replace('\n', &format!("\n{:indent$}", ""));
        let name = command.get_name();
        let space = indent - 2 - name.len();
        format!("  {literal}{name}{literal:#}{:space$}{about}\n", "")
    };
    let is_in =
        |names: &str, command: &Command| names.split(' ').any(|it| it == command.get_name());
    let is_grouped = |command: &Command| GROUPS.iter().any(|(_, names)| is_in(names, command));
    let group = |&(title, names): &(&str, &str)| {
        let lines: String = match names {
            "" => built
                .get_subcommands()
                .filter(|it| !is_grouped(it))
                .map(line)
                .collect(),
            _ => names
                .split(' ')
                .filter_map(|it| built.find_subcommand(it))
                .map(line)
                .collect(),
        };
        format!("{header}{title}:{header:#}\n{lines}\n")
    };
    let groups: String = GROUPS.iter().map(group).collect();
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{header}Options:{header:#}\n\
         {{options}}{{after-help}}"
    )
}
