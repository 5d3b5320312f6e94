//! Trains the runs of a sweep, one a core.

use super::RunConfiguration;
use crate::terminal::output::option_error;
use fused_mlp::backend::{Backend, BackendError, PassControl, Samples, check_shape};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::simd::Isa;
use fused_mlp::training::{EpochEnd, EpochRecord, OptionError, Trainer};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// All its epochs were trained.
    Finished,
    /// A loss or a parameter was not a finite number.
    Diverged,
}

/// What the test data gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestScore {
    /// Mean loss in nats.
    pub loss: f64,
    /// Share of correct predictions.
    pub accuracy: f64,
}

/// One run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Its place in the list of configurations, from 0 on.
    pub index: usize,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Its epochs; where it diverged, those before.
    pub epochs: Vec<EpochRecord>,
    /// Score of the test data after the last epoch, where it was asked for and training did not
    /// diverge.
    pub test: Option<TestScore>,
    /// Wall time of the run, evaluations included, beside the other runs.
    pub seconds: f64,
}

impl RunResult {
    /// Whether a number was not finite.
    pub fn is_diverged(&self) -> bool {
        self.outcome == RunOutcome::Diverged
    }

    /// The first epoch with the highest validation accuracy.
    pub fn best_epoch(&self) -> Option<&EpochRecord> {
        let better = |best: &EpochRecord, record: &EpochRecord| {
            record.validation_accuracy > best.validation_accuracy
        };
        let validated = self.epochs.iter().filter(|record| {
            let accuracy = record.validation_accuracy;
            accuracy.is_some_and(f64::is_finite)
        });
        validated.reduce(|best, record| if better(best, record) { record } else { best })
    }

    /// The first epoch with this validation accuracy or more.
    pub fn epochs_to(&self, accuracy: f64) -> Option<u32> {
        let mut epochs = self.epochs.iter();
        let reached = |found: Option<f64>| found.is_some_and(|found| found >= accuracy);
        epochs
            .find(|record| reached(record.validation_accuracy))
            .map(|record| record.epoch)
    }
}

/// What is to be trained, on which data, and how.
#[derive(Clone, Copy, Debug)]
pub struct SweepPlan<'a> {
    /// Training samples, those set aside for validation included, and test samples.
    pub dataset: &'a Dataset,
    /// The runs.
    pub configurations: &'a [RunConfiguration],
    /// Whether each run scores the test data when it has ended.
    pub scores_test: bool,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Runs that train at the same time, one thread each; at least 1.
    pub workers: usize,
}

/// What happens while a sweep runs.
#[derive(Debug)]
pub enum SweepEvent<'a> {
    /// A run has trained another epoch.
    Epoch {
        /// Place of the run in the list of configurations.
        index: usize,
        /// What the epoch gave.
        record: &'a EpochRecord,
    },
    /// A run has ended.
    Run(&'a RunResult),
}

/// Why a sweep cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// An option of a run is out of its range.
    #[error("{}", option_error(.0))]
    Option(#[from] OptionError),
    /// A network or its data cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The threads could not be started.
    #[error("{workers} runs at a time cannot be started: {reason}; choose fewer with --workers")]
    Workers {
        /// Number asked for.
        workers: usize,
        /// What the system said.
        reason: String,
    },
}

