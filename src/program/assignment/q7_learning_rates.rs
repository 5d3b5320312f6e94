//! Question 7 (4): learning rates.

use super::error::AssignmentError;
use super::mnist::{EpochPoint, check_split, plain_sgd};
use super::original;
use super::progress::Progress;
use super::q7_curves::best_by_accuracy;
use super::runs::train_all;
use super::settings::Settings;
use crate::sweep::RunOutcome;
use fused_mlp::mnist::Dataset;
use fused_mlp::training::TrainingOptions;
use serde::Serialize;

/// The original's rates and larger ones; the last is 0.03 where gradients are summed over
/// minibatches of 100.
pub const RATES: [f32; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
/// Epochs that are kept: all of the first, then each by this factor later than the one before.
const FIRST_EPOCHS: u32 = 10;
const KEPT_FACTOR: f64 = 1.04;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LearningRates {
    /// Epochs asked for.
    pub planned_epochs: u32,
    /// Whether every run was trained to its end.
    pub is_complete: bool,
    /// One row a learning rate.
    pub rows: Vec<RateRow>,
    /// Row with the best validation accuracy in any epoch, among those that did not diverge; none
    /// before every run has ended.
    pub best: Option<usize>,
}

/// One learning rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateRow {
    /// Learning rate, of gradients that are means over the minibatch.
    pub learning_rate: f32,
    /// Whether a loss or a parameter was not finite.
    pub is_diverged: bool,
    /// Epochs trained.
    pub epochs: u32,
    /// The last one.
    pub last: Option<EpochPoint>,
    /// The first one with the highest validation accuracy.
    pub best: Option<EpochPoint>,
    /// The first one with the lowest validation loss.
    pub lowest_validation_loss: Option<EpochPoint>,
    /// Some of them, closer together at the beginning.
    pub curve: Vec<EpochPoint>,
}

impl RateRow {
    fn new(learning_rate: f32, outcome: Option<RunOutcome>, epochs: &[EpochPoint]) -> Self {
        let loss = |point: &&EpochPoint| point.validation_loss.unwrap_or(f64::INFINITY);
        let lowest = epochs
            .iter()
            .min_by(|a, b| loss(a).total_cmp(&loss(b)))
            .copied();
        Self {
            learning_rate,
            is_diverged: outcome == Some(RunOutcome::Diverged),
            epochs: epochs.len() as u32,
            last: epochs.last().copied(),
            best: best_by_accuracy(epochs).copied(),
            lowest_validation_loss: lowest,
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
/// If the data do not fit, or it was stopped before the first epoch had ended.
pub fn run(
    settings: &Settings,
    dataset: &Dataset,
    progress: &Progress<'_>,
) -> Result<LearningRates, AssignmentError> {
    check_split(dataset)?;
    let planned_epochs = settings.scale().rate_epochs;
    let rates = &RATES[..settings.scale().rates];
    let options = rates.iter().map(|&rate| TrainingOptions {
        validation: original::VALIDATION,
        ..plain_sgd(settings, rate, planned_epochs)
    });
    let what = "Q7 (4) learning rates";
    let runs = train_all(settings, dataset, options.collect(), false, progress, what)?;
    if progress.is_stopped() && runs.iter().all(|run| run.epochs.is_empty()) {
        return Err(AssignmentError::Stopped);
    }
    let rows: Vec<RateRow> = rates
        .iter()
        .zip(&runs)
        .map(|(&rate, run)| RateRow::new(rate, run.outcome, &run.epochs))
        .collect();
    let is_complete = runs.iter().all(|run| run.outcome.is_some());
    Ok(LearningRates {
        planned_epochs,
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
    /// The row of a rate.
    pub fn row(&self, rate: f32) -> Option<&RateRow> {
        self.rows.iter().find(|row| row.learning_rate == rate)
    }

    /// The best row.
    pub fn best_row(&self) -> Option<&RateRow> {
        self.rows.get(self.best?)
    }
}

impl std::fmt::Display for LearningRates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Q7 (4) learning rates, {} epochs{}\n   {:>6} {:>12} {:>10} {:>20} {:>24}",
            self.planned_epochs,
            if self.is_complete {
                ""
            } else {
                ", interrupted"
            },
            "rate",
            "average loss",
            "train %",
            "validation % (epoch)",
            "validation loss (epoch)"
        )?;
        for (index, row) in self.rows.iter().enumerate() {
            write!(f, "\n   {:>6}", row.learning_rate)?;
            if let (Some(last), Some(best), Some(lowest)) =
                (row.last, row.best, row.lowest_validation_loss)
            {
                write!(
                    f,
                    " {:>12.3e} {:>10.2} {:>20} {:>24}",
                    last.train_loss,
                    100.0 * last.train_accuracy,
                    format!(
                        "{:.2} ({})",
                        100.0 * best.validation_accuracy.unwrap_or(f64::NAN),
                        best.epoch
                    ),
                    format!(
                        "{:.4} ({})",
                        lowest.validation_loss.unwrap_or(f64::NAN),
                        lowest.epoch
                    ),
                )?;
            }
            if row.is_diverged {
                write!(f, "  diverged after {} epochs", row.epochs)?;
            } else if self.best == Some(index) {
                write!(f, "  <- best by validation")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let epochs: Vec<_> = (1..).zip(accuracies).map(|(e, &a)| point(e, a)).collect();
            RateRow::new(0.1, Some(outcome), &epochs)
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
