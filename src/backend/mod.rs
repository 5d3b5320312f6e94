//! What trains a network: one interface, several implementations.
//!
//! All backends train the same network: from the same initial parameters and the same order of
//! samples they take the same steps, and differ only by rounding.

pub(crate) mod barrier;
#[cfg(test)]
mod barrier_tests;
pub(crate) mod buffer;
mod checks;
mod matrixmultiply;
mod primitives;
mod reference;
mod state;
pub(crate) mod team;

pub use crate::evaluation::Evaluation;

pub(crate) use self::buffer::{AlignedBuffer, SharedBuffer};
pub use self::checks::check_shape;
pub(crate) use self::checks::{
    check_inputs, check_network, check_parameters, check_pass, check_samples,
};
pub use self::matrixmultiply::{BLOCK_SAMPLES as MATRIX_BLOCK_SAMPLES, MatrixMultiply};
pub use self::reference::Reference;
pub use self::state::{BackendState, Values};

use crate::augmentation::Augmented;
use crate::coarse::Coarse;
use crate::kernels::rule::StepRule;
use crate::mnist::Split;
use crate::network::{Parameters, Shape};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

/// Images as bytes, and their labels.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    images: &'a [u8],
    labels: &'a [u8],
    inputs: usize,
    columns: usize,
}

impl<'a> Samples<'a> {
    /// `images` is `[labels.len()][inputs]`. An image is taken as one row, unless
    /// [`with_columns`](Self::with_columns) tells more.
    ///
    /// # Panics
    /// If `inputs` is 0 or the lengths do not fit each other.
    pub fn new(images: &'a [u8], labels: &'a [u8], inputs: usize) -> Self {
        assert!(inputs > 0, "an image has at least one pixel");
        assert_eq!(
            Some(images.len()),
            labels.len().checked_mul(inputs),
            "bytes of the images"
        );
        Self {
            images,
            labels,
            inputs,
            columns: inputs,
        }
    }

    /// The same, of images with so many columns.
    ///
    /// # Panics
    /// If the bytes of an image are no whole rows.
    #[must_use]
    pub fn with_columns(self, columns: usize) -> Self {
        assert!(
            columns > 0 && self.inputs.is_multiple_of(columns),
            "rows of {columns} in images of {} bytes",
            self.inputs
        );
        Self { columns, ..self }
    }

    /// Mean of |x|^2, where x are the bytes of an image divided by 255, over at most 4,096 images, evenly spaced; 0
    /// without images.
    pub fn mean_squared_norm(&self) -> f64 {
        const MOST: usize = 4_096;
        let images = self.images.chunks_exact(self.inputs);
        let apart = images.len().div_ceil(MOST).max(1);
        let images = images.step_by(apart);
        let counted = images.len().max(1);
        let square = |&byte: &u8| u32::from(byte) * u32::from(byte);
        // Each part in 32 bits, which vectors add: so many squares are below 2^31.
        let sum: u64 = images
            .flat_map(|image| image.chunks(1 << 15))
            .map(|part| u64::from(part.iter().map(square).sum::<u32>()))
            .sum();
        sum as f64 / (255.0 * 255.0) / counted as f64
    }

    /// Rows and columns of an image.
    pub fn size(&self) -> (usize, usize) {
        (self.inputs / self.columns, self.columns)
    }

    /// All images, `[len][inputs]`.
    pub fn images(&self) -> &'a [u8] {
        self.images
    }

    /// All labels, `[len]`.
    pub fn labels(&self) -> &'a [u8] {
        self.labels
    }

    /// Bytes of an image.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of image `index`.
    pub fn image(&self, index: u32) -> &'a [u8] {
        &self.images[index as usize * self.inputs..][..self.inputs]
    }

    /// Label of image `index`.
    pub fn label(&self, index: u32) -> u8 {
        self.labels[index as usize]
    }
}

impl<'a> From<&'a Split> for Samples<'a> {
    fn from(split: &'a Split) -> Self {
        let images = &split.images;
        Self::new(images.bytes(), split.labels.bytes(), images.pixels())
            .with_columns(images.columns())
    }
}

/// The parts of the SGD step that stay the same throughout a training; formulas in
/// [`reference`](crate::reference).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Optimizer {
    /// Share of the velocity that is kept from step to step, 0 to below 1.
    pub momentum: f32,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// Factor of the weights (not the biases) that is added to their gradients.
    pub weight_decay: f32,
}

impl Optimizer {
    /// The step with a learning rate.
    pub(crate) fn step_rule(self, learning_rate: f32) -> StepRule {
        StepRule {
            learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
        }
    }
}

