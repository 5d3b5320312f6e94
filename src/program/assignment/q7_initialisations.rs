//! Question 7 (3): the same training from several random initialisations.

use super::EpochPoint;
use super::trainings::{train_all, validated_sgd};
use super::work::{Stopped, Work};
use crate::sweep::MeanDeviation;
use anyhow::bail;
use fused_mlp::training::TrainingOptions;
use serde::Serialize;

/// Learning rate.
const RATE: f32 = 0.1;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Initialisations {
    /// Learning rate.
    learning_rate: f32,
    /// Seeds of the initial weights and of the sample order.
    pub seeds: Vec<u64>,
    /// Runs that diverged; they are left out below.
    diverged: usize,
    /// Whether every run was trained to its end.
    is_complete: bool,
    /// Mean and standard deviation over the seeds.
    pub epochs: Vec<EpochBand>,
}

/// One epoch of all runs.
#[derive(Clone, Copy, Debug, Serialize)]
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
/// If the data do not fit, or it was [`Stopped`] before every run had an epoch.
pub fn run(work: &Work<'_>) -> anyhow::Result<Initialisations> {
    let scale = work.settings.scale();
    let plain = validated_sgd(work, RATE, scale.initialisation_epochs)?;
    let seeds: Vec<u64> = work.settings.seeds(scale.initialisations).collect();
    let options = seeds.iter().map(|&seed| TrainingOptions {
        seed,
        ..plain.clone()
    });
    let what = "Q7 (3) random initialisations";
    let runs = train_all(work, options, what)?;
    let sound: Vec<_> = runs.iter().filter(|run| !run.is_diverged()).collect();
    let common = sound.iter().map(|run| run.epochs.len()).min().unwrap_or(0);
    if common == 0 && work.is_stopped() {
        bail!(Stopped);
    }
    let band = |index: usize| {
        let of = |value: fn(&EpochPoint) -> Option<f64>| {
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
