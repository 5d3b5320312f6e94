//! Trainings on MNIST-format data: one on all threads, or several at once, one on each core.

use super::original::ORIGINAL;
use super::work::{Settings, Work};
use crate::sweep::{self, RunConfiguration, RunOutcome, SweepEvent, SweepPlan};
use anyhow::bail;
use fused_mlp::backend::{Backend, Evaluation, PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{Dataset, Split};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::training::{Epoch, EpochEnd, EpochRecord, Recipe, Trainer, TrainingOptions};
use serde::Serialize;
use std::sync::Arc;

/// Hidden units that the assignment asks for.
const HIDDEN: usize = 300;

/// One epoch, without its times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EpochPoint {
    /// Number of the epoch, from 1 on.
    pub epoch: u32,
    /// Mean of the losses of its samples in nats, each with the parameters of its own step.
    pub train_loss: f64,
    /// Share of the samples that were predicted correctly, each with the parameters of its step.
    pub train_accuracy: f64,
    /// Loss of the validation samples at the end of the epoch.
    pub validation_loss: Option<f64>,
    /// Accuracy for the validation samples at the end of the epoch.
    pub validation_accuracy: Option<f64>,
}

impl From<&EpochRecord> for EpochPoint {
    fn from(record: &EpochRecord) -> Self {
        Self {
            epoch: record.epoch,
            train_loss: record.train_loss,
            train_accuracy: record.train_accuracy,
            validation_loss: record.validation_loss,
            validation_accuracy: record.validation_accuracy,
        }
    }
}

/// First epoch with the lowest validation loss.
pub fn lowest_loss(epochs: &[EpochPoint]) -> Option<EpochPoint> {
    let loss = |point: &EpochPoint| point.validation_loss.unwrap_or(f64::INFINITY);
    let points = epochs.iter().copied();
    points.min_by(|a, b| loss(a).total_cmp(&loss(b)))
}

/// First epoch with the highest validation accuracy.
pub fn best_accuracy(epochs: &[EpochPoint]) -> Option<EpochPoint> {
    let better = |best: EpochPoint, point: EpochPoint| {
        if point.validation_accuracy > best.validation_accuracy {
            point
        } else {
            best
        }
    };
    epochs.iter().copied().reduce(better)
}

/// 784-300-10 for MNIST, as it is before training.
pub fn initial_network(dataset: &Dataset, seed: u64) -> Parameters {
    let shape = Shape {
        inputs: dataset.train.images.pixels(),
        hidden: HIDDEN,
        classes: dataset.classes,
    };
    Parameters::initialise(shape, seed)
}

/// Plain SGD with a constant rate, in minibatches as the assignment asks for, on all samples.
pub fn plain_sgd(settings: &Settings, learning_rate: f32, epochs: u32) -> TrainingOptions {
    TrainingOptions {
        epochs,
        batch_size: ORIGINAL.batch_size,
        learning_rate,
        seed: settings.seed,
        ..Recipe::Assignment.options()
    }
}

/// [`plain_sgd`] with the course's split.
///
/// # Errors
/// If no samples are left to train on beside those for validation.
pub fn validated_sgd(
    work: &Work<'_>,
    learning_rate: f32,
    epochs: u32,
) -> anyhow::Result<TrainingOptions> {
    let (found, validation) = (work.images().train.len(), ORIGINAL.validation);
    if found <= validation {
        bail!(
            "Q7 needs more than {validation} training samples, found {found}; choose another data set"
        );
    }
    Ok(TrainingOptions {
        validation,
        ..plain_sgd(&work.settings, learning_rate, epochs)
    })
}

/// A training that has ended.
pub struct Training {
    /// How: after all its epochs, by a wish to stop or by divergence.
    pub end: EpochEnd,
    /// The network.
    pub engine: Engine,
}

/// Trains on all threads until the end, a wish to stop or divergence; hands over every full epoch.
///
/// # Errors
/// If the options do not fit, or threads cannot be had.
pub fn train(
    work: &Work<'_>,
    options: &TrainingOptions,
    what: &str,
    mut each: impl FnMut(Epoch),
) -> anyhow::Result<Training> {
    let (dataset, settings) = (work.images(), &work.settings);
    let mut trainer = Trainer::new(Samples::from(&dataset.train), options)?;
    let parameters = initial_network(dataset, options.seed);
    let optimizer = options.optimizer();
    let mut engine = Engine::new(&parameters, optimizer, settings.threads, settings.isa)?;
    let control = PassControl::with_stop(Arc::clone(&work.stop));
    let mut end = EpochEnd::Complete;
    while end == EpochEnd::Complete && !trainer.is_finished() {
        let epoch = trainer.train_epoch(&mut engine, &control)?;
        end = epoch.end;
        if end == EpochEnd::Complete {
            each(epoch);
            let share = f64::from(trainer.epochs_done()) / f64::from(options.epochs);
            work.report(what, share);
        }
    }
    Ok(Training { end, engine })
}

/// Scores all samples of a split.
pub fn evaluate(engine: &mut Engine, split: &Split) -> anyhow::Result<Evaluation> {
    let samples = Samples::from(split);
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    Ok(engine.evaluate(samples, &order)?)
}

/// One of several trainings, as far as it went.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// How it ended; `None` if it was stopped.
    pub outcome: Option<RunOutcome>,
    /// Its epochs; where it diverged, those before.
    pub epochs: Vec<EpochPoint>,
}

impl Run {
    pub fn is_diverged(&self) -> bool {
        self.outcome == Some(RunOutcome::Diverged)
    }
}

/// Trains with each of the options, as many at a time as there are threads, until the end or a wish to
/// stop.
///
/// # Errors
/// If the options do not fit, or threads cannot be had.
pub fn train_all(
    work: &Work<'_>,
    options: impl IntoIterator<Item = TrainingOptions>,
    what: &str,
) -> anyhow::Result<Vec<Run>> {
    let configured = options.into_iter().map(|options| RunConfiguration {
        hidden: HIDDEN,
        options,
    });
    let configurations: Vec<RunConfiguration> = configured.collect();
    let planned = |index: usize| u64::from(configurations[index].options.epochs);
    let todo: Vec<usize> = (0..configurations.len()).collect();
    let epochs: u64 = todo.iter().map(|&index| planned(index)).sum();
    let mut epochs_left = epochs;
    let mut runs = vec![Run::default(); configurations.len()];
    let plan = SweepPlan {
        dataset: work.images(),
        configurations: &configurations,
        scores_test: false,
        isa: work.settings.isa,
        workers: work.settings.threads,
        tensorboard: None,
    };
    sweep::run(&plan, &todo, &work.stop, |event| -> anyhow::Result<()> {
        match event {
            SweepEvent::Epoch { index, record } => {
                runs[index].epochs.push(EpochPoint::from(&record));
                epochs_left -= 1;
            }
            SweepEvent::Run(result) => {
                let run = &mut runs[result.index];
                run.outcome = Some(result.record.outcome);
                epochs_left -= planned(result.index) - result.epochs.len() as u64;
            }
        }
        work.report(what, 1.0 - epochs_left as f64 / epochs as f64);
        Ok(())
    })?;
    Ok(runs)
}
