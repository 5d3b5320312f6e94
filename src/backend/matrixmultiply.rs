//! The network as products of matrices, computed by the `matrixmultiply` crate in f32.
//!
//! For a minibatch of B samples, the rows of X `[B, inputs]`:
//!
//! ```text
//! H  = sigmoid(X W + b)             [B, hidden]     dS = (softmax(S) - T) / B   [B, classes]
//! S  = H V + c                      [B, classes]    dV = H^T dS,  dc = sum of dS' rows
//! dK = (dS V^T) H (1 - H)           [B, hidden]     dW = X^T dK,  db = sum of dK's rows
//! ```
//!
//! The hidden layer is cut into one slice a thread. A slice owns its columns of W and its rows of
//! V, so a thread computes its part of H, dK, dW and dV and updates its weights without waiting for
//! another. The threads meet once a block, to add up their parts of S.
//!
//! Measured with 784-300-10, B = 100 and two AVX-512 threads, as microseconds: the forward pass
//! takes 207 so, and 228 when each thread takes half of the samples (`matrixmultiply` copies both
//! matrices into tiles, and W is three times as large as X). dW takes 164 so, and 157 when each
//! thread takes half of the inputs, which does not pay for exchanging dK.

mod elementwise;
mod exchange;
mod gemm;
mod slice;
mod worker;

use super::{
    Backend, BackendError, BackendState, Evaluation, MinibatchResult, Optimizer, Samples,
    TrainingPass, check_network, check_parameters, check_pass, check_samples,
};
use crate::engine::barrier::Broken;
use crate::engine::team::Team;
use crate::network::{Parameters, Shape};
use exchange::{Exchange, Seat};
use std::sync::{Mutex, PoisonError};
use worker::Worker;

/// Most samples that are worked on at once; larger minibatches are a series of blocks whose
/// gradients are added up. With 128 samples or 1024, large minibatches took 4 to 9 % longer.
pub const BLOCK_SAMPLES: usize = 256;

/// Hidden units that `matrixmultiply` computes at once with AVX-512: a thread with fewer of them
/// takes no less time.
const TILE_UNITS: usize = 16;

/// Fewest weights for a thread: with fewer, meeting the others takes longer than they save.
const THREAD_WEIGHTS: usize = 1024;

/// Threads among which a network of this shape is worth dividing.
fn useful_threads(shape: Shape) -> usize {
    let weights = (shape.inputs + shape.classes) * shape.hidden;
    let tiles = shape.hidden.div_ceil(TILE_UNITS);
    tiles.min(weights / THREAD_WEIGHTS).max(1)
}

/// A [`Backend`] on top of `matrixmultiply::sgemm`.
pub struct MatrixMultiply {
    shape: Shape,
    has_velocities: bool,
    team: Team,
    workers: Vec<Mutex<Worker>>,
    exchange: Exchange,
}

impl MatrixMultiply {
    /// A backend that trains from `parameters` on, with at most `threads` threads.
    ///
    /// Small networks get fewer threads, because several would be slower;
    /// [`threads`](Backend::threads) tells the number.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there is no such network, [`BackendError::Tensor`] if the
    /// parameters do not fit their shape, [`BackendError::Threads`] if `threads` is 0 or the threads
    /// cannot be started.
    pub fn new(
        parameters: Parameters,
        optimizer: Optimizer,
        threads: usize,
    ) -> Result<Self, BackendError> {
        let shape = parameters.shape;
        check_network(&parameters)?;
        let threads = threads.min(useful_threads(shape));
        let team = Team::new(threads)?;
        let first = |thread: usize| thread * shape.hidden / threads;
        let worker = |thread| {
            let units = first(thread)..first(thread + 1);
            Mutex::new(Worker::new(&parameters, optimizer, units))
        };
        Ok(Self {
            shape,
            has_velocities: optimizer.momentum != 0.0,
            team,
            workers: (0..threads).map(worker).collect(),
            exchange: Exchange::new(threads, BLOCK_SAMPLES * shape.classes),
        })
    }

    fn each_worker(&self, mut work: impl FnMut(&mut Worker)) {
        for worker in &self.workers {
            work(&mut worker.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Calls `work` on all threads at once and returns what the first of them gave.
    fn run<R: Default + Send>(
        &mut self,
        work: impl Fn(&mut Worker, &mut Seat<'_>) -> Result<R, Broken> + Sync,
    ) -> R {
        self.team
            .run_workers(&self.workers, |worker, index, barrier| {
                work(worker, &mut Seat::new(&self.exchange, barrier, index))
            })
    }
}

impl Backend for MatrixMultiply {
    fn name(&self) -> &'static str {
        "matrixmultiply"
    }

    fn threads(&self) -> usize {
        self.team.threads()
    }

    fn train(&mut self, pass: &TrainingPass<'_>) -> Result<Vec<MinibatchResult>, BackendError> {
        check_pass(self.shape, pass)?;
        Ok(self.run(|worker, seat| worker.train(pass, seat)))
    }

    /// As in the trait; the predicted class of a sample with a NaN logit is 0.
    fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
    ) -> Result<Evaluation, BackendError> {
        check_samples(self.shape, samples, order)?;
        Ok(self.run(|worker, seat| worker.evaluate(samples, order, seat)))
    }

    fn logits(&mut self, samples: Samples<'_>, order: &[u32]) -> Result<Vec<f32>, BackendError> {
        check_samples(self.shape, samples, order)?;
        Ok(self.run(|worker, seat| worker.logits(samples, order, seat)))
    }

    fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::zeros(self.shape);
        self.each_worker(|worker| worker.put_into(&mut parameters));
        parameters
    }

    fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), BackendError> {
        check_parameters(self.shape, parameters)?;
        self.each_worker(|worker| worker.take(parameters));
        Ok(())
    }

    fn state(&self) -> BackendState {
        let velocities = self.has_velocities.then(|| {
            let mut velocities = Parameters::zeros(self.shape);
            self.each_worker(|worker| worker.put_velocities_into(&mut velocities));
            velocities
        });
        BackendState::of_f32(self.parameters(), velocities)
    }

    fn restore(&mut self, state: &BackendState) -> Result<(), BackendError> {
        let (parameters, velocities) = state.to_f32(self.shape, self.has_velocities)?;
        self.each_worker(|worker| {
            worker.take(&parameters);
            if let Some(velocities) = &velocities {
                worker.take_velocities(velocities);
            }
        });
        Ok(())
    }
}
