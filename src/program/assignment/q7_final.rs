//! Question 7 (5): the test data, once, and the original's setting.

use super::error::AssignmentError;
use super::mnist::{plain_sgd, train_epochs};
use super::original;
use super::progress::Progress;
use super::q7_learning_rates::RateRow;
use super::readings::{self, Reading, evaluate};
use super::settings::Settings;
use fused_mlp::backend::Samples;
use fused_mlp::mnist::Dataset;
use fused_mlp::training::Trainer;
use serde::Serialize;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Final {
    /// Learning rate chosen by validation.
    pub learning_rate: f32,
    /// Epochs chosen by validation.
    pub epochs: u32,
    /// Validation accuracy that chose them.
    pub validation_accuracy: f64,
    /// Samples trained on: all of them.
    pub samples: usize,
    /// Whether a loss was not finite.
    pub is_diverged: bool,
    /// Test samples.
    pub test_samples: usize,
    /// Those of them that were predicted correctly.
    pub test_correct: usize,
    /// Their share.
    pub test_accuracy: f64,
    /// Mean test loss in nats.
    pub test_loss: f64,
    /// `confusion[t][p]`: test samples of class t predicted as p.
    pub confusion: fused_mlp::evaluation::ConfusionMatrix,
    /// The original's test accuracy.
    pub original_test_accuracy: f64,
    /// The original's setting, read in several ways.
    pub readings: Vec<Reading>,
}

/// Trains on all samples with the rate and epochs of `best`, scores the test data, and runs the
/// readings of the original's setting.
///
/// # Errors
/// If the data do not fit, or it was stopped.
pub fn run(
    settings: &Settings,
    dataset: &Dataset,
    best: &RateRow,
    progress: &Progress<'_>,
) -> Result<Final, AssignmentError> {
    let point = best.best.ok_or(AssignmentError::Stopped)?;
    let options = plain_sgd(settings, best.learning_rate, point.epoch);
    let mut trainer = Trainer::new(Samples::from(&dataset.train), &options)?;
    let what = "Q7 (5) training on all images";
    let mut training = train_epochs(
        settings,
        dataset,
        &mut trainer,
        &options,
        progress,
        what,
        |_| (),
    )?;
    if !training.is_complete && !training.is_diverged {
        return Err(AssignmentError::Stopped);
    }
    let test = evaluate(&mut training.engine, &dataset.test)?;
    let labels = dataset.test.labels.bytes();
    Ok(Final {
        learning_rate: best.learning_rate,
        epochs: point.epoch,
        validation_accuracy: point.validation_accuracy.unwrap_or(f64::NAN),
        samples: dataset.train.len(),
        is_diverged: training.is_diverged,
        test_samples: test.predicted.len(),
        test_correct: test.correct,
        test_accuracy: test.accuracy(),
        test_loss: test.loss,
        confusion: fused_mlp::evaluation::ConfusionMatrix::new(
            labels,
            &test.predicted,
            dataset.classes,
        ),
        original_test_accuracy: original::TEST_ACCURACY,
        readings: readings::run(settings, dataset, progress)?,
    })
}

impl std::fmt::Display for Final {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Q7 (5) learning rate {} for {} epochs, chosen by validation, on {} images: test \
             accuracy {:.2} % ({} of {}), loss {:.4}\n   \
             the original setting, learning rate {}, {} epochs, read in several ways (original: {}):",
            self.learning_rate,
            self.epochs,
            self.samples,
            100.0 * self.test_accuracy,
            self.test_correct,
            self.test_samples,
            self.test_loss,
            original::TESTED_RATE,
            original::TESTED_EPOCHS,
            self.original_test_accuracy,
        )?;
        for reading in &self.readings {
            write!(f, "\n   {:<60}", reading.name)?;
            match reading.test_accuracy {
                Some((low, high)) => write!(f, " test accuracy {low:.4} to {high:.4}")?,
                None => write!(f, " diverged")?,
            }
            if let Some((low, high)) = reading.train_loss {
                write!(f, ", training loss {low:.4} to {high:.4}")?;
            }
            if reading.accuracy_fits && reading.loss_fits {
                write!(f, "  fits both")?;
            }
        }
        Ok(())
    }
}
