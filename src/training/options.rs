//! The options of a training: one table, from which everything else about them comes.

use super::{Recipe, Schedule};
use crate::augmentation::{Augmentation, MOST_SIDE, Strengths};
use crate::backend::Optimizer;
use crate::coarse::Coarse;
use crate::engine::Precision;
use crate::network::{Parameters, Shape};

/// The table. A row is
///
/// ```text
/// /// help
/// name: type, name of the value in help, what is possible, whether a value is;
/// ```
///
/// One that ends with `default` may be missing in files of earlier versions: then it has the default of its
/// type.
///
/// `training_options!(callback)` hands all rows to a macro. Names are those of the fields of
/// [`TrainingOptions`], of the methods of [`Training`](super::Training), of columns and of keys; the program
/// makes its options of them. The rows after `of the run` are those that no recipe sets.
#[doc(hidden)]
#[macro_export]
macro_rules! training_options {
    ($callback:ident) => {
        $callback! {
            /// Passes over the training samples
            epochs: u32, "N", "at least 1", |it: u32| it > 0;
            /// Samples of a minibatch; the last of an epoch may be smaller, and is trained on, too
            batch_size: usize, "N", "at least 1", |it: usize| it > 0;
            /// Base of the learning-rate schedule
            learning_rate: f32, "RATE", "a finite number above 0", |it: f32| it.is_finite() && it > 0.0;
            /// Learning rate over the steps: constant, step (a tenth after 1/2, a hundredth after 3/4), linear (to 0) or cosine (to 0)
            schedule: Schedule, "NAME", "a schedule", |_: Schedule| true;
            /// Epochs, or part of one, during which the learning rate rises linearly to the schedule's
            warm_up: f32, "EPOCHS", "a finite number of epochs, 0 or more", |it: f32| it.is_finite() && it >= 0.0;
            /// Share of the velocity kept from step to step, 0 to below 1; 0 for plain SGD
            momentum: f32, "SHARE", "a number from 0 to below 1", |it: f32| (0.0..1.0).contains(&it);
            /// Nesterov's form of momentum, where there is momentum: true or false
            nesterov: bool, "BOOL", "true or false", |_: bool| true;
            /// Share of each weight (not bias) added to its gradient
            weight_decay: f32, "SHARE", "a finite number, 0 or more", |it: f32| it.is_finite() && it >= 0.0;
            /// Factor of the random initial weights
            init_scale: f32, "FACTOR", "a finite number above 0", |it: f32| it.is_finite() && it > 0.0;
            /// Numbers of the first layer: f32, or int16, integers of 16 bits with the same result on every CPU
            precision: Precision, "FORMAT", "a precision", |_: Precision| true, default;
            /// Probability of the true class from which on a sample is known, and seldom visited again; 0 visits all in each pass
            focus: f32, "P", "a number from 0 to 1", |it: f32| (0.0..=1.0).contains(&it), default;
            /// Share of the known samples that a pass visits all the same, where there is a focus
            focus_rest: f32, "SHARE", "a number from 0 to 1", |it: f32| (0.0..=1.0).contains(&it), default;
            /// Probability of the true class from which on a sample gives no gradient; 0 skips none
            skip: f32, "P", "a number from 0 to 1", |it: f32| (0.0..=1.0).contains(&it), default;
            /// Share of the mean of the weights that is kept each eighth of an epoch; the mean is evaluated and saved; 0 for the weights
            average: f32, "SHARE", "a number from 0 to below 1", |it: f32| (0.0..1.0).contains(&it), default;
            /// Share of the steps, from the first one on, that train on every other row and column of the images
            coarse: f32, "SHARE", "a number from 0 to 1", |it: f32| (0.0..=1.0).contains(&it), default;
            /// Vary each image anew on each visit, as the five options below tell: true or false
            augment: bool, "BOOL", "true or false", |_: bool| true, default;
            /// Largest angle by which an augmentation turns images, in degrees
            rotation: f32, "DEGREES", "a number from 0 to 45", |it: f32| (0.0..=45.0).contains(&it), default;
            /// Largest part by which it scales width and height, each for itself
            scale: f32, "SHARE", "a number from 0 to 0.5", |it: f32| (0.0..=0.5).contains(&it), default;
            /// Largest slant, pixels to the side for one up
            shear: f32, "SHARE", "a number from 0 to 0.5", |it: f32| (0.0..=0.5).contains(&it), default;
            /// Most pixels by which it shifts images in each direction
            shift: f32, "PIXELS", "a number from 0 to 1000", |it: f32| (0.0..=1000.0).contains(&it), default;
            /// Elastic displacements: smoothed noise between -1 and 1 times so many pixels
            elastic: f32, "PIXELS", "a number from 0 to 40", |it: f32| (0.0..=40.0).contains(&it), default;
            of the run
            /// Training samples set aside and scored after each epoch
            validation: usize, "N", "fewer than the training samples", |_: usize| true;
            /// Whether each epoch has an order of its own; else the samples stay in the order of the files
            shuffle: bool, "BOOL", "true or false", |_: bool| true;
            /// Seed of the initial weights and the sample order
            seed: u64, "SEED", "a number", |_: u64| true;
        }
    };
}

