//! What one thread computes: its slice of the hidden layer, and all that is not worth sharing.

use super::BLOCK_SAMPLES;
use super::elementwise::{add_rows, convert, softmax_cross_entropy, step};
use super::exchange::Seat;
use super::gemm::Matrix;
use super::slice::{BlockRole, HiddenSlice};
use crate::backend::{Evaluation, MinibatchResult, Optimizer, Samples, TrainingPass};
use crate::engine::barrier::Broken;
use crate::kernels::rule::StepRule;
use crate::network::{Parameters, Shape};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

/// A thread's part of the network.
///
/// X, dS, c and the losses exist on each thread: to compute them again takes less time than to
/// wait for another thread that does. All threads compute the same bits, so they decide alike.
pub(super) struct Worker {
    shape: Shape,
    optimizer: Optimizer,
    slice: HiddenSlice,
    /// c, `[classes]`.
    bias: Vec<f32>,
    /// Velocity of c.
    velocity: Vec<f32>,
    /// Gradient of c.
    gradient: Vec<f32>,
    /// X, `[block][inputs]`.
    inputs: Vec<f32>,
    /// S, then dS, `[block][classes]`.
    deltas: Vec<f32>,
}

/// Sums over samples.
#[derive(Clone, Copy, Default)]
struct Total {
    loss: f64,
    correct: usize,
}

/// Whether a block was computed, or the pass ends before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forward {
    Done,
    Refused,
}

impl Worker {
    /// The owner of the hidden units `units`.
    pub(super) fn new(parameters: &Parameters, optimizer: Optimizer, units: Range<usize>) -> Self {
        let shape = parameters.shape;
        Self {
            shape,
            optimizer,
            slice: HiddenSlice::new(parameters, units, BLOCK_SAMPLES),
            bias: parameters.linear2_bias.clone(),
            velocity: vec![0.0; shape.classes],
            gradient: vec![0.0; shape.classes],
            inputs: vec![0.0; BLOCK_SAMPLES * shape.inputs],
            deltas: vec![0.0; BLOCK_SAMPLES * shape.classes],
        }
    }

    /// The thread's part of [`Backend::train`](crate::backend::Backend::train).
    ///
    /// # Errors
    /// [`Broken`] if another thread has panicked.
    pub(super) fn train(
        &mut self,
        pass: &TrainingPass<'_>,
        seat: &mut Seat<'_>,
    ) -> Result<Vec<MinibatchResult>, Broken> {
        let mut results = Vec::with_capacity(pass.learning_rates.len());
        let mut done = 0;
        let minibatches = pass.order.chunks(pass.batch_size);
        for (order, &learning_rate) in minibatches.zip(pass.learning_rates) {
            // One thread asks, and the others hear it in the first block. So a wish to stop ends
            // the pass on all threads after the same minibatch, and after one at least.
            let refuse = seat.is_first() && done > 0 && pass.control.stop.load(Relaxed);
            let result = self.minibatch(pass.samples, order, learning_rate, refuse, seat)?;
            let Some(result) = result else {
                break;
            };
            results.push(result);
            if !result.loss.is_finite() {
                break;
            }
            done += result.samples;
            if seat.is_first() {
                let loss = result.loss * result.samples as f64;
                pass.control
                    .add_minibatch(result.samples, loss, result.correct);
                pass.control.samples_done.store(done, Relaxed);
            }
        }
        Ok(results)
    }

    /// Loss and step of a minibatch; no step where the loss is not finite. `None` if the minibatch
    /// was refused by any thread.
    fn minibatch(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
        learning_rate: f32,
        refuse: bool,
        seat: &mut Seat<'_>,
    ) -> Result<Option<MinibatchResult>, Broken> {
        let rule = StepRule {
            learning_rate,
            momentum: self.optimizer.momentum,
            nesterov: self.optimizer.nesterov,
            weight_decay: self.optimizer.weight_decay,
        };
        let blocks = order.len().div_ceil(BLOCK_SAMPLES);
        let scale = 1.0 / order.len() as f32;
        let mut total = Total::default();
        for (index, block) in order.chunks(BLOCK_SAMPLES).enumerate() {
            if self.forward(samples, block, refuse, seat)? == Forward::Refused {
                return Ok(None);
            }
            self.softmax(samples, block, scale, &mut total, |_| ());
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
        Ok(Some(MinibatchResult {
            loss: total.loss / order.len() as f64,
            correct: total.correct,
            samples: order.len(),
        }))
    }

    /// The thread's part of [`Backend::evaluate`](crate::backend::Backend::evaluate).
    ///
    /// # Errors
    /// [`Broken`] if another thread has panicked.
    pub(super) fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
        seat: &mut Seat<'_>,
    ) -> Result<Evaluation, Broken> {
        let mut total = Total::default();
        let mut predicted = Vec::with_capacity(order.len());
        for block in order.chunks(BLOCK_SAMPLES) {
            self.forward(samples, block, false, seat)?;
            self.softmax(samples, block, 1.0, &mut total, |class| {
                predicted.push(class.unwrap_or(0));
            });
        }
        Ok(Evaluation {
            loss: total.loss / order.len() as f64,
            correct: total.correct,
            predicted,
        })
    }

