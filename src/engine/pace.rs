//! How many threads of a team are worth it beside other busy processes.
//!
//! A step ends when its slowest thread does. Where another process holds a core, the threads on the other
//! cores wait for the one that shares it, and fewer of them may be faster. Any number of them gives the same
//! bits, so it may change between two minibatches: where much of the time is waited, half as many threads are
//! tried for a moment, and stay if they do more samples a second; from time to time twice as many are tried again.
//! Where nobody waits all threads work all the time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Waits below this are those of threads that share a step well, or spin.
const LONG_WAIT: Duration = Duration::from_micros(150);
/// Time over which samples a second and waits are told: several time slices of the system's.
const WINDOW: Duration = Duration::from_millis(15);
/// Share of the threads' time in long waits from which on fewer threads are tried.
const MUCH: f64 = 0.12;
/// How much faster another number of threads must be to stay.
const BETTER: f64 = 1.05;
/// Least and most time from one trial to the next.
const HOLDS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Counts what threads wait at a barrier, nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct LongWaits(AtomicU64);

impl LongWaits {
    pub(crate) fn add(&self, waited: Duration) {
        if waited > LONG_WAIT {
            self.0.fetch_add(waited.as_nanos() as u64, Relaxed);
        }
    }
}

/// Chooses the number of threads.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    threads: usize,
    begin: Instant,
    /// Time of the window in passes before, and in all so far.
    spent: (Duration, Duration),
    samples: usize,
    /// While another number is tried: the number before, and its samples a second.
    trial: Option<(usize, f64)>,
    hold: Duration,
    next_trial: Instant,
    window: Duration,
    choose: fn(&mut Self, f64, f64),
}

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        let now = Instant::now();
        Self {
            most,
            threads: most,
            begin: now,
            spent: (Duration::ZERO, Duration::ZERO),
            samples: 0,
            trial: None,
            hold: HOLDS.0,
            // At first, data and memory are touched for the first time: rates and waits tell nothing.
            next_trial: now + HOLDS.0,
            window: WINDOW,
            choose: Self::climb,
        }
    }

    /// Threads that shall take part.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// A pass begins, or goes on: what was between does not count.
    pub(crate) fn begin(&mut self) {
        self.begin = Instant::now();
        self.spent.0 = self.spent.1;
    }

    /// So many samples are done. Whether the number of threads is another one from here on.
    pub(crate) fn advance(&mut self, samples: usize, waits: &LongWaits) -> bool {
        self.samples += samples;
        let time = self.spent.0 + self.begin.elapsed();
        self.spent.1 = time;
        if self.most == 1 || time < self.window {
            return false;
        }
        let seconds = time.as_secs_f64();
        let rate = self.samples as f64 / seconds;
        let waited = waits.0.swap(0, Relaxed) as f64 * 1e-9 / (seconds * self.threads as f64);
        (self.samples, self.spent.1) = (0, Duration::ZERO);
        self.begin();
        let before = self.threads;
        (self.choose)(self, rate, waited);
        self.threads != before
    }

    /// Chooses the number of threads after a window with so many samples a second, so much of the time waited.
    fn climb(&mut self, rate: f64, waited: f64) {
        let before = self.threads;
        if let Some((last, last_rate)) = self.trial.take() {
            if rate < last_rate * BETTER {
                self.threads = last;
                self.hold = (self.hold * 2).min(HOLDS.1);
            } else {
                self.hold = HOLDS.0;
            }
            self.next_trial = self.begin + self.hold;
        } else if self.begin >= self.next_trial {
            if waited > MUCH {
                self.threads = self.threads.div_ceil(2);
            } else {
                self.threads = (self.threads * 2).min(self.most);
            }
            self.trial = (self.threads != before).then_some((before, rate));
        }
    }
}

#[cfg(test)]
impl Pace {
    /// Another number of threads after each minibatch.
    pub(crate) fn restless(most: usize) -> Self {
        Self {
            window: Duration::ZERO,
            choose: |pace, _, _| pace.threads = pace.threads % pace.most + 1,
            ..Self::new(most)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threads after windows with such rates and waits, each long after the one before.
    fn threads_after(most: usize, windows: &[(f64, f64)]) -> Vec<usize> {
        let mut pace = Pace::new(most);
        let mut after = Vec::new();
        for &(rate, waited) in windows {
            pace.begin += HOLDS.1 + HOLDS.1;
            pace.climb(rate, waited);
            after.push(pace.threads);
        }
        after
    }

    #[test]
    fn all_work_where_nobody_waits() {
        assert_eq!(
            threads_after(8, &[(1.0, 0.0), (9.0, 0.05), (0.1, 0.1)]),
            [8; 3]
        );
    }

    #[test]
    fn fewer_stay_where_they_are_faster_and_twice_as_many_are_tried_again() {
        let windows = [
            (100.0, 0.4),
            (130.0, 0.0),
            (130.0, 0.0),
            (100.0, 0.4),
            (130.0, 0.0),
        ];
        assert_eq!(threads_after(2, &windows), [1, 1, 2, 1, 2]);
        assert_eq!(threads_after(2, &[(100.0, 0.4), (90.0, 0.0)]), [1, 2]);
        let windows = [(10.0, 0.5), (20.0, 0.5), (20.0, 0.5), (40.0, 0.0)];
        assert_eq!(threads_after(8, &windows), [4, 4, 2, 2]);
        assert_eq!(threads_after(1, &[(10.0, 0.5)]), [1]);
    }

    #[test]
    fn after_a_trial_in_vain_the_next_is_later() {
        let mut pace = Pace::new(2);
        let mut trials = Vec::new();
        for window in 1..400 {
            pace.begin += WINDOW;
            pace.climb(if pace.threads == 2 { 2.0 } else { 1.0 }, 0.2);
            if pace.threads == 1 {
                trials.push(window);
            }
        }
        let gaps: Vec<usize> = trials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            gaps.len() > 2 && gaps.is_sorted() && gaps[0] < gaps[2],
            "{gaps:?}"
        );
    }
}
