//! What options of a training come to, and which of them have no effect.

use super::resume::saved_options;
use super::{DEFAULT_HIDDEN, TrainArgs};
use crate::commands::model;
use crate::options::{Resolved, Useless, backend};
use clap::{ArgMatches, FromArgMatches};

/// Options that others leave without effect, or without a sense.
pub fn useless(matches: &ArgMatches) -> Vec<Useless> {
    let Ok(args) = TrainArgs::from_arg_matches(matches) else {
        return Vec::new();
    };
    let options = args.options();
    let others = [
        (
            "nesterov",
            "momentum",
            options.nesterov && options.momentum == 0.0,
        ),
        // The model's units count.
        ("hidden", "init", args.init.is_some()),
    ];
    let rules = args.needs().into_iter().chain(others);
    let useless = rules.filter(|(.., is_useless)| *is_useless);
    let useless = useless.map(|(option, by, _)| Useless { option, by });
    let mut found: Vec<Useless> = useless.collect();
    found.extend(backend::useless(matches));
    found
}

/// What recipe, model or run decide on.
///
/// # Errors
/// If an option cannot be read off `matches`, or is out of its range, as far as that needs no data.
pub fn resolved(matches: &ArgMatches) -> anyhow::Result<Vec<Resolved>> {
    let args = TrainArgs::from_arg_matches(matches)?;
    args.check()?;
    let mut found = args.recipe.named();
    if let Some(folder) = &args.resume {
        let ids = found.iter().map(|it| it.id).chain(["hidden"]);
        let unknown = |id| Resolved::none(id, "that of the run, which cannot be read");
        return Ok(saved_options(folder).unwrap_or_else(|_| ids.map(unknown).collect()));
    }
    found.push(match &args.init {
        None => Resolved::new("hidden", DEFAULT_HIDDEN, "default"),
        Some(path) => match model::load(path) {
            Ok(model) => Resolved::new("hidden", model.parameters.shape.hidden, "init"),
            Err(_) => Resolved::none("hidden", "those of init, which cannot be read"),
        },
    });
    Ok(found)
}
