//! What is trained in one run of a sweep, and the product of lists of options.

use super::files::value_text;
use crate::options::number_range::{NumberRange, each_once, parse_seeds};
use crate::options::training::{RecipeOption, Values, kebab};
use clap::{Args, Command, FromArgMatches};
use fused_mlp::backend::Samples;
use fused_mlp::training::{Recipe, TrainingOptions};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most runs of a sweep: more are a mistake of the range.
pub const MOST_RUNS: usize = 20_000;

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
#[derive(Clone, Debug, Args)]
pub struct Grid {
    #[command(flatten)]
    lists: Values<true>,
    /// Units of the hidden layer
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "300"
    )]
    hidden: Vec<usize>,
    /// Seeds of the initial weights and the sample order, each repeating every configuration
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_seeds, default_value = "1")]
    seeds: Vec<NumberRange>,
    /// Training samples set aside, which choose the best configuration; at least 1
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub validation: usize,
}

impl Grid {
    /// The lists that a [description](Self::description) tells.
    ///
    /// # Errors
    /// If they are none.
    pub fn described(description: &Map<String, Value>) -> anyhow::Result<Self> {
        let command = Self::augment_args(Command::new("sweep").no_binary_name(true));
        let names: Vec<String> = command
            .get_arguments()
            .filter_map(|it| Some(it.get_long()?.to_owned()))
            .collect();
        let lists = description.iter().filter(|(name, _)| names.contains(name));
        let words = lists.map(|(name, value)| format!("--{name}={}", value_text(value)));
        let words: Vec<String> = words.collect();
        Ok(Self::from_arg_matches(
            &command.try_get_matches_from(words)?,
        )?)
    }

    /// The lists that are given.
    fn given(&self) -> impl Iterator<Item = (&'static RecipeOption, &[String])> {
        let lists = self.lists.0.iter().map(|(row, texts)| (*row, &**texts));
        lists.filter(|(_, texts)| !texts.is_empty())
    }

    /// Fits the learning rate to images, if none is given, and says why if it is another than the default.
    pub fn fit_rate(&mut self, samples: Samples<'_>) -> Option<String> {
        let (rate, why) = self.lists.fitting_rate(Recipe::default(), samples)?;
        let is_rate = |(row, _): &&mut (&RecipeOption, _)| row.name == "learning_rate";
        if let Some((_, texts)) = self.lists.0.iter_mut().find(is_rate) {
            *texts = vec![rate.to_string()];
        }
        Some(why)
    }

    /// Every seed once, in the order of the list.
    pub fn seeds(&self) -> Vec<u64> {
        each_once(&self.seeds)
    }

    /// Every combination of the values, in the order of the options: the last list, the seeds, changes
    /// fastest, so that repetitions stand together. Each comes once, also one without momentum, for which
    /// Nesterov's form means nothing.
    pub fn configurations(&self) -> Vec<RunConfiguration> {
        let mut all = vec![RunConfiguration {
            hidden: 0,
            options: TrainingOptions {
                validation: self.validation,
                ..TrainingOptions::default()
            },
        }];
        for (option, texts) in self.given() {
            all = product(&all, texts, |run, text| option.set(&mut run.options, text));
        }
        all = product(&all, &self.hidden, |run, &hidden| run.hidden = hidden);
        all = product(&all, &self.seeds(), |run, &seed| run.options.seed = seed);
        for run in &mut all {
            run.options = run.options.without_idle();
        }
        let mut seen = BTreeSet::new();
        all.retain(|run| seen.insert(run.texts()));
        all
    }

