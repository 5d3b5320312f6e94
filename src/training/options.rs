//! Options of a training and their ranges.

use super::{Recipe, Schedule};
use crate::backend::Optimizer;
use crate::network::{Parameters, Shape};

/// What decides the result of a training besides the data and the shape of the network.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct TrainingOptions {
    /// Passes over the training samples, at least 1.
    pub epochs: u32,
    /// Samples of a minibatch, at least 1; the last of an epoch may be smaller.
    pub batch_size: usize,
    /// Base of the schedule, above 0.
    pub learning_rate: f32,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs during which the learning rate rises linearly to the schedule's, 0 or more; a part of
    /// an epoch is possible.
    pub warm_up: f32,
    /// Share of the velocity that is kept, 0 to below 1.
    pub momentum: f32,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// Factor of the weights that is added to their gradients, 0 or more.
    pub weight_decay: f32,
    /// Factor of the initial weights, above 0.
    pub init_scale: f32,
    /// Training samples that are set aside for validation.
    pub validation: usize,
    /// Whether each epoch has its own order.
    pub shuffle: bool,
    /// Seed of the initial weights and of the orders.
    pub seed: u64,
}

impl Default for TrainingOptions {
    /// The recipe of the program's default run.
    fn default() -> Self {
        Recipe::default().options()
    }
}

/// An option out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option} is {found}; expected {expected}")]
#[non_exhaustive]
pub struct OptionError {
    /// Name of the option on the command line.
    pub option: &'static str,
    /// What was given.
    pub found: String,
    /// What is possible.
    pub expected: String,
}

impl TrainingOptions {
    /// The same options with changes. They cannot be written out whole, for there may be more of
    /// them one day.
    ///
    /// ```
    /// use fused_mlp::training::{Recipe, TrainingOptions};
    ///
    /// let options: TrainingOptions = Recipe::Best.options().with(|options| {
    ///     options.epochs = 5;
    ///     options.validation = 5000;
    /// });
    /// assert_eq!((options.epochs, options.batch_size), (5, 16));
    /// ```
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The optimizer's part of the options.
    pub fn optimizer(&self) -> Optimizer {
        Optimizer {
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
        }
    }

    /// The initial parameters of a training that starts from none.
    pub fn initial_parameters(&self, shape: Shape) -> Parameters {
        Parameters::initialise_scaled(shape, self.seed, self.init_scale)
    }

    /// Checks all ranges, for so many training samples.
    ///
    /// # Errors
    /// The first option that is out of its range.
    pub fn check(&self, samples: usize) -> Result<(), OptionError> {
        let check = |is_possible: bool, option, found: &dyn ToString, expected: &str| {
            is_possible.then_some(()).ok_or_else(|| OptionError {
                option,
                found: found.to_string(),
                expected: expected.to_owned(),
            })
        };
        let rate = self.learning_rate;
        check(self.epochs > 0, "--epochs", &self.epochs, "at least 1")?;
        let batch = self.batch_size;
        check(batch > 0, "--batch-size", &batch, "at least 1")?;
        check(
            rate.is_finite() && rate > 0.0,
            "--learning-rate",
            &rate,
            "a finite number above 0",
        )?;
        check(
            self.warm_up.is_finite() && self.warm_up >= 0.0,
            "--warm-up",
            &self.warm_up,
            "a finite number of epochs, 0 or more",
        )?;
        check(
            (0.0..1.0).contains(&self.momentum),
            "--momentum",
            &self.momentum,
            "a number from 0 to below 1",
        )?;
        check(
            !self.nesterov || self.momentum > 0.0,
            "--nesterov",
            &"true without momentum",
            "--momentum above 0 with it",
        )?;
        check(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "--weight-decay",
            &self.weight_decay,
            "a finite number, 0 or more",
        )?;
        check(
            self.init_scale.is_finite() && self.init_scale > 0.0,
            "--init-scale",
            &self.init_scale,
            "a finite number above 0",
        )?;
        check(
            self.validation < samples,
            "--validation",
            &self.validation,
            &format!("fewer than the {samples} training samples"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_range() {
        let default = TrainingOptions::default;
        assert_eq!(default().check(60_000), Ok(()));
        let wrong = [
            (
                TrainingOptions {
                    epochs: 0,
                    ..default()
                },
                "--epochs",
            ),
            (
                TrainingOptions {
                    batch_size: 0,
                    ..default()
                },
                "--batch-size",
            ),
            (
                TrainingOptions {
                    learning_rate: 0.0,
                    ..default()
                },
                "--learning-rate",
            ),
            (
                TrainingOptions {
                    learning_rate: -1.0,
                    ..default()
                },
                "--learning-rate",
            ),
            (
                TrainingOptions {
                    learning_rate: f32::NAN,
                    ..default()
                },
                "--learning-rate",
            ),
            (
                TrainingOptions {
                    learning_rate: f32::INFINITY,
                    ..default()
                },
                "--learning-rate",
            ),
            (
                TrainingOptions {
                    momentum: 1.0,
                    ..default()
                },
                "--momentum",
            ),
            (
                TrainingOptions {
                    momentum: -0.1,
                    ..default()
                },
                "--momentum",
            ),
            (
                TrainingOptions {
                    momentum: f32::NAN,
                    ..default()
                },
                "--momentum",
            ),
            (
                TrainingOptions {
                    momentum: 0.0,
                    ..default()
                },
                "--nesterov",
            ),
            (
                TrainingOptions {
                    weight_decay: -1e-3,
                    ..default()
                },
                "--weight-decay",
            ),
            (
                TrainingOptions {
                    weight_decay: f32::NAN,
                    ..default()
                },
                "--weight-decay",
            ),
            (
                TrainingOptions {
                    validation: 100,
                    ..default()
                },
                "--validation",
            ),
        ];
        for (options, name) in wrong {
            let error = options.check(100).unwrap_err();
            assert_eq!(error.option, name, "{error}");
        }
    }
}
