//! What is trained in one run of a sweep, and the product of lists of options.

use crate::options::training::Lists;
use fused_mlp::training::TrainingOptions;
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

    /// Name and value of every option, as text.
    pub fn texts(&self) -> Vec<(&'static str, String)> {
        let mut texts = vec![("hidden", self.hidden.to_string())];
        texts.extend(self.options.texts());
        texts
    }
}

/// Lists of options. A sweep trains every combination of their values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Grid {
    /// Values of the options that a recipe sets.
    #[serde(flatten)]
    pub lists: Lists,
    /// Units of the hidden layer.
    pub hidden: Vec<usize>,
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
            lists: Lists::of(&options),
            hidden: vec![300],
            validation: 5_000,
            seeds: vec![options.seed],
        }
    }
}

impl Grid {
    /// Every combination of the values, in the order of the fields: the last list, the seeds,
    /// changes fastest. Nesterov's form means nothing without momentum, so such a run comes once.
    pub fn configurations(&self) -> Vec<RunConfiguration> {
        let base = TrainingOptions {
            validation: self.validation,
            ..TrainingOptions::default()
        };
        let mut all: Vec<RunConfiguration> = Vec::new();
        for mut options in self.lists.combinations(&base) {
            let is_repeated =
                options.momentum == 0.0 && self.lists.nesterov.first() != Some(&options.nesterov);
            if is_repeated {
                continue;
            }
            options.nesterov &= options.momentum != 0.0;
            for &hidden in &self.hidden {
                all.extend(self.seeds.iter().map(|&seed| RunConfiguration {
                    hidden,
                    options: TrainingOptions {
                        seed,
                        ..options.clone()
                    },
                }));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_comes_once_and_seeds_stand_together() {
        let grid = Grid {
            lists: Lists {
                learning_rate: vec![0.1, 0.3],
                momentum: vec![0.0, 0.9],
                ..Lists::of(&TrainingOptions::default())
            },
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
