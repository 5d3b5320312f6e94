//! Question 7 (3): the same training from several random initialisations.

use super::error::AssignmentError;
use super::mnist::{check_split, plain_sgd};
use super::original;
use super::progress::Progress;
use super::runs::train_all;
use super::settings::Settings;
use crate::sweep::{MeanDeviation, RunOutcome};
use fused_mlp::mnist::Dataset;
use fused_mlp::training::TrainingOptions;
use serde::Serialize;

/// Learning rate.
const RATE: f32 = 0.1;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Initialisations {
    /// Learning rate.
    pub learning_rate: f32,
    /// Seeds of the initial weights and of the sample order.
    pub seeds: Vec<u64>,
    /// Runs that diverged; they are left out below.
    pub diverged: usize,
    /// Whether every run was trained to its end.
    pub is_complete: bool,
    /// Mean and standard deviation over the seeds.
    pub epochs: Vec<EpochBand>,
}

/// One epoch of all runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EpochBand {
    /// Number of the epoch, from 1 on.
    pub epoch: u32,
    /// Mean loss of the epoch's samples.
    pub train_loss: MeanDeviation,
    /// Loss of the validation samples.
    pub validation_loss: MeanDeviation,
    /// Accuracy for the validation samples.
    pub validation_accuracy: MeanDeviation,
}

/// Trains from each initialisation; as many epochs as all runs have if it was stopped.
///
/// # Errors
/// If the data do not fit, or it was stopped before every run had an epoch.
pub fn run(
    settings: &Settings,
    dataset: &Dataset,
    progress: &Progress<'_>,
) -> Result<Initialisations, AssignmentError> {
    check_split(dataset)?;
    let scale = settings.scale();
    let seeds: Vec<u64> = (0..scale.initialisations)
        .map(|index| settings.seed.wrapping_add(index))
        .collect();
    let options = |&seed| TrainingOptions {
        seed,
        validation: original::VALIDATION,
        ..plain_sgd(settings, RATE, scale.initialisation_epochs)
    };
    let options = seeds.iter().map(options).collect();
    let what = "Q7 (3) random initialisations";
    let runs = train_all(settings, dataset, options, false, progress, what)?;
    let is_diverged = |outcome| outcome == Some(RunOutcome::Diverged);
    let sound: Vec<_> = runs
        .iter()
        .filter(|run| !is_diverged(run.outcome))
        .collect();
    let common = sound.iter().map(|run| run.epochs.len()).min().unwrap_or(0);
    if common == 0 && progress.is_stopped() {
        return Err(AssignmentError::Stopped);
    }
    let band = |index: usize| {
        let of = |value: fn(&super::EpochPoint) -> Option<f64>| {
            let values = sound.iter().filter_map(|run| value(&run.epochs[index]));
            MeanDeviation::of(&values.collect::<Vec<_>>())
        };
        Some(EpochBand {
            epoch: index as u32 + 1,
            train_loss: of(|point| Some(point.train_loss))?,
            validation_loss: of(|point| point.validation_loss)?,
            validation_accuracy: of(|point| point.validation_accuracy)?,
        })
    };
    Ok(Initialisations {
        learning_rate: RATE,
        diverged: runs.len() - sound.len(),
        is_complete: runs.iter().all(|run| run.outcome.is_some()),
        epochs: (0..common).filter_map(band).collect(),
        seeds,
    })
}

impl std::fmt::Display for Initialisations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Q7 (3) {} initialisations, learning rate {}: ",
            self.seeds.len(),
            self.learning_rate
        )?;
        let Some(last) = self.epochs.last() else {
            return write!(f, "all diverged");
        };
        write!(
            f,
            "after epoch {} training loss {:.4} ± {:.4},\n   validation loss {:.4} ± {:.4}, \
             accuracy {:.2} ± {:.2} %",
            last.epoch,
            last.train_loss.mean,
            last.train_loss.deviation,
            last.validation_loss.mean,
            last.validation_loss.deviation,
            100.0 * last.validation_accuracy.mean,
            100.0 * last.validation_accuracy.deviation,
        )
    }
}
