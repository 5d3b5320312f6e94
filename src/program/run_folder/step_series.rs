//! The losses and learning rates of all steps in bounded memory.

/// Most means that are kept. Trainings of fewer steps keep every loss.
const MOST: usize = 1 << 16;

/// Means of the losses and of the rates of as many steps each; the number doubles whenever there are too many.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSeries {
    means: Vec<[f64; 2]>,
    steps_per_mean: usize,
    /// Sums of the mean to come, and how many there are.
    pending: ([f64; 2], usize),
}

impl Default for StepSeries {
    fn default() -> Self {
        Self {
            means: Vec::new(),
            steps_per_mean: 1,
            pending: ([0.0; 2], 0),
        }
    }
}

impl StepSeries {
    /// Adds the loss and the rate of a step.
    pub fn push(&mut self, loss: f64, rate: f32) {
        let ([losses, rates], count) = self.pending;
        let (sums, count) = ([losses + loss, rates + f64::from(rate)], count + 1);
        if count < self.steps_per_mean {
            self.pending = (sums, count);
            return;
        }
        self.pending = ([0.0; 2], 0);
        self.means.push(sums.map(|sum| sum / count as f64));
        if self.means.len() == MOST {
            let mean = |pair: &[[f64; 2]]| [0, 1].map(|it| (pair[0][it] + pair[1][it]) / 2.0);
            self.means = self.means.chunks(2).map(mean).collect();
            self.steps_per_mean *= 2;
        }
    }

    /// The means, without the last steps where they do not fill one.
    pub fn losses(&self) -> Vec<f64> {
        self.means.iter().map(|[loss, _]| *loss).collect()
    }

    /// The same of the learning rates.
    pub fn rates(&self) -> Vec<f64> {
        self.means.iter().map(|[_, rate]| *rate).collect()
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
        let mut series = StepSeries::default();
        (0..MOST - 1).for_each(|step| series.push(step as f64, 2.0 * step as f32));
        assert_eq!((series.means.len(), series.steps_per_mean()), (MOST - 1, 1));
        (MOST - 1..5 * MOST).for_each(|step| series.push(step as f64, 2.0 * step as f32));
        assert_eq!(series.steps_per_mean(), 8);
        assert_eq!(series.means.len(), 5 * MOST / 8);
        // Steps 0 to 7, and 8 to 15.
        assert_eq!(series.losses()[..2], [3.5, 11.5]);
        assert_eq!(series.rates()[..2], [7.0, 23.0]);
        assert!(series.means.capacity() <= 2 * MOST);
    }
}
