//! Classes and probabilities of single images.

use crate::network::Parameters;
use crate::reference::{Network, predicted_class, softmax_cross_entropy, to_inputs};
use rayon::prelude::*;
use serde::Serialize;

/// A class and its probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassProbability {
    /// The class.
    pub class: usize,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// y = softmax(sigmoid(x W + b) V + c) with x = byte / 255, in f64.
#[derive(Clone, Debug)]
pub struct Predictor {
    network: Network,
}

/// A sample that was predicted wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// Position of the sample.
    pub index: usize,
    /// Its true class.
    pub label: usize,
    /// The class that was predicted.
    pub class: usize,
    /// Probability of that class.
    pub probability: f64,
    /// Loss of the sample in nats: -ln of the probability of its true class.
    pub loss: f64,
}

impl Predictor {
    /// For a trained network.
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            network: Network::from(parameters),
        }
    }

    /// All classes with their probabilities, the most probable first; where several are equal, the
    /// lowest class first. `None` if the image has no class: the largest logit is no finite f32.
    ///
    /// `image` is `[inputs]` bytes, 255 for ink.
    ///
    /// # Panics
    /// If `image` does not have the network's number of inputs.
    pub fn classes(&self, image: &[u8]) -> Option<Vec<ClassProbability>> {
        let activations = self.network.forward(&to_inputs(image));
        predicted_class(&activations.logits)?;
        let classes = activations.probabilities.into_iter().enumerate();
        let mut classes: Vec<ClassProbability> = classes
            .map(|(class, probability)| ClassProbability { class, probability })
            .collect();
        // The sort is stable.
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Some(classes)
    }

    /// The samples whose predicted class is not their label, those with the largest loss first.
    ///
    /// `images` is `[labels.len()][inputs]` bytes, `predicted` what an evaluation predicted.
    ///
    /// # Panics
    /// If the lengths do not fit each other and the network, or a label is not a class.
    pub fn mistakes(&self, images: &[u8], labels: &[u8], predicted: &[u8]) -> Vec<Mistake> {
        assert_eq!(labels.len(), predicted.len(), "one prediction a label");
        let size = self.network.shape.inputs;
        assert_eq!(images.len(), labels.len() * size, "bytes of the images");
        let wrong = (0..labels.len()).into_par_iter();
        let wrong = wrong.filter(|&index| labels[index] != predicted[index]);
        let mut mistakes: Vec<Mistake> = wrong
            .map(|index| {
                let image = &images[index * size..][..size];
                let activations = self.network.forward(&to_inputs(image));
                let (label, class) = (labels[index].into(), usize::from(predicted[index]));
                Mistake {
                    index,
                    label,
                    class,
                    probability: activations.probabilities[class],
                    loss: softmax_cross_entropy(&activations.logits, label).0,
                }
            })
            .collect();
        mistakes.sort_by(|a, b| b.loss.total_cmp(&a.loss).then(a.index.cmp(&b.index)));
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    /// One hidden unit that is 1/2 for a black image and near 1 for a white one.
    fn parameters() -> Parameters {
        let shape = Shape {
            inputs: 2,
            hidden: 1,
            classes: 3,
        };
        Parameters {
            linear1_weight: vec![50.0, 50.0],
            linear2_weight: vec![0.0, 4.0, 0.0],
            linear2_bias: vec![0.0, -3.0, 0.0],
            ..Parameters::zeros(shape)
        }
    }

    #[test]
    fn classes_have_the_probabilities_of_the_formula() {
        let predictor = Predictor::new(&parameters());
        let white = predictor.classes(&[255, 255]).unwrap();
        let e = std::f64::consts::E;
        let expected = [
            (1, e / (2.0 + e)),
            (0, 1.0 / (2.0 + e)),
            (2, 1.0 / (2.0 + e)),
        ];
        for (found, (class, probability)) in white.iter().zip(expected) {
            assert_eq!(found.class, class);
            assert!((found.probability - probability).abs() < 1e-12, "{found:?}");
        }
        let black = predictor.classes(&[0, 0]).unwrap();
        let order: Vec<usize> = black.iter().map(|found| found.class).collect();
        assert_eq!(order, [0, 2, 1]);
        // The largest weights that a file can hold.
        let mut huge = parameters();
        huge.linear2_weight = vec![f32::MAX, f32::MIN, f32::MAX];
        let sure = Predictor::new(&huge).classes(&[255, 255]).unwrap();
        assert_eq!((sure[0].class, sure[0].probability), (0, 0.5));
        assert_eq!(sure[2].probability, 0.0);
        // Their sum is no f32 any more.
        huge.linear2_bias = vec![f32::MAX; 3];
        assert_eq!(Predictor::new(&huge).classes(&[255, 255]), None);
    }

    #[test]
    fn the_worst_mistakes_come_first() {
        let predictor = Predictor::new(&parameters());
        // White, black, white, black.
        let images = [255, 255, 0, 0, 255, 255, 0, 0];
        let mistakes = predictor.mistakes(&images, &[0, 1, 1, 2], &[1, 0, 1, 0]);
        let found: Vec<(usize, usize, usize)> = mistakes
            .iter()
            .map(|mistake| (mistake.index, mistake.label, mistake.class))
            .collect();
        // Losses: ln(2 + 1/e) + 1 = 1.86, ln(2 + e) = 1.55 and ln(2 + 1/e) = 0.86.
        assert_eq!(found, [(1, 1, 0), (0, 0, 1), (3, 2, 0)]);
        assert!((mistakes[1].loss - (2.0 + std::f64::consts::E).ln()).abs() < 1e-12);
    }
}
