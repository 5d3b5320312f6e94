//! Ways to read the original's settings, each of them run.

use super::error::AssignmentError;
use super::mnist::{network_shape, plain_sgd};
use super::original;
use super::progress::Progress;
use super::runs::{Run, train_all};
use super::settings::Settings;
use fused_mlp::backend::{Backend, Evaluation, Optimizer, PassControl, Samples, TrainingPass};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{DataError, Dataset, Labels, Split};
use fused_mlp::network::Parameters;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::training::TrainingOptions;
use serde::Serialize;

/// A share or a loss in nats fits a reading if it is not further than this outside the range of its
/// seeds.
pub const TOLERANCE: f64 = 0.05;

/// One reading and what it gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// What is done.
    pub name: &'static str,
    /// Learning rate as the engine has it: of gradients that are means.
    pub learning_rate: f32,
    /// Steps in all.
    pub steps: u64,
    /// Mean training loss of the last epoch, or of the last four steps: lowest and highest of the
    /// seeds. None where all seeds diverged.
    pub train_loss: Option<(f64, f64)>,
    /// Test accuracy: lowest and highest of the seeds.
    pub test_accuracy: Option<(f64, f64)>,
    /// Seeds that diverged.
    pub diverged: usize,
    /// Whether the original's test accuracy fits it.
    pub accuracy_fits: bool,
    /// Whether the original's minibatch losses do, in the mean.
    pub loss_fits: bool,
}

/// How a reading differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    /// Full passes.
    Passes,
    /// Full passes over images with the labels of others.
    WrongLabels,
    /// One step an epoch with so many random samples.
    OneAnEpoch(usize),
}

const READINGS: [(&str, Steps, f32); 8] = [
    ("mean over the minibatch, full passes", Steps::Passes, 1.0),
    ("sum over the minibatch, full passes", Steps::Passes, 100.0),
    (
        "mean divided by the minibatch's size once more, full passes",
        Steps::Passes,
        0.01,
    ),
    (
        "one random minibatch an epoch, mean",
        Steps::OneAnEpoch(original::BATCH_SIZE),
        1.0,
    ),
    (
        "one random minibatch an epoch, sum",
        Steps::OneAnEpoch(original::BATCH_SIZE),
        100.0,
    ),
    ("one random image an epoch", Steps::OneAnEpoch(1), 1.0),
    (
        "labels of other images, mean, full passes",
        Steps::WrongLabels,
        1.0,
    ),
    (
        "labels of other images, sum, full passes",
        Steps::WrongLabels,
        100.0,
    ),
];

/// What one seed gives.
struct Score {
    train_loss: f64,
    test_accuracy: f64,
}

/// Trains each reading with each seed.
///
/// # Errors
/// If the data do not fit, or it was stopped.
pub fn run(
    settings: &Settings,
    dataset: &Dataset,
    progress: &Progress<'_>,
) -> Result<Vec<Reading>, AssignmentError> {
    let mislabelled = mislabelled(settings, dataset)?;
    let passes = full_passes(settings, dataset, Steps::Passes, progress)?;
    let wrong = full_passes(settings, &mislabelled, Steps::WrongLabels, progress)?;
    let (mut passes, mut wrong) = (passes.into_iter(), wrong.into_iter());
    let mut readings = Vec::new();
    for (name, steps, factor) in READINGS {
        let rate = original::TESTED_RATE * factor;
        let scores = match steps {
            Steps::Passes => passes.next().unwrap_or_default(),
            Steps::WrongLabels => wrong.next().unwrap_or_default(),
            Steps::OneAnEpoch(size) => one_an_epoch(settings, dataset, rate, size)?,
        };
        let steps_of_an_epoch = match steps {
            Steps::OneAnEpoch(_) => 1,
            _ => dataset.train.len().div_ceil(original::BATCH_SIZE) as u64,
        };
        let train_loss = range(scores.iter().map(|score| score.train_loss));
        let test_accuracy = range(scores.iter().map(|score| score.test_accuracy));
        readings.push(Reading {
            name,
            learning_rate: rate,
            steps: steps_of_an_epoch * u64::from(original::TESTED_EPOCHS),
            train_loss,
            test_accuracy,
            diverged: settings.scale().reading_seeds as usize - scores.len(),
            accuracy_fits: test_accuracy.is_some_and(|range| fits(range, original::TEST_ACCURACY)),
            loss_fits: train_loss.is_some_and(|range| fits(range, original::minibatch_loss())),
        });
    }
    Ok(readings)
}

