//! Options of a training on the command line, made of the library's table of them.

use super::named_value;
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use fused_mlp::augmentation::{Augmentation, Strengths};
use fused_mlp::backend::Samples;
use fused_mlp::engine::Precision;
use fused_mlp::training::{
    MNIST_NORM, OptionError, Recipe, Schedule, TrainingOptions, training_options,
};

/// Why a text is no value of an option.
type WrongValue = Box<dyn std::error::Error + Send + Sync>;

/// An option that a recipe sets: a row of the library's table.
#[derive(Debug)]
pub struct RecipeOption {
    /// Name of its field.
    pub name: &'static str,
    value_name: &'static str,
    help: &'static str,
    /// Whether earlier versions did without it, as they had no other values than its default.
    pub is_later: bool,
    /// What is possible.
    expected: &'static str,
    get: fn(&TrainingOptions) -> String,
    set: fn(&mut TrainingOptions, &str) -> Result<(), WrongValue>,
}

macro_rules! define_rows {
    (
        $($(#[doc = $help:literal])+ $name:ident: $type:ty, $value:literal, $expected:literal, $is_possible:expr $(, $absent:ident)?;)+
        of the run
        $($rest:tt)*
    ) => {
        const ROWS: &[RecipeOption] = &[$(RecipeOption {
            name: stringify!($name),
            value_name: $value,
            help: concat!($($help),+),
            is_later: !concat!($(stringify!($absent))?).is_empty(),
            expected: $expected,
            get: |options| options.$name.to_string(),
            set: |options, text| {
                options.$name = text.parse()?;
                Ok(())
            },
        }),+];
    };
}

training_options!(define_rows);

/// `batch_size` as `batch-size`.
pub fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

impl RecipeOption {
    /// Sets this option to a text that was parsed as an argument.
    pub fn set(&self, options: &mut TrainingOptions, text: &str) {
        (self.set)(options, text).expect("what the argument has accepted can be read again");
    }

    /// The argument, whose value is the shortest text that means it.
    fn argument(&'static self) -> Arg {
        let argument = Arg::new(self.name)
            .long(kebab(self.name))
            .value_name(self.value_name)
            .help(self.help.trim());
        let shortest = |text: &str| -> Result<String, WrongValue> {
            let mut options = TrainingOptions::default();
            (self.set)(&mut options, text).map_err(|error| {
                // The range of the option tells more than that of its type.
                let is_negative = text.starts_with('-') && text.parse::<f64>().is_ok();
                match is_negative {
                    true => format!("expected {}", self.expected).into(),
                    false => error,
                }
            })?;
            Ok((self.get)(&options))
        };
        match self.value_name {
            "NAME" => argument
                .value_parser(PossibleValuesParser::new(Schedule::ALL.map(Schedule::name)))
                .hide_possible_values(true),
            "FORMAT" => argument
                .value_parser(PossibleValuesParser::new(
                    Precision::ALL.map(Precision::name),
                ))
                .hide_possible_values(true),
            "BOOL" => argument
                .value_parser(PossibleValuesParser::new(["true", "false"]))
                .num_args(0..=1)
                .default_missing_value("true"),
            _ => argument.value_parser(ValueParser::new(shortest)),
        }
    }
}

/// Texts of the options that a recipe sets: at most one of each, or lists, of which every combination is
/// trained.
#[derive(Debug, Clone)]
pub struct Values<const ARE_LISTS: bool>(pub Vec<(&'static RecipeOption, Vec<String>)>);

impl<const ARE_LISTS: bool> Args for Values<ARE_LISTS> {
    fn augment_args(command: Command) -> Command {
        let recipe = Recipe::default();
        let defaults = recipe.options();
        command.args(ROWS.iter().map(|row| {
            let (argument, default) = (row.argument(), (row.get)(&defaults));
            match ARE_LISTS {
                true => argument
                    .value_name("LIST")
                    .num_args(1)
                    .action(ArgAction::Append)
                    .value_delimiter(',')
                    .help(format!("{} [default: {default}]", row.help.trim())),
                false => argument.help(format!(
                    "{} [default: {default}, as in recipe {recipe}]",
                    row.help.trim()
                )),
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ARE_LISTS: bool> FromArgMatches for Values<ARE_LISTS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let values = |row: &'static RecipeOption| {
            let texts = matches.get_many(row.name).unwrap_or_default();
            (row, texts.cloned().collect())
        };
        Ok(Self(ROWS.iter().map(values).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<const ARE_LISTS: bool> Values<ARE_LISTS> {
    fn is_given(&self, name: &str) -> bool {
        let mut values = self.0.iter();
        values.any(|(row, texts)| row.name == name && !texts.is_empty())
    }

    /// The learning rate of a recipe for images, and why it is that, where none is given and it is not that of
    /// the recipe.
    pub fn fitting_rate(&self, recipe: Recipe, samples: Samples<'_>) -> Option<(f32, String)> {
        if self.is_given("learning_rate") {
            return None;
        }
        let own = recipe.options().learning_rate;
        let rate = recipe.options_for(samples).learning_rate;
        (rate != own).then(|| {
            let norm = samples.mean_squared_norm();
            let why = format!(
                "learning rate {rate}, not the recipe's {own}: the images' mean squared norm is {norm:.1}, that of \
                 MNIST {MNIST_NORM}; --learning-rate sets another"
            );
            (rate, why)
        })
    }
}

/// A recipe, and options that take precedence over it.
#[derive(Debug, Clone, Args)]
pub struct RecipeArgs {
    /// Defaults of the options below: fast (98.2 % of MNIST's test data in four epochs), sprint (98 % in the
    /// least time), augmented (99.3 %, and for one's own handwriting), sprint-99 (99 % in the least time), best (longer,
    /// without augmentation) or assignment (plain SGD)
    #[arg(
        long,
        value_name = "NAME",
        default_value_t = Recipe::default(),
        value_parser = named_value::recipe(),
        hide_possible_values = true
    )]
    recipe: Recipe,
    #[command(flatten)]
    given: Values<false>,
}

impl RecipeArgs {
    /// What both come to; the rest is not set by a recipe.
    pub fn options(&self) -> TrainingOptions {
        let recipe = self.recipe.options();
        let mut options = recipe.clone();
        let mut is_nesterov_given = false;
        for (row, texts) in &self.given.0 {
            for text in texts {
                row.set(&mut options, text);
                is_nesterov_given |= row.name == "nesterov";
            }
        }
        if !is_nesterov_given {
            // A recipe without momentum says nothing on its form.
            let is_nesterov = recipe.nesterov || recipe.momentum == 0.0;
            options.nesterov = options.momentum != 0.0 && is_nesterov;
        }
        options
    }

    /// [`Values::fitting_rate`] of the recipe.
    pub fn fitting_rate(&self, samples: Samples<'_>) -> Option<(f32, String)> {
        self.given.fitting_rate(self.recipe, samples)
    }

    /// Why there are no coarse steps, where the recipe has some and none are asked for.
    pub fn unfit_for_coarse(&self, size: (usize, usize), has_model: bool) -> Option<String> {
        let own = self.recipe.options().coarse;
        if own == 0.0 || self.given.is_given("coarse") {
            return None;
        }
        let coarse = TrainingOptions {
            coarse: own,
            ..TrainingOptions::default()
        };
        let why = match has_model {
            _ if coarse.check_images(size).is_err() => "images have an odd side",
            true => "weights of a model would become means of four; --coarse sets another",
            false => return None,
        };
        Some(format!("coarse 0, not the recipe's {own}: {why}"))
    }

    /// Name, text and source of each option that the recipe sets, for `--print-config`.
    pub fn named(&self) -> Vec<(&'static str, Option<String>, String)> {
        let own = self.recipe.options().of_recipe().into_iter();
        let texts = self.options().of_recipe().into_iter().zip(own);
        let named = texts.map(|((name, text), (_, own))| match text == own {
            true => {
                let recipe = self.recipe;
                let follows = match name {
                    "learning_rate" if recipe != Recipe::Assignment => "less by the images",
                    "coarse" if own != "0" => "0 by the images or a model",
                    _ => return (name, Some(text), format!("recipe {recipe}")),
                };
                // No text: it follows them.
                (name, None, format!("recipe {recipe}: {own}, or {follows}"))
            }
            false => (name, Some(text), "follows from momentum".to_owned()),
        });
        named.collect()
    }

    /// The name of the recipe, and the options that are not as it sets them.
    pub fn describe(&self) -> String {
        described(self.recipe, &self.options())
    }
}

/// Options as those of a recipe and others besides: `recipe fast, with --epochs 6`.
fn described(recipe: Recipe, options: &TrainingOptions) -> String {
    match arguments(options, recipe).as_str() {
        "" => format!("recipe {recipe}"),
        others => format!("recipe {recipe}, with {others}"),
    }
}

/// Options as those of the recipe that is nearest to them.
pub fn described_by_nearest(options: &TrainingOptions) -> String {
    let told = Recipe::ALL.map(|recipe| described(recipe, options));
    let shortest = told.into_iter().min_by_key(String::len);
    shortest.unwrap_or_default()
}

/// Options as on the command line, those that a recipe sets to these values left out.
pub fn arguments(options: &TrainingOptions, recipe: Recipe) -> String {
    let own = recipe.options().of_recipe();
    let others = options
        .without_idle()
        .of_recipe()
        .into_iter()
        .filter(|it| !own.contains(it));
    let arguments: Vec<String> = others
        .map(|(name, text)| format!("--{} {text}", kebab(name)))
        .collect();
    arguments.join(" ")
}

/// Whether and how much images are varied.
#[derive(Debug, Clone)]
pub struct AugmentArgs(TrainingOptions);

impl AugmentArgs {
    /// The rows of these options.
    fn rows() -> impl Iterator<Item = &'static RecipeOption> {
        let strengths = Strengths::STANDARD.named().map(|(name, _)| name);
        let is_own = move |name| name == "augment" || strengths.contains(&name);
        ROWS.iter().filter(move |row| is_own(row.name))
    }

    /// The augmentation of images of so many rows and columns, if one is asked for.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn augmentation(&self, size: (usize, usize)) -> Result<Option<Augmentation>, OptionError> {
        self.0.check(usize::MAX)?;
        self.0.augmentation(size)
    }

    /// Whether images are varied.
    pub fn is_on(&self) -> bool {
        self.0.augment
    }
}

impl Args for AugmentArgs {
    fn augment_args(command: Command) -> Command {
        let defaults = TrainingOptions::default();
        command.args(Self::rows().map(|row| {
            let help = format!("{} [default: {}]", row.help.trim(), (row.get)(&defaults));
            row.argument().help(help)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for AugmentArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut options = TrainingOptions::default();
        for row in Self::rows() {
            if let Some(text) = matches.get_one::<String>(row.name) {
                row.set(&mut options, text);
            }
        }
        Ok(Self(options))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