    /// The thread's part of [`Backend::logits`](crate::backend::Backend::logits).
    ///
    /// # Errors
    /// [`Broken`] if another thread has panicked.
    pub(super) fn logits(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
        seat: &mut Seat<'_>,
    ) -> Result<Vec<f32>, Broken> {
        let mut logits = Vec::with_capacity(order.len() * self.shape.classes);
        for block in order.chunks(BLOCK_SAMPLES) {
            self.forward(samples, block, false, seat)?;
            logits.extend_from_slice(&self.deltas[..block.len() * self.shape.classes]);
        }
        Ok(logits)
    }

    /// X, the slice's part of H, and S = H V + c from the parts of all threads. Nothing is computed
    /// where a thread has refused the block.
    fn forward(
        &mut self,
        samples: Samples<'_>,
        block: &[u32],
        refuse: bool,
        seat: &mut Seat<'_>,
    ) -> Result<Forward, Broken> {
        let Shape {
            inputs, classes, ..
        } = self.shape;
        let logits = block.len() * classes;
        let x = &mut self.inputs[..block.len() * inputs];
        for (row, &sample) in x.chunks_exact_mut(inputs).zip(block) {
            convert(samples.image(sample), row);
        }
        let deltas = &mut self.deltas[..logits];
        for row in deltas.chunks_exact_mut(classes) {
            row.copy_from_slice(&self.bias);
        }
        let slice = &mut self.slice;
        let mut is_refused = false;
        seat.meet(
            |own| {
                own.is_refused = refuse;
                if !refuse {
                    slice.forward(Matrix::new(x, inputs), &mut own.logits[..logits]);
                }
            },
            |part| {
                is_refused |= part.is_refused;
                for (delta, part) in deltas.iter_mut().zip(&part.logits) {
                    *delta += part;
                }
            },
        )?;
        Ok(if is_refused {
            Forward::Refused
        } else {
            Forward::Done
        })
    }

    /// dS = (softmax(S) - T) `scale`; adds the samples to `total` and tells their predicted
    /// classes.
    fn softmax(
        &mut self,
        samples: Samples<'_>,
        block: &[u32],
        scale: f32,
        total: &mut Total,
        mut predicted: impl FnMut(Option<u8>),
    ) {
        let rows = self.deltas.chunks_exact_mut(self.shape.classes);
        for (row, &sample) in rows.zip(block) {
            let label = samples.label(sample);
            let found = softmax_cross_entropy(row, label, scale);
            total.loss += found.loss;
            total.correct += usize::from(found.predicted == Some(label));
            predicted(found.predicted);
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
        self.slice.backward(x, Matrix::new(deltas, classes), role);
    }

    /// Writes the thread's parameters to their places among those of the whole network.
    pub(super) fn put_into(&self, parameters: &mut Parameters) {
        self.slice.put_into(parameters);
        parameters.linear2_bias.clone_from(&self.bias);
    }

    /// The inverse of [`put_into`](Self::put_into).
    pub(super) fn take(&mut self, parameters: &Parameters) {
        self.slice.take(parameters);
        self.bias.clone_from(&parameters.linear2_bias);
    }

    /// [`put_into`](Self::put_into) for the velocities.
    pub(super) fn put_velocities_into(&self, velocities: &mut Parameters) {
        self.slice.put_velocities_into(velocities);
        velocities.linear2_bias.clone_from(&self.velocity);
    }

    /// [`take`](Self::take) for the velocities.
    pub(super) fn take_velocities(&mut self, velocities: &Parameters) {
        self.slice.take_velocities(velocities);
        self.velocity.clone_from(&velocities.linear2_bias);
    }
}
