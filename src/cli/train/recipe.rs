//! `--recipe` and the options that it sets.

use crate::cli::config::Resolved;
use crate::cli::named_value;
use clap::Args;
use fused_mlp::training::{Recipe, Schedule, TrainingOptions};
use std::fmt::Display;

/// A help text that ends with the default of an option, which the default recipe sets.
fn help<T: Display>(text: &str, default: impl Fn(TrainingOptions) -> T) -> String {
    let recipe = Recipe::default();
    format!(
        "{text} [default: {}, as in recipe {recipe}]",
        default(recipe.options())
    )
}

/// A recipe, and options that take precedence over it.
#[derive(Debug, Clone, Args)]
pub struct RecipeArgs {
    /// Options that are not given: fast (98 % of MNIST's test data in the least time), best (highest
    /// accuracy) or assignment (plain SGD)
    #[arg(long, value_name = "NAME", default_value_t = Recipe::default(), value_parser = named_value::recipe(), hide_possible_values = true)]
    recipe: Recipe,
    #[arg(long, value_name = "N", help = help("Passes over the training samples", |it| it.epochs))]
    epochs: Option<u32>,
    #[arg(long, value_name = "N", help = help("Samples of a minibatch; the last of an epoch may be smaller", |it| it.batch_size))]
    batch_size: Option<usize>,
    #[arg(long, value_name = "RATE", help = help("Base of the learning-rate schedule", |it| it.learning_rate))]
    learning_rate: Option<f32>,
    #[arg(long, value_name = "SHARE", help = help("Share of the velocity kept from step to step, 0 to below 1", |it| it.momentum))]
    momentum: Option<f32>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help = help("Nesterov's form of momentum, where there is momentum: true or false", |it| it.nesterov))]
    nesterov: Option<bool>,
    #[arg(long, value_name = "SHARE", help = help("Share of each weight (not bias) added to its gradient", |it| it.weight_decay))]
    weight_decay: Option<f32>,
    #[arg(long, value_name = "NAME", value_parser = named_value::schedule(), hide_possible_values = true, help = help("Learning rate over the steps: constant, step (a tenth after 1/2, a hundredth after 3/4), linear (to 0) or cosine (to 0)", |it| it.schedule))]
    schedule: Option<Schedule>,
    #[arg(long, value_name = "EPOCHS", help = help("Epochs, or part of one, during which the learning rate rises linearly to the schedule's", |it| it.warm_up))]
    warm_up: Option<f32>,
    #[arg(long, value_name = "FACTOR", conflicts_with = "init", help = help("Factor of the random initial weights", |it| it.init_scale))]
    init_scale: Option<f32>,
}

impl RecipeArgs {
    /// The recipe with the options that take precedence; the rest is not set by a recipe.
    pub fn options(&self) -> TrainingOptions {
        let recipe = self.recipe.options();
        let momentum = self.momentum.unwrap_or(recipe.momentum);
        recipe.clone().with(|options| {
            options.epochs = self.epochs.unwrap_or(recipe.epochs);
            options.batch_size = self.batch_size.unwrap_or(recipe.batch_size);
            options.learning_rate = self.learning_rate.unwrap_or(recipe.learning_rate);
            options.schedule = self.schedule.unwrap_or(recipe.schedule);
            options.warm_up = self.warm_up.unwrap_or(recipe.warm_up);
            options.momentum = momentum;
            // A recipe without momentum says nothing on its form.
            let nesterov = momentum != 0.0 && (recipe.nesterov || recipe.momentum == 0.0);
            options.nesterov = self.nesterov.unwrap_or(nesterov);
            options.weight_decay = self.weight_decay.unwrap_or(recipe.weight_decay);
            options.init_scale = self.init_scale.unwrap_or(recipe.init_scale);
        })
    }

    /// What the recipe sets, for `--print-config`.
    pub fn named(&self) -> Vec<Resolved> {
        let (recipe, options) = (self.recipe.options(), self.options());
        let by = format!("recipe {}", self.recipe);
        let has_momentum = options.momentum != 0.0;
        let nesterov_by = match has_momentum == (recipe.momentum != 0.0) {
            true => by.clone(),
            false if has_momentum => "as momentum is above 0".to_owned(),
            false => "as momentum is 0".to_owned(),
        };
        macro_rules! named {
            ($($name:ident),*) => {
                vec![$(Resolved::new(stringify!($name), options.$name, by.as_str())),*]
            };
        }
        let mut named = named!(
            epochs,
            batch_size,
            learning_rate,
            momentum,
            weight_decay,
            schedule,
            warm_up,
            init_scale
        );
        named.push(Resolved::new("nesterov", options.nesterov, nesterov_by));
        named
    }

    /// As if every option had been given: those of a run that goes on, whatever its recipe was.
    pub fn resolved(options: &TrainingOptions) -> Self {
        Self {
            recipe: Recipe::default(),
            epochs: Some(options.epochs),
            batch_size: Some(options.batch_size),
            learning_rate: Some(options.learning_rate),
            schedule: Some(options.schedule),
            warm_up: Some(options.warm_up),
            momentum: Some(options.momentum),
            nesterov: Some(options.nesterov),
            weight_decay: Some(options.weight_decay),
            init_scale: Some(options.init_scale),
        }
    }

    /// The name of the recipe, and whether all its options are as it sets them.
    pub fn describe(&self) -> String {
        let options = self.options();
        let is_changed = options != self.recipe.options();
        format!(
            "recipe {}{}: {}",
            self.recipe,
            if is_changed { ", changed" } else { "" },
            arguments(&options)
        )
    }
}

/// Options as on the command line.
pub fn arguments(options: &TrainingOptions) -> String {
    format!(
        "--epochs {} --batch-size {} --learning-rate {} --schedule {} --warm-up {} --momentum {} \
         --nesterov {} --weight-decay {} --init-scale {}",
        options.epochs,
        options.batch_size,
        options.learning_rate,
        options.schedule,
        options.warm_up,
        options.momentum,
        options.nesterov,
        options.weight_decay,
        options.init_scale
    )
}
