//! The textbook network in f64: one function a formula, plain loops, no tricks.
//!
//! For one sample x with target class c:
//!
//! ```text
//! forward                       backward (dz stands for dl/dz)
//! k = x W + b    [hidden]       ds = y - t        t_j = 1 if j = c, 0 otherwise
//! h = sigmoid(k) [hidden]       dV = h^T ds       dc = ds       dh = ds V^T
//! s = h V + c    [classes]      dk = dh h (1 - h)
//! y = softmax(s) [classes]      dW = x^T dk       db = dk
//! l = -ln y_c    [nats]
//! ```
//!
//! Every faster way to compute the same network is measured against this module. Matrices are
//! row-major: the row is where a weight comes from, the column where it goes. Losses are in nats.
//!
//! Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, sections 6.2.2.3 (softmax) and
//! 6.5 (back-propagation).

pub mod integers;
mod sgd;

pub(crate) use sgd::{SMALLEST_VELOCITY, smallest_weight};
pub use sgd::{SgdOptions, Velocity};

use crate::network::Parameters;

/// x = byte / 255: a pixel, 0 to 255, as an input of the network, 0 to 1.
pub fn pixel_to_input(byte: u8) -> f64 {
    f64::from(byte) / 255.0
}

/// x of an image, `[inputs]`.
pub(crate) fn to_inputs(image: &[u8]) -> Vec<f64> {
    image.iter().map(|&byte| pixel_to_input(byte)).collect()
}

/// y_j = b_j + sum_i x_i W_ij.
///
/// `x` is `[inputs]`, `weight` (W) `[inputs, outputs]`, `bias` (b) and the result `[outputs]`.
///
/// # Panics
/// If the lengths do not fit together or there is no output.
pub fn linear(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    assert_eq!(weight.len(), x.len() * bias.len(), "W is [inputs, outputs]");
    let mut y = bias.to_vec();
    for (x_i, row) in x.iter().zip(weight.chunks_exact(bias.len())) {
        for (y_j, w_ij) in y.iter_mut().zip(row) {
            *y_j += x_i * w_ij;
        }
    }
    y
}

/// dx_i = sum_j dy_j W_ij: the gradient of [`linear`]'s input, from dy_j/dx_i = W_ij.
///
/// `weight` (W) is `[inputs, outputs]`, `dy` `[outputs]`, the result `[inputs]`.
///
/// # Panics
/// If `weight` is not whole rows of `dy`'s length or there is no output.
pub fn linear_backward_input(weight: &[f64], dy: &[f64]) -> Vec<f64> {
    assert_eq!(weight.len() % dy.len(), 0, "W is [inputs, outputs]");
    weight
        .chunks_exact(dy.len())
        .map(|row| dy.iter().zip(row).map(|(dy_j, w_ij)| dy_j * w_ij).sum())
        .collect()
}

/// dW_ij += x_i dy_j and db_j += dy_j: the gradients of [`linear`]'s parameters, added to what
/// `dweight` and `dbias` hold. From dy_j/dW_ij = x_i and dy_j/db_j = 1.
///
/// `x` is `[inputs]`, `dy` and `dbias` `[outputs]`, `dweight` `[inputs, outputs]`.
///
/// # Panics
/// If the lengths do not fit together or there is no output.
pub fn linear_backward_parameters(x: &[f64], dy: &[f64], dweight: &mut [f64], dbias: &mut [f64]) {
    assert_eq!(dweight.len(), x.len() * dy.len(), "dW is [inputs, outputs]");
    assert_eq!(dbias.len(), dy.len(), "db is [outputs]");
    for (x_i, row) in x.iter().zip(dweight.chunks_exact_mut(dy.len())) {
        for (dw_ij, dy_j) in row.iter_mut().zip(dy) {
            *dw_ij += x_i * dy_j;
        }
    }
    for (db_j, dy_j) in dbias.iter_mut().zip(dy) {
        *db_j += dy_j;
    }
}

/// h = 1 / (1 + exp(-k)).
///
/// Exact at both ends: 0 where exp(-k) overflows, 1 where it vanishes.
pub fn sigmoid(k: f64) -> f64 {
    1.0 / (1.0 + (-k).exp())
}

/// dk = dh h (1 - h), from dh/dk = h (1 - h).
///
/// `h` is the sigmoid's result, `dh` the gradient with respect to it.
pub fn sigmoid_backward(h: f64, dh: f64) -> f64 {
    dh * h * (1.0 - h)
}

/// y_j = exp(s_j) / sum_k exp(s_k).
///
/// `logits` (s) and the result (y) are `[classes]`. The largest logit is subtracted from all of
/// them first. That leaves the quotient as it is, and no exponential can overflow. A logit that is
/// NaN or +infinity makes every probability NaN.
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = maximum(logits);
    let exponentials: Vec<f64> = logits.iter().map(|s_j| (s_j - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|e_j| e_j / sum).collect()
}

