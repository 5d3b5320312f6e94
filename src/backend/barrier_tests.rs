//! The barrier under real threads; `tests/barrier_model.rs` tries every order of a few.

use super::barrier::{Barrier, Broken};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Each thread adds its part of a round; after the barrier all parts must be there.
fn rounds(threads: usize, cores: usize, rounds: usize, pause: fn(usize, usize)) {
    let barrier = Barrier::new(threads, cores);
    let sum = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for index in 0..threads {
            let (barrier, sum) = (&barrier, &sum);
            scope.spawn(move || {
                for round in 1..=rounds {
                    pause(index, round);
                    sum.fetch_add(1, SeqCst);
                    barrier.wait().unwrap();
                    assert_eq!(sum.load(SeqCst), round * threads);
                    barrier.wait().unwrap();
                }
            });
        }
    });
}

#[test]
fn nobody_passes_early() {
    rounds(2, 2, 20_000, |_, _| {});
    rounds(5, 2, 2_000, |_, _| {});
}

#[test]
fn sleepers_are_woken() {
    rounds(3, 1, 40, |index, round| {
        if index == round % 3 {
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
    });
}

#[test]
fn a_panic_releases_the_others() {
    let barrier = Barrier::new(2, 2);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| barrier.wait());
        std::thread::sleep(std::time::Duration::from_millis(20));
        barrier.break_up();
        assert_eq!(waiting.join().unwrap(), Err(Broken));
        assert_eq!(barrier.wait(), Err(Broken));
    });
}