pub use training_options;

macro_rules! define_options {
    (
        $($(#[doc = $help:literal])+ $name:ident: $type:ty, $value:literal, $expected:literal, $is_possible:expr $(, $absent:ident)?;)+
        of the run
        $($(#[doc = $help2:literal])+ $name2:ident: $type2:ty, $value2:literal, $expected2:literal, $is_possible2:expr;)+
    ) => {
        /// What decides the result of a training besides the data and the shape of the network.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct TrainingOptions {
            $($(#[doc = $help])+ $(#[serde($absent)])? pub $name: $type,)+
            $($(#[doc = $help2])+ pub $name2: $type2,)+
        }

        impl TrainingOptions {
            /// Name and value of each option that a recipe sets, as text.
            pub fn of_recipe(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($name), self.$name.to_string())),+]
            }

            /// Name and value of each option, as text.
            pub fn texts(&self) -> Vec<(&'static str, String)> {
                let mut texts = self.of_recipe();
                texts.extend([$((stringify!($name2), self.$name2.to_string())),+]);
                texts
            }

            /// Checks each range alone.
            pub(crate) fn check_ranges(&self) -> Result<(), OptionError> {
                $(require(($is_possible)(self.$name), stringify!($name), &self.$name, $expected)?;)+
                $(require(($is_possible2)(self.$name2), stringify!($name2), &self.$name2, $expected2)?;)+
                Ok(())
            }
        }
    };
}

training_options!(define_options);

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
    /// Name of the option: that of its field and of its method.
    pub option: &'static str,
    /// What was given.
    pub found: String,
    /// What is possible.
    pub expected: String,
}

/// An error unless a value is possible.
pub(super) fn require(
    is_possible: bool,
    option: &'static str,
    found: &dyn ToString,
    expected: &str,
) -> Result<(), OptionError> {
    is_possible.then_some(()).ok_or_else(|| OptionError {
        option,
        found: found.to_string(),
        expected: expected.to_owned(),
    })
}

impl TrainingOptions {
    /// The optimizer's part of the options.
    pub fn optimizer(&self) -> Optimizer {
        Optimizer {
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
        }
    }

    /// How much an augmentation varies images.
    pub fn strengths(&self) -> Strengths {
        Strengths {
            rotation: self.rotation,
            scale: self.scale,
            shear: self.shear,
            shift: self.shift,
            elastic: self.elastic,
        }
    }

    /// Takes how much an augmentation varies images.
    pub fn set_strengths(&mut self, strengths: Strengths) {
        let Strengths {
            rotation,
            scale,
            shear,
            shift,
            elastic,
        } = strengths;
        (self.rotation, self.scale, self.shear) = (rotation, scale, shear);
        (self.shift, self.elastic) = (shift, elastic);
    }

    /// The augmentation of images of so many rows and columns, if there is one.
    ///
    /// # Errors
    /// As [`check_images`](Self::check_images).
    pub fn augmentation(&self, size: (usize, usize)) -> Result<Option<Augmentation>, OptionError> {
        self.check_images(size)?;
        let new = || Augmentation::new(self.strengths(), size, self.seed);
        Ok(self.augment.then(new))
    }

    /// Checks that images of so many rows and columns can be trained on coarsely and varied, if they shall be.
    ///
    /// # Errors
    /// If a side is odd, or if digits could leave them: a point halfway from the middle to an edge could move beyond
    /// the edge.
    pub fn check_images(&self, (rows, columns): (usize, usize)) -> Result<(), OptionError> {
        let is_possible = self.coarse == 0.0 || Coarse::of((rows, columns)).is_some();
        let found = format!("{}, for images of {rows} x {columns} pixels", self.coarse);
        require(is_possible, "coarse", &found, "0 where a side is odd")?;
        if !self.augment {
            return Ok(());
        }
        let half = rows.min(columns) as f64 / 4.0;
        let reach = self.strengths().reach(half);
        let found = format!(
            "set, and moves points {half} pixels from the middle of images of {rows} x {columns} by up to {reach:.1}"
        );
        let expected =
            format!("at most {half}, so that digits stay inside: choose smaller strengths");
        require(reach <= half, "augment", &found, &expected)?;
        let (longest, most) = (rows.max(columns), MOST_SIDE);
        let found = format!("set for images of {rows} x {columns} pixels");
        let expected = format!("sides of at most {most}");
        require(longest <= most, "augment", &found, &expected)
    }

    /// The same training: options that mean nothing beside the others are as they are by default.
    #[must_use]
    pub fn without_idle(&self) -> Self {
        let mut options = self.clone();
        options.nesterov &= self.momentum != 0.0;
        if self.focus == 0.0 {
            options.focus_rest = 0.0;
        }
        if !self.augment {
            options.set_strengths(Strengths::STANDARD);
        }
        options
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
        self.check_ranges()?;
        let is_possible = !self.nesterov || self.momentum > 0.0;
        let found = &"true without momentum";
        require(is_possible, "nesterov", found, "momentum above 0 with it")?;
        let expected = format!(
            "at most {}, the epochs: else no step has the learning rate of the schedule",
            self.epochs
        );
        let is_possible = f64::from(self.warm_up) <= f64::from(self.epochs);
        require(is_possible, "warm_up", &self.warm_up, &expected)?;
        let is_possible = self.focus == 0.0 || self.shuffle;
        let found = &"set, and the order of the files is kept";
        require(
            is_possible,
            "focus",
            found,
            "an order of its own for each pass",
        )?;
        let is_possible = self.focus_rest == 0.0 || self.focus > 0.0;
        let found = &"set without a focus";
        require(is_possible, "focus_rest", found, "0, or a focus with it")?;
        let (own, standard) = (self.strengths().named(), Strengths::STANDARD.named());
        for ((name, own), (_, standard)) in own.into_iter().zip(standard) {
            let is_possible = self.augment || own == standard || own == 0.0;
            let found = format!("{own}, and no image is varied");
            require(
                is_possible,
                name,
                &found,
                "an augmentation (augment) with it",
            )?;
        }
        let expected = format!("fewer than the {samples} training samples");
        let is_possible = self.validation < samples;
        require(is_possible, "validation", &self.validation, &expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_range() {
        let default = TrainingOptions::default;
        assert_eq!(default().check(60_000), Ok(()));
        let whole = TrainingOptions {
            warm_up: 4.0,
            ..default()
        };
        assert_eq!(whole.check(100), Ok(()));
        let wrong = [
            (
                TrainingOptions {
                    epochs: 0,
                    ..default()
                },
                "epochs",
            ),
            (
                TrainingOptions {
                    batch_size: 0,
                    ..default()
                },
                "batch_size",
            ),
            (
                TrainingOptions {
                    learning_rate: 0.0,
                    ..default()
                },
                "learning_rate",
            ),
            (
                TrainingOptions {
                    learning_rate: -1.0,
                    ..default()
                },
                "learning_rate",
            ),
            (
                TrainingOptions {
                    learning_rate: f32::NAN,
                    ..default()
                },
                "learning_rate",
            ),
            (
                TrainingOptions {
                    learning_rate: f32::INFINITY,
                    ..default()
                },
                "learning_rate",
            ),
            (
                TrainingOptions {
                    momentum: 1.0,
                    ..default()
                },
                "momentum",
            ),
            (
                TrainingOptions {
                    momentum: -0.1,
                    ..default()
                },
                "momentum",
            ),
            (
                TrainingOptions {
                    momentum: f32::NAN,
                    ..default()
                },
                "momentum",
            ),
            (
                TrainingOptions {
                    momentum: 0.0,
                    ..default()
                },
                "nesterov",
            ),
            (
                TrainingOptions {
                    weight_decay: -1e-3,
                    ..default()
                },
                "weight_decay",
            ),
            (
                TrainingOptions {
                    weight_decay: f32::NAN,
                    ..default()
                },
                "weight_decay",
            ),
            (
                TrainingOptions {
                    focus: 1.1,
                    ..default()
                },
                "focus",
            ),
            (
                TrainingOptions {
                    focus: 0.9,
                    shuffle: false,
                    ..default()
                },
                "focus",
            ),
            (
                TrainingOptions {
                    focus_rest: 0.1,
                    ..default()
                },
                "focus_rest",
            ),
            (
                TrainingOptions {
                    warm_up: 4.1,
                    ..default()
                },
                "warm_up",
            ),
            (
                TrainingOptions {
                    validation: 100,
                    ..default()
                },
                "validation",
            ),
        ];
        for (options, name) in wrong {
            let error = options.check(100).unwrap_err();
            assert_eq!(error.option, name, "{error}");
        }
    }
}
