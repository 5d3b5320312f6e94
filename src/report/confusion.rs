//! Confusion matrix, precision and recall.

use serde::Serialize;

/// Counts of samples by true and predicted class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfusionMatrix {
    /// `counts[t][p]`: samples of class t that were predicted as p.
    counts: Vec<Vec<u64>>,
}

/// How well one class is told from the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassScores {
    /// The class.
    pub class: usize,
    /// Samples of the class.
    pub samples: u64,
    /// Share of the samples predicted as the class that are of it; `None` if there are none.
    pub precision: Option<f64>,
    /// Share of the samples of the class that are predicted as it; `None` if there are none.
    pub recall: Option<f64>,
}

impl ConfusionMatrix {
    /// From the true and the predicted class of each sample.
    ///
    /// # Panics
    /// If there are not as many labels as predictions, or one of either is not below `classes`.
    pub fn new(labels: &[u8], predicted: &[u8], classes: usize) -> Self {
        assert_eq!(labels.len(), predicted.len(), "one prediction a label");
        let mut counts = vec![vec![0; classes]; classes];
        for (&label, &predicted) in labels.iter().zip(predicted) {
            counts[usize::from(label)][usize::from(predicted)] += 1;
        }
        Self { counts }
    }

    /// `rows()[t][p]`: samples of class t that were predicted as p.
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// Precision and recall of each class.
    pub fn scores(&self) -> Vec<ClassScores> {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        (0..self.counts.len())
            .map(|class| {
                let hits = self.counts[class][class];
                let samples = self.counts[class].iter().sum();
                let predictions = self.counts.iter().map(|row| row[class]).sum();
                ClassScores {
                    class,
                    samples,
                    precision: share(hits, predictions),
                    recall: share(hits, samples),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_scores_are_those_counted_by_hand() {
        let matrix = ConfusionMatrix::new(&[0, 0, 0, 1, 1, 0], &[0, 1, 0, 1, 1, 0], 3);
        assert_eq!(matrix.rows(), [[3, 1, 0], [0, 2, 0], [0, 0, 0]]);
        let scores = matrix.scores();
        assert_eq!(scores[0].precision, Some(1.0));
        assert_eq!(scores[0].recall, Some(0.75));
        assert_eq!(scores[1].precision, Some(2.0 / 3.0));
        assert_eq!(scores[1].recall, Some(1.0));
        assert_eq!(scores[1].samples, 2);
        assert_eq!((scores[2].precision, scores[2].recall), (None, None));
    }
}
