//! Mistakes of usage, each in one line.

use super::Origins;
use anyhow::anyhow;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

/// Commands by the names that others have for them. What clap finds similar to these names means something else.
const ELSEWHERE: [(&str, &str); 8] = [
    ("fit", "train"),
    ("learn", "train"),
    ("test", "eval"),
    ("score", "eval"),
    ("classify", "predict"),
    ("infer", "predict"),
    ("compare", "report"),
    ("tune", "sweep"),
];

/// Options of other programs or commands that have none here: what there is instead. The names that clap finds
/// similar mean something else.
const ABSENT: [(&str, &str); 9] = [
    ("activation", "the hidden units are sigmoid, always"),
    (
        "optimizer",
        "it is SGD, with --momentum, --nesterov and --weight-decay",
    ),
    (
        "dropout",
        "there is none; --weight-decay and --patience are there against overfitting",
    ),
    ("layers", "there is one hidden layer, of --hidden units"),
    ("device", "it trains on CPUs alone"),
    ("loss", "it is the cross-entropy, always"),
    ("bs", "a similar argument exists: '--batch-size'"),
    ("overwrite", NEVER_REPLACED),
    ("force", NEVER_REPLACED),
];

/// Why the commands that leave folders have no `--overwrite`.
const NEVER_REPLACED: &str = "a folder is never replaced; choose another with --out";

/// What clap says in several lines, in one: what is wrong, what is similar, and where it was set if
/// not on the command line. Help and version stay as they are.
pub fn in_one_line(error: clap::Error, origins: &Origins) -> anyhow::Error {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return error.into();
    }
    let mut text = in_words(joined(&error.to_string()), &error);
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand)
        && let Some((_, own)) = ELSEWHERE.iter().find(|(other, _)| other == name)
    {
        text = format!("unrecognized subcommand '{name}'; a similar subcommand exists: '{own}'");
    }
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidArg) {
        let name = name.trim_start_matches('-');
        let absent = ABSENT.iter().find(|(other, _)| *other == name);
        let absent = absent.filter(|_| error.kind() == ErrorKind::UnknownArgument);
        if let Some((_, instead)) = absent {
            text = format!("unexpected argument '--{name}' found; {instead}");
        }
    }
    let set_by = origins.of_named(&text);
    anyhow!("{text}{set_by}; --help tells more")
}

/// The lines up to the usage as one; clap's tips are further sentences. How to pass the name of an option
/// as a value is none that helps: a slip is likelier.
fn joined(text: &str) -> String {
    let text = text.trim_start_matches("error: ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    lines.fold(String::new(), |text, line| {
        match line.strip_prefix("tip: ") {
            Some(tip) if tip.starts_with("to pass '") => text,
            Some(tip) => format!("{text}; {tip}"),
            None if text.is_empty() => line.to_owned(),
            None => format!("{text} {line}"),
        }
    })
}

/// What was expected, where the standard library tells only what was found, and clap gives a range in the
/// syntax of the language.
fn in_words(text: String, error: &clap::Error) -> String {
    let source = error.source();
    let whole = source.and_then(|it| it.downcast_ref::<ParseIntError>());
    let range = text.rsplit_once(" is not in ");
    let is_seed = text.contains("<SEED>");
    let expected = match (whole, range.and_then(|(_, range)| range.split_once("..="))) {
        (Some(whole), _) if *whole.kind() == IntErrorKind::PosOverflow => match is_seed {
            true => format!("at most {}", u64::MAX),
            false => "a smaller number".into(),
        },
        (Some(_), _) if text.contains("value '-") => "a whole number, 0 or more".into(),
        (Some(_), _) => "a whole number, such as 10".into(),
        (_, Some((first, last))) => format!("{first} to {last}"),
        _ if source.is_some_and(|it| it.is::<ParseFloatError>()) => "a number, such as 0.1".into(),
        _ if text.ends_with(": value was not a boolean") => "true or false".into(),
        _ => return text,
    };
    let told = text.rsplit_once(": ").map_or(text.as_str(), |it| it.0);
    format!("{told}: expected {expected}")
}
