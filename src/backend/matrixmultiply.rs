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
//! another. Twice a block rayon hands the slices out: for their parts of S, and for what follows it.
//!
//! Measured with 784-300-10, B = 100 and two AVX-512 threads, as microseconds: the forward pass
//! takes 207 so, and 228 when each thread takes half of the samples (`matrixmultiply` copies both
//! matrices into tiles, and W is three times as large as X). dW takes 164 so, and 157 when each
//! thread takes half of the inputs, which does not pay for exchanging dK.

mod elementwise;
mod gemm;
mod slice;

use super::{
    Backend, BackendError, BackendState, Evaluation, MinibatchResult, Optimizer, Samples,
    TrainingPass, Values, check_network, check_parameters, check_pass, check_samples, team,
    train_minibatches,
};
use crate::kernels::rule::StepRule;
use crate::network::{Parameters, Shape};
use crate::simd::environment;
use elementwise::{add_rows, convert, softmax_cross_entropy, step};
use gemm::Matrix;
use rayon::prelude::*;
use slice::{BlockRole, HiddenSlice};
use std::borrow::Cow;

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
    optimizer: Optimizer,
    pool: rayon::ThreadPool,
    slices: Vec<HiddenSlice>,
    /// c, `[classes]`, its velocity and its gradient.
    bias: Vec<f32>,
    velocity: Vec<f32>,
    gradient: Vec<f32>,
    /// X, `[block][inputs]`.
    inputs: Vec<f32>,
    /// S, then dS, `[block][classes]`.
    deltas: Vec<f32>,
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
        let pool = team::thread_pool(threads)?;
        let first = |thread: usize| thread * shape.hidden / threads;
        let units = |thread| first(thread)..first(thread + 1);
        let slice = |thread| HiddenSlice::new(&parameters, units(thread), BLOCK_SAMPLES);
        Ok(Self {
            shape,
            optimizer,
            pool,
            slices: (0..threads).map(slice).collect(),
            bias: parameters.linear2_bias.clone(),
            velocity: vec![0.0; shape.classes],
            gradient: vec![0.0; shape.classes],
            inputs: vec![0.0; BLOCK_SAMPLES * shape.inputs],
            deltas: vec![0.0; BLOCK_SAMPLES * shape.classes],
        })
    }

    /// Calls `work` with every slice, each on a thread.
    fn each_slice(
        pool: &rayon::ThreadPool,
        slices: &mut [HiddenSlice],
        work: impl Fn(&mut HiddenSlice) + Sync,
    ) {
        match slices {
            [slice] => work(slice),
            slices => pool.install(|| slices.par_iter_mut().with_max_len(1).for_each(&work)),
        }
    }

    /// X, H, and S = H V + c: the parts of the slices are added in their order.
    fn forward<'a>(&mut self, block: &[u32], image: impl Fn(u32) -> Cow<'a, [u8]>) {
        let Shape {
            inputs, classes, ..
        } = self.shape;
        let x = &mut self.inputs[..block.len() * inputs];
        for (row, &sample) in x.chunks_exact_mut(inputs).zip(block) {
            convert(&image(sample), row);
        }
        let x = Matrix::new(x, inputs);
        Self::each_slice(&self.pool, &mut self.slices, |slice| slice.forward(x));
        let deltas = &mut self.deltas[..block.len() * classes];
        for row in deltas.chunks_exact_mut(classes) {
            row.copy_from_slice(&self.bias);
        }
        for slice in &self.slices {
            for (delta, part) in deltas.iter_mut().zip(slice.logits()) {
                *delta += part;
            }
        }
    }

    /// dS = (softmax(S) - T) `scale`; adds the samples to `total`, whose loss is a sum here.
    fn softmax(&mut self, samples: Samples<'_>, block: &[u32], scale: f32, total: &mut Evaluation) {
        let rows = self.deltas.chunks_exact_mut(self.shape.classes);
        for (row, &sample) in rows.zip(block) {
            let label = samples.label(sample);
            let found = softmax_cross_entropy(row, label, scale);
            total.loss += found.loss;
            total.correct += usize::from(found.predicted == Some(label));
            total.predicted.push(found.predicted.unwrap_or(0));
        }
    }

    /// Gradients of the block in `inputs` and `deltas`, and the step where `role` asks for it.
    fn backward(&mut self, samples: usize, role: BlockRole) {
        let Shape {
            inputs, classes, ..
        } = self.shape;
        let deltas = &self.deltas[..samples * classes];
        add_rows(1.0, deltas, role.kept(), &mut self.gradient);
        if role.is_last {
            let rule = role.rule.for_bias();
            step(rule, &mut self.bias, &mut self.velocity, &self.gradient);
        }
        let x = Matrix::new(&self.inputs[..samples * inputs], inputs);
        let ds = Matrix::new(deltas, classes);
        Self::each_slice(&self.pool, &mut self.slices, |slice| {
            slice.backward(x, ds, role);
        });
    }

    /// Loss and step of a minibatch; no step where the loss is not finite.
    fn minibatch(
        &mut self,
        pass: &TrainingPass<'_>,
        order: &[u32],
        rule: StepRule,
    ) -> MinibatchResult {
        let blocks = order.len().div_ceil(BLOCK_SAMPLES);
        let scale = 1.0 / order.len() as f32;
        let mut total = Evaluation::default();
        for (index, block) in order.chunks(BLOCK_SAMPLES).enumerate() {
            self.forward(block, |sample| pass.image(sample));
            self.softmax(pass.samples, block, scale, &mut total);
            // Once it is not finite, the sum of the losses never is again.
            if total.loss.is_finite() {
                let role = BlockRole {
                    is_first: index == 0,
                    is_last: index + 1 == blocks,
                    rule,
                };
                self.backward(block.len(), role);
            }
        }
        MinibatchResult {
            loss: total.loss / order.len() as f64,
            correct: total.correct,
            samples: order.len(),
            skipped: 0,
        }
    }

    fn has_velocities(&self) -> bool {
        self.optimizer.momentum != 0.0
    }
}

