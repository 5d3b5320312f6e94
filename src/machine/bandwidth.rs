//! How fast all threads together read memory that lies in L1, in L2 or beyond all caches.
#![expect(unsafe_code, reason = "vectors are loaded through pointers")]

use super::{Cache, rate_of_all};
use crate::backend::team::Team;
use crate::backend::{AlignedBuffer, BackendError};
use crate::simd::{Isa, Kernel, Vector};
use std::hint::black_box;
use std::time::Instant;

/// Bytes that one measurement reads at least, on each thread: about a millisecond out of L1.
const LEAST: usize = 1 << 28;
/// Rounds, of which the best counts.
const ROUNDS: usize = 5;
/// Accumulators of the sum.
const CHAINS: usize = 8;

/// Memory that a thread reads over and over, by where it then lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingSet {
    /// `L1`, `L2` or `memory`.
    pub name: &'static str,
    /// Its size in bytes on each thread.
    pub bytes: usize,
}

impl WorkingSet {
    /// Half of L1 and half of a thread's part of L2, and all threads together twice the largest
    /// cache, but no more than 1 GiB. Caches that the system does not tell are taken to be 32 KiB,
    /// 512 KiB and 32 MiB large.
    pub fn all(caches: &[Cache], threads: usize) -> [Self; 3] {
        let half_of_level = |level: u32, default: usize| {
            let cache = caches.iter().find(|cache| cache.level == level);
            let bytes = cache.map_or(default, |cache| {
                let users = cache.shared_by.clamp(1, threads);
                usize::try_from(cache.bytes).unwrap_or(usize::MAX) / users
            });
            bytes / 2
        };
        let sizes = caches.iter().map(|cache| cache.bytes);
        let largest = sizes.max().filter(|_| caches.iter().any(|c| c.level > 2));
        let beyond = largest.unwrap_or(32 << 20).saturating_mul(2).min(1 << 30);
        let sets = [
            ("L1", half_of_level(1, 32 << 10)),
            ("L2", half_of_level(2, 512 << 10)),
            // At most 1 GiB, so it is a size.
            ("memory", beyond as usize / threads),
        ];
        sets.map(|(name, bytes)| Self { name, bytes })
    }
}

/// Bandwidth = bytes that all threads together read / time from the first one's start to the last
/// one's end, in bytes/s: each thread reads its own buffer of so many bytes over and over. The best of
/// five rounds.
///
/// # Errors
/// [`BackendError::Threads`] if the threads cannot be started.
pub fn read_bandwidth(isa: Isa, threads: usize, bytes: usize) -> Result<f64, BackendError> {
    let team = Team::new(threads)?;
    let values = (bytes / 4).next_multiple_of(CHAINS * crate::simd::MAX_LANES);
    let repeats = LEAST.div_ceil(values * 4);
    let results = team.run(|_, barrier| {
        let buffer = AlignedBuffer::new(values, 1.0f32);
        let round = |_| {
            barrier.wait().map(|()| {
                let start = Instant::now();
                for _ in 0..repeats {
                    black_box(isa.run(Sum {
                        values: black_box(&buffer),
                    }));
                }
                (start, Instant::now())
            })
        };
        (0..ROUNDS).map(round).collect::<Result<Vec<_>, _>>()
    });
    // A broken barrier comes with a panic, which `run` has passed on.
    let spans: Vec<_> = results.into_iter().flatten().collect();
    let bytes = (threads * repeats * values * 4) as f64;
    let rate = |round: usize| rate_of_all(bytes, spans.iter().map(|spans| spans[round]));
    Ok((0..ROUNDS).map(rate).fold(0.0, f64::max))
}

/// Reads all values, whose number is a multiple of 8 vectors, and adds them up.
struct Sum<'a> {
    values: &'a [f32],
}

impl Kernel for Sum<'_> {
    type Output = f32;

    // Eight accumulators in registers; one load each, so that loads are what limits it.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) -> f32 {
        let mut sums = [V::splat(token, 0.0); CHAINS];
        for chunk in self.values.chunks_exact(CHAINS * V::LANES) {
            for (index, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the chunk holds CHAINS vectors.
                *sum = sum.add(unsafe { V::load(token, chunk.as_ptr().add(index * V::LANES)) });
            }
        }
        let total = sums.into_iter().fold(V::splat(token, 0.0), V::add);
        let mut lanes = [0.0; crate::simd::MAX_LANES];
        // SAFETY: no vector has more lanes.
        unsafe { total.store(lanes.as_mut_ptr()) }
        lanes.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_sets_follow_the_caches() {
        let cache = |level, bytes, shared_by| Cache {
            level,
            bytes,
            shared_by,
        };
        let sizes =
            |caches: &[Cache], threads| WorkingSet::all(caches, threads).map(|set| set.bytes >> 10);
        let caches = [
            cache(1, 48 << 10, 2),
            cache(2, 2 << 20, 2),
            cache(3, 100 << 20, 8),
        ];
        assert_eq!(sizes(&caches, 1), [24, 1024, 200 << 10]);
        assert_eq!(sizes(&caches, 4), [12, 512, 50 << 10]);
        let huge = [cache(3, 800 << 20, 64)];
        assert_eq!(sizes(&huge, 2), [16, 256, 512 << 10]);
        assert_eq!(sizes(&[], 1), [16, 256, 64 << 10]);
    }

    #[test]
    fn threads_that_share_a_core_read_no_more() {
        let cores = crate::machine::available_parallelism();
        let isa = Isa::available()[0];
        let bandwidth = |threads: usize| read_bandwidth(isa, threads, 16 << 10).unwrap();
        // Four threads on each core cannot read twice as much as one on each.
        assert!(bandwidth(4 * cores) < 2.0 * cores as f64 * bandwidth(1));
    }

    #[test]
    fn all_values_are_read() {
        let values: Vec<f32> = (0..CHAINS as u16 * 32).map(f32::from).collect();
        for isa in Isa::available() {
            let expected: f32 = values.iter().sum();
            assert_eq!(isa.run(Sum { values: &values }), expected, "{isa}");
        }
    }
}