/// ds_j = sum_i dy_i dy_i/ds_j, where dy_i/ds_j = y_j (1 - y_j) if i = j, -y_i y_j otherwise.
///
/// `probabilities` (y) is the softmax's result, `dy` the gradient with respect to it, both
/// `[classes]`, as is the result.
///
/// # Panics
/// If the lengths differ.
pub fn softmax_backward(probabilities: &[f64], dy: &[f64]) -> Vec<f64> {
    assert_eq!(probabilities.len(), dy.len(), "y and dy are [classes]");
    let mut ds = vec![0.0; dy.len()];
    for (j, y_j) in probabilities.iter().enumerate() {
        for (i, y_i) in probabilities.iter().enumerate() {
            let local = if i == j {
                y_j * (1.0 - y_j)
            } else {
                -y_i * y_j
            };
            ds[j] += dy[i] * local;
        }
    }
    ds
}

/// l = -ln y_c, in nats.
///
/// `probabilities` (y) is `[classes]`, `target` (c) the true class. Infinite if y_c is 0.
///
/// # Panics
/// If `target` is not a class.
pub fn cross_entropy(probabilities: &[f64], target: usize) -> f64 {
    -probabilities[target].ln()
}

/// dl/dy_j = -1 / y_c if j = c, 0 otherwise.
///
/// `probabilities` (y) and the result are `[classes]`, `target` (c) is the true class.
///
/// # Panics
/// If `target` is not a class.
pub fn cross_entropy_backward(probabilities: &[f64], target: usize) -> Vec<f64> {
    let mut dy = vec![0.0; probabilities.len()];
    dy[target] = -1.0 / probabilities[target];
    dy
}

/// l = ln(sum_k exp(s_k)) - s_c and dl/ds_j = y_j - t_j, where y = softmax(s) and t_j = 1 if j = c,
/// 0 otherwise.
///
/// [`softmax`] and [`cross_entropy`] as one function, with both their derivatives multiplied out:
///
/// ```text
/// dl/ds_j = sum_i dl/dy_i dy_i/ds_j = -1/y_c dy_c/ds_j = y_c - 1  if j = c
///                                                        y_j      otherwise
/// ```
///
/// The two steps one after the other fail where y_c is rounded to 0: the loss is infinite and its
/// gradient -infinity times 0. This form has neither a logarithm of y_c nor a division by it, so
/// the results are finite for finite logits no further apart than the largest f64.
///
/// `logits` (s) is `[classes]`, `target` (c) the true class. Returns the loss in nats and the
/// gradient, `[classes]`. A logit that is NaN or +infinity makes the loss NaN.
///
/// # Panics
/// If `target` is not a class.
pub fn softmax_cross_entropy(logits: &[f64], target: usize) -> (f64, Vec<f64>) {
    let largest = maximum(logits);
    let sum: f64 = logits.iter().map(|s_j| (s_j - largest).exp()).sum();
    let loss = sum.ln() - (logits[target] - largest);
    let mut gradient = softmax(logits);
    gradient[target] -= 1.0;
    (loss, gradient)
}

/// max_j s_j, ignoring NaN; -infinity if nothing is left.
fn maximum(logits: &[f64]) -> f64 {
    logits.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// argmax_j s_j, the first one where several are largest.
///
/// `logits` (s) is `[classes]`. There is no class, `None`, if a logit is NaN, or the largest one no finite
/// f32: the same networks have none in f32 and in f64.
pub fn predicted_class(logits: &[f64]) -> Option<usize> {
    let largest = maximum(logits);
    if logits.iter().any(|s_j| s_j.is_nan()) || !(largest as f32).is_finite() {
        return None;
    }
    logits.iter().position(|&s_j| s_j == largest)
}

/// All weights and biases as f64.
pub type Network = Parameters<f64>;

/// dl/dW, dl/db, dl/dV and dl/dc, each laid out as its parameter is.
pub type Gradients = Parameters<f64>;

/// What the forward pass computes for one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    /// k = x W + b, `[hidden]`.
    pub hidden_input: Vec<f64>,
    /// h = sigmoid(k), `[hidden]`.
    pub hidden: Vec<f64>,
    /// s = h V + c, `[classes]`.
    pub logits: Vec<f64>,
    /// y = softmax(s), `[classes]`.
    pub probabilities: Vec<f64>,
}

/// What [`Network::minibatch_gradients`] computes for a minibatch of B samples.
#[derive(Clone, Debug, PartialEq)]
pub struct MinibatchGradients {
    /// l = 1/B sum_n l_n, in nats.
    pub loss: f64,
    /// Samples whose [`predicted_class`] is their label.
    pub correct: usize,
    /// Gradients of `loss`.
    pub gradients: Gradients,
}

