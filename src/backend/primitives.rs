//! What the barrier is made of. `tests/barrier_model.rs` puts a model of each in its place.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(crate) use std::sync::{Condvar, Mutex};
pub(crate) use std::thread::yield_now;

/// Looks at the generation before the core is offered to others: some 10 microseconds.
pub(crate) const SPINS: u32 = 4_000;
/// Offers of the core before the thread sleeps.
pub(crate) const YIELDS: u32 = 200;
