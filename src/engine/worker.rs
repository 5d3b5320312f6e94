//! What a worker owns: a slice of the hidden layer with all its weights, and what it needs to
//! compute with it.
#![expect(
    unsafe_code,
    reason = "the parts of the logits are exchanged through shared buffers"
)]

mod coarse;
mod integers;
mod selection;
mod slice;

use super::Precision;
use super::blocks::Block;
use super::clock::{Clock, Phase};
use super::exchange::{Exchange, add_up, spare_entries};
use super::plan::{Node, Plan, SumStep};
use crate::backend::AlignedBuffer;
use crate::coarse::{BLOCK, Coarse};
use crate::kernels::forward::Forward;
use crate::kernels::hidden_delta::HiddenDelta;
use crate::kernels::logits::{AddParts, LeafLogits};
use crate::kernels::output_update::{ColumnSums, DenseStep, OutputGradient, OutputRows};
use crate::kernels::prepare::{Pattern, PreparedBlock};
use crate::kernels::rule::StepRule;
use crate::kernels::softmax::{BlockLoss, SoftmaxCrossEntropy};
use crate::kernels::weight_update::{WeightUpdate, Weights, weight_rows};
use crate::kernels::{BLOCK_SAMPLES, CLASS_PADDING};
use crate::network::{Parameters, Shape};
use crate::simd::{Isa, MAX_LANES};
use integers::Integers;
use selection::Selection;
use std::ops::Range;
use std::sync::Arc;

/// A node of the sum tree that a worker adds up, from the leaves it owns.
#[derive(Debug)]
struct OwnedNode {
    node: Node,
    program: Vec<SumStep>,
}

/// A slice of the network, and its workspace; a thread has one or more of them.
///
/// Of a hidden layer of 300 units on two threads, each owns 150: 470 KB of W, which stay in its L2. Of 4,096 each
/// thread has 16 workers of 128.
/// V and c are small; c and its gradient are computed by every worker in the same way.
#[derive(Debug)]
pub(crate) struct Worker {
    isa: Isa,
    shape: Shape,
    plan: Arc<Plan>,
    units: Range<usize>,
    nodes: Vec<OwnedNode>,
    /// Units padded to whole vectors: the length of a row of every slice below.
    stride: usize,
    /// Classes padded to whole vectors.
    class_stride: usize,

    /// W, `[weight_rows][stride]`.
    weights: Tensor,
    /// W as integers, where the first layer computes with them.
    integers: Option<Integers>,
    /// b, `[stride]`.
    bias: Tensor,
    /// V transposed, `[class_stride][stride]`.
    output_weights: Tensor,
    /// c, `[class_stride]`.
    output_bias: Tensor,
    /// V, `[stride][class_stride]`, a copy for the forward pass.
    output_rows: AlignedBuffer<f32>,
    /// dW, `[weight_rows][stride]`, for minibatches of several blocks; 0 between minibatches.
    weight_gradient: Option<AlignedBuffer<f32>>,
    /// Samples of the block at hand that give a gradient, where not all do.
    selection: Option<Selection>,

    /// h, then dk, `[samples][stride]`.
    hidden: AlignedBuffer<f32>,
    /// s, `[samples][class_stride]`.
    logits: AlignedBuffer<f32>,
    /// ds, `[samples][class_stride]`.
    output_delta: AlignedBuffer<f32>,
    /// Partial sums of logits.
    spare: AlignedBuffer<f32>,
    /// Rows of the softmax.
    scratch: AlignedBuffer<f32>,
    /// The blocks of pixels, while the first rows of W are theirs.
    coarse: Option<Coarse>,
    /// How the inputs of the block at hand lie.
    pattern: Pattern,
    labels: [u8; BLOCK_SAMPLES],
    predicted: [u8; BLOCK_SAMPLES],
}

/// Parameters, their velocities where the optimizer keeps them, and their gradient where it lies in
/// memory.
#[derive(Debug)]
struct Tensor {
    values: AlignedBuffer<f32>,
    velocities: AlignedBuffer<f32>,
    gradient: AlignedBuffer<f32>,
}

