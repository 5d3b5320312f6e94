//! The engine with a clock on each thread.

use super::Engine;
use super::clock::PhaseClock;
use crate::backend::{Backend, BackendError, Evaluation, MinibatchResult, Samples, TrainingPass};
use crate::network::Parameters;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An engine whose training passes are clocked; its results are those of the engine, bit for bit.
pub struct ProfiledEngine<'a> {
    engine: &'a mut Engine,
    clocks: Vec<Mutex<PhaseClock>>,
    passes: Duration,
}

impl<'a> ProfiledEngine<'a> {
    /// Clocks that stand at 0; each keeps its first `spans` calls.
    pub fn new(engine: &'a mut Engine, spans: usize) -> Self {
        let clock = |_| Mutex::new(PhaseClock::new(spans));
        Self {
            clocks: (0..engine.threads()).map(clock).collect(),
            engine,
            passes: Duration::ZERO,
        }
    }

    /// Clocks that go on from where [`finish`](Self::finish) has left them; new ones if there are
    /// none.
    ///
    /// # Panics
    /// If there are clocks, but not one for each thread.
    pub fn resume(
        engine: &'a mut Engine,
        spans: usize,
        clocks: Vec<PhaseClock>,
        passes: Duration,
    ) -> Self {
        if clocks.is_empty() {
            return Self::new(engine, spans);
        }
        assert_eq!(clocks.len(), engine.threads(), "one clock a thread");
        Self {
            clocks: clocks.into_iter().map(Mutex::new).collect(),
            engine,
            passes,
        }
    }

    /// The clocks of all threads, and the time of the passes from their start to their end.
    pub fn finish(self) -> (Vec<PhaseClock>, Duration) {
        let clock =
            |clock: Mutex<PhaseClock>| clock.into_inner().unwrap_or_else(PoisonError::into_inner);
        (self.clocks.into_iter().map(clock).collect(), self.passes)
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
        let start = Instant::now();
        let result = self.engine.train_with(pass, Some(&self.clocks));
        self.passes += start.elapsed();
        result
    }

    fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
    ) -> Result<Evaluation, BackendError> {
        self.engine.evaluate(samples, order)
    }

    fn parameters(&self) -> Parameters {
        self.engine.parameters()
    }
}
