//! The fused engine: minibatch SGD on all threads at once, with bits that do not depend on them.
//!
//! The hidden layer is cut among the threads. Each thread owns its units with all their weights and
//! computes, in every step, their activations, their part of the logits, their gradients and their
//! update. Only the parts of the logits are exchanged, and the samples are prepared together. No
//! gradient is ever added up across threads.
//!
//! So each number has one owner and one order of summation, whatever the number of threads and the
//! width of the vectors: the same seed gives the same model, byte for byte.

mod blocks;
mod clock;
mod exchange;
mod pace;
mod pass;
mod plan;
mod precision;
mod prepared;
mod profile;
mod varied;
mod worker;

use crate::backend::team::Team;
use crate::backend::{
    Backend, BackendError, BackendState, Evaluation, MinibatchResult, Optimizer, Samples,
    TrainingPass, Values, check_network, check_parameters, check_pass, check_samples,
};
use crate::coarse::Coarse;
use crate::kernels::CLASS_PADDING;
use crate::kernels::integers::MOST_INPUTS;
use crate::kernels::prepare::BlockLayout;
use crate::kernels::softmax::BlockLoss;
use crate::network::{Parameters, Shape};
use crate::simd::Isa;
pub use crate::simd::tiles::BLOCK_SAMPLES;
use blocks::Blocks;
pub use clock::{Phase, PhaseClock, PhaseTime};
use exchange::Exchange;
use pace::{LongWaits, Pace};
use pass::{First, Outcome, Pass, Training};
use plan::Plan;
pub(crate) use plan::most_workers;
pub use precision::{Precision, UnknownPrecision};
use prepared::PreparedBlocks;
pub use profile::Profile;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use varied::{Varied, VariedImages};
use worker::Worker;

/// The fused engine, a [`Backend`].
pub struct Engine {
    isa: Isa,
    precision: Precision,
    shape: Shape,
    optimizer: Optimizer,
    team: Team,
    workers: Vec<Worker>,
    prepared: PreparedBlocks,
    /// Made for the first pass that needs it.
    varied: Option<VariedImages>,
    exchange: Exchange,
    clocks: Option<Arc<Profile>>,
    pace: Pace,
    waits: LongWaits,
}

/// What a pass is for.
#[derive(Clone, Copy)]
enum Work<'a> {
    Train(Training<'a>),
    Evaluate,
    /// As an evaluation, and the logits are kept.
    KeepLogits,
}

impl Engine {
    /// An engine that trains from `parameters` on, with so many threads.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there is no such network, [`BackendError::Tensor`] if the
    /// parameters do not fit their shape, [`BackendError::Threads`] if the threads cannot be started.
    pub fn new(
        parameters: &Parameters,
        optimizer: Optimizer,
        threads: usize,
        isa: Isa,
    ) -> Result<Self, BackendError> {
        Self::in_precision(parameters, optimizer, threads, isa, Precision::F32)
    }

    /// The same in a precision.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`BackendError::Shape`] if there are too many inputs for integers.
    pub fn in_precision(
        parameters: &Parameters,
        optimizer: Optimizer,
        threads: usize,
        isa: Isa,
        precision: Precision,
    ) -> Result<Self, BackendError> {
        let panels = plan::panels(parameters.shape, threads);
        Self::in_panels(parameters, optimizer, (threads, panels), isa, precision)
    }

    /// The same with so many workers a thread.
    fn in_panels(
        parameters: &Parameters,
        optimizer: Optimizer,
        (threads, panels): (usize, usize),
        isa: Isa,
        precision: Precision,
    ) -> Result<Self, BackendError> {
        let shape = parameters.shape;
        check_network(parameters)?;
        let isa = match precision {
            Precision::F32 => isa,
            Precision::Int16 if shape.inputs > MOST_INPUTS => {
                return Err(BackendError::Shape { found: shape });
            }
            Precision::Int16 => isa.exact(),
        };
        let team = Team::new(threads)?;
        let shares = threads * panels;
        let plan = Arc::new(Plan::new(shape.hidden, shares));
        let class_stride = shape.classes.next_multiple_of(CLASS_PADDING);
        let has_velocities = optimizer.momentum != 0.0;
        let worker = |share| Worker::new(isa, &plan, share, parameters, has_velocities, precision);
        Ok(Self {
            isa,
            precision,
            shape,
            optimizer,
            workers: (0..shares).map(worker).collect(),
            prepared: PreparedBlocks::new(shape.inputs, threads),
            varied: None,
            exchange: Exchange::new(&plan, BLOCK_SAMPLES * class_stride),
            team,
            clocks: None,
            pace: Pace::new(threads),
            waits: LongWaits::default(),
        })
    }