impl Tensor {
    fn new(len: usize, has_velocities: bool, has_gradient: bool) -> Self {
        let present = |is_present: bool| if is_present { len } else { 0 };
        Self {
            values: AlignedBuffer::new(len, 0.0),
            velocities: AlignedBuffer::new(present(has_velocities), 0.0),
            gradient: AlignedBuffer::new(present(has_gradient), 0.0),
        }
    }

    fn step(&mut self, isa: Isa, rule: StepRule) {
        isa.run(DenseStep {
            rule,
            parameters: &mut self.values[..self.gradient.len()],
            velocities: &mut self.velocities,
            gradients: &self.gradient,
        });
    }
}

impl Worker {
    /// The worker of a share of a plan.
    pub(crate) fn new(
        isa: Isa,
        plan: &Arc<Plan>,
        share: usize,
        parameters: &Parameters,
        has_velocities: bool,
        precision: Precision,
    ) -> Self {
        let shape = parameters.shape;
        let share = &plan.shares[share];
        let stride = share.units.len().next_multiple_of(isa.lanes());
        let class_stride = shape.classes.next_multiple_of(CLASS_PADDING);
        let is_leaf = |node| plan.tree.units_of_leaf(node).is_some();
        let nodes: Vec<OwnedNode> = share
            .nodes
            .iter()
            .map(|&node| OwnedNode {
                node,
                program: plan.tree.program(node, &is_leaf),
            })
            .collect();
        let programs = nodes.iter().map(|node| &node.program);
        let spare = programs
            .chain([&plan.combine])
            .map(|program| spare_entries(program))
            .max()
            .unwrap_or(0);
        let tensor = |len, has_gradient| Tensor::new(len, has_velocities, has_gradient);
        let mut worker = Self {
            isa,
            shape,
            plan: Arc::clone(plan),
            units: share.units.clone(),
            nodes,
            stride,
            class_stride,
            weights: tensor(weight_rows(shape.inputs) * stride, false),
            integers: (precision == Precision::Int16).then(|| Integers::new(shape.inputs, stride)),
            bias: tensor(stride, true),
            output_weights: Tensor {
                values: AlignedBuffer::new(class_stride * stride, 0.0),
                ..tensor(shape.classes * stride, true)
            },
            output_bias: tensor(class_stride, true),
            output_rows: AlignedBuffer::new(stride * class_stride, 0.0),
            weight_gradient: None,
            selection: None,
            hidden: AlignedBuffer::new(BLOCK_SAMPLES * stride, 0.0),
            logits: AlignedBuffer::new(BLOCK_SAMPLES * class_stride, 0.0),
            output_delta: AlignedBuffer::new(BLOCK_SAMPLES * class_stride, 0.0),
            spare: AlignedBuffer::new(spare * BLOCK_SAMPLES * class_stride, 0.0),
            scratch: AlignedBuffer::new(class_stride * MAX_LANES, 0.0),
            coarse: None,
            pattern: Pattern::Sparse,
            labels: [0; BLOCK_SAMPLES],
            predicted: [0; BLOCK_SAMPLES],
        };
        worker.take_slice_of(parameters);
        worker
    }

    /// Hidden units that the worker owns.
    pub(crate) fn units(&self) -> usize {
        self.units.len()
    }

    /// Brings the copy of V up to date, and keeps the weights of the padding units 0, so that their
    /// deltas and with them their other weights stay 0 as well.
    fn copy_output_rows(&mut self) {
        for class in 0..self.shape.classes {
            self.output_weights.values[class * self.stride..][self.units.len()..self.stride]
                .fill(0.0);
        }
        self.isa.run_rounding_once(OutputRows {
            weights: &self.output_weights.values,
            stride: self.stride,
            class_stride: self.class_stride,
            rows: &mut self.output_rows,
        });
    }

    /// Makes ready for a training pass: whether its minibatches may have several blocks, and the probability of the
    /// true class from which on a sample gives no gradient, 0 for none.
    pub(crate) fn expect(&mut self, has_several_blocks: bool, skip: f32) {
        match &mut self.weight_gradient {
            _ if !has_several_blocks => {}
            Some(gradient) => gradient.fill(0.0),
            none => *none = Some(AlignedBuffer::new(self.weights.values.len(), 0.0)),
        }
        match &self.selection {
            Some(_) if skip == 0.0 => self.selection = None,
            None if skip > 0.0 => self.selection = Some(Selection::new(self.shape.inputs)),
            _ => {}
        }
    }

