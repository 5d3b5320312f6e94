//! One pass over samples: what each thread of the team does, block by block.
#![expect(
    unsafe_code,
    reason = "prepared blocks and parts of the logits are shared between two barriers"
)]

use super::blocks::{Block, Blocks};
use super::clock::{Clock, NoClock, Phase, PhaseClock};
use super::exchange::Exchange;
use super::pace::{LongWaits, Pace};
use super::prepared::{PreparedBlocks, Source};
use super::varied::Varied;
use super::worker::Worker;
use crate::augmentation::Augmented;
use crate::backend::barrier::{Barrier, Broken};
use crate::backend::{Optimizer, PassControl, Samples, Seen};
use crate::coarse::Coarse;
use crate::kernels::prepare::BlockLayout;
use crate::kernels::softmax::BlockLoss;
use crate::simd::Isa;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What a training pass has beyond an evaluation.
#[derive(Clone, Copy)]
pub(crate) struct Training<'a> {
    pub optimizer: Optimizer,
    /// One a minibatch.
    pub learning_rates: &'a [f32],
    pub control: &'a PassControl,
    /// Where to tell which samples were known.
    pub seen: Option<Seen<'a>>,
    /// Probability of the true class from which on a sample gives no gradient; 0 skips none.
    pub skip: f32,
    /// Whose variations are trained on.
    pub augmented: Option<Augmented<'a>>,
    /// The blocks of pixels of a coarse pass.
    pub coarse: Option<Coarse>,
}

/// One pass of a team.
///
/// ```text
/// prepare block 0
/// barrier
/// forward of block 0
/// for each block i:
///     prepare chunks of block i + 1, whoever comes first, and vary images of block i + 2
///     barrier                                                             parts are exchanged
///     logits, softmax, loss                                               on every thread
///     for each of the thread's workers:
///         backward and update of its parameters                           reads block i
///         forward: its hidden units and their parts of the logits         reads block i + 1
/// ```
///
/// Chunks are prepared by whichever thread is there first, so that one that owns fewer units, or
/// has a core to itself, works while it would wait for the others.
///
/// A thread has several workers where its weights do not fit its L2, or where fewer threads take part. They go through
/// update and forward pass one after the other, so that each one's weights come from L3 once a step, not twice.
///
/// One barrier a block is enough: what is written before it and read after it exists in copies, as
/// many as a thread can be ahead of another.
pub(crate) struct Pass<'a> {
    pub isa: Isa,
    pub samples: Samples<'a>,
    pub order: &'a [u32],
    pub blocks: Blocks,
    pub layout: BlockLayout,
    pub prepared: &'a PreparedBlocks,
    pub exchange: &'a Exchange,
    pub training: Option<Training<'a>>,
    pub keeps_logits: bool,
    /// What is varied or made coarse on its way into the blocks.
    pub varied: Option<Varied<'a>>,
    /// Block that it begins with.
    pub first: usize,
    /// What the threads wait for each other while they train.
    pub waits: &'a LongWaits,
    /// Chunks of all blocks that a thread has set about to prepare, in their order.
    pub prepared_chunks: AtomicUsize,
    /// Block whose barrier is the last one.
    pub halt_at: AtomicUsize,
}

/// What a pass gave.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Sums of each minibatch, and its samples.
    pub minibatches: Vec<(BlockLoss, usize)>,
    /// Predicted classes, if nothing was trained.
    pub predicted: Vec<u8>,
    /// Logits, `[samples][classes]`, if they were asked for.
    pub logits: Vec<f32>,
    /// Block from which on another number of threads shall go on, if there is one.
    pub goes_on_at: Option<usize>,
}

/// What the first thread alone has.
pub(crate) struct First<'a> {
    pub outcome: &'a mut Outcome,
    /// Where the number of threads may change.
    pub pace: Option<&'a mut Pace>,
}

