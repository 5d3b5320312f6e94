//! The engine with a clock on each thread.

use super::Engine;
use super::clock::PhaseClock;
use crate::backend::{
    Backend, BackendError, BackendState, Evaluation, MinibatchResult, Samples, TrainingPass,
};
use crate::network::Parameters;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clocks of all threads, and the passes that they were there for.
#[derive(Debug)]
pub struct PassClocks {
    clocks: Vec<Mutex<PhaseClock>>,
    passes: u64,
    time: Duration,
}

impl PassClocks {
    fn new(threads: usize, spans: usize) -> Self {
        Self {
            clocks: (0..threads)
                .map(|_| Mutex::new(PhaseClock::new(spans)))
                .collect(),
            passes: 0,
            time: Duration::ZERO,
        }
    }

    /// Passes so far.
    pub fn passes(&self) -> u64 {
        self.passes
    }

    /// Time of the passes, from before the threads start until all have ended.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// The clock of each thread, as it stands.
    pub fn threads(&self) -> Vec<PhaseClock> {
        let clocks = self.clocks.iter();
        clocks
            .map(|clock| clock.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }

    fn during<T>(&mut self, pass: impl FnOnce(&[Mutex<PhaseClock>]) -> T) -> T {
        let start = Instant::now();
        let result = pass(&self.clocks);
        self.time += start.elapsed();
        self.passes += 1;
        result
    }
}

/// What the clocks of an engine have shown.
#[derive(Debug)]
pub struct Profile {
    /// Of training passes.
    pub training: PassClocks,
    /// Of evaluations.
    pub evaluation: PassClocks,
}

impl Profile {
    /// Clocks that stand at 0 for so many threads; those of the training keep their first `spans`
    /// calls.
    pub fn new(threads: usize, spans: usize) -> Self {
        Self {
            training: PassClocks::new(threads, spans),
            evaluation: PassClocks::new(threads, 0),
        }
    }
}

/// An engine whose passes are clocked; its results are those of the engine, bit for bit.
pub struct ProfiledEngine<'a> {
    engine: &'a mut Engine,
    profile: &'a mut Profile,
}

impl<'a> ProfiledEngine<'a> {
    /// The clocks go on from where they stand.
    ///
    /// # Panics
    /// If there is not one clock for each thread.
    pub fn new(engine: &'a mut Engine, profile: &'a mut Profile) -> Self {
        let clocks = profile.training.clocks.len();
        assert_eq!(clocks, engine.threads(), "one clock a thread");
        Self { engine, profile }
    }
}

impl Backend for ProfiledEngine<'_> {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn threads(&self) -> usize {
        self.engine.threads()
    }

    fn train(&mut self, pass: &TrainingPass<'_>) -> Result<Vec<MinibatchResult>, BackendError> {
        let Self { engine, profile } = self;
        let train = |clocks: &_| engine.train_with(pass, Some(clocks));
        profile.training.during(train)
    }

    fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
    ) -> Result<Evaluation, BackendError> {
        let Self { engine, profile } = self;
        let evaluate = |clocks: &_| engine.evaluate_with(samples, order, Some(clocks));
        profile.evaluation.during(evaluate)
    }

    fn logits(&mut self, samples: Samples<'_>, order: &[u32]) -> Result<Vec<f32>, BackendError> {
        self.engine.logits(samples, order)
    }

    fn parameters(&self) -> Parameters {
        self.engine.parameters()
    }

    fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), BackendError> {
        self.engine.set_parameters(parameters)
    }

    fn state(&self) -> BackendState {
        self.engine.state()
    }

    fn restore(&mut self, state: &BackendState) -> Result<(), BackendError> {
        self.engine.restore(state)
    }
}