    /// Chooses the samples of the block that give a gradient, and returns how many do not.
    pub(crate) fn choose(&mut self, samples: usize, minibatch_samples: usize, skip: f32) -> usize {
        let Some(mut selection) = self.selection.take() else {
            return 0;
        };
        let probabilities = self.true_probabilities(samples, minibatch_samples);
        let kept = selection.choose(probabilities.map(|it| it >= skip));
        self.selection = Some(selection);
        samples - kept
    }

    /// h = sigmoid(x W + b) for the worker's units, and their parts of the logits.
    ///
    /// # Safety
    /// As [`Exchange::part_mut`].
    pub(crate) unsafe fn forward(
        &mut self,
        prepared: PreparedBlock<'_>,
        block: usize,
        exchange: &Exchange,
        clock: &mut impl Clock,
    ) {
        self.pattern = prepared.pattern();
        match &self.integers {
            Some(integers) => {
                integers.forward(self.isa, prepared, &self.bias.values, &mut self.hidden);
            }
            None => Forward {
                block: prepared,
                weights: &self.weights.values,
                bias: &self.bias.values,
                hidden: &mut self.hidden,
                stride: self.stride,
                pattern: self.pattern,
            }
            .run_on(self.isa),
        }
        clock.lap(Phase::Forward);
        let len = prepared.samples() * self.class_stride;
        for OwnedNode { node, program } in &self.nodes {
            // SAFETY: this worker owns the node; the caller vouches for the time.
            let target = unsafe { exchange.part_mut(block, *node, len) };
            let push = |leaf, part: &mut [f32], is_added| {
                let units = self.plan.tree.units_of_leaf(leaf);
                let units = units.expect("programs of owned nodes push leaves");
                let first = units.start - self.units.start;
                self.isa.run(LeafLogits {
                    hidden: &self.hidden[first..],
                    stride: self.stride,
                    units: units.len(),
                    weights: &self.output_rows[first * self.class_stride..],
                    classes: self.class_stride,
                    samples: prepared.samples(),
                    part,
                    is_added,
                });
            };
            add_up(self.isa, program, target, &mut self.spare, push);
        }
        clock.lap(Phase::Logits);
    }

    /// Loss, predictions and the gradient at the logits, from the parts of all workers.
    ///
    /// `labels` gives the classes of the block's samples, `minibatch_samples` the divisor of means.
    ///
    /// # Safety
    /// As [`Exchange::part`].
    pub(crate) unsafe fn loss(
        &mut self,
        labels: impl ExactSizeIterator<Item = u8>,
        minibatch_samples: usize,
        block: usize,
        exchange: &Exchange,
    ) -> BlockLoss {
        let samples = labels.len();
        let len = samples * self.class_stride;
        let combine = &self.plan.combine;
        let logits = &mut self.logits[..len];
        let push = |node, part: &mut [f32], is_added| {
            // SAFETY: the caller vouches for it.
            let exchanged = unsafe { exchange.part(block, node, len) };
            if is_added {
                self.isa.run_rounding_once(AddParts {
                    left: part,
                    right: exchanged,
                });
            } else {
                part.copy_from_slice(exchanged);
            }
        };
        add_up(self.isa, combine, logits, &mut self.spare, push);
        for (place, label) in self.labels.iter_mut().zip(labels) {
            *place = label;
        }
        self.isa.run(SoftmaxCrossEntropy {
            logits: &self.logits,
            bias: &self.output_bias.values,
            labels: &self.labels[..samples],
            classes: self.shape.classes,
            class_stride: self.class_stride,
            scale: 1.0 / minibatch_samples as f32,
            delta: &mut self.output_delta,
            predicted: &mut self.predicted,
            scratch: &mut self.scratch,
        })
    }

    /// What [`loss`](Self::loss) left, from another worker of the same thread.
    pub(crate) fn take_loss_of(&mut self, other: &Self) {
        self.output_delta.copy_from_slice(&other.output_delta);
        if let (Some(own), Some(chosen)) = (&mut self.selection, &other.selection) {
            own.choose_as(chosen);
        }
    }