impl SweepPlan<'_> {
    /// Checks every run, before the first one starts.
    ///
    /// # Errors
    /// The first option that is out of its range.
    pub fn check(&self) -> Result<(), SweepError> {
        for configuration in self.configurations {
            configuration.options.check(self.dataset.train.len())?;
            check_shape(self.shape(configuration))?;
        }
        Ok(())
    }

    fn no_workers(&self, reason: String) -> SweepError {
        let workers = self.workers;
        SweepError::Workers { workers, reason }
    }

    fn shape(&self, configuration: &RunConfiguration) -> Shape {
        Shape {
            inputs: self.dataset.train.images.pixels(),
            hidden: configuration.hidden,
            classes: self.dataset.classes,
        }
    }

    /// Trains one run; nothing if it was stopped. Every epoch is handed over as it ends.
    fn train(
        &self,
        index: usize,
        stop: &Arc<AtomicBool>,
        epoch_ended: impl Fn(EpochRecord),
    ) -> Result<Option<RunResult>, SweepError> {
        let start = Instant::now();
        let configuration = &self.configurations[index];
        let options = &configuration.options;
        let parameters = options.initial_parameters(self.shape(configuration));
        let engine = Engine::new(&parameters, options.optimizer(), 1, self.isa);
        let mut engine = engine.map_err(|error| match error {
            BackendError::Threads { reason, .. } => self.no_workers(reason),
            other => other.into(),
        })?;
        let mut trainer = Trainer::new(Samples::from(&self.dataset.train), options)?;
        let control = PassControl::with_stop(Arc::clone(stop));
        let mut result = RunResult {
            index,
            outcome: RunOutcome::Finished,
            epochs: Vec::new(),
            test: None,
            seconds: 0.0,
        };
        while !trainer.is_finished() && !result.is_diverged() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let epoch = trainer.train_epoch(&mut engine, &control)?;
            let is_validated = epoch.record.validation_loss.is_none_or(f64::is_finite);
            match epoch.end {
                EpochEnd::Complete if is_validated => {
                    epoch_ended(epoch.record);
                    result.epochs.push(epoch.record);
                }
                EpochEnd::Stopped => return Ok(None),
                EpochEnd::Complete | EpochEnd::Diverged => result.outcome = RunOutcome::Diverged,
            }
        }
        if !engine.parameters().is_finite() {
            result.outcome = RunOutcome::Diverged;
        }
        if self.scores_test && !result.is_diverged() {
            result.test = Some(score(&mut engine, Samples::from(&self.dataset.test))?);
        }
        result.seconds = start.elapsed().as_secs_f64();
        Ok(Some(result))
    }
}

fn score(engine: &mut Engine, samples: Samples<'_>) -> Result<TestScore, BackendError> {
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    let evaluation = engine.evaluate(samples, &order)?;
    Ok(TestScore {
        loss: evaluation.loss,
        accuracy: evaluation.accuracy(),
    })
}

/// What a worker tells.
enum Message {
    Epoch(usize, EpochRecord),
    Run(Result<Option<RunResult>, SweepError>),
}

/// Trains those runs of a plan whose numbers are in `todo`, in that order, and calls `listener` on
/// this thread for each epoch and each run that has ended. Setting `stop` ends the sweep after the
/// minibatches at hand; runs that were under way then are not told.
///
/// # Errors
/// If an option is out of its range or the threads cannot be started, before anything is trained; and
/// what `listener` says, after which the sweep stops.
///
/// # Panics
/// If there are no workers, or a number in `todo` is that of no configuration.
pub fn run<E: From<SweepError>>(
    plan: &SweepPlan<'_>,
    todo: &[usize],
    stop: &Arc<AtomicBool>,
    mut listener: impl FnMut(SweepEvent<'_>) -> Result<(), E>,
) -> Result<(), E> {
    assert!(plan.workers > 0, "a sweep needs a worker");
    plan.check()?;
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let gate = Mutex::new(());
    thread::scope(|scope| {
        // Nothing is trained, and no memory taken for it, before all threads are there.
        let closed = gate.lock();
        for _ in 0..plan.workers.min(todo.len()) {
            let (sender, next, gate) = (sender.clone(), &next, &gate);
            let work = move || {
                drop(gate.lock());
                while !stop.load(Ordering::Relaxed)
                    && let Some(&index) = todo.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    // Nobody listens any more after an error, which has set `stop`.
                    let epoch_ended = |record| drop(sender.send(Message::Epoch(index, record)));
                    let result = plan.train(index, stop, epoch_ended);
                    if sender.send(Message::Run(result)).is_err() {
                        break;
                    }
                }
            };
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                stop.store(true, Ordering::Relaxed);
                return Err(plan.no_workers(error.to_string()).into());
            }
        }
        drop(closed);
        drop(sender);
        let result = receiver.iter().try_for_each(|message| match message {
            Message::Epoch(index, ref record) => listener(SweepEvent::Epoch { index, record }),
            Message::Run(Ok(Some(ref result))) => listener(SweepEvent::Run(result)),
            Message::Run(Ok(None)) => Ok(()),
            Message::Run(Err(error)) => Err(error.into()),
        });
        if result.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        result
    })
}
