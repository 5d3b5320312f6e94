//! Question 7 (4): learning rates.

use super::trainings::{EpochPoint, Run, best_accuracy, lowest_loss, train_all, validated_sgd};
use super::work::{Stopped, Work};
use anyhow::bail;
use fused_mlp::training::TrainingOptions;
use serde::Serialize;

/// The original's rates and larger ones; the last is 0.03 where gradients are summed over
/// minibatches of 100.
const RATES: [f32; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
/// Epochs that are kept: all of the first, then each by this factor later than the one before.
const FIRST_EPOCHS: u32 = 10;
const KEPT_FACTOR: f64 = 1.04;

/// What was found.
#[derive(Debug, Serialize)]
pub struct LearningRates {
    /// Epochs asked for.
    planned_epochs: u32,
    /// Whether every run was trained to its end.
    is_complete: bool,
    /// One row a learning rate.
    pub rows: Vec<RateRow>,
    /// Row with the best validation accuracy in any epoch, among those that did not diverge; none
    /// before every run has ended.
    best: Option<usize>,
}

/// One learning rate.
#[derive(Debug, Serialize)]
pub struct RateRow {
    /// Learning rate, of gradients that are means over the minibatch.
    pub learning_rate: f32,
    /// Whether a loss or a parameter was not finite.
    is_diverged: bool,
    /// Epochs trained.
    epochs: u32,
    /// The last one.
    last: Option<EpochPoint>,
    /// The first one with the highest validation accuracy.
    pub best: Option<EpochPoint>,
    /// The first one with the lowest validation loss.
    lowest_validation_loss: Option<EpochPoint>,
    /// Some of them, closer together at the beginning.
    pub curve: Vec<EpochPoint>,
}

impl RateRow {
    fn new(learning_rate: f32, run: &Run) -> Self {
        let epochs = &run.epochs;
        Self {
            learning_rate,
            is_diverged: run.is_diverged(),
            epochs: epochs.len() as u32,
            last: epochs.last().copied(),
            best: best_accuracy(epochs),
            lowest_validation_loss: lowest_loss(epochs),
            curve: kept(epochs),
        }
    }

    /// The best validation accuracy, if it may be chosen.
    fn score(&self) -> Option<f64> {
        let best = self.best.filter(|_| !self.is_diverged)?;
        best.validation_accuracy
    }
}

/// Some of the epochs, the last one included.
fn kept(epochs: &[EpochPoint]) -> Vec<EpochPoint> {
    let mut next = 1;
    let mut kept = Vec::new();
    for point in epochs {
        if point.epoch >= next || point.epoch as usize == epochs.len() {
            kept.push(*point);
            next = if point.epoch < FIRST_EPOCHS {
                point.epoch + 1
            } else {
                (f64::from(point.epoch) * KEPT_FACTOR).ceil() as u32
            };
        }
    }
    kept
}

/// Trains with each rate; what is known of each if it was stopped.
///
/// # Errors
/// If the data do not fit, or it was [`Stopped`] before the first epoch had ended.
pub fn run(work: &Work<'_>) -> anyhow::Result<LearningRates> {
    let scale = work.settings.scale();
    let rates = &RATES[..scale.rates];
    let plain = validated_sgd(work, RATES[0], scale.rate_epochs)?;
    let options = rates.iter().map(|&learning_rate| TrainingOptions {
        learning_rate,
        ..plain.clone()
    });
    let what = "Q7 (4) learning rates";
    let runs = train_all(work, options, what)?;
    if work.is_stopped() && runs.iter().all(|run| run.epochs.is_empty()) {
        bail!(Stopped);
    }
    let rows = rates.iter().zip(&runs);
    let rows: Vec<RateRow> = rows.map(|(&rate, run)| RateRow::new(rate, run)).collect();
    let is_complete = runs.iter().all(|run| run.outcome.is_some());
    Ok(LearningRates {
        planned_epochs: scale.rate_epochs,
        is_complete,
        best: if is_complete { best(&rows) } else { None },
        rows,
    })
}

fn best(rows: &[RateRow]) -> Option<usize> {
    let scores = rows.iter().enumerate();
    let scores = scores.filter_map(|(index, row)| Some((index, row.score()?)));
    let better =
        |best: (usize, f64), other: (usize, f64)| if other.1 > best.1 { other } else { best };
    scores.reduce(better).map(|(index, _)| index)
}

impl LearningRates {
    /// The best row.
    pub fn best_row(&self) -> Option<&RateRow> {
        self.rows.get(self.best?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::RunOutcome;

    fn point(epoch: u32, accuracy: f64) -> EpochPoint {
        EpochPoint {
            epoch,
            train_loss: 1.0,
            train_accuracy: 0.5,
            validation_loss: Some(1.0 - accuracy),
            validation_accuracy: Some(accuracy),
        }
    }

    #[test]
    fn the_best_rate_is_that_of_validation_and_never_one_that_diverged() {
        let row = |accuracies: &[f64], outcome| {
            let epochs = (1..).zip(accuracies).map(|(e, &a)| point(e, a)).collect();
            let outcome = Some(outcome);
            RateRow::new(0.1, &Run { outcome, epochs })
        };
        let finished = RunOutcome::Finished;
        let rows = [
            row(&[0.5, 0.6], finished),
            row(&[0.5, 0.9], RunOutcome::Diverged),
            row(&[0.8, 0.7], finished),
            row(&[], RunOutcome::Diverged),
            row(&[0.8, 0.8], finished),
        ];
        assert_eq!(best(&rows), Some(2));
        assert_eq!(rows[2].best.unwrap().epoch, 1);
        assert_eq!(rows[2].last.unwrap().epoch, 2);
        assert_eq!(best(&rows[3..4]), None);
    }

    #[test]
    fn kept_epochs_are_few_and_have_both_ends() {
        let epochs: Vec<_> = (1..=1000).map(|epoch| point(epoch, 0.5)).collect();
        let kept = kept(&epochs);
        assert_eq!((kept[0].epoch, kept[9].epoch), (1, 10));
        assert_eq!(kept.last().unwrap().epoch, 1000);
        assert!(kept.len() < 150, "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
        assert_eq!(super::kept(&[]), []);
    }
}