    /// Probabilities of the true classes of the block that [`loss`](Self::loss) was computed for: ds of a true class
    /// is (y - 1) / samples.
    pub(crate) fn true_probabilities(
        &self,
        samples: usize,
        minibatch_samples: usize,
    ) -> impl Iterator<Item = f32> {
        let rows = self.output_delta.chunks_exact(self.class_stride);
        let labels = self.labels[..samples].iter();
        labels
            .zip(rows)
            .map(move |(&label, row)| 1.0 + row[usize::from(label)] * minibatch_samples as f32)
    }

    /// Predicted classes of the block that [`loss`](Self::loss) was computed for.
    pub(crate) fn predicted(&self, samples: usize) -> &[u8] {
        &self.predicted[..samples]
    }

    /// Appends the logits of the block that [`loss`](Self::loss) was computed for,
    /// `[samples][classes]`: s + c, as the softmax adds them up.
    pub(crate) fn append_logits(&self, samples: usize, target: &mut Vec<f32>) {
        let bias = &self.output_bias.values[..self.shape.classes];
        for row in self.logits.chunks_exact(self.class_stride).take(samples) {
            target.extend(row.iter().zip(bias).map(|(logit, bias)| logit + bias));
        }
    }

    /// Gradients of the worker's parameters, and at the end of a minibatch the step.
    pub(crate) fn backward(
        &mut self,
        prepared: PreparedBlock<'_>,
        block: &Block,
        rule: StepRule,
        clock: &mut impl Clock,
    ) {
        let mut selection = self.selection.take();
        let prepared = match &mut selection {
            Some(selection) => selection.block(
                self.isa,
                prepared,
                (&mut self.hidden, self.stride),
                (&mut self.output_delta, self.class_stride),
            ),
            None => prepared,
        };
        let samples = prepared.samples();
        self.output_gradient(samples, block.is_first);
        clock.lap(Phase::WeightUpdate);
        self.hidden_delta(samples);
        clock.lap(Phase::HiddenDelta);
        let coarse_rule = self.coarse.map(|_| rule.times(BLOCK as f32));
        let is_whole_minibatch = block.is_first && block.is_last;
        let weights = Weights {
            stride: self.stride,
            values: &mut self.weights.values,
            velocities: &mut self.weights.velocities,
            gradients: match &mut self.weight_gradient {
                Some(gradient) if !is_whole_minibatch => Some(gradient),
                _ => None,
            },
            rule: block.is_last.then_some(coarse_rule.unwrap_or(rule)),
        };
        match &mut self.integers {
            Some(integers) => integers.update(self.isa, prepared, &self.hidden, weights),
            None => self.isa.run_rounding_once(WeightUpdate {
                block: prepared,
                delta: &self.hidden,
                weights,
                pattern: self.pattern,
            }),
        }
        self.selection = selection;
        if block.is_last {
            self.step_output_layer(rule);
        }
        clock.lap(Phase::WeightUpdate);
    }

    /// dV and dc, added to those of the minibatch's blocks before.
    fn output_gradient(&mut self, samples: usize, is_first: bool) {
        if is_first {
            self.bias.gradient.fill(0.0);
            self.output_weights.gradient.fill(0.0);
            self.output_bias.gradient.fill(0.0);
        }
        self.isa.run(OutputGradient {
            output_delta: &self.output_delta,
            class_stride: self.class_stride,
            classes: self.shape.classes,
            hidden: &self.hidden,
            stride: self.stride,
            samples,
            gradient: &mut self.output_weights.gradient,
        });
        self.isa.run_rounding_once(ColumnSums {
            rows: &self.output_delta[..samples * self.class_stride],
            sums: &mut self.output_bias.gradient,
        });
    }

    /// dk in place of h, and db.
    fn hidden_delta(&mut self, samples: usize) {
        self.isa.run(HiddenDelta {
            output_delta: &self.output_delta,
            class_stride: self.class_stride,
            classes: self.shape.classes,
            weights: &self.output_weights.values,
            hidden: &mut self.hidden,
            bias_gradient: &mut self.bias.gradient,
            stride: self.stride,
            samples,
        });
    }

    /// The step of all parameters but W.
    fn step_output_layer(&mut self, rule: StepRule) {
        self.output_weights.step(self.isa, rule);
        self.copy_output_rows();
        self.bias.step(self.isa, rule.for_bias());
        self.output_bias.step(self.isa, rule.for_bias());
    }
}
