//! The most multiply-adds that this machine can do, measured where the epochs are.

use super::rate;
use crate::backend::BackendError;
use crate::backend::team::Team;
use crate::engine::Precision;
use crate::simd::{Isa, Kernel, Vector};
use std::hint::black_box;

/// Rounds of one burst: a few milliseconds, so that the threads start together but the clock has
/// no time to drop.
const ROUNDS: usize = 1 << 20;

/// FMA peak = FLOP of all threads / time from the first one's start to the last one's end, in FLOP/s,
/// for one instruction set.
///
/// A burst is a loop of independent multiply-adds on registers alone, two FLOP for each lane: no
/// memory, no shuffles, no branches but the loop's. The portable set multiplies and adds in two
/// instructions where the target has no fused one; they count the same. With 16-bit integers a lane multiplies two
/// pairs and adds both products: four operations.
pub struct PeakBench {
    isa: Isa,
    precision: Precision,
    team: Team,
}

impl PeakBench {
    /// A bench on so many threads.
    ///
    /// # Errors
    /// [`BackendError::Threads`] if they cannot be started.
    pub fn new(isa: Isa, threads: usize) -> Result<Self, BackendError> {
        Ok(Self {
            isa,
            precision: Precision::F32,
            team: Team::new(threads)?,
        })
    }

    /// The same for the multiply-adds of a precision.
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// One burst: FLOP/s of all threads together.
    pub fn burst(&self) -> f64 {
        let work = |_: &()| match self.precision {
            Precision::F32 => self.isa.run_rounding_once(MultiplyAdds { rounds: ROUNDS }),
            Precision::Int16 => self.isa.run_integers(IntegerDots { rounds: ROUNDS }),
        };
        rate(&self.team, || (), work)
    }

    /// The highest of so many bursts in FLOP/s, of at least one.
    pub fn best_of(&self, bursts: usize) -> f64 {
        (0..bursts.max(1)).fold(0.0, |best, _| self.burst().max(best))
    }
}

/// Multiply-adds on as many accumulators as the forward pass has; returns their FLOP.
struct MultiplyAdds {
    rounds: usize,
}

impl Kernel for MultiplyAdds {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) -> f64 {
        // More chains than any tile has; the loops below use the first `TILES.forward` of them, which
        // fit the registers and hide the latency of a multiply-add on every tier.
        const { assert!(V::TILES.forward <= MOST_CHAINS) };
        let factor = V::splat(token, black_box(0.999));
        let addend = V::splat(token, black_box(0.001));
        let mut chains = [V::splat(token, black_box(0.5)); MOST_CHAINS];
        for _ in 0..self.rounds {
            for chain in &mut chains[..V::TILES.forward] {
                *chain = chain.mul_add(factor, addend);
            }
        }
        black_box(&mut chains);
        (2 * V::LANES * V::TILES.forward * self.rounds) as f64
    }
}

/// The same of pairs of integers. A product is with the sum itself, so that it is another one in each round.
struct IntegerDots {
    rounds: usize,
}

impl Kernel for IntegerDots {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) -> f64 {
        let factor = V::splat_ints(token, black_box(0x0003_0005));
        let mut chains = [V::splat_ints(token, black_box(1)); MOST_CHAINS];
        for _ in 0..self.rounds {
            for chain in &mut chains[..V::TILES.forward] {
                *chain = V::add_dots(*chain, *chain, factor);
            }
        }
        black_box(&mut chains);
        (4 * V::LANES * V::TILES.forward * self.rounds) as f64
    }
}

/// Most accumulators of any tier.
const MOST_CHAINS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_share_a_core_add_nothing() {
        let cores = crate::machine::available_parallelism();
        let isa = Isa::available()[0];
        let peak = |threads: usize| PeakBench::new(isa, threads).unwrap().best_of(9);
        // Four times the threads cannot have twice the peak, which is that of one thread on each core:
        // a single thread finds a free core even where others are busy.
        assert!(peak(4 * cores) < 2.0 * cores as f64 * peak(1));
    }

    #[test]
    fn every_set_does_more_than_one_multiply_add_in_ten_nanoseconds() {
        for isa in Isa::available() {
            for precision in Precision::ALL {
                let bench = PeakBench::new(isa, 1).unwrap().in_precision(precision);
                let peak = bench.best_of(3);
                assert!(peak.is_finite() && peak > 2e8, "{isa}, {precision}: {peak}");
            }
        }
    }
}
