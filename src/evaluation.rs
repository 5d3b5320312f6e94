//! What an evaluation gives: loss, accuracy, confusion matrix, precision and recall.
//!
//! precision of a class = samples of it among those predicted as it; recall = those predicted as it among
//! the samples of it. Source: C. J. van Rijsbergen, "Information Retrieval", 1979.

use crate::mnist::Split;
use serde::Serialize;
use std::fmt;

/// What an evaluation gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy in nats; not finite where a sample has no class, because its largest logit is not
    /// finite or one is NaN.
    pub loss: f64,
    /// Samples whose predicted class is the target.
    pub correct: usize,
    /// Predicted class of each sample, in the order of the evaluation; any for a sample that has none.
    pub predicted: Vec<u8>,
}

impl Evaluation {
    /// Share of correct samples; NaN where there are none.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.predicted.len() as f64
    }

    /// Counts of the samples by true and predicted class, for an evaluation of a whole split in its order.
    /// `None` if the loss is not finite: not every sample has a class then.
    ///
    /// # Panics
    /// If the split has not as many samples as predictions.
    pub fn confusion(&self, split: &Split, classes: usize) -> Option<ConfusionMatrix> {
        let matrix = || ConfusionMatrix::new(split.labels.bytes(), &self.predicted, classes);
        self.loss.is_finite().then(matrix)
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (correct, samples) = (self.correct, self.predicted.len());
        let percent = 100.0 * self.accuracy();
        write!(
            f,
            "loss {:.4}, accuracy {percent:.2} % ({correct} of {samples})",
            self.loss
        )
    }
}

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
    fn an_evaluation_prints_what_one_asks_first() {
        let evaluation = Evaluation {
            loss: 0.25,
            correct: 3,
            predicted: vec![0, 1, 1, 0],
        };
        let expected = "loss 0.2500, accuracy 75.00 % (3 of 4)";
        assert_eq!(evaluation.to_string(), expected);
    }

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
