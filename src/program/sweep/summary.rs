//! Mean and standard deviation over the seeds of each configuration.

use super::{RunConfiguration, RunResult};
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// Over the seeds, by the names of [`MEASURES`] and of [`EPOCHS_TO_TARGET`]; none where no run has a
    /// value.
    #[serde(flatten)]
    pub means: BTreeMap<&'static str, Option<MeanDeviation>>,
    /// Runs that reached the target, if there is one, on validation data.
    pub reached_target: Option<usize>,
}

impl Summary {
    /// One of the means.
    pub fn mean(&self, name: &str) -> Option<MeanDeviation> {
        self.means.get(name).copied().flatten()
    }
}

/// A number of a run that has ended, if it has it.
type Measure = fn(&RunResult) -> Option<f64>;

/// What is told of every configuration: of the last epoch, unless it is of each run's best one.
const MEASURES: [(&str, Measure); 7] = [
    ("train_loss", |it| it.record.train_loss),
    ("train_accuracy", |it| it.record.train_accuracy),
    ("validation_loss", |it| it.record.validation_loss),
    (VALIDATION_ACCURACY, |it| it.record.validation_accuracy),
    ("best_validation_accuracy", |it| {
        it.record.best_validation_accuracy
    }),
    ("best_epoch", |it| it.record.best_epoch.map(f64::from)),
    ("test_accuracy", |it| it.record.test_accuracy),
];
/// What the best configuration is chosen by.
pub const VALIDATION_ACCURACY: &str = "validation_accuracy";
/// Epochs that the runs took that reached the target.
pub const EPOCHS_TO_TARGET: &str = "epochs_to_target";

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
    let reached = |it: &&RunResult| it.epochs_to(target?).map(f64::from);
    let epochs_to_target: Vec<f64> = sound.iter().filter_map(reached).collect();
    let over = |(name, measure): (&'static str, Measure)| {
        let values = sound.iter().filter_map(|result| measure(result));
        (name, MeanDeviation::of(&values.collect::<Vec<f64>>()))
    };
    let mut means: BTreeMap<_, _> = MEASURES.map(over).into();
    means.insert(EPOCHS_TO_TARGET, MeanDeviation::of(&epochs_to_target));
    Summary {
        configuration,
        runs: group.len(),
        diverged: group.len() - sound.len(),
        means,
        reached_target: target.map(|_| epochs_to_target.len()),
    }
}

/// Places of the options, in the order of [`RunConfiguration::texts`], that are not the same everywhere.
pub fn varying(summaries: &[Summary]) -> Vec<usize> {
    varying_options(summaries.iter().map(|it| &it.configuration))
}

/// The same of configurations.
pub fn varying_options<'a>(
    configurations: impl IntoIterator<Item = &'a RunConfiguration>,
) -> Vec<usize> {
    let all = configurations.into_iter().map(RunConfiguration::texts);
    let all: Vec<_> = all.collect();
    let options = 0..all.first().map_or(0, Vec::len);
    options
        .filter(|&place| all.iter().any(|texts| texts[place] != all[0][place]))
        .collect()
}

/// Place of the configuration with the highest mean validation accuracy after the last epoch, among
/// those of which no run diverged; the first of equals.
pub fn best_by_validation(summaries: &[Summary]) -> Option<usize> {
    let candidates = summaries.iter().enumerate().filter_map(|(index, summary)| {
        let accuracy = summary.mean(VALIDATION_ACCURACY)?.mean;
        (summary.diverged == 0).then_some((index, accuracy))
    });
    let best = candidates.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map(|(index, _)| index)
}