/// How far a pass has come, and whether it should end early.
#[derive(Debug, Default)]
pub struct PassControl {
    /// Samples that have been trained on. Written by the backend.
    pub samples_done: AtomicUsize,
    /// Set by anyone, a signal handler too, to end the pass after the minibatch that is being
    /// trained on.
    pub stop: Arc<AtomicBool>,
    /// What the minibatches have given so far.
    running_samples: AtomicUsize,
    /// The bits of a f64.
    running_loss: AtomicU64,
    running_correct: AtomicUsize,
}

impl PassControl {
    /// A control that whoever holds `stop` can end.
    pub fn with_stop(stop: Arc<AtomicBool>) -> Self {
        Self {
            stop,
            ..Self::default()
        }
    }

    /// Sums over all minibatches of all passes with this control so far: of the samples, of their
    /// losses in nats, and of those that were predicted correctly. Any thread may ask at any time;
    /// the three may then be of two minibatches that follow each other.
    pub fn totals(&self) -> (usize, f64, usize) {
        (
            self.running_samples.load(Relaxed),
            f64::from_bits(self.running_loss.load(Relaxed)),
            self.running_correct.load(Relaxed),
        )
    }

    /// Adds a minibatch of so many samples with a sum of losses. One thread alone calls it, so it
    /// needs no atomic addition.
    pub(crate) fn add_minibatch(&self, samples: usize, loss: f64, correct: usize) {
        let (samples_before, loss_before, correct_before) = self.totals();
        self.running_samples
            .store(samples_before + samples, Relaxed);
        self.running_loss
            .store((loss_before + loss).to_bits(), Relaxed);
        self.running_correct
            .store(correct_before + correct, Relaxed);
    }
}

/// One pass over the samples in `order`, minibatch by minibatch. The last minibatch may be smaller.
#[derive(Clone, Copy, Debug)]
pub struct TrainingPass<'a> {
    /// Where the samples are.
    pub samples: Samples<'a>,
    /// Which samples, in which order.
    pub order: &'a [u32],
    /// Samples of a minibatch.
    pub batch_size: usize,
    /// Learning rate of each minibatch.
    pub learning_rates: &'a [f32],
    /// Progress and stopping.
    pub control: &'a PassControl,
    /// Where to tell which samples were known; only the fused engine does.
    pub seen: Option<Seen<'a>>,
    /// Probability of the true class from which on a sample gives no gradient, none does for 0; only the fused
    /// engine skips any.
    pub skip: f32,
    /// Whose variations are trained on in place of the images.
    pub augmented: Option<Augmented<'a>>,
    /// Whether it trains on the value of the upper left one of each 2 x 2 pixels. Before such a pass the weights of these
    /// four must be equal, and their velocities; afterwards they are.
    pub coarse: bool,
}

impl<'a> TrainingPass<'a> {
    /// The blocks of pixels of a coarse pass.
    pub(crate) fn blocks(&self) -> Option<Coarse> {
        let coarse = Coarse::of(self.samples.size());
        coarse.filter(|_| self.coarse)
    }

    /// The image of a sample, as this pass sees it.
    pub(crate) fn image(&self, sample: u32) -> Cow<'a, [u8]> {
        let image = self.samples.image(sample);
        let image: Cow<'a, [u8]> = match self.augmented {
            Some(augmented) => augmented.image(sample, image).into(),
            None => image.into(),
        };
        match self.blocks() {
            Some(coarse) => coarse.image(&image).into(),
            None => image,
        }
    }
}

/// Which samples the network was sure of when they were visited last.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Probability of the true class from which on a sample is known.
    pub probability: f32,
    /// By the number of the sample.
    pub is_known: &'a [AtomicBool],
}

impl Seen<'_> {
    /// A sample's true class had this probability.
    pub fn tell(&self, sample: u32, probability: f32) {
        self.is_known[sample as usize].store(probability >= self.probability, Relaxed);
    }
}

/// What one minibatch gave, before its step was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MinibatchResult {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Samples whose predicted class was the target.
    pub correct: usize,
    /// Samples of the minibatch.
    pub samples: usize,
    /// Those of them that gave no gradient.
    pub skipped: usize,
}

