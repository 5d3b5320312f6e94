//! Trainings and predictions.

use crate::arrays::{Given, Tensors, parameters, samples, tensors, value_error};
use crate::options::options;
use fused_mlp::backend::{Backend, BackendState, PassControl, Samples, Values, check_shape};
use fused_mlp::engine::Engine;
use fused_mlp::machine::default_threads_for;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{EarlyStopping, EpochEnd, EpochRecord, Trainer, TrainingOptions};
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often Python is asked for signals while an epoch lasts.
const TICK: Duration = Duration::from_millis(50);

/// Images of a prediction for which one more thread pays.
const IMAGES_A_THREAD: usize = 512;

/// What Python asks for, by keys.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Job<'py> {
    recipe: String,
    /// Parameters of the estimator that are options of a training.
    options: Bound<'py, PyDict>,
    /// Whether it is one pass among others.
    is_part: bool,
    hidden: usize,
    classes: usize,
    threads: Option<usize>,
    /// Epochs without improvement of the validation loss after which it ends.
    patience: Option<u32>,
    /// The network to start from, and its velocities.
    start: Option<Given<'py>>,
    velocities: Option<Given<'py>>,
}

/// The same for the engine.
struct Plan {
    options: TrainingOptions,
    start: Parameters,
    velocities: Option<Parameters>,
    threads: usize,
    patience: Option<u32>,
}

/// What a training gave.
struct Learned {
    network: Parameters,
    velocities: Option<Parameters>,
    best_epoch: Option<u32>,
}

impl Plan {
    fn new(job: &Job<'_>, samples: Samples<'_>) -> PyResult<Self> {
        let mut options = options(&job.recipe, &job.options, samples, job.is_part)?;
        let given = |given: &Option<Given<'_>>| given.as_ref().map(parameters).transpose();
        let shape = Shape {
            inputs: samples.inputs(),
            hidden: job.hidden,
            classes: job.classes,
        };
        // Before memory is asked for.
        check_shape(shape).map_err(value_error)?;
        let start = given(&job.start)?;
        if start.is_some() {
            // Its weights would become means of four.
            options.coarse = 0.0;
        }
        let start = start.unwrap_or_else(|| options.initial_parameters(shape));
        if start.shape != shape {
            let found = start.shape;
            let text = format!("expected to go on with a network of shape {shape}, found {found}");
            return Err(value_error(text));
        }
        Ok(Self {
            options,
            start,
            velocities: given(&job.velocities)?,
            threads: job
                .threads
                .unwrap_or_else(|| default_threads_for(job.hidden)),
            patience: job.patience,
        })
    }

    /// Trains, and sends each epoch.
    fn run(
        &self,
        samples: Samples<'_>,
        control: &PassControl,
        epochs: &Sender<EpochRecord>,
    ) -> Result<Learned, String> {
        let mut engine = self.engine().map_err(|error| error.to_string())?;
        let trainer = Trainer::new(samples, &self.options);
        let mut trainer = trainer.map_err(|error| error.to_string())?;
        let mut stopping = self.patience.map(|epochs| EarlyStopping::new(epochs, 0.0));
        while !trainer.is_finished() && !stopping.as_ref().is_some_and(|it| it.should_stop()) {
            let epoch = trainer.train_epoch(&mut engine, control);
            let epoch = epoch.map_err(|error| error.to_string())?;
            match epoch.end {
                EpochEnd::Complete => {}
                EpochEnd::Stopped => break,
                EpochEnd::Diverged => {
                    return Err(format!(
                        "training diverged in epoch {}: a loss is not finite; choose a smaller \
                         learning_rate_init",
                        epoch.record.epoch
                    ));
                }
            }
            if let (Some(stopping), Some(loss)) = (&mut stopping, epoch.record.validation_loss) {
                stopping.update(epoch.record.epoch, loss, || engine.parameters());
            }
            // Nobody listens any more after an error there, which is told instead.
            let _ = epochs.send(epoch.record);
        }
        let velocities = match engine.state() {
            BackendState::F32(values) => values.velocities,
            BackendState::F64(_) => None,
        };
        let best = stopping.as_ref().and_then(EarlyStopping::best);
        Ok(Learned {
            network: best.map_or_else(|| engine.parameters(), |best| best.parameters.clone()),
            velocities,
            best_epoch: best.map(|best| best.epoch),
        })
    }

