//! Options of a training from parameters of the estimator.

use crate::arrays::value_error;
use fused_mlp::backend::Samples;
use fused_mlp::training::{Recipe, Schedule, TrainingOptions, training_options};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What of the recipe's rate a single pass without a schedule keeps to.
const CONSTANT_SHARE: f32 = 0.25;

/// Steps that a training takes at least where nobody has said how many epochs it has: nearly those of four epochs of
/// MNIST, with which small data sets are learned as well.
const LEAST_STEPS: usize = 2000;

/// Epochs of so many samples are never more than the recipe's: those of MNIST have more, also with a tenth set aside.
const SAMPLES_AN_EPOCH: usize = 50_000;

/// The parameter of the estimator that an option is: scikit-learn's name where there is one.
fn parameter(option: &'static str) -> &'static str {
    match option {
        "epochs" => "max_iter",
        "learning_rate" => "learning_rate_init",
        "nesterov" => "nesterovs_momentum",
        "seed" => "random_state",
        "validation" => "validation_fraction",
        other => other,
    }
}

/// The value that is given for an option, read from its text as on the command line.
fn read<T: std::str::FromStr>(
    given: &Bound<'_, PyDict>,
    option: &'static str,
    kind: &str,
    expected: &str,
) -> PyResult<Option<T>> {
    let Some(value) = given.get_item(parameter(option))? else {
        return Ok(None);
    };
    let text = value.str()?.to_string();
    // Python writes True.
    let value = text.to_lowercase().parse().map_err(|_| {
        let integer = match kind {
            "u32" | "u64" | "usize" => "an integer, ",
            _ => "",
        };
        let name = parameter(option);
        value_error(format!("{name} is {text}; expected {integer}{expected}"))
    })?;
    Ok(Some(value))
}

macro_rules! define_set {
    (
        $($(#[doc = $help:literal])+ $name:ident: $type:ty, $value:literal, $expected:literal, $is_possible:expr $(, $absent:ident)?; $(of the run)?)+
    ) => {
        /// Sets what is given.
        fn set(options: &mut TrainingOptions, given: &Bound<'_, PyDict>) -> PyResult<()> {
            $(
                let value = read(given, stringify!($name), stringify!($type), $expected)?;
                if let Some(value) = value {
                    options.$name = value;
                }
            )+
            Ok(())
        }
    };
}

training_options!(define_set);

/// The options of a recipe with what is given besides, for these samples; `is_part` for one pass among others,
/// whose number nobody knows.
pub fn options(
    recipe: &str,
    given: &Bound<'_, PyDict>,
    samples: Samples<'_>,
    is_part: bool,
) -> PyResult<TrainingOptions> {
    let recipe: Recipe = recipe.parse().map_err(value_error)?;
    let (recipe, samples) = (recipe.options_for(samples), samples.len());
    let mut options = recipe.clone();
    if is_part {
        options.learning_rate *= CONSTANT_SHARE;
    }
    set(&mut options, given)?;
    let is_given = |option| given.contains(parameter(option));
    if !is_given("nesterov")? {
        // A recipe without momentum says nothing on its form.
        let is_nesterov = recipe.nesterov || recipe.momentum == 0.0;
        options.nesterov = options.momentum != 0.0 && is_nesterov;
    }
    if !is_given("coarse")? && !options.augment {
        // Columns of a table that are no pixels have no neighbours.
        options.coarse = 0.0;
    }
    if is_part {
        (options.epochs, options.schedule, options.warm_up) = (1, Schedule::Constant, 0.0);
        options.coarse = 0.0;
    } else if !is_given("epochs")? {
        let samples = samples.saturating_sub(options.validation).max(1);
        let steps = samples.div_ceil(options.batch_size.max(1));
        let of_recipe = recipe.epochs as usize * SAMPLES_AN_EPOCH / recipe.batch_size;
        let least = LEAST_STEPS.min(of_recipe);
        options.epochs = recipe.epochs.max(least.div_ceil(steps) as u32);
        if !is_given("warm_up")? {
            // The same share of the training.
            options.warm_up *= options.epochs as f32 / recipe.epochs as f32;
        }
    }
    options.check(samples).map_err(|error| {
        let (name, found, expected) = (parameter(error.option), error.found, error.expected);
        value_error(format!("{name} is {found}; expected {expected}"))
    })?;
    Ok(options)
}
