//! A number, or a range of numbers, as an option takes it.

use clap::Args;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// `7`, or `0-9` with both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRange(pub RangeInclusive<u64>);

impl FromStr for NumberRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected numbers and ranges of them, such as 0-9,42; found {text:?}");
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let first: u64 = first.trim().parse().map_err(|_| wrong())?;
        let last: u64 = last.trim().parse().map_err(|_| wrong())?;
        match first <= last {
            true => Ok(Self(first..=last)),
            false => Err(wrong()),
        }
    }
}

/// Most seeds of a range: more are a mistake.
const MOST_SEEDS: u64 = 20_000;

/// Seeds of repeated trainings.
#[derive(Debug, Clone, Args)]
pub struct SeedArgs {
    /// Seeds of the initial weights and the sample order, a run of each
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_seeds, default_value = "1-10")]
    seeds: Vec<NumberRange>,
}

/// Seeds as an option takes them.
pub fn parse_seeds(text: &str) -> Result<NumberRange, String> {
    let range: NumberRange = text.parse()?;
    match range.0.end() - range.0.start() >= MOST_SEEDS {
        true => Err(format!("expected a range of at most {MOST_SEEDS} seeds")),
        false => Ok(range),
    }
}

impl SeedArgs {
    /// Every seed once, in the order of the list.
    pub fn all(&self) -> Vec<u64> {
        each_once(&self.seeds)
    }
}

/// Every number once, in the order of the list.
pub fn each_once(ranges: &[NumberRange]) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let all = ranges.iter().flat_map(|it| it.0.clone());
    all.filter(|&number| seen.insert(number)).collect()
}

/// A number of at least 1.
pub fn parse_positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a number of at least 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_parsed() {
        for (text, range) in [("0-9", 0..=9), (" 42", 42..=42), ("3 - 3", 3..=3)] {
            assert_eq!(text.parse(), Ok(NumberRange(range)), "{text:?}");
        }
        for text in ["", "a", "-1", "1-", "1-2-3", "1.5", "5-3"] {
            let error = text.parse::<NumberRange>().unwrap_err();
            assert!(error.contains("0-9,42"), "{error}");
        }
    }
}
