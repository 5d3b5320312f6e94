//! The seven questions of the course's first assignment, answered by runs of this program.
//!
//! | question | module |
//! | --- | --- |
//! | 1 local derivatives | [`q1_local_derivatives`] |
//! | 2 composed derivative | [`q2_composed_derivative`] |
//! | 3 drawn network | [`q3_drawn_network`] |
//! | 4 points in the plane | [`q4_plane`] |
//! | 5, 6 MNIST, image by image and in minibatches | [`q5_q6_minibatches`] |
//! | 7 (1), (2) learning curves | [`q7_curves`] |
//! | 7 (3) initialisations | [`q7_initialisations`] |
//! | 7 (4) learning rates | [`q7_learning_rates`] |
//! | 7 (5) test data and the original's setting | [`q7_final`], [`readings`] |
//!
//! An earlier set of answers, [`original`], is what the figures are compared with. The same seed gives
//! the same answers; times are kept apart from them.

mod answers;
mod derivative;
mod error;
mod mnist;
pub mod original;
mod progress;
pub mod q1_local_derivatives;
pub mod q2_composed_derivative;
pub mod q3_drawn_network;
pub mod q4_plane;
pub mod q5_q6_minibatches;
pub mod q7_curves;
pub mod q7_final;
pub mod q7_initialisations;
pub mod q7_learning_rates;
pub mod readings;
mod runs;
mod settings;

pub use answers::{Answers, Part, Question, Times};
pub use derivative::DerivativeCheck;
pub use error::AssignmentError;
pub use mnist::EpochPoint;
pub use progress::Progress;
pub use settings::Settings;

use serde::Serializer;

/// The largest of some numbers, 0 if there are none; NaN if one of them is.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |largest, number| {
        // A comparison with a NaN that was found before is false.
        if number.is_nan() || number > largest {
            number
        } else {
            largest
        }
    })
}

/// A number; as text where JSON has none for it: NaN, inf or -inf.
fn text_if_not_finite<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() {
        to.serialize_f64(*number)
    } else {
        to.collect_str(number)
    }
}

/// [`text_if_not_finite`] for each number.
fn texts_if_not_finite<S: Serializer>(numbers: &[f64], to: S) -> Result<S::Ok, S::Error> {
    struct Number(f64);
    impl serde::Serialize for Number {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            text_if_not_finite(&self.0, to)
        }
    }
    to.collect_seq(numbers.iter().map(|&number| Number(number)))
}
