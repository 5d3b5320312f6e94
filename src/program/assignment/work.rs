//! How much is computed, with what, and how far it has come.

use fused_mlp::mnist::Dataset;
use fused_mlp::simd::Isa;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What all questions share.
pub struct Work<'a> {
    /// Seed, scale, instruction set and threads.
    pub settings: Settings,
    /// The images, where a question needs them.
    pub dataset: Option<&'a Dataset>,
    /// Called with what is going on and the share of it that is done.
    pub listener: &'a dyn Fn(&str, f64),
    /// Set when somebody wants it to stop.
    pub stop: Arc<AtomicBool>,
}

/// Somebody asked to stop before anything was known.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

impl<'a> Work<'a> {
    /// The images.
    ///
    /// # Panics
    /// If there are none.
    pub fn images(&self) -> &'a Dataset {
        let dataset = self.dataset;
        dataset.expect("who asks for a part that needs images has opened them")
    }

    /// Whether somebody wants it to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn report(&self, what: &str, share: f64) {
        (self.listener)(what, share);
    }
}

/// How much is computed, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Seed of all that is drawn.
    pub seed: u64,
    /// Fewer points, steps and epochs.
    pub is_quick: bool,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Threads of a single training, and trainings at the same time where there are several.
    pub threads: usize,
}
/// Numbers of points, steps and epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Random points at which derivatives are checked.
    pub derivative_points: u32,
    /// Passes over the points in the plane.
    pub plane_passes: u32,
    /// Minibatches after which implementations are compared.
    pub compared_steps: u32,
    /// Epochs of the training whose last minibatch losses are printed.
    pub minibatch_epochs: u32,
    /// Epochs of the training that is followed until it over-fits.
    pub curve_epochs: u32,
    /// Epochs of each random initialisation.
    pub initialisation_epochs: u32,
    /// Random initialisations.
    pub initialisations: u64,
    /// Epochs of each learning rate.
    pub rate_epochs: u32,
    /// How many of the learning rates.
    pub rates: usize,
}

const FULL: Scale = Scale {
    derivative_points: 10_000,
    plane_passes: 30,
    compared_steps: 20,
    minibatch_epochs: 100,
    curve_epochs: 200,
    initialisation_epochs: 50,
    initialisations: 8,
    rate_epochs: 1_000,
    rates: 8,
};

const QUICK: Scale = Scale {
    derivative_points: 1_000,
    plane_passes: 10,
    compared_steps: 5,
    minibatch_epochs: 3,
    curve_epochs: 40,
    initialisation_epochs: 3,
    initialisations: 5,
    rate_epochs: 30,
    rates: 7,
};

impl Settings {
    /// So many seeds, from its own on.
    pub fn seeds(&self, count: u64) -> impl Iterator<Item = u64> {
        let first = self.seed;
        (0..count).map(move |index| first.wrapping_add(index))
    }

    /// The numbers.
    pub fn scale(&self) -> Scale {
        if self.is_quick { QUICK } else { FULL }
    }
}
