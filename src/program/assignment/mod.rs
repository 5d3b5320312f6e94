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
//! | 7 (5) test data and the original's setting | [`q7_final`] |
//!
//! An earlier set of answers, [`original`], is what the figures are compared with. The same seed gives
//! the same answers; times are kept apart from them.

mod answers;
mod derivative;
mod original;
pub mod q1_local_derivatives;
pub mod q2_composed_derivative;
pub mod q3_drawn_network;
pub mod q4_plane;
pub mod q5_q6_minibatches;
pub mod q7_curves;
pub mod q7_final;
pub mod q7_initialisations;
pub mod q7_learning_rates;
mod trainings;
mod work;

pub use answers::{Answers, PARTS, Part};
pub use original::{ORIGINAL, Original};
pub use trainings::EpochPoint;
pub use work::{Settings, Stopped, Work};

use serde::{Serialize, Serializer};

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

/// The smallest and the largest of some numbers; none if there are none.
fn range(mut numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let first = numbers.next()?;
    let wider = |(low, high): (f64, f64), number: f64| (low.min(number), high.max(number));
    Some(numbers.fold((first, first), wider))
}

/// A number; as text where JSON has none for it: NaN, inf or -inf.
#[derive(Debug)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => to.serialize_f64(self.0),
            false => to.collect_str(&self.0),
        }
    }
}
