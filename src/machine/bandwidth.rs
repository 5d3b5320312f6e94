//! How fast all threads together read memory that lies in L1, in L2 or beyond all caches.
#![expect(unsafe_code, reason = "vectors are loaded through pointers")]

use super::rate;
use crate::backend::team::Team;
use crate::backend::{AlignedBuffer, BackendError};
use crate::simd::{Isa, Kernel, Vector};
use std::hint::black_box;

/// Bytes that one measurement reads at least, on each thread: about a millisecond out of L1.
const LEAST: usize = 1 << 28;
/// Accumulators of the sum.
const CHAINS: usize = 8;

/// Names and bytes on each thread of what it reads over and over: what L1 and what L2 of any CPU in use holds
/// beside other data, and, all threads together, half a GiB, which no cache holds.
pub fn working_sets(threads: usize) -> [(&'static str, usize); 3] {
    [
        ("L1", 16 << 10),
        ("L2", 128 << 10),
        ("memory", (512 << 20) / threads),
    ]
}

/// Bandwidth = bytes that all threads together read / time from the first one's start to the last
/// one's end, in bytes/s: each thread reads its own buffer of so many bytes over and over.
///
/// # Errors
/// [`BackendError::Threads`] if the threads cannot be started.
pub fn read_bandwidth(isa: Isa, threads: usize, bytes: usize) -> Result<f64, BackendError> {
    let team = Team::new(threads)?;
    let values = (bytes / 4).next_multiple_of(CHAINS * crate::simd::MAX_LANES);
    let repeats = LEAST.div_ceil(values * 4);
    let prepare = || AlignedBuffer::new(values, 1.0f32);
    let read = |values: &AlignedBuffer<f32>| {
        for _ in 0..repeats {
            let values = black_box(values);
            black_box(isa.run_rounding_once(Sum { values }));
        }
        (repeats * values.len() * 4) as f64
    };
    Ok(rate(&team, prepare, read))
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
    fn threads_that_share_a_core_read_no_more() {
        let cores = crate::machine::available_parallelism();
        let isa = Isa::available()[0];
        let bandwidth = |threads: usize| {
            let readings = (0..5).map(|_| read_bandwidth(isa, threads, 16 << 10).unwrap());
            readings.fold(0.0, f64::max)
        };
        // Four threads on each core cannot read twice as much as one on each.
        assert!(bandwidth(4 * cores) < 2.0 * cores as f64 * bandwidth(1));
    }

    #[test]
    fn all_values_are_read() {
        let values: Vec<f32> = (0..CHAINS as u16 * 32).map(f32::from).collect();
        for isa in Isa::available() {
            let expected: f32 = values.iter().sum();
            assert_eq!(
                isa.run_rounding_once(Sum { values: &values }),
                expected,
                "{isa}"
            );
        }
    }
}
