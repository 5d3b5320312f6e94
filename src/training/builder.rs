//! A whole training in one call.

use super::options::{require, training_options};
use super::{
    EarlyStopping, EpochEnd, EpochRecord, OptionError, Recipe, Schedule, Trainer, TrainingOptions,
};
use crate::backend::{Backend, BackendError, PassControl, Samples};
use crate::engine::{Engine, Precision};
use crate::machine::default_threads_for;
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
/// [`Fast`](super::Recipe::Fast), the best instruction set, all cores. Every option of [`TrainingOptions`]
/// has a method.
///
/// ```
/// use fused_mlp::training::Recipe;
/// use fused_mlp::{Dataset, Training};
/// use std::ops::ControlFlow;
///
/// let train = ([[0, 255], [255, 0]].concat(), vec![0, 1]);
/// let data = Dataset::from_memory(1, 2, train.clone(), train)?;
/// let trained = Training::new(&data)
///     .options(Recipe::Assignment.options())
///     .batch_size(2)
///     .learning_rate(0.5)
///     .epochs(5000)
///     .hidden(8)
///     .seed(7)
///     .run_with(|epoch| match epoch.train_loss < 0.1 {
///         true => ControlFlow::Break(()),
///         false => ControlFlow::Continue(()),
///     })?;
/// let losses: Vec<f64> = trained.history.iter().map(|epoch| epoch.train_loss).collect();
/// assert!(losses.len() < 5000 && losses[losses.len() - 1] < 0.1);
/// assert_eq!(trained.model.classify(&[0, 255])?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Training<'a> {
    dataset: &'a Dataset,
    options: TrainingOptions,
    hidden: usize,
    patience: Option<u32>,
    min_delta: f64,
    start: Option<&'a Model>,
    threads: Option<usize>,
    isa: IsaRequest,
}

/// What a training gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The network: that of the last epoch or, with [`Training::patience`], of the best.
    pub model: Model,
    /// Every epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch with the lowest validation loss, with [`Training::patience`].
    pub best_epoch: Option<u32>,
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
    /// A training with the options of the program's default run, those of [`Recipe::options_for`] these images.
    pub fn new(dataset: &'a Dataset) -> Self {
        Self {
            dataset,
            options: Recipe::default().options_for(Samples::from(&dataset.train)),
            hidden: DEFAULT_HIDDEN,
            patience: None,
            min_delta: 0.0,
            start: None,
            threads: None,
            isa: IsaRequest::Auto,
        }
    }

    /// Takes all options of the training. Calls that change one of them come after it.
    #[must_use]
    pub fn options(mut self, options: TrainingOptions) -> Self {
        self.options = options;
        self
    }

    /// Stops when the validation loss has not improved for so many epochs in a row, and keeps the network
    /// of the best epoch. It needs [`validation`](Self::validation) samples.
    #[must_use]
    pub fn patience(mut self, epochs: u32) -> Self {
        self.patience = Some(epochs);
        self
    }

    /// Fall of the validation loss that counts as an improvement, in nats; 0 without this call.
    #[must_use]
    pub fn min_delta(mut self, nats: f64) -> Self {
        self.min_delta = nats;
        self
    }

    /// Units of the hidden layer; a model to start from has its own.
    #[must_use]
    pub fn hidden(mut self, units: usize) -> Self {
        self.hidden = units;
        self
    }

    /// Starts from the weights of a model instead of random ones, without coarse steps, which would give each four
    /// their mean.
    #[must_use]
    pub fn start_from(mut self, model: &'a Model) -> Self {
        self.start = Some(model);
        self
    }

    /// Threads that compute; the result does not depend on them.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
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
    pub fn run(self) -> Result<Trained, TrainError> {
        self.run_with(|_| ControlFlow::Continue(()))
    }

    /// Trains, hands over each epoch when it has ended, and ends early where that says so.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn run_with(
        mut self,
        mut epoch_ended: impl FnMut(&EpochRecord) -> ControlFlow<()>,
    ) -> Result<Trained, TrainError> {
        let parameters = self.parameters();
        let isa = Isa::select(self.isa)?;
        if self.start.is_some() {
            self.options.coarse = 0.0;
        }
        let mut trainer = Trainer::new(Samples::from(&self.dataset.train), &self.options)?;
        let mut stopping = self.stopping()?;
        let (optimizer, precision) = (self.options.optimizer(), self.options.precision);
        let threads = self
            .threads
            .unwrap_or_else(|| default_threads_for(parameters.shape.hidden));
        let mut engine = Engine::in_precision(&parameters, optimizer, threads, isa, precision)?;
        let control = PassControl::default();
        let mut history = Vec::new();
        while !trainer.is_finished() && !stopping.as_ref().is_some_and(|it| it.should_stop()) {
            let epoch = trainer.train_epoch(&mut engine, &control)?;
            let record = epoch.record;
            if epoch.end == EpochEnd::Diverged {
                let epoch = record.epoch;
                return Err(TrainError::Diverged { epoch });
            }
            history.push(record);
            if let (Some(stopping), Some(loss)) = (&mut stopping, record.validation_loss) {
                stopping.update(record.epoch, loss, || engine.parameters());
            }
            if epoch_ended(&record).is_break() {
                break;
            }
        }
        let best = stopping.as_ref().and_then(EarlyStopping::best);
        let parameters = best.map_or_else(|| engine.parameters(), |best| best.parameters.clone());
        let images = &self.dataset.train.images;
        let mut model = Model::new(parameters, images.rows(), images.columns())?;
        model.adjustment = images.adjustment();
        Ok(Trained {
            model,
            history,
            best_epoch: best.map(|best| best.epoch),
        })
    }

    fn stopping(&self) -> Result<Option<EarlyStopping>, OptionError> {
        let Some(patience) = self.patience else {
            return Ok(None);
        };
        require(patience > 0, "patience", &patience, "at least 1")?;
        let found = &"given without validation samples";
        let has_samples = self.options.validation > 0;
        require(has_samples, "patience", found, "validation above 0 with it")?;
        let delta = self.min_delta;
        let is_possible = delta.is_finite() && delta >= 0.0;
        let expected = "a finite number, 0 or more";
        require(is_possible, "min_delta", &delta, expected)?;
        Ok(Some(EarlyStopping::new(patience, delta)))
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

macro_rules! define_methods {
    (
        $($(#[doc = $help:literal])+ $name:ident: $type:ty, $value:literal, $expected:literal, $is_possible:expr $(, $absent:ident)?; $(of the run)?)+
    ) => {
        impl Training<'_> {
            $(
                $(#[doc = $help])+
                #[doc = concat!(": ", $expected, ".")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.options.$name = $name;
                    self
                }
            )+
        }
    };
}

training_options!(define_methods);
