//! A clock on each thread of an engine.

use super::clock::PhaseClock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Clocks of all threads of an engine, and the training passes that they were there for.
#[derive(Debug)]
pub struct Profile {
    clocks: Vec<Mutex<PhaseClock>>,
    /// Number and time.
    passes: Mutex<(u64, Duration)>,
}

impl Profile {
    /// Clocks that stand at 0 for so many threads.
    pub fn new(threads: usize) -> Self {
        let clock = |_| Mutex::new(PhaseClock::new());
        Self {
            clocks: (0..threads).map(clock).collect(),
            passes: Mutex::default(),
        }
    }

    /// Passes so far.
    pub fn passes(&self) -> u64 {
        self.so_far().0
    }

    /// Time of the passes, from before the threads start until all have ended.
    pub fn time(&self) -> Duration {
        self.so_far().1
    }

    /// The clock of each thread, as it stands.
    pub fn threads(&self) -> Vec<PhaseClock> {
        let clocks = self.clocks.iter();
        clocks
            .map(|clock| clock.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }

    fn so_far(&self) -> (u64, Duration) {
        *self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more pass has ended, which took so long.
    pub(super) fn add_pass(&self, time: Duration) {
        let (passes, sum) = self.so_far();
        *self.passes.lock().unwrap_or_else(PoisonError::into_inner) = (passes + 1, sum + time);
    }

    pub(super) fn of_thread(&self, thread: usize) -> &Mutex<PhaseClock> {
        &self.clocks[thread]
    }

    pub(super) fn len(&self) -> usize {
        self.clocks.len()
    }
}
