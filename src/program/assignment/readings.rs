//! Ways to read the original's settings, each of them run.

use super::original::ORIGINAL;
use super::range;
use super::trainings::{Run, evaluate, initial_network, plain_engine, plain_sgd, train_all};
use super::work::{Settings, Stopped, Work};
use anyhow::bail;
use fused_mlp::backend::{Backend, PassControl, Samples, TrainingPass};
use fused_mlp::mnist::{DataError, Dataset, Labels, Split};
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::training::TrainingOptions;
use serde::Serialize;

/// A share or a loss in nats fits a reading if it is not further than this outside the range of its
/// seeds.
pub const TOLERANCE: f64 = 0.05;

/// One reading and what it gives.
#[derive(Debug, Serialize)]
pub struct Reading {
    /// What is done.
    name: &'static str,
    /// Learning rate as the engine has it: of gradients that are means.
    learning_rate: f32,
    /// Steps in all.
    steps: u64,
    /// Mean training loss of the last epoch, or of the last four steps: lowest and highest of the
    /// seeds. None where all seeds diverged.
    train_loss: Option<(f64, f64)>,
    /// Test accuracy: lowest and highest of the seeds.
    test_accuracy: Option<(f64, f64)>,
    /// Seeds that diverged.
    diverged: usize,
    /// Whether the original's test accuracy fits it.
    accuracy_fits: bool,
    /// Whether the original's minibatch losses do, in the mean.
    loss_fits: bool,
}

/// What an epoch is.
#[derive(Clone, Copy)]
enum Epoch {
    /// A full pass.
    Pass,
    /// A full pass over images with the labels of others.
    WrongLabels,
    /// One step with so many random samples.
    Step(usize),
}

/// The readings by what an epoch is: each has a name and a factor of the learning rate.
const READINGS: [(Epoch, &[(&str, f32)]); 4] = [
    (
        Epoch::Pass,
        &[
            ("mean over the minibatch, full passes", 1.0),
            ("sum over the minibatch, full passes", 100.0),
            (
                "mean divided by the minibatch's size once more, full passes",
                0.01,
            ),
        ],
    ),
    (
        Epoch::Step(ORIGINAL.batch_size),
        &[
            ("one random minibatch an epoch, mean", 1.0),
            ("one random minibatch an epoch, sum", 100.0),
        ],
    ),
    (Epoch::Step(1), &[("one random image an epoch", 1.0)]),
    (
        Epoch::WrongLabels,
        &[
            ("labels of other images, mean, full passes", 1.0),
            ("labels of other images, sum, full passes", 100.0),
        ],
    ),
];

/// Training loss and test accuracy of one seed.
type Score = (f64, f64);

/// Trains each reading with each seed.
///
/// # Errors
/// If the data do not fit, or it was [`Stopped`].
pub fn run(work: &Work<'_>) -> anyhow::Result<Vec<Reading>> {
    let dataset = work.images();
    let mislabelled = mislabelled(&work.settings, dataset)?;
    let steps_of_a_pass = dataset.train.len().div_ceil(ORIGINAL.batch_size) as u64;
    let mut readings = Vec::new();
    for (epoch, group) in READINGS {
        let rates = group
            .iter()
            .map(|(_, factor)| ORIGINAL.tested_rate * factor);
        let rates: Vec<f32> = rates.collect();
        let scores = match epoch {
            Epoch::Pass => full_passes(work, dataset, &rates)?,
            Epoch::WrongLabels => full_passes(work, &mislabelled, &rates)?,
            Epoch::Step(size) => {
                let scores = rates.iter().map(|&rate| single_steps(work, rate, size));
                scores.collect::<anyhow::Result<_>>()?
            }
        };
        let steps = match epoch {
            Epoch::Step(_) => 1,
            _ => steps_of_a_pass,
        };
        let each = group.iter().zip(rates).zip(scores);
        readings.extend(each.map(|((&(name, _), learning_rate), scores)| {
            let train_loss = range(scores.iter().map(|score| score.0));
            let test_accuracy = range(scores.iter().map(|score| score.1));
            Reading {
                name,
                learning_rate,
                steps: steps * u64::from(ORIGINAL.tested_epochs),
                train_loss,
                test_accuracy,
                diverged: work.settings.scale().reading_seeds as usize - scores.len(),
                accuracy_fits: fits(test_accuracy, ORIGINAL.test_accuracy),
                loss_fits: fits(train_loss, ORIGINAL.minibatch_loss()),
            }
        }));
    }
    Ok(readings)
}

fn fits(range: Option<(f64, f64)>, value: f64) -> bool {
    range.is_some_and(|(low, high)| (low - TOLERANCE..=high + TOLERANCE).contains(&value))
}

fn seeds(settings: &Settings) -> impl Iterator<Item = u64> {
    settings.seeds(settings.scale().reading_seeds)
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
    work: &Work<'_>,
    dataset: &Dataset,
    rates: &[f32],
) -> anyhow::Result<Vec<Vec<Score>>> {
    let settings = &work.settings;
    let options = rates.iter().flat_map(|&rate| {
        seeds(settings).map(move |seed| TrainingOptions {
            seed,
            ..plain_sgd(settings, rate, ORIGINAL.tested_epochs)
        })
    });
    let what = "Q7 (5) readings of the original setting";
    let runs = train_all(work, dataset, options, true, what)?;
    if work.is_stopped() {
        bail!(Stopped);
    }
    let score = |run: &Run| Some((run.epochs.last()?.train_loss, run.test_accuracy?));
    let readings = runs.chunks(settings.scale().reading_seeds as usize);
    Ok(readings
        .map(|runs| runs.iter().filter_map(score).collect())
        .collect())
}

/// One step an epoch; the samples of each are drawn without replacement.
fn single_steps(work: &Work<'_>, rate: f32, batch_size: usize) -> anyhow::Result<Vec<Score>> {
    let dataset = work.images();
    let samples = Samples::from(&dataset.train);
    let mut scores = Vec::new();
    for seed in seeds(&work.settings) {
        let mut engine = plain_engine(&initial_network(dataset, seed), &work.settings)?;
        let ascending: Vec<u32> = (0..).take(samples.len()).collect();
        let mut stream = Stream::new(seed, Purpose::Shuffle);
        let mut losses = Vec::new();
        for _ in 0..ORIGINAL.tested_epochs {
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
            let train_loss = last.iter().sum::<f64>() / last.len() as f64;
            scores.push((train_loss, test.accuracy()));
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_fits_the_range_and_a_little_beyond() {
        let fits = |low, high| super::fits(Some((low, high)), 0.1428);
        assert!(fits(0.1, 0.2) && fits(0.19, 0.9) && fits(0.01, 0.1));
        assert!(!fits(0.2, 0.9) && !fits(0.0, 0.09));
        assert_eq!(range([0.3, 0.1, 0.2].into_iter()), Some((0.1, 0.3)));
        assert_eq!(range(std::iter::empty()), None);
    }
}