impl Backend for MatrixMultiply {
    fn name(&self) -> &'static str {
        "matrixmultiply"
    }

    fn threads(&self) -> usize {
        self.slices.len()
    }

    fn train(&mut self, pass: &TrainingPass<'_>) -> Result<Vec<MinibatchResult>, BackendError> {
        check_pass(self.shape, pass)?;
        let optimizer = self.optimizer;
        Ok(train_minibatches(pass, |order, learning_rate| {
            self.minibatch(pass, order, optimizer.step_rule(learning_rate))
        }))
    }

    fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
    ) -> Result<Evaluation, BackendError> {
        check_samples(self.shape, samples, order)?;
        let _environment = environment::Standard::set();
        let mut total = Evaluation::default();
        total.predicted.reserve(order.len());
        for block in order.chunks(BLOCK_SAMPLES) {
            self.forward(block, |sample| samples.image(sample).into());
            self.softmax(samples, block, 1.0, &mut total);
        }
        total.loss /= order.len() as f64;
        Ok(total)
    }

    fn logits(&mut self, samples: Samples<'_>, order: &[u32]) -> Result<Vec<f32>, BackendError> {
        check_samples(self.shape, samples, order)?;
        let _environment = environment::Standard::set();
        let mut logits = Vec::with_capacity(order.len() * self.shape.classes);
        for block in order.chunks(BLOCK_SAMPLES) {
            self.forward(block, |sample| samples.image(sample).into());
            logits.extend_from_slice(&self.deltas[..block.len() * self.shape.classes]);
        }
        Ok(logits)
    }

    fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::zeros(self.shape);
        for slice in &self.slices {
            slice.parameters.put_into(&mut parameters, &slice.units);
        }
        parameters.linear2_bias.clone_from(&self.bias);
        parameters
    }

    fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), BackendError> {
        check_parameters(self.shape, parameters)?;
        for slice in &mut self.slices {
            slice.parameters = slice::Tensors::cut_from(parameters, &slice.units);
        }
        self.bias.clone_from(&parameters.linear2_bias);
        Ok(())
    }

    fn state(&self) -> BackendState {
        let velocities = self.has_velocities().then(|| {
            let mut velocities = Parameters::zeros(self.shape);
            for slice in &self.slices {
                slice.velocities.put_into(&mut velocities, &slice.units);
            }
            velocities.linear2_bias.clone_from(&self.velocity);
            velocities
        });
        BackendState::F32(Values {
            parameters: self.parameters(),
            velocities,
        })
    }

    fn restore(&mut self, state: &BackendState) -> Result<(), BackendError> {
        let values = state.as_f32(self.shape, self.has_velocities())?;
        if let Some(velocities) = &values.velocities {
            for slice in &mut self.slices {
                slice.velocities = slice::Tensors::cut_from(velocities, &slice.units);
            }
            self.velocity.clone_from(&velocities.linear2_bias);
        }
        self.set_parameters(&values.parameters)
    }
}
