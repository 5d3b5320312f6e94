//! What each phase of a pass does and how long it takes.

use super::table::Column;
use fused_mlp::backend::Samples;
use fused_mlp::engine::{BLOCK_SAMPLES, Phase, PhaseClock};
use serde::Serialize;
use std::time::Duration;

/// Name of the time in which a thread does nothing of that: the order of the samples, the learning rates, and
/// until the threads are sent off and collected.
const BETWEEN: &str = "between passes";

/// Sizes that decide the work of a training pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    inputs: usize,
    classes: usize,
    samples: usize,
    non_zero: usize,
    /// Minibatches.
    steps: usize,
    /// Minibatches, or their parts of up to 128 samples.
    blocks: usize,
    /// Rows of W that a block needs: pixels that are not zero in all its samples. What is expected
    /// if each sample is drawn by itself.
    active_rows: f64,
    has_velocities: bool,
}

/// One phase on one thread, or on all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PhaseRow {
    /// Name of the phase.
    pub phase: &'static str,
    /// The thread, from 0 on; none for all of them.
    pub thread: Option<usize>,
    /// Passes that were clocked.
    pub passes: u64,
    /// Time, the mean of the threads for all of them.
    pub seconds: f64,
    /// Of the time of all clocked passes.
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

impl PhaseRow {
    /// The printed table, but for its first column, the phase. What does nothing that is counted has
    /// no rates.
    pub const COLUMNS: [Column<Self>; 6] = [
        ("ms/pass", 3, |row| 1e3 * row.seconds / row.passes as f64),
        ("share, %", 1, |row| 100.0 * row.share),
        ("calls", 0, |row| row.calls as f64),
        ("GFLOP/s", 1, |row| above_0(row.gflops)),
        ("GB/s", 1, |row| above_0(row.gigabytes_per_second)),
        ("of peak, %", 1, |row| above_0(100.0 * row.peak_fraction)),
    ];
}

fn above_0(rate: f64) -> f64 {
    if rate > 0.0 { rate } else { f64::NAN }
}

impl Work {
    /// A pass over all samples in minibatches.
    pub fn new(
        samples: Samples<'_>,
        classes: usize,
        batch_size: usize,
        has_velocities: bool,
    ) -> Self {
        let blocks_of = |minibatch: usize| minibatch.div_ceil(BLOCK_SAMPLES);
        let count = samples.len();
        let blocks = count / batch_size * blocks_of(batch_size) + blocks_of(count % batch_size);
        let mut non_zero_of_pixel = vec![0usize; samples.inputs()];
        for image in samples.images().chunks_exact(samples.inputs()) {
            for (sum, &byte) in non_zero_of_pixel.iter_mut().zip(image) {
                *sum += usize::from(byte != 0);
            }
        }
        let block_samples = count as f64 / blocks.max(1) as f64;
        let active = |&non_zero: &usize| {
            let zero = 1.0 - non_zero as f64 / count.max(1) as f64;
            1.0 - zero.powf(block_samples)
        };
        Self {
            inputs: samples.inputs(),
            classes,
            samples: count,
            non_zero: non_zero_of_pixel.iter().sum(),
            steps: count.div_ceil(batch_size),
            blocks,
            active_rows: non_zero_of_pixel.iter().map(active).sum(),
            has_velocities,
        }
    }

    /// FLOP of a phase for so many hidden units, a multiply-add counting two, products with inputs
    /// of 0 left out. Only the matrix products count, as in the FLOP of an epoch: not the sigmoid,
    /// the softmax and the step.
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

    /// Compulsory bytes of a phase for so many hidden units: each number that a call needs once,
    /// however often it is read out of a nearer cache. `threads` share the preparation.
    ///
    /// | phase | read | written |
    /// | --- | --- | --- |
    /// | prepare | the images | by sample and by pixel |
    /// | linear+sigmoid | the images, the rows of W that are not multiplied by zeros alone | h |
    /// | logits | h, V | the thread's part of the logits |
    /// | softmax | the logits | their gradient |
    /// | hidden delta | h, V, the gradient at the logits | dk |
    /// | weight gradients+update | the images, h, dk, the gradient at the logits, W, V | W, V |
    ///
    /// A plain step leaves rows of W alone whose pixels are all zero; one with velocities reads and
    /// writes all of W and the velocities. Where a minibatch has several blocks, each of them reads
    /// and writes sums as large as its rows of W, and the step comes once a minibatch.
    pub fn bytes(&self, phase: Phase, units: usize, threads: usize) -> f64 {
        let (samples, blocks) = (self.samples as f64, self.blocks as f64);
        let (inputs, classes) = (self.inputs as f64, self.classes as f64);
        let (units, steps) = (units as f64, self.steps as f64);
        let (weights, hidden) = (self.active_rows * units * blocks, samples * units);
        let (outputs, output_weights) = (samples * classes, units * classes * blocks);
        match phase {
            Phase::Prepare => 3.0 * samples * inputs / threads as f64,
            Phase::Forward => 4.0 * (weights + hidden) + samples * inputs,
            Phase::Logits => 4.0 * (hidden + output_weights + outputs),
            Phase::Softmax => 4.0 * 2.0 * outputs,
            Phase::HiddenDelta => 4.0 * (2.0 * hidden + output_weights + outputs),
            Phase::WeightUpdate => {
                let touched = if self.has_velocities { 4.0 } else { 2.0 };
                let all_weights = inputs * units * steps;
                let step = if self.blocks > self.steps {
                    2.0 * weights + touched * all_weights
                } else if self.has_velocities {
                    touched * all_weights
                } else {
                    touched * weights
                };
                let output_step = touched * units * classes * steps;
                4.0 * (step + output_step + 2.0 * hidden + outputs) + samples * inputs
            }
            Phase::Barrier | Phase::Bookkeeping => 0.0,
        }
    }

