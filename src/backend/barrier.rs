//! Barrier for the threads of a team.
//!
//! A step is about 100 microseconds, so the threads mostly arrive together and the first few
//! microseconds are spent spinning. When another process holds a core that does not help: then a
//! thread sleeps until the last one has arrived. It never yields: that would give away the whole time slice
//! to a process that has nothing to do with the step.

use super::primitives::{AtomicBool, AtomicUsize, Condvar, Mutex, SPINS, spin_loop};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::SeqCst;

/// A thread of the team has panicked, so it will not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// Blocks each thread until all have arrived, again and again.
#[derive(Debug)]
pub(crate) struct Barrier {
    threads: usize,
    spins: u32,
    arrived: AtomicUsize,
    generation: AtomicUsize,
    sleepers: AtomicUsize,
    broken: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Barrier {
    /// For so many threads. Where there are more of them than cores, nobody spins.
    pub(crate) fn new(threads: usize, cores: usize) -> Self {
        Self {
            threads,
            spins: if threads > cores { 0 } else { SPINS },
            arrived: AtomicUsize::new(0),
            generation: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Waits for the others. All that they wrote before is seen after.
    ///
    /// # Errors
    /// [`Broken`] if one of them has panicked.
    pub(crate) fn wait(&self) -> Result<(), Broken> {
        let generation = self.generation.load(SeqCst);
        if self.arrived.fetch_add(1, SeqCst) + 1 == self.threads {
            // Nobody else touches the count until the generation has moved on.
            self.arrived.store(0, SeqCst);
            self.generation.store(generation.wrapping_add(1), SeqCst);
            self.wake_sleepers();
        } else {
            self.wait_for_end_of(generation);
        }
        if self.is_broken() {
            Err(Broken)
        } else {
            Ok(())
        }
    }

    /// Lets everyone go, now and at every later wait.
    pub(crate) fn break_up(&self) {
        self.broken.store(true, SeqCst);
        self.wake_sleepers();
    }

    /// Whether it was broken up.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(SeqCst)
    }

    fn is_over(&self, generation: usize) -> bool {
        self.generation.load(SeqCst) != generation || self.is_broken()
    }

    fn wait_for_end_of(&self, generation: usize) {
        for _ in 0..self.spins {
            if self.is_over(generation) {
                return;
            }
            spin_loop();
        }
        // The sleeper counts itself before it looks at the generation, the last thread to arrive
        // moves the generation before it looks at the count: one of them sees the other.
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, SeqCst);
        while !self.is_over(generation) {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    fn wake_sleepers(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            // A sleeper that has looked but does not sleep yet holds the lock until it does.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }
}
