//! The barrier's own source on modelled atomics, locks and condition variables: every order in which
//! a few threads can take turns is tried, and many random orders of more.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::reversed_empty_ranges, reason = "nobody spins in the model")]

use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// In the place of `src/backend/primitives.rs`: nobody spins, so that every wait can sleep.
mod primitives {
    pub(crate) use shuttle::hint::spin_loop;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicUsize};
    pub(crate) use shuttle::sync::{Condvar, Mutex};
    pub(crate) const SPINS: u32 = 0;
}

#[path = "../src/backend/barrier.rs"]
mod barrier;

use barrier::{Barrier, Broken};

/// Each thread counts itself before the barrier; after it all must be counted. That nobody waits
/// for ever is checked by the model: it panics where no thread can go on.
fn rounds(threads: usize, rounds: usize) {
    let barrier = Arc::new(Barrier::new(threads, 1));
    // No part of the model, so that it adds no orders.
    let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..rounds).map(|_| 0.into()).collect());
    let run = |barrier: Arc<Barrier>, counts: Arc<Vec<AtomicUsize>>| {
        move || {
            for count in counts.iter() {
                count.fetch_add(1, Relaxed);
                barrier.wait().unwrap();
                assert_eq!(count.load(Relaxed), threads);
            }
        }
    };
    let others: Vec<_> = (1..threads)
        .map(|_| thread::spawn(run(Arc::clone(&barrier), Arc::clone(&counts))))
        .collect();
    run(barrier, counts)();
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// One thread panics instead of arriving a second time.
fn break_up(threads: usize) {
    let barrier = Arc::new(Barrier::new(threads, 1));
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                // The first wait may be broken already, the second must be.
                let _ = barrier.wait();
                assert_eq!(barrier.wait(), Err(Broken));
            })
        })
        .collect();
    let _ = barrier.wait();
    barrier.break_up();
    others.into_iter().for_each(|other| other.join().unwrap());
}

#[test]
fn two_threads_in_every_order() {
    shuttle::check_dfs(|| rounds(2, 1), None);
    shuttle::check_dfs(|| break_up(2), Some(200_000));
    shuttle::check_dfs(|| rounds(2, 2), Some(200_000));
}

#[test]
fn more_threads_in_many_random_orders() {
    shuttle::check_random(|| rounds(3, 3), 20_000);
    shuttle::check_random(|| break_up(3), 20_000);
    shuttle::check_pct(|| rounds(4, 3), 20_000, 3);
}
