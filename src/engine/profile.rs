//! A clock on each thread of an engine.

use super::clock::PhaseClock;
use std::sync::{Mutex, PoisonError};

/// Clocks of all threads of an engine, for its training passes.
#[derive(Debug)]
pub struct Profile {
    clocks: Vec<Mutex<PhaseClock>>,
}

impl Profile {
    /// Clocks that stand at 0 for so many threads.
    pub fn new(threads: usize) -> Self {
        let clock = |_| Mutex::new(PhaseClock::new());
        Self {
            clocks: (0..threads).map(clock).collect(),
        }
    }

    /// The clock of each thread, as it stands.
    pub fn threads(&self) -> Vec<PhaseClock> {
        let clocks = self.clocks.iter();
        clocks
            .map(|clock| clock.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }

    pub(super) fn of_thread(&self, thread: usize) -> &Mutex<PhaseClock> {
        &self.clocks[thread]
    }

    pub(super) fn len(&self) -> usize {
        self.clocks.len()
    }
}