    /// Clocks every training pass from here on, or none any more. That changes no result; the clocks go on from
    /// where they stand.
    ///
    /// # Panics
    /// If there is not one clock for each thread.
    pub fn set_clocks(&mut self, clocks: Option<Arc<Profile>>) {
        if let Some(profile) = &clocks {
            assert_eq!(profile.len(), self.threads(), "one clock a thread");
        }
        self.clocks = clocks;
    }

    /// Hidden units that each thread owns.
    pub fn units(&self) -> Vec<usize> {
        let of_thread = self.workers.chunks(self.workers.len() / self.threads());
        of_thread
            .map(|workers| workers.iter().map(Worker::units).sum())
            .collect()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    fn has_velocities(&self) -> bool {
        self.optimizer.momentum != 0.0
    }

    /// Calls `work` with each worker, on its thread.
    fn each_worker(&mut self, work: impl Fn(&mut Worker) + Sync) {
        let threads = self.team.threads();
        self.team
            .run_workers(threads, &mut self.workers, |workers, _, _| {
                workers.iter_mut().for_each(&work);
                Ok(())
            });
    }

    fn run(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
        blocks: Blocks,
        work: Work<'_>,
    ) -> Outcome {
        let clocks = self.clocks.as_deref();
        let clocks = clocks.filter(|_| matches!(work, Work::Train(_)));
        let training = match work {
            Work::Train(training) => Some(training),
            Work::Evaluate | Work::KeepLogits => None,
        };
        let augmented = training.and_then(|training| training.augmented);
        let coarse = training.and_then(|training| training.coarse);
        let inputs = coarse.map_or(self.shape.inputs, Coarse::inputs);
        let is_varied = augmented.is_some() || coarse.is_some();
        let varied = is_varied.then(|| Varied {
            augmented,
            coarse,
            images: self
                .varied
                .get_or_insert_with(|| VariedImages::new(self.shape.inputs)),
        });
        let mut pass = Pass {
            isa: self.isa,
            samples,
            order,
            blocks,
            layout: layout(self.precision, inputs, blocks),
            prepared: &self.prepared,
            exchange: &self.exchange,
            training,
            keeps_logits: matches!(work, Work::KeepLogits),
            varied,
            first: 0,
            waits: &self.waits,
            prepared_chunks: AtomicUsize::new(0),
            halt_at: AtomicUsize::new(usize::MAX),
        };
        let mut outcome = Outcome::default();
        pass.reserve(&mut outcome);
        loop {
            // Times of phases are told for all threads.
            let active = clocks.map_or(self.pace.threads(), |_| self.team.threads());
            self.pace.begin();
            let first = Mutex::new(First {
                outcome: &mut outcome,
                pace: clocks.is_none().then_some(&mut self.pace),
            });
            self.team
                .run_workers(active, &mut self.workers, |workers, index, barrier| {
                    let mut first =
                        (index == 0).then(|| first.lock().unwrap_or_else(PoisonError::into_inner));
                    let clock = clocks.map(|clocks| clocks.of_thread(index));
                    pass.run_by(clock, workers, first.as_deref_mut(), barrier)
                });
            let Some(block) = outcome.goes_on_at.take() else {
                return outcome;
            };
            pass.go_on_at(block);
        }
    }
}

/// Sizes of the blocks of a pass.
fn layout(precision: Precision, inputs: usize, blocks: Blocks) -> BlockLayout {
    let layout = BlockLayout::new(inputs, blocks.largest());
    match precision {
        Precision::F32 => layout,
        Precision::Int16 => layout.paired(),
    }
}

/// The order of a pass with the samples of each block sorted by their class, one after the other into its two
/// halves: where samples are taken in pairs, those of a pair are alike, and have their zeros in common.
fn in_like_pairs(pass: &TrainingPass<'_>, blocks: Blocks, classes: usize) -> Vec<u32> {
    let mut order = Vec::with_capacity(pass.order.len());
    for block in (0..).map_while(|number| blocks.get(number)) {
        let samples = &pass.order[block.samples];
        let labels = samples.iter().map(|&sample| pass.samples.label(sample));
        // Where the samples of each class begin, then where the next one goes.
        let mut places = [0; 1 << u8::BITS];
        for label in labels.clone() {
            places[usize::from(label)] += 1;
        }
        let mut before = 0;
        for place in &mut places[..classes] {
            before += std::mem::replace(place, before);
        }
        let mut sorted = [0; BLOCK_SAMPLES];
        for (&sample, label) in samples.iter().zip(labels) {
            let place = &mut places[usize::from(label)];
            sorted[*place] = sample;
            *place += 1;
        }
        let sorted = &sorted[..samples.len()];
        order.extend(sorted.iter().step_by(2));
        order.extend(sorted.iter().skip(1).step_by(2));
    }
    order
}

impl Backend for Engine {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn threads(&self) -> usize {
        self.team.threads()
    }

