//! Medians, and whether two sets of times differ.

use fused_mlp::random::{Purpose, Stream};
use serde::Serialize;
use std::fmt;

/// Resamples of the bootstrap.
const RESAMPLES: usize = 4000;
/// Share of the resamples that lie outside the confidence interval, on either side.
const TAIL: f64 = 0.025;
/// Ratios so close to 1 are no difference that matters.
const MARGIN: f64 = 0.02;

/// Median: the middle value, or the mean of the two middle ones; NaN for no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Smallest value, infinity for none.
pub fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The whole interval lies below 1: less time than before.
const FASTER: &str = "faster";
/// The whole interval lies above 1.
pub const SLOWER: &str = "slower";
/// The whole interval lies within 2 % of 1.
const SAME: &str = "same";
/// None of the others: the times are too scattered.
const UNDECIDED: &str = "undecided";

/// Ratio of two medians, new to old.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MedianRatio {
    /// median(new) / median(old).
    pub ratio: f64,
    /// Lower end of the 95 % confidence interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What follows from the interval.
    pub verdict: &'static str,
}

impl MedianRatio {
    /// Compares two sets of times.
    ///
    /// The interval is a percentile bootstrap: both sets are drawn anew, with replacement and from a
    /// fixed seed, and the middle 95 % of the ratios of their medians are kept.
    pub fn new(new: &[f64], old: &[f64]) -> Self {
        let mut stream = Stream::new(0, Purpose::Bootstrap);
        let mut redraw = |values: &[f64]| {
            let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
            let drawn = values.iter().map(|_| values[stream.below(count) as usize]);
            median(&drawn.collect::<Vec<f64>>())
        };
        let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| redraw(new) / redraw(old)).collect();
        ratios.sort_by(f64::total_cmp);
        let outside = (RESAMPLES as f64 * TAIL) as usize;
        let (low, high) = (ratios[outside], ratios[RESAMPLES - 1 - outside]);
        Self {
            ratio: median(new) / median(old),
            low,
            high,
            verdict: verdict(low, high),
        }
    }
}

impl fmt::Display for MedianRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ratio,
            low,
            high,
            verdict,
        } = self;
        write!(f, "{verdict:<9} {ratio:.3} ({low:.3} to {high:.3})")
    }
}

/// NaN decides nothing.
fn verdict(low: f64, high: f64) -> &'static str {
    if low >= 1.0 - MARGIN && high <= 1.0 + MARGIN {
        SAME
    } else if high < 1.0 && low.is_finite() {
        FASTER
    } else if low > 1.0 && high.is_finite() {
        SLOWER
    } else {
        UNDECIDED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert_eq!(smallest(&[2.0, 1.0]), 1.0);
    }

    #[test]
    fn the_interval_decides() {
        let cases = [
            (0.99, 1.01, SAME),
            (0.98, 1.02, SAME),
            (0.90, 0.999, FASTER),
            (1.001, 1.10, SLOWER),
            (0.90, 1.10, UNDECIDED),
            (0.97, 1.0, UNDECIDED),
            (f64::NAN, 0.5, UNDECIDED),
            (1.5, f64::INFINITY, UNDECIDED),
            (f64::NAN, f64::NAN, UNDECIDED),
        ];
        for (low, high, expected) in cases {
            assert_eq!(verdict(low, high), expected, "{low} to {high}");
        }
    }

    #[test]
    fn times_that_differ_are_told_apart_and_others_are_not() {
        let old: Vec<f64> = (0..11).map(|i| 1.0 + 0.002 * f64::from(i)).collect();
        let times = |factor: f64| old.iter().map(|time| time * factor).collect::<Vec<f64>>();
        let ratio = MedianRatio::new(&times(1.5), &old);
        assert!((ratio.ratio - 1.5).abs() < 1e-12);
        assert!(ratio.low <= ratio.ratio && ratio.ratio <= ratio.high);
        assert!(ratio.low > 1.45 && ratio.high < 1.55, "{ratio:?}");
        assert_eq!(ratio.verdict, SLOWER);
        assert_eq!(MedianRatio::new(&times(0.5), &old).verdict, FASTER);
        assert_eq!(MedianRatio::new(&old, &old).verdict, SAME);
        let scattered = [0.5, 2.0, 0.6, 1.9, 1.0, 0.7, 1.6];
        let undecided = MedianRatio::new(&scattered, &old);
        assert_eq!(undecided.verdict, UNDECIDED, "{undecided:?}");
    }

    #[test]
    fn the_interval_is_that_of_the_binomial_distribution() {
        // The median of n values, one of which is 2 and the others 1, is 2 when that one is drawn
        // more than n / 2 times: 5.8 % of the time for n = 5, one in 9,000 for n = 11.
        let with_one = |count: usize| {
            let mut values = vec![1.0; count];
            values[0] = 2.0;
            values
        };
        let interval = |new: &[f64], old: &[f64]| {
            let ratio = MedianRatio::new(new, old);
            (ratio.low, ratio.ratio, ratio.high)
        };
        assert_eq!(interval(&with_one(5), &[1.0; 5]), (1.0, 1.0, 2.0));
        assert_eq!(interval(&[1.0; 5], &with_one(5)), (0.5, 1.0, 1.0));
        assert_eq!(interval(&with_one(11), &[1.0; 11]), (1.0, 1.0, 1.0));
    }
}
