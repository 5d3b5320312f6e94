//! Mean and standard deviation over the seeds of each configuration.

use super::{RunConfiguration, RunResult};
use serde::Serialize;

/// Mean and sample standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanDeviation {
    /// Mean.
    pub mean: f64,
    /// sqrt(sum of (x - mean)^2 / (n - 1)); 0 for one value.
    pub deviation: f64,
}

impl MeanDeviation {
    /// Of some values; `None` for none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
        (!values.is_empty()).then_some(Self { mean, deviation })
    }
}

/// The runs that differ by their seed alone. Means are over those that did not diverge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What they have in common; its seed means nothing.
    #[serde(flatten)]
    pub configuration: RunConfiguration,
    /// Runs that have ended.
    pub runs: usize,
    /// Those of them that diverged.
    pub diverged: usize,
    /// Training loss of the last epoch.
    pub train_loss: Option<MeanDeviation>,
    /// Training accuracy of the last epoch.
    pub train_accuracy: Option<MeanDeviation>,
    /// Validation loss of the last epoch.
    pub validation_loss: Option<MeanDeviation>,
    /// Validation accuracy of the last epoch.
    pub validation_accuracy: Option<MeanDeviation>,
    /// Validation accuracy of each run's best epoch.
    pub best_validation_accuracy: Option<MeanDeviation>,
    /// Number of each run's best epoch.
    pub best_epoch: Option<MeanDeviation>,
    /// Runs that reached the target, if there is one, on validation data.
    pub reached_target: Option<usize>,
    /// Epochs that those took.
    pub epochs_to_target: Option<MeanDeviation>,
    /// Test accuracy after the last epoch.
    pub test_accuracy: Option<MeanDeviation>,
}

/// One summary for each configuration with a run that has ended, in the order of the configurations, in
/// which runs that differ by their seed alone stand together.
///
/// # Panics
/// If a result is of no configuration.
pub fn summarise(
    configurations: &[RunConfiguration],
    results: &[RunResult],
    target: Option<f64>,
) -> Vec<Summary> {
    let common = |result: &RunResult| configurations[result.index].without_seed();
    let mut sorted: Vec<&RunResult> = results.iter().collect();
    sorted.sort_by_key(|result| result.index);
    sorted
        .chunk_by(|one, other| common(one) == common(other))
        .map(|group| summary(common(group[0]), group, target))
        .collect()
}

fn summary(configuration: RunConfiguration, group: &[&RunResult], target: Option<f64>) -> Summary {
    let sound: Vec<&RunResult> = group
        .iter()
        .copied()
        .filter(|it| !it.is_diverged())
        .collect();
    let values = |value: &dyn Fn(&RunResult) -> Option<f64>| -> Vec<f64> {
        sound.iter().filter_map(|result| value(result)).collect()
    };
    let over = |value: fn(&RunResult) -> Option<f64>| MeanDeviation::of(&values(&value));
    let epochs_to_target = values(&|it| it.epochs_to(target?).map(f64::from));
    Summary {
        configuration,
        runs: group.len(),
        diverged: group.len() - sound.len(),
        train_loss: over(|it| it.record.train_loss),
        train_accuracy: over(|it| it.record.train_accuracy),
        validation_loss: over(|it| it.record.validation_loss),
        validation_accuracy: over(|it| it.record.validation_accuracy),
        best_validation_accuracy: over(|it| it.record.best_validation_accuracy),
        best_epoch: over(|it| it.record.best_epoch.map(f64::from)),
        reached_target: target.map(|_| epochs_to_target.len()),
        epochs_to_target: MeanDeviation::of(&epochs_to_target),
        test_accuracy: over(|it| it.record.test_accuracy),
    }
}

/// Place of the configuration with the highest mean validation accuracy after the last epoch, among
/// those of which no run diverged; the first of equals.
pub fn best_by_validation(summaries: &[Summary]) -> Option<usize> {
    let candidates = summaries.iter().enumerate().filter_map(|(index, summary)| {
        let accuracy = summary.validation_accuracy?.mean;
        (summary.diverged == 0).then_some((index, accuracy))
    });
    let best = candidates.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map(|(index, _)| index)
}