fn fits((low, high): (f64, f64), value: f64) -> bool {
    (low - TOLERANCE..=high + TOLERANCE).contains(&value)
}

fn range(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let low = values.clone().reduce(f64::min)?;
    Some((low, values.reduce(f64::max)?))
}

fn seeds(settings: &Settings) -> impl Iterator<Item = u64> {
    let first = settings.seed;
    (0..settings.scale().reading_seeds).map(move |index| first.wrapping_add(index))
}

/// The data set with the training labels shuffled apart from their images.
fn mislabelled(settings: &Settings, dataset: &Dataset) -> Result<Dataset, DataError> {
    let labels = dataset.train.labels.bytes();
    let mut order: Vec<u32> = (0..).take(labels.len()).collect();
    Stream::new(settings.seed, Purpose::SampleDraws).shuffle(&mut order);
    let shuffled = order.iter().map(|&index| labels[index as usize]).collect();
    let train = Split::new(dataset.train.images.clone(), Labels::from_vec(shuffled)?)?;
    Dataset::from_splits(train, dataset.test.clone(), Some(dataset.classes))
}

/// All readings of one kind, side by side: for each, the scores of the seeds that did not diverge.
fn full_passes(
    settings: &Settings,
    dataset: &Dataset,
    kind: Steps,
    progress: &Progress<'_>,
) -> Result<Vec<Vec<Score>>, AssignmentError> {
    let of_kind = READINGS.iter().filter(|(_, steps, _)| *steps == kind);
    let options: Vec<TrainingOptions> = of_kind
        .flat_map(|(_, _, factor)| {
            let rate = original::TESTED_RATE * factor;
            seeds(settings).map(move |seed| (rate, seed))
        })
        .map(|(rate, seed)| TrainingOptions {
            seed,
            ..plain_sgd(settings, rate, original::TESTED_EPOCHS)
        })
        .collect();
    let what = "Q7 (5) readings of the original setting";
    let runs = train_all(settings, dataset, options, true, progress, what)?;
    if progress.is_stopped() {
        return Err(AssignmentError::Stopped);
    }
    let score = |run: &Run| {
        Some(Score {
            train_loss: run.epochs.last()?.train_loss,
            test_accuracy: run.test_accuracy?,
        })
    };
    let readings = runs.chunks(settings.scale().reading_seeds as usize);
    Ok(readings
        .map(|runs| runs.iter().filter_map(score).collect())
        .collect())
}

/// One step an epoch; the samples of each are drawn without replacement.
fn one_an_epoch(
    settings: &Settings,
    dataset: &Dataset,
    rate: f32,
    batch_size: usize,
) -> Result<Vec<Score>, AssignmentError> {
    let samples = Samples::from(&dataset.train);
    let mut scores = Vec::new();
    for seed in seeds(settings) {
        let parameters = Parameters::initialise(network_shape(dataset), seed);
        let plain = Optimizer::default();
        let mut engine = Engine::new(&parameters, plain, 1, settings.isa)?;
        let ascending: Vec<u32> = (0..).take(samples.len()).collect();
        let mut stream = Stream::new(seed, Purpose::Shuffle);
        let mut losses = Vec::new();
        for _ in 0..original::TESTED_EPOCHS {
            let mut order = ascending.clone();
            stream.shuffle(&mut order);
            order.truncate(batch_size);
            let step = engine.train(&TrainingPass {
                samples,
                order: &order,
                batch_size,
                learning_rates: &[rate],
                control: &PassControl::default(),
            })?;
            losses.extend(step.iter().map(|step| step.loss));
        }
        let last = &losses[losses.len().saturating_sub(4)..];
        let test = evaluate(&mut engine, &dataset.test)?;
        if test.loss.is_finite() {
            scores.push(Score {
                train_loss: last.iter().sum::<f64>() / last.len() as f64,
                test_accuracy: test.accuracy(),
            });
        }
    }
    Ok(scores)
}

/// Scores all samples of a split.
pub fn evaluate(engine: &mut Engine, split: &Split) -> Result<Evaluation, AssignmentError> {
    let samples = Samples::from(split);
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    Ok(engine.evaluate(samples, &order)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_fits_the_range_and_a_little_beyond() {
        let fits = |low, high| super::fits((low, high), 0.1428);
        assert!(fits(0.1, 0.2) && fits(0.19, 0.9) && fits(0.01, 0.1));
        assert!(!fits(0.2, 0.9) && !fits(0.0, 0.09));
        assert_eq!(range([0.3, 0.1, 0.2].into_iter()), Some((0.1, 0.3)));
        assert_eq!(range(std::iter::empty()), None);
    }
}
