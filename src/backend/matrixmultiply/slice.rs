//! A slice of the hidden layer, with all the weights that lead to it and from it.

use super::elementwise::{add_bias_and_sigmoid, add_rows, sigmoid_backward, step};
use super::gemm::{Matrix, product};
use crate::kernels::rule::StepRule;
use crate::network::{Parameters, Shape};
use std::ops::Range;

/// One value for each parameter of a slice.
pub(super) struct Tensors {
    /// `[inputs, width]`.
    linear1_weight: Vec<f32>,
    /// `[width]`.
    linear1_bias: Vec<f32>,
    /// `[width, classes]`.
    linear2_weight: Vec<f32>,
}

/// What a block of samples is to do to the parameters.
#[derive(Clone, Copy)]
pub(super) struct BlockRole {
    /// Whether it is the first block of its minibatch, so that its gradients begin a sum.
    pub is_first: bool,
    /// Whether it is the last, so that the step follows.
    pub is_last: bool,
    /// The step of the minibatch.
    pub rule: StepRule,
}

impl BlockRole {
    /// Factor of the gradients of earlier blocks.
    pub(super) fn kept(&self) -> f32 {
        if self.is_first { 0.0 } else { 1.0 }
    }
}

/// Hidden units `units` of the network. The thread that owns the slice computes everything about
/// them, so no two threads write to the same place.
pub(super) struct HiddenSlice {
    pub units: Range<usize>,
    /// Of the whole network.
    shape: Shape,
    pub parameters: Tensors,
    pub velocities: Tensors,
    gradients: Tensors,
    /// The slice's part of h V, `[block][classes]`.
    logits: Vec<f32>,
    /// h, `[block][width]`.
    hidden: Vec<f32>,
    /// dk, `[block][width]`.
    deltas: Vec<f32>,
}

impl Tensors {
    fn zeros(shape: Shape, width: usize) -> Self {
        Self {
            linear1_weight: vec![0.0; shape.inputs * width],
            linear1_bias: vec![0.0; width],
            linear2_weight: vec![0.0; width * shape.classes],
        }
    }

    /// The values of the hidden units `units`.
    pub(super) fn cut_from(parameters: &Parameters, units: &Range<usize>) -> Self {
        let shape = parameters.shape;
        let rows = parameters.linear1_weight.chunks_exact(shape.hidden);
        let linear2 = units.start * shape.classes..units.end * shape.classes;
        Self {
            linear1_weight: rows.flat_map(|row| &row[units.clone()]).copied().collect(),
            linear1_bias: parameters.linear1_bias[units.clone()].to_vec(),
            linear2_weight: parameters.linear2_weight[linear2].to_vec(),
        }
    }

    /// The inverse of [`cut_from`](Self::cut_from).
    pub(super) fn put_into(&self, parameters: &mut Parameters, units: &Range<usize>) {
        let Shape {
            hidden, classes, ..
        } = parameters.shape;
        let rows = parameters.linear1_weight.chunks_exact_mut(hidden);
        let own_rows = self.linear1_weight.chunks_exact(units.len());
        for (row, own) in rows.zip(own_rows) {
            row[units.clone()].copy_from_slice(own);
        }
        let linear2 = units.start * classes..units.end * classes;
        parameters.linear1_bias[units.clone()].copy_from_slice(&self.linear1_bias);
        parameters.linear2_weight[linear2].copy_from_slice(&self.linear2_weight);
    }

    /// C <- kept C + factor dC for the gradient dC of each tensor C: dW = x^T dk, the sum of dk's
    /// rows, dV = h^T ds.
    fn add_gradients(&mut self, factor: f32, kept: f32, block: &Backward<'_>) {
        let Backward { x, hidden, dk, ds } = *block;
        let width = self.linear1_bias.len();
        let columns = Matrix::new(dk, width);
        product(
            factor,
            x.transposed(),
            columns,
            kept,
            &mut self.linear1_weight,
        );
        add_rows(factor, dk, kept, &mut self.linear1_bias);
        let hidden = Matrix::new(hidden, width).transposed();
        product(factor, hidden, ds, kept, &mut self.linear2_weight);
    }
}