impl Pass<'_> {
    /// Room for all that the steps append, so that none of them allocates.
    pub(crate) fn reserve(&self, outcome: &mut Outcome) {
        outcome.minibatches.reserve_exact(self.blocks.count());
        if self.training.is_none() {
            outcome.predicted.reserve_exact(self.order.len());
        }
    }

    /// Other threads go on with block `block`, of which this pass has done nothing that counts.
    pub(crate) fn go_on_at(&mut self, block: usize) {
        self.first = block;
        self.prepared_chunks = AtomicUsize::new(0);
        self.halt_at = AtomicUsize::new(usize::MAX);
    }

    /// Keeps what is asked for of a block without training.
    fn keep(&self, worker: &Worker, samples: usize, outcome: &mut Outcome) {
        if self.training.is_none() {
            let predicted = worker.predicted(samples);
            outcome.predicted.extend_from_slice(predicted);
        }
        if self.keeps_logits {
            worker.append_logits(samples, &mut outcome.logits);
        }
    }

    /// Tells which samples of a block were known.
    fn tell_seen(&self, worker: &Worker, block: &Block) {
        let Some(seen) = self.training.and_then(|training| training.seen) else {
            return;
        };
        let order = &self.order[block.samples.clone()];
        let probabilities = worker.true_probabilities(order.len(), block.minibatch_samples);
        for (&sample, probability) in order.iter().zip(probabilities) {
            seen.tell(sample, probability);
        }
    }

    /// [`run`](Self::run) by a clock, if there is one.
    pub(crate) fn run_by(
        &self,
        clock: Option<&Mutex<PhaseClock>>,
        workers: &mut [Worker],
        first: Option<&mut First<'_>>,
        barrier: &Barrier,
    ) -> Result<(), Broken> {
        let Some(clock) = clock else {
            return self.run(workers, first, barrier, &mut NoClock);
        };
        let mut clock = clock.lock().unwrap_or_else(PoisonError::into_inner);
        self.run(workers, first, barrier, &mut *clock)
    }

    /// The work of a thread with its workers. The first thread tells the outcome.
    fn run(
        &self,
        workers: &mut [Worker],
        mut first: Option<&mut First<'_>>,
        barrier: &Barrier,
        clock: &mut impl Clock,
    ) -> Result<(), Broken> {
        clock.begin();
        self.begin(workers, barrier, clock)?;
        let mut total = BlockLoss::default();
        for number in self.first..self.blocks.count() {
            let Some(block) = self.blocks.get(number) else {
                break;
            };
            self.prepare_and_meet(number + 2, barrier, clock)?;
            if self.halt_at.load(Relaxed) <= number {
                break;
            }
            total.add(self.loss(workers, number, &block));
            clock.lap(Phase::Softmax);
            if let Some(first) = &mut first {
                self.keep(&workers[0], block.samples.len(), first.outcome);
                self.tell_seen(&workers[0], &block);
            }
            // Every thread has computed the same loss, so all of them stop here together, before
            // the step could spoil the parameters.
            let is_finite = total.loss.is_finite();
            let ends_minibatch = block.is_last || (self.training.is_some() && !is_finite);
            let minibatch = total;
            if ends_minibatch {
                if let Some(first) = &mut first {
                    let minibatch = (total, block.minibatch_samples);
                    first.outcome.minibatches.push(minibatch);
                }
                total = BlockLoss::default();
            }
            if self.training.is_some() && !is_finite {
                break;
            }
            for worker in &mut *workers {
                if let Some(training) = &self.training {
                    self.backward(worker, number, &block, training, clock);
                }
                self.forward(worker, number + 1, clock);
            }
            if let (Some(training), Some(first)) = (&self.training, &mut first) {
                self.report((number, &block), minibatch, training.control, first);
            }
            clock.lap(Phase::Bookkeeping);
        }
        Ok(())
    }

    /// Gets the first block prepared, and computes its forward pass.
    fn begin(
        &self,
        workers: &mut [Worker],
        barrier: &Barrier,
        clock: &mut impl Clock,
    ) -> Result<(), Broken> {
        if let Some(training) = &self.training {
            for worker in &mut *workers {
                worker.expect(self.blocks.has_several_a_minibatch(), training.skip);
            }
        }
        if self.varied.is_some() {
            self.prepare_and_meet(self.first, barrier, clock)?;
        }
        self.prepare_and_meet(self.first + 1, barrier, clock)?;
        for worker in workers {
            self.forward(worker, self.first, clock);
        }
        Ok(())
    }

    /// Helps to prepare the block before block `next`, and waits for the other threads.
    fn prepare_and_meet(
        &self,
        next: usize,
        barrier: &Barrier,
        clock: &mut impl Clock,
    ) -> Result<(), Broken> {
        self.prepare(next);
        clock.lap(Phase::Prepare);
        let start = Instant::now();
        barrier.wait()?;
        if self.training.is_some() {
            self.waits.add(start.elapsed());
        }
        clock.lap(Phase::Barrier);
        Ok(())
    }

    /// Varies images of block `next`, if that is done in this pass, and prepares chunks of the block before, which
    /// have been varied, until nothing is left.
    fn prepare(&self, next: usize) {
        let groups = self.varied.map_or(0, |_| Varied::GROUPS);
        let chunks = groups + self.prepared.chunks(self.layout);
        let (first, end) = (next * chunks, (next + 1) * chunks);
        // The count never goes beyond the end before all threads have been through here: each then goes to
        // the barrier, and comes back for the next block only after it.
        let take = |count: usize| (count < end).then_some(count.max(first) + 1);
        while let Ok(count) = self.prepared_chunks.fetch_update(Relaxed, Relaxed, take) {
            let chunk = count.max(first) - first;
            if let Some(chunk) = chunk.checked_sub(groups) {
                self.fill(next, chunk);
            } else if let (Some(varied), Some(block)) = (self.varied, self.blocks.get(next)) {
                let block = (next, &self.order[block.samples]);
                // SAFETY: a count is taken by one thread alone, and all are past the barrier after which
                // nobody prepares block `next - 2` any more.
                unsafe { varied.fill(self.isa, self.samples.images(), block, chunk) };
            }
        }
    }

    /// Fills one chunk of the block before block `next`, if it is one of this pass.
    fn fill(&self, next: usize, chunk: usize) {
        let number = next.checked_sub(1).filter(|&number| number >= self.first);
        let Some((number, block)) = number.and_then(|it| Some((it, self.blocks.get(it)?))) else {
            return;
        };
        let (source, samples) = match &self.varied {
            // SAFETY: a barrier stands after the call that varied the block.
            Some(varied) => (unsafe { varied.source(number) }, 0..block.samples.len()),
            None => {
                let (images, order) = (self.samples.images(), self.order);
                (Source { images, order }, block.samples)
            }
        };
        let block = (number, samples);
        // SAFETY: a count is taken by one thread alone. All are past the barrier of block
        // `number - 2`, after which block `number - 3` is no longer read.
        unsafe {
            self.prepared
                .fill(self.isa, self.layout, source, block, chunk);
        }
    }

    /// The forward pass of block `number`, if there is such a block.
    fn forward(&self, worker: &mut Worker, number: usize, clock: &mut impl Clock) {
        let Some(block) = self.blocks.get(number) else {
            return;
        };
        // SAFETY: the barrier of the block before stands between filling and reading.
        let prepared = unsafe {
            self.prepared
                .block(self.layout, number, block.samples.len())
        };
        // SAFETY: after that barrier and before the block's own, its parts are written by their owners.
        unsafe { worker.forward(prepared, number, self.exchange, clock) }
    }

    /// The loss of a block. Every thread computes the same, once for all its workers.
    fn loss(&self, workers: &mut [Worker], number: usize, block: &Block) -> BlockLoss {
        let (worker, others) = workers
            .split_first_mut()
            .expect("no thread is without a worker");
        let order = &self.order[block.samples.clone()];
        let labels = order.iter().map(|&sample| self.samples.label(sample));
        let minibatch_samples = block.minibatch_samples;
        // SAFETY: this is after the barrier of the block and before that of the next.
        let mut loss = unsafe { worker.loss(labels, minibatch_samples, number, self.exchange) };
        if let Some(training) = &self.training {
            loss.skipped = worker.choose(order.len(), minibatch_samples, training.skip);
        }
        for other in others {
            other.take_loss_of(worker);
        }
        loss
    }

    fn backward(
        &self,
        worker: &mut Worker,
        number: usize,
        block: &Block,
        training: &Training<'_>,
        clock: &mut impl Clock,
    ) {
        let rate = training.learning_rates[block.minibatch];
        let rule = training.optimizer.step_rule(rate);
        // SAFETY: the block was filled before the barrier of the block before, and this is before the
        // barrier of the next.
        let prepared = unsafe {
            self.prepared
                .block(self.layout, number, block.samples.len())
        };
        worker.backward(prepared, block, rule, clock);
    }

    /// Tells how far the pass has come, and asks whether it should go on. A wish to stop holds from
    /// the next barrier on, where all threads see it.
    fn report(
        &self,
        (number, block): (usize, &Block),
        minibatch: BlockLoss,
        control: &PassControl,
        first: &mut First<'_>,
    ) {
        if !block.is_last {
            return;
        }
        control.add_minibatch(block.minibatch_samples, minibatch.loss, minibatch.correct);
        control.samples_done.store(block.samples.end, Relaxed);
        let pace = first.pace.as_mut();
        let is_paced = pace.is_some_and(|pace| pace.advance(block.minibatch_samples, self.waits));
        let stops = control.stop.load(Relaxed);
        if stops || is_paced {
            self.halt_at.store(number + 1, Relaxed);
            first.outcome.goes_on_at = (!stops).then_some(number + 1);
        }
    }
}
