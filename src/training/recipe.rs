//! Named sets of options.

use super::names::named;
use super::{Schedule, TrainingOptions};
use crate::augmentation::Strengths;
use crate::backend::Samples;
use crate::coarse::Coarse;
use crate::engine::Precision;
use serde::Serialize;

/// A named set of options, chosen by measurement or given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// 98.2 % of MNIST's test data in four epochs.
    #[default]
    Fast,
    /// Least time to 98 % of MNIST's test data.
    Sprint,
    /// Least time to 99 % of MNIST's test data: varied images.
    #[serde(rename = "sprint-99")]
    Sprint99,
    /// Highest accuracy: 99.3 % of MNIST's test data, with images that are varied anew on each visit.
    Augmented,
    /// Highest accuracy without augmentation, however long it takes.
    Best,
    /// Plain stochastic gradient descent as in a course's assignment: rate 0.03, minibatches of 100,
    /// 10 epochs.
    Assignment,
}

/// Those of [`Recipe::Fast`].
const FAST: TrainingOptions = TrainingOptions {
    epochs: 4,
    batch_size: 100,
    learning_rate: 1.4,
    schedule: Schedule::Cosine,
    warm_up: 0.2,
    momentum: 0.9,
    nesterov: true,
    weight_decay: 3e-5,
    init_scale: 2.0,
    precision: Precision::F32,
    focus: 0.0,
    focus_rest: 0.0,
    skip: 0.0,
    average: 0.0,
    coarse: 0.0,
    augment: false,
    rotation: Strengths::STANDARD.rotation,
    scale: Strengths::STANDARD.scale,
    shear: Strengths::STANDARD.shear,
    shift: Strengths::STANDARD.shift,
    elastic: Strengths::STANDARD.elastic,
    validation: 0,
    shuffle: true,
    seed: 1,
};

/// Those of [`Recipe::Augmented`].
const AUGMENTED: TrainingOptions = TrainingOptions {
    epochs: 56,
    batch_size: 125,
    learning_rate: 0.8,
    warm_up: 0.5,
    weight_decay: 1e-5,
    focus: 0.98,
    focus_rest: 0.3,
    skip: 0.95,
    coarse: 0.3,
    augment: true,
    shift: 1.5,
    ..FAST
};

/// Mean squared norm of MNIST's images, for which the rates were chosen.
pub const MNIST_NORM: f64 = 87.8;

impl Recipe {
    /// All recipes.
    pub const ALL: [Self; 6] = [
        Self::Fast,
        Self::Sprint,
        Self::Sprint99,
        Self::Augmented,
        Self::Best,
        Self::Assignment,
    ];

    /// Name used in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Sprint => "sprint",
            Self::Sprint99 => "sprint-99",
            Self::Augmented => "augmented",
            Self::Best => "best",
            Self::Assignment => "assignment",
        }
    }

    /// Its options for a data set: as [`options`](Self::options), but where the [mean squared norm](Samples::mean_squared_norm)
    /// of the images is more than a tenth above that of MNIST's, the learning rate is lower by that ratio, and has two
    /// digits. A step of the first layer changes its sums by the rate times |x|^2, so the same rate is a
    /// larger one where images are brighter. That of `assignment` is as it stands. For images with an odd side
    /// there are no coarse steps.
    pub fn options_for(self, samples: Samples<'_>) -> TrainingOptions {
        let mut options = self.options();
        if self == Self::Assignment {
            return options;
        }
        if Coarse::of(samples.size()).is_none() {
            options.coarse = 0.0;
        }
        let norm = samples.mean_squared_norm();
        if norm > 1.1 * MNIST_NORM {
            let rate = f64::from(options.learning_rate) * MNIST_NORM / norm;
            options.learning_rate = format!("{rate:.1e}")
                .parse()
                .expect("a number that was written is one");
        }
        options
    }

    /// Its options on MNIST. The validation set and the seed are not part of a recipe.
    pub fn options(self) -> TrainingOptions {
        match self {
            Self::Fast => FAST,
            Self::Sprint => TrainingOptions {
                epochs: 3,
                batch_size: 125,
                learning_rate: 1.8,
                focus: 0.95,
                focus_rest: 0.03,
                skip: 0.95,
                average: 0.5,
                coarse: 0.4,
                ..FAST
            },
            Self::Sprint99 => TrainingOptions {
                epochs: 15,
                learning_rate: 1.0,
                average: 0.87,
                coarse: 0.3,
                shift: 1.0,
                ..AUGMENTED
            },
            Self::Augmented => AUGMENTED,
            Self::Best => TrainingOptions {
                epochs: 40,
                learning_rate: 1.8,
                skip: 0.95,
                coarse: 0.7,
                ..FAST
            },
            Self::Assignment => TrainingOptions {
                epochs: 10,
                batch_size: 100,
                learning_rate: 0.03,
                schedule: Schedule::Constant,
                warm_up: 0.0,
                momentum: 0.0,
                nesterov: false,
                weight_decay: 0.0,
                init_scale: 1.0,
                ..FAST
            },
        }
    }
}

named!(Recipe, "recipe");