impl From<&Parameters> for Network {
    /// Every f32 is a f64, so nothing is rounded.
    fn from(parameters: &Parameters) -> Self {
        parameters.map(f64::from)
    }
}

impl Network {
    /// The parameters as f32, each rounded to the nearest.
    pub fn to_parameters(&self) -> Parameters {
        self.map(|value| value as f32)
    }

    /// k = x W + b, h = sigmoid(k), s = h V + c, y = softmax(s).
    ///
    /// `x` is one sample, `[inputs]`.
    ///
    /// # Panics
    /// If `x` does not have the network's number of inputs.
    pub fn forward(&self, x: &[f64]) -> Activations {
        let hidden_input = linear(x, &self.linear1_weight, &self.linear1_bias);
        let hidden: Vec<f64> = hidden_input.iter().map(|&k_j| sigmoid(k_j)).collect();
        let logits = linear(&hidden, &self.linear2_weight, &self.linear2_bias);
        Activations {
            hidden_input,
            hidden,
            probabilities: softmax(&logits),
            logits,
        }
    }

    /// ds = y - t, dV += h^T ds, dc += ds, dh = ds V^T, dk = dh h (1 - h), dW += x^T dk, db += dk.
    ///
    /// `x` is one sample, `[inputs]`, `activations` what [`forward`](Self::forward) computed for
    /// it, `target` its true class. The sample's gradients are added to `gradients`. Returns the
    /// sample's loss in nats.
    ///
    /// # Panics
    /// If a length does not fit the network's shape or `target` is not a class.
    pub fn backward(
        &self,
        x: &[f64],
        activations: &Activations,
        target: usize,
        gradients: &mut Gradients,
    ) -> f64 {
        let hidden = &activations.hidden;
        let (loss, ds) = softmax_cross_entropy(&activations.logits, target);
        let (dv, dc) = (&mut gradients.linear2_weight, &mut gradients.linear2_bias);
        linear_backward_parameters(hidden, &ds, dv, dc);
        let dh = linear_backward_input(&self.linear2_weight, &ds);
        let units = hidden.iter().zip(&dh);
        let dk: Vec<f64> = units.map(|(&h, &dh)| sigmoid_backward(h, dh)).collect();
        let (dw, db) = (&mut gradients.linear1_weight, &mut gradients.linear1_bias);
        linear_backward_parameters(x, &dk, dw, db);
        loss
    }

    /// l = 1/B sum_n l_n and its gradients, for a minibatch of B samples with x = byte / 255.
    ///
    /// `images` are B images, `[inputs]` pixels each, `labels` their true classes. A sample with a
    /// NaN logit never counts as correct.
    ///
    /// # Panics
    /// As [`minibatch_gradients_f64`](Self::minibatch_gradients_f64).
    pub fn minibatch_gradients(&self, images: &[&[u8]], labels: &[u8]) -> MinibatchGradients {
        assert_eq!(images.len(), labels.len(), "every sample has one label");
        self.mean_gradients(images.iter().map(|image| to_inputs(image)).zip(labels))
    }

    /// l = 1/B sum_n l_n and its gradients, for B samples x that are given as f64.
    ///
    /// `inputs` are B samples, `[inputs]` each, `labels` their true classes.
    ///
    /// # Panics
    /// If the minibatch is empty, the numbers of samples and labels differ, a sample does not have
    /// the network's number of inputs or a label is not a class.
    pub fn minibatch_gradients_f64(&self, inputs: &[&[f64]], labels: &[u8]) -> MinibatchGradients {
        assert_eq!(inputs.len(), labels.len(), "every sample has one label");
        self.mean_gradients(inputs.iter().map(|x| x.to_vec()).zip(labels))
    }

    /// As [`minibatch_gradients_f64`](Self::minibatch_gradients_f64), of samples that are made one by one.
    pub(crate) fn mean_gradients<'a>(
        &self,
        samples: impl ExactSizeIterator<Item = (Vec<f64>, &'a u8)>,
    ) -> MinibatchGradients {
        let count = samples.len();
        assert!(count > 0, "an empty minibatch has no mean loss");
        let mut mean = MinibatchGradients {
            loss: 0.0,
            correct: 0,
            gradients: Gradients::zeros(self.shape),
        };
        for (x, &label) in samples {
            let target = usize::from(label);
            let activations = self.forward(&x);
            mean.loss += self.backward(&x, &activations, target, &mut mean.gradients);
            mean.correct += usize::from(predicted_class(&activations.logits) == Some(target));
        }
        mean.loss /= count as f64;
        for gradient in mean.gradients.tensors_mut().into_iter().flatten() {
            *gradient /= count as f64;
        }
        mean
    }
}