    /// The lists by the names of their options.
    ///
    /// # Errors
    /// If a value cannot be written as JSON.
    pub fn description(&self) -> serde_json::Result<Map<String, Value>> {
        let mut fields = Map::new();
        for (option, texts) in &self.lists.0 {
            let value = |text: Option<&String>| -> serde_json::Result<Value> {
                let mut options = TrainingOptions::default();
                if let Some(text) = text {
                    option.set(&mut options, text);
                }
                // By way of text, in which a number has as few digits as tell it from others of its type.
                let options: Value = serde_json::from_str(&serde_json::to_string(&options)?)?;
                Ok(options[option.name].clone())
            };
            let given = distinct(texts).into_iter().map(|text| value(Some(text)));
            let given: Vec<Value> = given.collect::<serde_json::Result<_>>()?;
            let default = vec![value(None)?];
            let values = if given.is_empty() {
                default.clone()
            } else {
                given
            };
            // A sweep of an earlier version, which had no other values, is the same.
            if !(option.is_later && values == default) {
                fields.insert(kebab(option.name), values.into());
            }
        }
        fields.insert(
            "hidden".to_owned(),
            distinct(self.hidden.iter().copied()).into(),
        );
        fields.insert("seeds".to_owned(), self.seeds().into());
        fields.insert("validation".to_owned(), self.validation.into());
        Ok(fields)
    }
}

/// Each run with each value.
fn product<T>(
    all: &[RunConfiguration],
    values: &[T],
    set: impl Fn(&mut RunConfiguration, &T),
) -> Vec<RunConfiguration> {
    let with = |run: &RunConfiguration, value: &T| {
        let mut run = run.clone();
        set(&mut run, value);
        run
    };
    let runs = all.iter();
    runs.flat_map(|run| values.iter().map(|value| with(run, value)))
        .collect()
}

/// Each value of a list once.
fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    for value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    impl Grid {
        /// Of a command line.
        pub fn of(arguments: &str) -> Self {
            let command = Self::augment_args(Command::new("sweep").no_binary_name(true));
            let matches = command.get_matches_from(arguments.split_whitespace());
            Self::from_arg_matches(&matches).unwrap()
        }
    }

    #[test]
    fn every_combination_comes_once_and_seeds_stand_together() {
        let lists = "--learning-rate 0.1,0.3,0.10 --momentum 0,0.9 --nesterov true,false";
        let grid = Grid::of(&format!("{lists} --hidden 10,20,30 --seeds 1-2"));
        let runs = grid.configurations();
        assert_eq!(runs.len(), 36);
        for (index, run) in runs.iter().enumerate() {
            assert!(!runs[..index].contains(run), "{run:?}");
            assert_eq!(run.options.seed, 1 + index as u64 % 2);
            assert!(!run.options.nesterov || run.options.momentum > 0.0);
            assert_eq!(run.options.validation, 5_000);
        }
        assert_eq!(runs[0].without_seed(), runs[1].without_seed());
        assert_ne!(runs[1].without_seed(), runs[2].without_seed());
        let runs = Grid::of("--augment false,true --elastic 0,20").configurations();
        let augmentation = |run: &RunConfiguration| (run.options.augment, run.options.elastic);
        let expected = [(false, 20.0), (true, 0.0), (true, 20.0)];
        assert!(runs.iter().map(augmentation).eq(expected));
        let runs = Grid::of("--focus 0,0.9 --focus-rest 0.1,0.2").configurations();
        let focus = |run: &RunConfiguration| (run.options.focus, run.options.focus_rest);
        let expected = [(0.0, 0.0), (0.9, 0.1), (0.9, 0.2)];
        assert!(runs.iter().map(focus).eq(expected));
    }

    #[test]
    fn a_description_has_the_numbers_of_the_command_line() {
        let grid =
            Grid::of("--learning-rate 0.10,1,.1 --momentum .9 --schedule step --seeds 1,3-4,3");
        let text = serde_json::to_string(&grid.description().unwrap()).unwrap();
        let expected = "{\"batch-size\":[100],\"epochs\":[4],\"hidden\":[300],\"init-scale\":[2.0],\
                        \"learning-rate\":[0.1,1.0],\"momentum\":[0.9],\"nesterov\":[true],\
                        \"schedule\":[\"step\"],\"seeds\":[1,3,4],\"validation\":5000,\
                        \"warm-up\":[0.2],\"weight-decay\":[0.00003]}";
        assert_eq!(text, expected);
    }
}
