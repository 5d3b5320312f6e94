//! The loss of a training as a row of characters.

/// Columns from the first to the last step.
const COLUMNS: usize = 60;

/// The mean loss of the steps of each column, which are as many everywhere; those of the steps to come, and
/// of an earlier process, hold none.
#[derive(Debug)]
pub struct Curve {
    /// Samples of a column, and the sum of their losses.
    columns: [(usize, f64); COLUMNS],
    /// Samples of the whole training.
    total: u64,
}

impl Curve {
    /// Of a training on so many samples.
    pub fn new(total: u64) -> Self {
        Self {
            columns: [(0, 0.0); COLUMNS],
            total: total.max(1),
        }
    }

    /// Adds the sum of the losses of samples, before which there were so many.
    pub fn add(&mut self, before: u64, samples: usize, loss: f64) {
        let place = before as f64 / self.total as f64;
        let column = (place * COLUMNS as f64) as usize;
        let (all, sum) = &mut self.columns[column.min(COLUMNS - 1)];
        *all += samples;
        *sum += loss;
    }

    /// The losses on a logarithmic scale up to the latest, each by one of `levels` from the lowest to the
    /// highest.
    pub fn text(&self, levels: &[char]) -> String {
        let mean = |&(samples, loss): &(usize, f64)| (loss / samples as f64).log10();
        let logs: Vec<f64> = self.columns.iter().map(mean).collect();
        let seen = || logs.iter().copied().filter(|log| log.is_finite());
        let low = seen().fold(f64::INFINITY, f64::min);
        let high = seen().fold(f64::NEG_INFINITY, f64::max);
        let end = logs.iter().rposition(|log| log.is_finite());
        let mut sign = ' ';
        let signs = logs.iter().take(end.map_or(0, |last| last + 1)).map(|log| {
            if log.is_finite() {
                // Of losses that are all the same, each is the lowest.
                let share = (log - low) / (high - low).max(f64::MIN_POSITIVE);
                sign = levels[(share * (levels.len() - 1) as f64).round() as usize];
            }
            // A column between two looks at the training is as the one before it.
            sign
        });
        signs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_fall_from_level_to_level_and_gaps_are_closed() {
        let mut curve = Curve::new(600);
        assert_eq!(curve.text(&['a', 'b', 'c']), "");
        curve.add(20, 2, 200.0);
        curve.add(40, 1, 10.0);
        curve.add(41, 1, 10.0);
        curve.add(60, 4, 4.0);
        assert_eq!(curve.text(&['a', 'b', 'c']), "  ccbba");
        // The end, and what is no number.
        curve.add(600, 1, f64::NAN);
        assert_eq!(curve.text(&['a', 'b', 'c']), "  ccbba");
    }

    #[test]
    fn one_level_is_the_lowest() {
        let mut curve = Curve::new(60);
        curve.add(0, 1, 3.0);
        curve.add(1, 1, 3.0);
        assert_eq!(curve.text(&['a', 'b']), "aa");
    }
}