/// What the gradients of a slice are made of.
struct Backward<'a> {
    /// x, `[samples, inputs]`.
    x: Matrix<'a>,
    /// h, `[samples][width]`.
    hidden: &'a [f32],
    /// dk, `[samples][width]`.
    dk: &'a [f32],
    /// ds, `[samples, classes]`.
    ds: Matrix<'a>,
}

impl HiddenSlice {
    /// The slice `units` of the network that `parameters` are, for blocks of at most `block`
    /// samples.
    pub(super) fn new(parameters: &Parameters, units: Range<usize>, block: usize) -> Self {
        let shape = parameters.shape;
        let width = units.len();
        Self {
            parameters: Tensors::cut_from(parameters, &units),
            units,
            shape,
            velocities: Tensors::zeros(shape, width),
            gradients: Tensors::zeros(shape, width),
            hidden: vec![0.0; block * width],
            deltas: vec![0.0; block * width],
            logits: vec![0.0; block * shape.classes],
        }
    }

    /// The slice's part of h V, `[samples][classes]`, of the last [`forward`](Self::forward).
    pub(super) fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// h = sigmoid(x W + b) and the slice's part of h V.
    ///
    /// `x` is `[samples, inputs]`.
    pub(super) fn forward(&mut self, x: Matrix<'_>) {
        let width = self.units.len();
        let hidden = &mut self.hidden[..x.rows() * width];
        let weights = Matrix::new(&self.parameters.linear1_weight, width);
        product(1.0, x, weights, 0.0, hidden);
        add_bias_and_sigmoid(hidden, &self.parameters.linear1_bias);
        let weights = Matrix::new(&self.parameters.linear2_weight, self.shape.classes);
        let logits = &mut self.logits[..x.rows() * self.shape.classes];
        product(1.0, Matrix::new(hidden, width), weights, 0.0, logits);
    }

    /// dk = (ds V^T) h (1 - h), and the gradients of the slice's parameters or, where the block is
    /// all of a minibatch and there is neither momentum nor weight decay, the step itself.
    ///
    /// `x` is `[samples, inputs]`, the same as in the last [`forward`](Self::forward), `ds`
    /// `[samples, classes]`.
    pub(super) fn backward(&mut self, x: Matrix<'_>, ds: Matrix<'_>, role: BlockRole) {
        let (samples, width) = (x.rows(), self.units.len());
        let hidden = &self.hidden[..samples * width];
        let dk = &mut self.deltas[..samples * width];
        let weights = Matrix::new(&self.parameters.linear2_weight, self.shape.classes);
        product(1.0, ds, weights.transposed(), 0.0, dk);
        sigmoid_backward(dk, hidden);
        let block = Backward { x, hidden, dk, ds };
        let rule = role.rule;
        if role.is_first && role.is_last && rule.is_plain() {
            self.parameters
                .add_gradients(-rule.learning_rate, 1.0, &block);
            return;
        }
        self.gradients.add_gradients(1.0, role.kept(), &block);
        if role.is_last {
            self.step(rule);
        }
    }

    fn step(&mut self, rule: StepRule) {
        let (w, v, g) = (&mut self.parameters, &mut self.velocities, &self.gradients);
        step(
            rule,
            &mut w.linear1_weight,
            &mut v.linear1_weight,
            &g.linear1_weight,
        );
        step(
            rule.for_bias(),
            &mut w.linear1_bias,
            &mut v.linear1_bias,
            &g.linear1_bias,
        );
        step(
            rule,
            &mut w.linear2_weight,
            &mut v.linear2_weight,
            &g.linear2_weight,
        );
    }
}
