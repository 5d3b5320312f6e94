//! What is noise: the interval of an accuracy, and whether two networks differ.

use super::TestResult;

/// Two-sided 95 % of a normal distribution, in deviations.
const DEVIATIONS: f64 = 1.959_964;
/// Two networks are told apart below it.
pub const LEVEL: f64 = 0.05;

/// The 95 % interval of the accuracy that so many correct of all samples speak for (E. B. Wilson, "Probable
/// inference, the law of succession, and statistical inference", 1927).
pub fn interval(correct: usize, samples: usize) -> (f64, f64) {
    let (share, n) = (correct as f64 / samples as f64, samples as f64);
    let square = DEVIATIONS * DEVIATIONS / n;
    let middle = share + square / 2.0;
    let reach = (square * (share * (1.0 - share) + square / 4.0)).sqrt();
    (
        (middle - reach) / (1.0 + square),
        (middle + reach) / (1.0 + square),
    )
}

/// If two networks were equally good: the probability that the samples which one of them alone predicts correctly are
/// so many or more of one of them (Q. McNemar, "Note on the sampling error of the difference between correlated
/// proportions or percentages", 1947; exact, two-sided). `None` if they have predicted other samples.
pub fn probability_of_chance(one: &TestResult, other: &TestResult) -> Option<f64> {
    let (of_one, of_other) = (&one.evaluation.predicted, &other.evaluation.predicted);
    let pairs = || one.labels.iter().zip(of_one.iter().zip(of_other));
    let alone = pairs().filter(|(label, (one, other))| (*label == *one) != (*label == *other));
    let (alone, of_one) = alone.fold((0, 0), |(all, own), (label, (one, _))| {
        (all + 1, own + usize::from(label == one))
    });
    (one.labels == other.labels).then(|| both_tails(of_one.min(alone - of_one), alone))
}

/// Probability that of `n` throws of a coin at most `k`, or at least `n - k`, are heads.
fn both_tails(k: usize, n: usize) -> f64 {
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for heads in 0..=k {
        sum += log.exp();
        log += ((n - heads) as f64 / (heads + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_and_intervals_are_those_of_the_tables() {
        // 2 (1 + 10 + 45) / 1024, and 2 (1 + 20) / 2^20.
        assert!((both_tails(2, 10) - 0.109_375).abs() < 1e-12);
        assert!((both_tails(1, 20) - 42.0 / f64::from(1 << 20)).abs() < 1e-15);
        assert_eq!((both_tails(0, 0), both_tails(5, 10)), (1.0, 1.0));
        // No power of two underflows.
        assert!((both_tails(1900, 4000) - 0.001_649_266).abs() < 1e-8);
        let (low, high) = interval(9817, 10_000);
        assert!(
            (low - 0.978_89).abs() < 1e-5 && (high - 0.984_15).abs() < 1e-5,
            "{low} {high}"
        );
        let (low, high) = interval(10, 10);
        assert!((low - 0.722_467).abs() < 1e-6 && (high - 1.0).abs() < 1e-12);
    }
}
