//! A whole training in one call.

use super::{EpochEnd, EpochRecord, OptionError, Trainer, TrainingOptions};
use crate::backend::{Backend, BackendError, PassControl, Samples};
use crate::engine::Engine;
use crate::machine::default_threads;
use crate::mnist::Dataset;
use crate::model::Model;
use crate::network::{Parameters, Shape};
use crate::simd::{Isa, IsaError, IsaRequest};
use std::ops::ControlFlow;

/// Units of the hidden layer where nobody asks for others.
const DEFAULT_HIDDEN: usize = 300;

/// A training of the fused engine on a data set: what it is asked for, until it [runs](Self::run).
///
/// Without further calls it does what `fused-mlp train` does: 300 hidden units, the recipe
/// [`Fast`](super::Recipe::Fast), the best instruction set, all cores.
///
/// ```
/// use fused_mlp::training::Recipe;
/// use fused_mlp::{Dataset, Training};
/// use std::ops::ControlFlow;
///
/// let train = ([[0, 255], [255, 0]].concat(), vec![0, 1]);
/// let data = Dataset::from_memory(1, 2, train.clone(), train)?;
/// let mut losses = Vec::new();
/// let model = Training::new(&data)
///     .options(Recipe::Assignment.options().with(|options| options.learning_rate = 0.5))
///     .epochs(5000)
///     .hidden(8)
///     .seed(7)
///     .run_with(|epoch| {
///         losses.push(epoch.train_loss);
///         match epoch.train_loss < 0.1 {
///             true => ControlFlow::Break(()),
///             false => ControlFlow::Continue(()),
///         }
///     })?;
/// assert!(losses.len() < 5000 && losses[losses.len() - 1] < 0.1);
/// assert_eq!(model.classify(&[0, 255])?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Training<'a> {
    dataset: &'a Dataset,
    options: TrainingOptions,
    hidden: usize,
    start: Option<&'a Model>,
    threads: usize,
    isa: IsaRequest,
}

/// Why a training gave no network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// An option is out of its range.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The network or the threads cannot be had, or the data do not fit the network.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// This CPU does not have the instruction set.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// A loss was not a finite number.
    #[error(
        "training diverged in epoch {epoch}: a loss is not finite; choose a smaller learning rate"
    )]
    Diverged {
        /// The epoch, from 1 on.
        epoch: u32,
    },
}

impl<'a> Training<'a> {
    /// A training with the options of the program's default run.
    pub fn new(dataset: &'a Dataset) -> Self {
        Self {
            dataset,
            options: TrainingOptions::default(),
            hidden: DEFAULT_HIDDEN,
            start: None,
            threads: default_threads(),
            isa: IsaRequest::Auto,
        }
    }

    /// Takes all options of the training. Calls that change one of them come after it.
    #[must_use]
    pub fn options(mut self, options: TrainingOptions) -> Self {
        self.options = options;
        self
    }

    /// Number of epochs.
    #[must_use]
    pub fn epochs(mut self, epochs: u32) -> Self {
        self.options.epochs = epochs;
        self
    }

    /// Training samples that are set aside and scored after each epoch.
    #[must_use]
    pub fn validation(mut self, samples: usize) -> Self {
        self.options.validation = samples;
        self
    }

    /// Seed of the initial weights and of the order of the samples.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Units of the hidden layer; a model to start from has its own.
    #[must_use]
    pub fn hidden(mut self, units: usize) -> Self {
        self.hidden = units;
        self
    }

    /// Starts from the weights of a model instead of random ones.
    #[must_use]
    pub fn start_from(mut self, model: &'a Model) -> Self {
        self.start = Some(model);
        self
    }

    /// Threads that compute; the result does not depend on them.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The instruction set.
    #[must_use]
    pub fn isa(mut self, isa: IsaRequest) -> Self {
        self.isa = isa;
        self
    }

    /// Trains to the last epoch.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn run(self) -> Result<Model, TrainError> {
        self.run_with(|_| ControlFlow::Continue(()))
    }

    /// Trains, hands over each epoch when it has ended, and ends early where that says so.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn run_with(
        self,
        mut epoch_ended: impl FnMut(&EpochRecord) -> ControlFlow<()>,
    ) -> Result<Model, TrainError> {
        let images = &self.dataset.train.images;
        let (rows, columns) = (images.rows(), images.columns());
        let parameters = self.parameters();
        let optimizer = self.options.optimizer();
        let isa = Isa::select(self.isa)?;
        let mut trainer = Trainer::new(Samples::from(&self.dataset.train), &self.options)?;
        let mut engine = Engine::new(&parameters, optimizer, self.threads, isa)?;
        let control = PassControl::default();
        while !trainer.is_finished() {
            let epoch = trainer.train_epoch(&mut engine, &control)?;
            if epoch.end == EpochEnd::Diverged {
                let epoch = epoch.record.epoch;
                return Err(TrainError::Diverged { epoch });
            }
            if epoch_ended(&epoch.record).is_break() {
                break;
            }
        }
        Ok(Model::new(engine.parameters(), rows, columns)?)
    }

    fn parameters(&self) -> Parameters {
        match self.start {
            Some(model) => model.parameters().clone(),
            None => self.options.initial_parameters(Shape {
                inputs: self.dataset.train.images.pixels(),
                hidden: self.hidden,
                classes: self.dataset.classes,
            }),
        }
    }
}
