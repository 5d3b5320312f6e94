//! What the threads tell each other: their parts of the logits, once a block.

use crate::engine::barrier::{Barrier, Broken};
use std::sync::{PoisonError, RwLock};

/// What one thread tells the others about one block.
pub(super) struct Part {
    /// The thread's part of h V, `[block][classes]`.
    pub logits: Vec<f32>,
    /// Whether the block is not to be trained on, because the pass ends before it.
    pub is_refused: bool,
}

/// The parts of all threads, twice: a thread may still read those of block i when another writes
/// those of block i + 1. It cannot be further ahead, because of the barrier in between.
pub(super) struct Exchange([Vec<RwLock<Part>>; 2]);

impl Exchange {
    /// For so many threads with parts of so many logits.
    pub(super) fn new(threads: usize, logits: usize) -> Self {
        let part = |_| {
            RwLock::new(Part {
                logits: vec![0.0; logits],
                is_refused: false,
            })
        };
        Self([(); 2].map(|()| (0..threads).map(part).collect()))
    }
}

/// A thread's access to the exchange during one pass.
pub(super) struct Seat<'a> {
    exchange: &'a Exchange,
    barrier: &'a Barrier,
    index: usize,
    block: usize,
}

impl<'a> Seat<'a> {
    /// The seat of thread `index`. All threads take one at the start of a pass.
    pub(super) fn new(exchange: &'a Exchange, barrier: &'a Barrier, index: usize) -> Self {
        Self {
            exchange,
            barrier,
            index,
            block: 0,
        }
    }

    /// Whether this is the seat that speaks for all.
    pub(super) fn is_first(&self) -> bool {
        self.index == 0
    }

    /// Calls `write` with the thread's own part of the next block, waits until all threads have
    /// written theirs, and calls `read` with each, in the same order on every thread.
    ///
    /// # Errors
    /// [`Broken`] if another thread has panicked.
    pub(super) fn meet(
        &mut self,
        write: impl FnOnce(&mut Part),
        mut read: impl FnMut(&Part),
    ) -> Result<(), Broken> {
        let parts = &self.exchange.0[self.block % 2];
        self.block += 1;
        // A thread that panicked with a part in its hands leaves values that the next pass
        // overwrites.
        let own = parts[self.index].write();
        write(&mut own.unwrap_or_else(PoisonError::into_inner));
        self.barrier.wait()?;
        for part in parts {
            read(&part.read().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}
