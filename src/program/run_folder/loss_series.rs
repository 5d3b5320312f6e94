//! The losses of all steps in bounded memory.

/// Most means that are kept. Trainings of fewer steps keep every loss.
const MOST: usize = 1 << 16;

/// Means of the losses of as many steps each; the number doubles whenever there are too many.
#[derive(Clone, Debug, PartialEq)]
pub struct LossSeries {
    means: Vec<f64>,
    steps_per_mean: usize,
    /// Losses of the mean to come, and how many there are.
    pending: (f64, usize),
}

impl Default for LossSeries {
    fn default() -> Self {
        Self {
            means: Vec::new(),
            steps_per_mean: 1,
            pending: (0.0, 0),
        }
    }
}

impl LossSeries {
    /// Adds the loss of a step.
    pub fn push(&mut self, loss: f64) {
        let (sum, count) = (self.pending.0 + loss, self.pending.1 + 1);
        if count < self.steps_per_mean {
            self.pending = (sum, count);
            return;
        }
        self.pending = (0.0, 0);
        self.means.push(sum / count as f64);
        if self.means.len() == MOST {
            let halved = self.means.chunks(2).map(|pair| (pair[0] + pair[1]) / 2.0);
            self.means = halved.collect();
            self.steps_per_mean *= 2;
        }
    }

    /// The means, without the last steps where they do not fill one.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Steps of each mean.
    pub fn steps_per_mean(&self) -> usize {
        self.steps_per_mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_losses_become_means_of_few() {
        let mut series = LossSeries::default();
        (0..MOST - 1).for_each(|step| series.push(step as f64));
        assert_eq!(
            (series.means().len(), series.steps_per_mean()),
            (MOST - 1, 1)
        );
        (MOST - 1..5 * MOST).for_each(|step| series.push(step as f64));
        assert_eq!(series.steps_per_mean(), 8);
        assert_eq!(series.means().len(), 5 * MOST / 8);
        // Steps 0 to 7, and 8 to 15.
        assert_eq!(series.means()[..2], [3.5, 11.5]);
        assert!(series.means.capacity() <= 2 * MOST);
    }
}
