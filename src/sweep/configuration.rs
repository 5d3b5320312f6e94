//! What is trained in one run of a sweep, and the product of lists of options.

use crate::training::{Schedule, TrainingOptions};
use serde::Serialize;

/// All that decides the result of one run besides the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunConfiguration {
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Everything else.
    #[serde(flatten)]
    pub options: TrainingOptions,
}

impl RunConfiguration {
    /// The same but for the seed, which is 0: what runs have in common that are repetitions.
    pub fn without_seed(&self) -> Self {
        let mut configuration = self.clone();
        configuration.options.seed = 0;
        configuration
    }
}

/// Lists of options. A sweep trains every combination of their values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Grid {
    /// Planned epochs.
    pub epochs: Vec<u32>,
    /// Samples of a minibatch.
    pub batch_size: Vec<usize>,
    /// Bases of the schedule.
    pub learning_rate: Vec<f32>,
    /// How the learning rate changes.
    pub schedule: Vec<Schedule>,
    /// Epochs of the linear rise at the beginning.
    pub warm_up: Vec<f32>,
    /// Shares of the velocity that are kept.
    pub momentum: Vec<f32>,
    /// Nesterov's form of momentum, where there is momentum.
    pub nesterov: bool,
    /// Shares of the weights that are added to their gradients.
    pub weight_decay: Vec<f32>,
    /// Units of the hidden layer.
    pub hidden: Vec<usize>,
    /// Factors of the initial weights.
    pub init_scale: Vec<f32>,
    /// Training samples that are set aside.
    pub validation: usize,
    /// Seeds: the innermost list, so that repetitions stand together.
    pub seeds: Vec<u64>,
}

impl Default for Grid {
    /// One run with the default options of a training, validated on 5,000 samples.
    fn default() -> Self {
        let options = TrainingOptions::default();
        Self {
            epochs: vec![options.epochs],
            batch_size: vec![options.batch_size],
            learning_rate: vec![options.learning_rate],
            schedule: vec![options.schedule],
            warm_up: vec![options.warm_up],
            momentum: vec![options.momentum],
            nesterov: options.nesterov,
            weight_decay: vec![options.weight_decay],
            hidden: vec![300],
            init_scale: vec![options.init_scale],
            validation: 5_000,
            seeds: vec![options.seed],
        }
    }
}

impl Grid {
    /// Every combination of the values, in the order of the fields: the last list, the seeds,
    /// changes fastest.
    pub fn configurations(&self) -> Vec<RunConfiguration> {
        let base = RunConfiguration {
            hidden: 0,
            options: TrainingOptions {
                validation: self.validation,
                ..TrainingOptions::default()
            },
        };
        let nesterov = self.nesterov;
        let all = vec![base];
        let all = product(all, &self.epochs, |run, &epochs| {
            run.options.epochs = epochs;
        });
        let all = product(all, &self.batch_size, |run, &size| {
            run.options.batch_size = size;
        });
        let all = product(all, &self.learning_rate, |run, &rate| {
            run.options.learning_rate = rate;
        });
        let all = product(all, &self.schedule, |run, &schedule| {
            run.options.schedule = schedule;
        });
        let all = product(all, &self.warm_up, |run, &warm_up| {
            run.options.warm_up = warm_up;
        });
        let all = product(all, &self.momentum, |run, &momentum| {
            run.options.momentum = momentum;
            run.options.nesterov = nesterov && momentum != 0.0;
        });
        let all = product(all, &self.weight_decay, |run, &decay| {
            run.options.weight_decay = decay;
        });
        let all = product(all, &self.hidden, |run, &hidden| run.hidden = hidden);
        let all = product(all, &self.init_scale, |run, &scale| {
            run.options.init_scale = scale
        });
        product(all, &self.seeds, |run, &seed| run.options.seed = seed)
    }
}

fn product<T>(
    all: Vec<RunConfiguration>,
    values: &[T],
    set: impl Fn(&mut RunConfiguration, &T),
) -> Vec<RunConfiguration> {
    all.iter()
        .flat_map(|run| values.iter().map(move |value| (run.clone(), value)))
        .map(|(mut run, value)| {
            set(&mut run, value);
            run
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_comes_once_and_seeds_stand_together() {
        let grid = Grid {
            learning_rate: vec![0.1, 0.3],
            momentum: vec![0.0, 0.9],
            hidden: vec![10, 20, 30],
            seeds: vec![1, 2],
            ..Grid::default()
        };
        let runs = grid.configurations();
        assert_eq!(runs.len(), 24);
        for (index, run) in runs.iter().enumerate() {
            assert!(!runs[..index].contains(run), "{run:?}");
            assert_eq!(run.options.seed, 1 + index as u64 % 2);
            assert_eq!(run.options.nesterov, run.options.momentum > 0.0);
            assert_eq!(run.options.validation, 5_000);
        }
        assert_eq!(runs[0].without_seed(), runs[1].without_seed());
        assert_ne!(runs[1].without_seed(), runs[2].without_seed());
    }
}
