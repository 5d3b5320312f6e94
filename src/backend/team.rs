//! A team of threads that run the same function at the same time.

use super::BackendError;
use super::barrier::{Barrier, Broken};
use crate::simd::environment;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// More threads than any machine has cores that a step could use.
const MOST_THREADS: usize = 1024;

/// Bytes of a thread's stack. Without optimisation every vector of every tile of a kernel has a place of
/// its own there, 3 MiB together, which the usual 2 MiB do not hold. What is not touched takes no memory.
const STACK: usize = 8 << 20;

/// Threads of a rayon pool, and the barriers they meet at: one for each number of them that may take part.
pub(crate) struct Team {
    pool: rayon::ThreadPool,
    barriers: Vec<Barrier>,
}

/// Starts the threads of a pool, with the floating-point environment that Rust assumes.
///
/// # Errors
/// If the system does not give that many.
pub(crate) fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, BackendError> {
    let failed = |reason: String| BackendError::Threads { threads, reason };
    if !(1..=MOST_THREADS).contains(&threads) {
        return Err(failed(format!("1 to {MOST_THREADS} are possible")));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("worker-{index}"))
        .stack_size(STACK)
        .start_handler(|_| environment::set_standard())
        .build()
        .map_err(|error| failed(error.to_string()))
}

impl Team {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system does not give that many.
    pub(crate) fn new(threads: usize) -> Result<Self, BackendError> {
        let pool = thread_pool(threads)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            pool,
            barriers: (1..=threads)
                .map(|threads| Barrier::new(threads, cores))
                .collect(),
        })
    }

    pub(crate) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Calls `work` on the first `active` threads at once, each with its share of the workers and its number.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub(crate) fn run_workers<W: Send>(
        &self,
        active: usize,
        workers: &mut [W],
        work: impl Fn(&mut [W], usize, &Barrier) -> Result<(), Broken> + Sync,
    ) {
        let count = workers.len();
        let mut rest = workers;
        let share = |thread: usize| {
            let length = (thread + 1) * count / active - thread * count / active;
            let share;
            (share, rest) = std::mem::take(&mut rest).split_at_mut(length);
            Mutex::new(share)
        };
        let shares: Vec<Mutex<&mut [W]>> = (0..active).map(share).collect();
        self.run_some(active, |index, barrier| {
            let mut share = shares[index].lock().unwrap_or_else(PoisonError::into_inner);
            // A broken barrier comes with a panic, which is passed on.
            let _ = work(&mut share, index, barrier);
        });
    }

    /// Calls `work` with 0, 1, ... on all threads at once and returns the results in that order.
    ///
    /// # Panics
    /// If one of the calls panics; the others are released from the barrier first. And if one did in
    /// an earlier run: the threads can no longer wait for each other, and may have left work half
    /// done.
    pub(crate) fn run<R: Send>(&self, work: impl Fn(usize, &Barrier) -> R + Sync) -> Vec<R> {
        self.run_some(self.threads(), work)
    }

    /// The same on the first `active` threads alone.
    fn run_some<R: Send>(
        &self,
        active: usize,
        work: impl Fn(usize, &Barrier) -> R + Sync,
    ) -> Vec<R> {
        assert!(
            !self.barriers.iter().any(Barrier::is_broken),
            "an earlier panic in one of its threads has left this backend unusable; make a new one"
        );
        let barrier = &self.barriers[active - 1];
        let results = self.pool.broadcast(|context| {
            let call = AssertUnwindSafe(|| work(context.index(), barrier));
            let is_active = context.index() < active;
            is_active.then(|| catch_unwind(call).inspect_err(|_| barrier.break_up()))
        });
        results
            .into_iter()
            .flatten()
            .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn a_stack_holds_the_kernels_without_optimisation() {
        let team = Team::new(2).unwrap();
        team.run(|index, _| assert_eq!(black_box(&[index; (5 << 20) / 8])[0], index));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn threads_keep_denormal_numbers_whoever_makes_them() {
        let keeps_denormals = || black_box(f32::MIN_POSITIVE) * black_box(0.5) != 0.0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                environment::flush_denormals();
                assert!(!keeps_denormals());
                let team = Team::new(2).unwrap();
                assert_eq!(team.run(|_, _| keeps_denormals()), [true, true]);
            });
        });
    }

    #[test]
    fn a_panic_in_one_thread_ends_the_call_with_its_message() {
        for threads in [2, 3, 8] {
            let team = Team::new(threads).unwrap();
            let released = AtomicUsize::new(0);
            let call = AssertUnwindSafe(|| {
                team.run(|index, barrier| {
                    for round in 0.. {
                        assert!(index != 1 || round < 5, "unit 7 has no weights");
                        if barrier.wait().is_err() {
                            break;
                        }
                    }
                    released.fetch_add(1, SeqCst);
                })
            });
            let panic = catch_unwind(call).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"unit 7 has no weights"));
            assert_eq!(released.load(SeqCst), threads - 1);
            let mut workers = vec![(); threads];
            let again =
                AssertUnwindSafe(|| team.run_workers(threads, &mut workers, |_, _, _| Ok(())));
            let panic = catch_unwind(again).unwrap_err();
            let message = panic.downcast_ref::<&str>().unwrap();
            assert!(message.contains("unusable"), "{message}");
        }
    }
}
