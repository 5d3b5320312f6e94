//! What the barrier is made of. `tests/barrier_model.rs` puts a model of each in its place.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(crate) use std::sync::{Condvar, Mutex};

/// Looks at the generation before the thread sleeps: some 10 to 100 microseconds.
pub(crate) const SPINS: u32 = 4_000;