    fn train(&mut self, pass: &TrainingPass<'_>) -> Result<Vec<MinibatchResult>, BackendError> {
        check_pass(self.shape, pass)?;
        let training = Training {
            optimizer: self.optimizer,
            learning_rates: pass.learning_rates,
            control: pass.control,
            seen: pass.seen,
            skip: pass.skip,
            augmented: pass.augmented,
            coarse: pass.blocks(),
        };
        let blocks = Blocks::new(pass.order.len(), pass.batch_size);
        let paired;
        let order = match self.precision {
            Precision::F32 => pass.order,
            Precision::Int16 => {
                paired = in_like_pairs(pass, blocks, self.shape.classes);
                &paired
            }
        };
        if let Some(coarse) = training.coarse {
            self.each_worker(|worker| worker.begin_coarse(coarse));
        }
        let outcome = self.run(pass.samples, order, blocks, Work::Train(training));
        if training.coarse.is_some() {
            self.each_worker(Worker::end_coarse);
        }
        let result = |(total, samples): (BlockLoss, usize)| MinibatchResult {
            loss: total.loss / samples as f64,
            correct: total.correct,
            samples,
            skipped: total.skipped,
        };
        Ok(outcome.minibatches.into_iter().map(result).collect())
    }

    fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
    ) -> Result<Evaluation, BackendError> {
        check_samples(self.shape, samples, order)?;
        let blocks = Blocks::new(order.len(), BLOCK_SAMPLES);
        let outcome = self.run(samples, order, blocks, Work::Evaluate);
        let totals = outcome.minibatches.iter().map(|(total, _)| total);
        let loss: f64 = totals.clone().map(|total| total.loss).sum();
        Ok(Evaluation {
            loss: loss / order.len() as f64,
            correct: totals.map(|total| total.correct).sum(),
            predicted: outcome.predicted,
        })
    }

    fn logits(&mut self, samples: Samples<'_>, order: &[u32]) -> Result<Vec<f32>, BackendError> {
        check_samples(self.shape, samples, order)?;
        let blocks = Blocks::new(order.len(), BLOCK_SAMPLES);
        let outcome = self.run(samples, order, blocks, Work::KeepLogits);
        Ok(outcome.logits)
    }

    fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::zeros(self.shape);
        self.put_parameters_into(&mut parameters);
        parameters
    }

    fn put_parameters_into(&self, target: &mut Parameters) {
        for worker in &self.workers {
            worker.put_slice_into(target);
        }
    }

    fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), BackendError> {
        check_parameters(self.shape, parameters)?;
        for worker in &mut self.workers {
            worker.take_slice_of(parameters);
        }
        Ok(())
    }

    fn state(&self) -> BackendState {
        let velocities = self.has_velocities().then(|| {
            let mut velocities = Parameters::zeros(self.shape);
            for worker in &self.workers {
                worker.put_velocities_into(&mut velocities);
            }
            velocities
        });
        BackendState::F32(Values {
            parameters: self.parameters(),
            velocities,
        })
    }

    fn restore(&mut self, state: &BackendState) -> Result<(), BackendError> {
        let values = state.as_f32(self.shape, self.has_velocities())?;
        for worker in &mut self.workers {
            worker.take_slice_of(&values.parameters);
            if let Some(velocities) = &values.velocities {
                worker.take_velocities_of(velocities);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
