//! What options of a training come to, and which of them have no effect.

use super::resume::saved_options;
use super::{DEFAULT_HIDDEN, TargetOn, TrainArgs};
use crate::commands::model;
use crate::options::{Resolved, Useless, backend};
use clap::{ArgMatches, FromArgMatches};

/// Options that others leave without effect, or without a sense.
pub fn useless(matches: &ArgMatches) -> Vec<Useless> {
    let Ok(args) = TrainArgs::from_arg_matches(matches) else {
        return Vec::new();
    };
    let options = args.options();
    let (has_validation, has_patience) = (args.validation > 0, args.patience.is_some());
    let is_on_validation = args.target_on == TargetOn::Validation;
    let has_min_delta = args.min_delta != 0.0;
    let rules = [
        (
            "nesterov",
            "momentum",
            options.nesterov && options.momentum == 0.0,
        ),
        ("patience", "validation", has_patience && !has_validation),
        (
            "min_delta",
            "patience",
            has_min_delta && !(has_validation && has_patience),
        ),
        (
            "target_on",
            "validation",
            is_on_validation && !has_validation,
        ),
        // The model's units count.
        ("hidden", "init", args.init.is_some()),
    ];
    let found = rules.into_iter().filter(|(.., is_useless)| *is_useless);
    let found = found.map(|(option, by, _)| Useless { option, by });
    let mut found: Vec<Useless> = found.collect();
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
