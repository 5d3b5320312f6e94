//! Options of a training on the command line, made of the library's table of them.

use super::{Resolved, named_value};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use fused_mlp::training::{Recipe, Schedule, TrainingOptions, training_options};
use std::fmt::Display;

/// A type of values, as clap takes them.
trait OptionValue {
    fn argument(argument: Arg) -> Arg;
}

macro_rules! numbers {
    ($($type:ty),+) => {
        $(impl OptionValue for $type {
            fn argument(argument: Arg) -> Arg {
                argument.value_parser(value_parser!($type))
            }
        })+
    };
}

numbers!(u32, usize, f32);

impl OptionValue for bool {
    fn argument(argument: Arg) -> Arg {
        let argument = argument.value_parser(value_parser!(bool));
        argument.num_args(0..=1).default_missing_value("true")
    }
}

impl OptionValue for Schedule {
    fn argument(argument: Arg) -> Arg {
        let argument = argument.value_parser(named_value::schedule());
        argument.hide_possible_values(true)
    }
}

/// `batch_size` as `batch-size`.
pub fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

fn argument<T: OptionValue>(name: &'static str, value: &'static str, help: &str) -> Arg {
    let argument = Arg::new(name).long(kebab(name)).value_name(value);
    T::argument(argument).help(help.trim().to_owned())
}

/// A recipe, and options that take precedence over it.
#[derive(Debug, Clone)]
pub struct RecipeArgs {
    pub recipe: Recipe,
    /// What both come to; the rest is not set by a recipe.
    pub options: TrainingOptions,
}

/// Lists of options, of which every combination is trained.
#[derive(Debug, Clone)]
pub struct ListArgs(pub Lists);

macro_rules! define_arguments {
    (
        $($(#[doc = $help:literal])+ $name:ident: $type:ty, $value:literal, $expected:literal, $is_possible:expr;)+
        of the run
        $($rest:tt)*
    ) => {
        /// Values of each option that a recipe sets.
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub struct Lists {
            $($(#[doc = $help])+ pub $name: Vec<$type>,)+
        }

        impl Lists {
            /// The values of one training.
            pub fn of(options: &TrainingOptions) -> Self {
                Self { $($name: vec![options.$name.clone()],)+ }
            }

            /// Each value once.
            pub fn without_repetitions(&self) -> Self {
                Self { $($name: once(&kebab(stringify!($name)), &self.$name),)+ }
            }

            /// Every combination of the values, in the order of the options: the last changes fastest.
            pub fn combinations(&self, base: &TrainingOptions) -> Vec<TrainingOptions> {
                let all = vec![base.clone()];
                $(
                    let with = |options: &TrainingOptions, value: &$type| TrainingOptions {
                        $name: value.clone(),
                        ..options.clone()
                    };
                    let all: Vec<TrainingOptions> = all
                        .iter()
                        .flat_map(|options| self.$name.iter().map(move |value| with(options, value)))
                        .collect();
                )+
                all
            }
        }

        impl RecipeArgs {
            fn arguments() -> Vec<Arg> {
                let recipe = Recipe::default();
                let options = recipe.options();
                vec![$({
                    let default = &options.$name;
                    let help = concat!($($help),+).trim();
                    let help = format!("{help} [default: {default}, as in recipe {recipe}]");
                    argument::<$type>(stringify!($name), $value, &help)
                }),+]
            }

            fn options(recipe: &TrainingOptions, matches: &ArgMatches) -> TrainingOptions {
                let mut options = recipe.clone();
                $(if let Some(value) = matches.get_one::<$type>(stringify!($name)) {
                    options.$name = value.clone();
                })+
                options
            }
        }

        impl ListArgs {
            fn arguments() -> Vec<Arg> {
                let options = TrainingOptions::default();
                vec![$(
                    argument::<$type>(stringify!($name), "LIST", concat!($($help),+))
                        .num_args(1)
                        .action(ArgAction::Append)
                        .value_delimiter(',')
                        .default_value(options.$name.to_string())
                ),+]
            }

            fn lists(matches: &ArgMatches) -> Lists {
                let lists = Lists {
                    $($name: matches
                        .get_many::<$type>(stringify!($name))
                        .unwrap_or_default()
                        .cloned()
                        .collect(),)+
                };
                lists
            }
        }
    };
}

training_options!(define_arguments);

/// A list without the values that stand in it before; says so.
pub fn once<T: Clone + PartialEq + Display>(name: &str, values: &[T]) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    let mut dropped: Vec<String> = Vec::new();
    for value in values {
        if kept.contains(value) {
            dropped.push(value.to_string());
        } else {
            kept.push(value.clone());
        }
    }
    if !dropped.is_empty() {
        crate::terminal::output::message(&format!(
            "warning: --{name} names {} more than once; each value counts once",
            dropped.join(", ")
        ));
    }
    kept
}

impl Args for RecipeArgs {
    fn augment_args(command: Command) -> Command {
        let recipe = Arg::new("recipe")
            .long("recipe")
            .value_name("NAME")
            .help(
                "Options that are not given: fast (98 % of MNIST's test data in the least time), best \
                 (longer, for a higher accuracy) or assignment (plain SGD)",
            )
            .default_value(Recipe::default().name())
            .value_parser(named_value::recipe())
            .hide_possible_values(true);
        let command = command.arg(recipe).args(Self::arguments());
        command.mut_arg("init_scale", |argument| argument.conflicts_with("init"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RecipeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let recipe = matches
            .get_one::<Recipe>("recipe")
            .copied()
            .unwrap_or_default();
        let own = recipe.options();
        let mut options = Self::options(&own, matches);
        if matches
            .value_source("nesterov")
            .is_none_or(|it| it == ValueSource::DefaultValue)
        {
            // A recipe without momentum says nothing on its form.
            options.nesterov = options.momentum != 0.0 && (own.nesterov || own.momentum == 0.0);
        }
        Ok(Self { recipe, options })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ListArgs {
    fn augment_args(command: Command) -> Command {
        command.args(Self::arguments())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ListArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(Self::lists(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl RecipeArgs {
    /// What the recipe sets, for `--print-config`.
    pub fn named(&self) -> Vec<Resolved> {
        let recipe = self.recipe.options();
        let has_momentum = self.options.momentum != 0.0;
        let why = |name| match name {
            "nesterov" if has_momentum != (recipe.momentum != 0.0) => match has_momentum {
                true => "as momentum is above 0".to_owned(),
                false => "as momentum is 0".to_owned(),
            },
            _ => format!("recipe {}", self.recipe),
        };
        let texts = self.options.of_recipe().into_iter();
        texts
            .map(|(name, text)| Resolved::new(name, text, why(name)))
            .collect()
    }

    /// The name of the recipe, and whether all its options are as it sets them.
    pub fn describe(&self) -> String {
        let is_changed = self.options.of_recipe() != self.recipe.options().of_recipe();
        format!(
            "recipe {}{}: {}",
            self.recipe,
            if is_changed { ", changed" } else { "" },
            arguments(&self.options)
        )
    }
}

/// Options as on the command line.
pub fn arguments(options: &TrainingOptions) -> String {
    let texts = options.of_recipe().into_iter();
    let arguments: Vec<String> = texts
        .map(|(name, text)| format!("--{} {text}", kebab(name)))
        .collect();
    arguments.join(" ")
}