    fn engine(&self) -> Result<Engine, Box<dyn std::error::Error>> {
        let isa = Isa::select(IsaRequest::Auto)?;
        let TrainingOptions { precision, .. } = self.options;
        let optimizer = self.options.optimizer();
        let mut engine =
            Engine::in_precision(&self.start, optimizer, self.threads, isa, precision)?;
        if let Some(velocities) = self.velocities.clone() {
            engine.restore(&BackendState::F32(Values {
                parameters: self.start.clone(),
                velocities: Some(velocities),
            }))?;
        }
        Ok(engine)
    }
}

/// Hands each epoch to Python until the training is over, and ends it where Python has a signal or an error.
fn listen(
    py: Python<'_>,
    epochs: &mut Receiver<EpochRecord>,
    on_epoch: &Bound<'_, PyAny>,
    control: &PassControl,
) -> PyResult<()> {
    let mut outcome = Ok(());
    loop {
        let epochs = &mut *epochs;
        let next = py.detach(move || epochs.recv_timeout(TICK));
        let heard = match next {
            Ok(it) => on_epoch
                .call1((it.train_loss, it.validation_accuracy))
                .map(drop),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => return outcome,
        };
        if let Err(error) = heard.and_then(|()| py.check_signals()) {
            control.stop.store(true, Relaxed);
            outcome = outcome.and(Err(error));
        }
    }
}

/// The network and its velocities, and the best epoch where the training had patience.
type Outcome<'py> = (Tensors<'py>, Option<Tensors<'py>>, Option<u32>);

/// Trains in a thread of its own, while this one waits without the GIL for epochs and signals.
#[pyfunction]
pub fn train<'py>(
    py: Python<'py>,
    images: PyReadonlyArray2<'py, u8>,
    labels: PyReadonlyArray1<'py, u8>,
    job: Job<'py>,
    on_epoch: &Bound<'py, PyAny>,
) -> PyResult<Outcome<'py>> {
    // Labels are indices: those that were checked must not change.
    let labels = labels.as_slice()?.to_vec();
    let samples = samples(&images, &labels)?;
    let plan = Plan::new(&job, samples)?;
    let control = PassControl::default();
    let (sender, mut epochs) = channel();
    let learned = thread::scope(|scope| {
        let training = || {
            let sender = sender;
            plan.run(samples, &control, &sender)
        };
        let training = thread::Builder::new().spawn_scoped(scope, training)?;
        listen(py, &mut epochs, on_epoch, &control)?;
        let learned = py.detach(|| training.join());
        learned
            .unwrap_or_else(|panic| resume_unwind(panic))
            .map_err(value_error)
    })?;
    let velocities = learned.velocities.as_ref();
    let velocities = velocities
        .map(|velocities| tensors(py, velocities))
        .transpose()?;
    Ok((
        tensors(py, &learned.network)?,
        velocities,
        learned.best_epoch,
    ))
}

/// Logits of each image, `[images, classes]`.
#[pyfunction]
pub fn logits<'py>(
    py: Python<'py>,
    images: PyReadonlyArray2<'py, u8>,
    network: Given<'py>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let network = parameters(&network)?;
    let labels = vec![0; images.as_array().nrows()];
    let samples = samples(&images, &labels)?;
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    let threads = threads.unwrap_or_else(|| default_threads_for(network.shape.hidden));
    let threads = threads.min(samples.len().div_ceil(IMAGES_A_THREAD));
    let logits = py.detach(|| {
        let isa = Isa::select(IsaRequest::Auto).map_err(value_error)?;
        let engine = Engine::new(&network, Default::default(), threads, isa);
        engine
            .and_then(|mut engine| engine.logits(samples, &order))
            .map_err(value_error)
    })?;
    logits
        .to_pyarray(py)
        .reshape([samples.len(), network.shape.classes])
}
