//! What each phase of a training pass does and how long it takes.

use crate::engine::{Phase, PhaseClock};
use crate::kernels::BLOCK_SAMPLES;
use serde::Serialize;

/// Sizes that decide the work of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Bytes of an image.
    pub inputs: usize,
    /// Classes.
    pub classes: usize,
    /// Samples of all clocked passes.
    pub samples: usize,
    /// Non-zero bytes of those.
    pub non_zero: usize,
    /// Blocks of those: minibatches, or their parts of up to 128 samples.
    pub blocks: usize,
    /// Whether the optimizer keeps velocities.
    pub has_velocities: bool,
}

/// One phase on one thread, or on all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseRow {
    /// `phase`.
    pub profile: &'static str,
    /// Name of the phase.
    pub phase: &'static str,
    /// The thread, from 0 on; none for all of them.
    pub thread: Option<usize>,
    /// Time, the mean of the threads for all of them.
    pub seconds: f64,
    /// Of the time of all clocked epochs.
    pub share: f64,
    /// Calls.
    pub calls: u64,
    /// Executed floating-point operations / time.
    pub gflops: f64,
    /// Compulsory bytes / time; see [`Work::bytes`].
    pub gigabytes_per_second: f64,
    /// Executed FLOP/s / FMA peak of the same threads.
    pub peak_fraction: f64,
    /// FLOP for each byte.
    pub flop_per_byte: f64,
}

impl Work {
    /// Blocks of a pass.
    pub fn blocks(samples: usize, batch_size: usize) -> usize {
        let blocks_of = |minibatch: usize| minibatch.div_ceil(BLOCK_SAMPLES);
        samples / batch_size * blocks_of(batch_size) + blocks_of(samples % batch_size)
    }

    /// FLOP of a phase for so many hidden units, a multiply-add counting two, products with inputs
    /// of 0 left out; only the matrix products count.
    pub fn flop(&self, phase: Phase, units: usize) -> f64 {
        let inputs = 2.0 * self.non_zero as f64 * units as f64;
        let outputs = 2.0 * (self.samples * units * self.classes) as f64;
        match phase {
            Phase::Forward => inputs,
            Phase::Logits | Phase::HiddenDelta => outputs,
            Phase::WeightUpdate => inputs + outputs,
            Phase::Prepare | Phase::Barrier | Phase::Softmax | Phase::Bookkeeping => 0.0,
        }
    }

    /// Compulsory bytes of a phase: each number that a call needs once, however often it is read
    /// out of a nearer cache; `threads` share the preparation.
    pub fn bytes(&self, phase: Phase, units: usize, threads: usize) -> f64 {
        let (samples, blocks) = (self.samples as f64, self.blocks as f64);
        let (inputs, classes) = (self.inputs as f64, self.classes as f64);
        let units = units as f64;
        let (weights, hidden) = (inputs * units * blocks, samples * units);
        let (outputs, output_weights) = (samples * classes, units * classes * blocks);
        match phase {
            // Bytes read, and written by sample and by pixel.
            Phase::Prepare => 3.0 * samples * inputs / threads as f64,
            Phase::Forward => 4.0 * (weights + hidden) + samples * inputs,
            Phase::Logits => 4.0 * (hidden + output_weights + outputs),
            Phase::Softmax => 4.0 * 2.0 * outputs,
            Phase::HiddenDelta => 4.0 * (2.0 * hidden + output_weights + outputs),
            Phase::WeightUpdate => {
                // Read and written, with the velocities if there are any.
                let touched = if self.has_velocities { 4.0 } else { 2.0 };
                let parameters = touched * (weights + output_weights);
                4.0 * (parameters + 2.0 * hidden + outputs) + samples * inputs
            }
            Phase::Barrier | Phase::Bookkeeping => 0.0,
        }
    }

    /// The rows of all phases: first for all threads, then for each.
    ///
    /// `units` and `clocks` are those of the threads, `seconds` the time of the clocked epochs,
    /// `peak` the FMA peak of all threads in FLOP/s.
    pub fn rows(
        &self,
        clocks: &[PhaseClock],
        units: &[usize],
        seconds: f64,
        peak: f64,
    ) -> Vec<PhaseRow> {
        let threads = clocks.len();
        let row = |phase: Phase, thread: Option<usize>| {
            let chosen = thread.map_or(0..threads, |thread| thread..thread + 1);
            let count = chosen.len() as f64;
            let (mut time, mut calls, mut flop, mut bytes) = (0.0, 0, 0.0, 0.0);
            for index in chosen {
                let measured = clocks[index].phase(phase);
                time += measured.time.as_secs_f64() / count;
                calls += measured.calls;
                flop += self.flop(phase, units[index]);
                bytes += self.bytes(phase, units[index], threads);
            }
            // A phase that was never entered has no rate.
            let rate = |amount: f64| if time > 0.0 { amount / time } else { 0.0 };
            PhaseRow {
                profile: "phase",
                phase: phase.name(),
                thread,
                seconds: time,
                share: time / seconds,
                calls,
                gflops: rate(flop) / 1e9,
                gigabytes_per_second: rate(bytes) / 1e9,
                peak_fraction: rate(flop) / (peak * count / threads as f64),
                flop_per_byte: if bytes > 0.0 { flop / bytes } else { 0.0 },
            }
        };
        let places = std::iter::once(None).chain((0..threads).map(Some));
        places
            .flat_map(|thread| Phase::ALL.map(|phase| row(phase, thread)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_minibatches_or_their_parts() {
        assert_eq!(Work::blocks(60_000, 100), 600);
        assert_eq!(Work::blocks(60_000, 1000), 480);
        assert_eq!(Work::blocks(250, 100), 3);
        assert_eq!(Work::blocks(5, 100), 1);
    }

    #[test]
    fn the_phases_do_all_the_flop_of_an_epoch() {
        let work = Work {
            inputs: 784,
            classes: 10,
            samples: 1,
            non_zero: 784,
            blocks: 1,
            has_velocities: false,
        };
        let flop: f64 = Phase::ALL.iter().map(|&phase| work.flop(phase, 300)).sum();
        assert_eq!(flop, 958_800.0);
        let forward = 4.0 * (784.0 * 300.0 + 300.0) + 784.0;
        assert_eq!(work.bytes(Phase::Forward, 300, 2), forward);
    }
}
