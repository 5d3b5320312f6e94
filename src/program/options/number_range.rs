//! A number, or a range of numbers, as an option takes it.

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