    /// The rows of so many clocked passes: first for all threads, then for each, which has so many hidden
    /// units. `time` is that of all passes, with the order of the samples, and the shares of a thread add
    /// up to 1; `peak` is that of all threads in FLOP/s.
    pub fn rows(
        &self,
        clocks: &[PhaseClock],
        passes: u64,
        time: Duration,
        units: &[usize],
        peak: f64,
    ) -> Vec<PhaseRow> {
        let threads = units.len();
        let all = (None, 0..threads);
        let each = (0..threads).map(|thread| (Some(thread), thread..thread + 1));
        let rows = std::iter::once(all)
            .chain(each)
            .flat_map(|(thread, chosen)| {
                let seconds = time.as_secs_f64();
                let part = Part {
                    work: self,
                    all_threads: threads,
                    clocks: &clocks[chosen.clone()],
                    units: &units[chosen.clone()],
                    peak: peak * chosen.len() as f64 / threads as f64,
                    total: PhaseRow {
                        thread,
                        passes,
                        seconds,
                        share: 1.0,
                        ..PhaseRow::default()
                    },
                };
                part.rows()
            });
        rows.collect()
    }
}

/// Some of the threads, what they compute, and their row without a phase.
struct Part<'a> {
    work: &'a Work,
    all_threads: usize,
    clocks: &'a [PhaseClock],
    units: &'a [usize],
    peak: f64,
    total: PhaseRow,
}

impl Part<'_> {
    fn rows(&self) -> Vec<PhaseRow> {
        let mut rows: Vec<PhaseRow> = Phase::ALL.iter().map(|&phase| self.row(phase)).collect();
        let within: f64 = rows.iter().map(|row| row.seconds).sum();
        let rest = self.total.seconds - within;
        rows.push(self.timed(BETWEEN, rest, self.total.passes));
        rows
    }

    fn timed(&self, phase: &'static str, seconds: f64, calls: u64) -> PhaseRow {
        PhaseRow {
            phase,
            seconds,
            share: seconds / self.total.seconds,
            calls,
            ..self.total.clone()
        }
    }

    fn row(&self, phase: Phase) -> PhaseRow {
        let times = || self.clocks.iter().map(|clock| clock.phase(phase));
        let time: Duration = times().map(|of_thread| of_thread.time).sum();
        let seconds = time.as_secs_f64() / self.clocks.len() as f64;
        let calls = times().map(|of_thread| of_thread.calls).sum();
        let units = || self.units.iter();
        let flop: f64 = units().map(|&units| self.work.flop(phase, units)).sum();
        let bytes = units().map(|&units| self.work.bytes(phase, units, self.all_threads));
        let bytes: f64 = bytes.sum();
        let per = |amount: f64, of: f64| if of > 0.0 { amount / of } else { 0.0 };
        let rate = |amount: f64| per(amount * self.total.passes as f64, seconds);
        PhaseRow {
            gflops: rate(flop) / 1e9,
            gigabytes_per_second: rate(bytes) / 1e9,
            peak_fraction: rate(flop) / self.peak,
            flop_per_byte: per(flop, bytes),
            ..self.timed(phase.name(), seconds, calls)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(count: usize, batch_size: usize) -> (usize, usize) {
        let (images, labels) = (vec![1; count], vec![0; count]);
        let samples = Samples::new(&images, &labels, 1);
        let work = Work::new(samples, 2, batch_size, false);
        (work.steps, work.blocks)
    }

    #[test]
    fn blocks_are_minibatches_or_their_parts() {
        assert_eq!(blocks(6_000, 100), (60, 60));
        assert_eq!(blocks(6_000, 1000), (6, 48));
        assert_eq!(blocks(250, 100), (3, 3));
        assert_eq!(blocks(5, 100), (1, 1));
    }

    #[test]
    fn the_phases_do_all_the_flop_of_an_epoch() {
        let samples = Samples::new(&[1; 784], &[0], 784);
        let work = Work::new(samples, 10, 1, false);
        let flop: f64 = Phase::ALL.iter().map(|&phase| work.flop(phase, 300)).sum();
        assert_eq!(flop, 958_800.0);
        let forward = 4.0 * (784.0 * 300.0 + 300.0) + 784.0;
        assert_eq!(work.bytes(Phase::Forward, 300, 2), forward);
    }

    #[test]
    fn rows_of_w_count_where_a_block_may_need_them() {
        // Pixel 0 is never 0, pixel 1 always, pixel 2 in one of two samples.
        let (images, labels) = ([1, 0, 1, 1, 0, 0], [0, 1]);
        let samples = Samples::new(&images, &labels, 3);
        let rows = |batch_size: usize| {
            let work = Work::new(samples, 2, batch_size, false);
            assert_eq!(work.non_zero, 3);
            work.active_rows
        };
        assert_eq!(rows(1), 1.5);
        assert_eq!(rows(2), 1.75);
        // Velocities are kept for every row.
        let bytes = |has_velocities: bool| {
            let work = Work::new(samples, 2, 1, has_velocities);
            work.bytes(Phase::WeightUpdate, 1, 1)
        };
        let difference = 4.0 * (4.0 * 3.0 - 2.0 * 1.5 + 2.0 * 2.0) * 2.0;
        assert_eq!(bytes(true) - bytes(false), difference);
    }
}
