//! Question 7 (5): the test data, once, and the original's setting.

use super::original::ORIGINAL;
use super::q7_learning_rates::RateRow;
use super::trainings::{evaluate, plain_sgd, train};
use super::work::{Stopped, Work};
use anyhow::bail;
use fused_mlp::evaluation::ConfusionMatrix;
use fused_mlp::training::EpochEnd;
use serde::Serialize;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Final {
    /// Learning rate chosen by validation.
    learning_rate: f32,
    /// Epochs chosen by validation.
    epochs: u32,
    /// Validation accuracy that chose them.
    validation_accuracy: f64,
    /// Samples trained on: all of them.
    samples: usize,
    /// Whether a loss was not finite.
    pub is_diverged: bool,
    /// Test samples.
    test_samples: usize,
    /// Those of them that were predicted correctly.
    test_correct: usize,
    /// Their share.
    test_accuracy: f64,
    /// Mean test loss in nats.
    test_loss: f64,
    /// `confusion[t][p]`: test samples of class t predicted as p.
    confusion: ConfusionMatrix,
    /// The original's test accuracy.
    original_test_accuracy: f64,
    /// Test accuracy with the original's setting as it is written: means, full passes.
    original_setting_accuracy: f64,
}

/// Trains on all samples with the rate and epochs of `best`, scores the test data, and does the
/// same with the original's setting.
///
/// # Errors
/// If the data do not fit, or it was [`Stopped`].
pub fn run(work: &Work<'_>, best: &RateRow) -> anyhow::Result<Final> {
    let dataset = work.images();
    let point = best.best.ok_or(Stopped)?;
    let options = plain_sgd(&work.settings, best.learning_rate, point.epoch);
    let mut training = train(work, &options, "Q7 (5) training on all images", |_| ())?;
    if training.end == EpochEnd::Stopped {
        bail!(Stopped);
    }
    let test = evaluate(&mut training.engine, &dataset.test)?;
    let labels = dataset.test.labels.bytes();
    Ok(Final {
        learning_rate: best.learning_rate,
        epochs: point.epoch,
        validation_accuracy: point.validation_accuracy.unwrap_or(f64::NAN),
        samples: dataset.train.len(),
        is_diverged: training.end == EpochEnd::Diverged,
        test_samples: test.predicted.len(),
        test_correct: test.correct,
        test_accuracy: test.accuracy(),
        test_loss: test.loss,
        confusion: ConfusionMatrix::new(labels, &test.predicted, dataset.classes),
        original_test_accuracy: ORIGINAL.test_accuracy,
        original_setting_accuracy: original_setting(work)?,
    })
}

fn original_setting(work: &Work<'_>) -> anyhow::Result<f64> {
    let options = plain_sgd(&work.settings, ORIGINAL.tested_rate, ORIGINAL.tested_epochs);
    let mut training = train(work, &options, "Q7 (5) the original's setting", |_| ())?;
    if training.end == EpochEnd::Stopped {
        bail!(Stopped);
    }
    Ok(evaluate(&mut training.engine, &work.images().test)?.accuracy())
}