/// Why a backend cannot do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// A shape outside of what a network can have.
    #[error(
        "a network of shape {found} cannot be trained: expected at least 1 input, at least 1 \
         hidden unit, 2 to 256 classes and at most {} parameters",
        crate::network::MAX_PARAMETERS
    )]
    Shape {
        /// The shape asked for.
        found: Shape,
    },
    /// Parameters that are fewer or more than their shape tells.
    #[error("{tensor} of a network of shape {shape} has {found} values; expected {expected}")]
    Tensor {
        /// The shape of the network.
        shape: Shape,
        /// Name of the field of [`Parameters`].
        tensor: &'static str,
        /// Values by the shape.
        expected: usize,
        /// Values that are there.
        found: usize,
    },
    /// Images of another size than the network's input.
    #[error("the network has {expected} inputs, the images have {found} pixels")]
    Inputs {
        /// Inputs of the network.
        expected: usize,
        /// Pixels of the images.
        found: usize,
    },
    /// A label that is no class of the network.
    #[error("sample {sample} has label {label}, but the network has {classes} classes")]
    Label {
        /// Position of the sample.
        sample: u32,
        /// Its label.
        label: u8,
        /// Classes of the network.
        classes: usize,
    },
    /// A position beyond the last sample.
    #[error("sample {sample} was asked for, but there are {samples}")]
    Order {
        /// Position asked for.
        sample: u32,
        /// Number of samples.
        samples: usize,
    },
    /// A coarse pass over images with an odd side.
    #[error("coarse steps need images with even sides, found {rows} x {columns} pixels")]
    OddSide {
        /// Rows of an image.
        rows: usize,
        /// Columns of an image.
        columns: usize,
    },
    /// Not one learning rate a minibatch, or minibatches of no samples.
    #[error(
        "{samples} samples in minibatches of {batch_size} need a learning rate for each, found \
         {found}"
    )]
    Minibatches {
        /// Samples of the pass.
        samples: usize,
        /// Samples of a minibatch.
        batch_size: usize,
        /// Learning rates given.
        found: usize,
    },
    /// A state of another network, or of another kind of backend.
    #[error("the state of a training has {found}; expected {expected}")]
    State {
        /// What the backend has.
        expected: String,
        /// What the state has.
        found: String,
    },
    /// The largest logit of an image is no finite number, so that it has no class.
    #[error("the network's outputs are not finite numbers: its weights are too large")]
    NotFinite,
    /// The threads could not be started.
    #[error("{threads} threads cannot be started: {reason}; choose another number of threads")]
    Threads {
        /// Number asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

/// An implementation of training.
pub trait Backend: Send {
    /// Name used in options and results.
    fn name(&self) -> &'static str;

    /// Threads that work at once.
    fn threads(&self) -> usize;

    /// Trains on each minibatch of a pass in turn and returns one result for each that was trained
    /// on. The pass ends early when its control says so, and before the step of a minibatch whose
    /// loss is not a finite number; the result of that minibatch is the last one.
    ///
    /// # Errors
    /// If the pass does not fit the network; then nothing was trained.
    fn train(&mut self, pass: &TrainingPass<'_>) -> Result<Vec<MinibatchResult>, BackendError>;

    /// Loss and predictions for the samples in `order`. Changes nothing.
    ///
    /// # Errors
    /// If the samples do not fit the network.
    fn evaluate(&mut self, samples: Samples<'_>, order: &[u32])
    -> Result<Evaluation, BackendError>;

    /// Logits of the samples in `order`, as they are computed for [`evaluate`](Self::evaluate):
    /// `[order.len()][classes]`. Changes nothing.
    ///
    /// # Errors
    /// If the samples do not fit the network.
    fn logits(&mut self, samples: Samples<'_>, order: &[u32]) -> Result<Vec<f32>, BackendError>;

    /// The parameters as they are now.
    fn parameters(&self) -> Parameters;

    /// The same, put into a network of the same shape.
    fn put_parameters_into(&self, target: &mut Parameters) {
        *target = self.parameters();
    }

    /// Replaces the parameters, and keeps the velocities.
    ///
    /// # Errors
    /// [`BackendError::State`] if they are of another shape, [`BackendError::Tensor`] if they do not
    /// fit it.
    fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), BackendError>;

    /// All that later steps depend on.
    fn state(&self) -> BackendState;

    /// Goes back to a [`state`](Self::state) of a backend of the same kind, shape and optimizer,
    /// whatever its number of threads.
    ///
    /// # Errors
    /// [`BackendError::State`] if the state is another's; then nothing has changed.
    fn restore(&mut self, state: &BackendState) -> Result<(), BackendError>;
}

/// Trains on the minibatches of a pass in turn, for a backend that takes one at a time: `train` gives
/// loss and step of one with its learning rate.
fn train_minibatches(
    pass: &TrainingPass<'_>,
    mut train: impl FnMut(&[u32], f32) -> MinibatchResult,
) -> Vec<MinibatchResult> {
    let mut results = Vec::with_capacity(pass.learning_rates.len());
    let mut done = 0;
    let minibatches = pass.order.chunks(pass.batch_size);
    for (order, &learning_rate) in minibatches.zip(pass.learning_rates) {
        let result = train(order, learning_rate);
        results.push(result);
        if !result.loss.is_finite() {
            break;
        }
        done += result.samples;
        let loss = result.loss * result.samples as f64;
        pass.control
            .add_minibatch(result.samples, loss, result.correct);
        pass.control.samples_done.store(done, Relaxed);
        if pass.control.stop.load(Relaxed) {
            break;
        }
    }
    results
}
