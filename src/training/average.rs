//! Average of the weights: a mean of those along the way is better than the last ones while the rate is high.
//!
//! ```text
//! mean <- average mean + (1 - average) weights     eight times an epoch
//! ```
//!
//! The first mean is the weights of the first time. Steps are taken with the weights, and the mean is evaluated
//! and is the model. Known as averaged SGD and as an exponential moving average of weights; Polyak and Juditsky,
//! "Acceleration of Stochastic Approximation by Averaging", 1992; compare Izmailov et al., arXiv 1803.05407.

use crate::backend::{Backend, BackendError};
use crate::network::Parameters;

/// Means that an epoch adds to the average.
const TIMES: usize = 8;

/// The weights, as long as a backend has their mean, and the mean, while it trains.
#[derive(Clone, Debug)]
pub(super) struct Average {
    share: f32,
    /// What the backend has not, and room for what it has; none before the first mean.
    sets: Option<[Parameters; 2]>,
}

impl Average {
    /// None where the options have none.
    pub(super) fn new(share: f32) -> Option<Self> {
        (share > 0.0).then_some(Self { share, sets: None })
    }

    /// The step of an epoch of so many after `done` of them with which the next mean is taken.
    pub(super) fn next(done: usize, steps: usize) -> usize {
        let mut ends = (1..TIMES).map(|time| time * steps / TIMES);
        ends.find(|&end| end > done).unwrap_or(steps)
    }

    /// The weights, while the backend has the mean.
    pub(super) fn weights(&self) -> Option<&Parameters> {
        self.sets.as_ref().map(|[weights, _]| weights)
    }

    /// Goes on from a state with these weights.
    pub(super) fn set_weights(&mut self, weights: Option<Parameters>) {
        self.sets = weights.map(|weights| [weights.clone(), weights]);
    }

    /// Gives the backend the weights for the mean, or the mean for the weights.
    pub(super) fn swap(&mut self, backend: &mut dyn Backend) -> Result<(), BackendError> {
        if let Some(sets) = &mut self.sets {
            let [other, own] = sets;
            backend.put_parameters_into(own);
            backend.set_parameters(other)?;
            sets.swap(0, 1);
        }
        Ok(())
    }

    /// Adds the weights that the backend has now to the mean.
    pub(super) fn add(&mut self, backend: &dyn Backend) {
        let Some([mean, weights]) = &mut self.sets else {
            return self.set_weights(Some(backend.parameters()));
        };
        backend.put_parameters_into(weights);
        let part = 1.0 - self.share;
        for (mean, weights) in mean.tensors_mut().into_iter().zip(weights.tensors()) {
            for (mean, weight) in mean.iter_mut().zip(weights) {
                *mean += part * (weight - *mean);
            }
        }
    }
}
