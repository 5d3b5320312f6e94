//! The network: its shape, its parameters and their initial values.
//!
//! ```text
//! x [inputs] -> k = x W + b [hidden] -> h = sigmoid(k) -> s = h V + c [classes] -> y = softmax(s)
//! ```
//!
//! W is `linear1_weight`, b `linear1_bias`, V `linear2_weight`, c `linear2_bias`.

use crate::random::{Purpose, Stream};

/// Most classes a network can have: labels are bytes.
pub const MAX_CLASSES: usize = 256;

/// Most parameters a network can have: 1 GiB of f32.
pub const MAX_PARAMETERS: usize = 1 << 28;

/// Numbers of inputs, hidden units and classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Pixels of an image.
    pub inputs: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Outputs of the network, 2 to [`MAX_CLASSES`].
    pub classes: usize,
}

impl Shape {
    /// Number of weights and biases: (inputs + 1) hidden + (hidden + 1) classes.
    ///
    /// # Panics
    /// In debug builds, if it does not fit a `usize`.
    pub fn parameters(&self) -> usize {
        (self.inputs + 1) * self.hidden + (self.hidden + 1) * self.classes
    }

    /// [`parameters`](Self::parameters), if it fits a `usize`.
    pub fn checked_parameters(&self) -> Option<usize> {
        let first = self.inputs.checked_add(1)?.checked_mul(self.hidden)?;
        let second = self.hidden.checked_add(1)?.checked_mul(self.classes)?;
        first.checked_add(second)
    }

    /// Numbers of values of W, b, V and c.
    pub fn tensor_lengths(&self) -> [usize; 4] {
        let weights = [self.inputs * self.hidden, self.hidden * self.classes];
        [weights[0], self.hidden, weights[1], self.classes]
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.inputs, self.hidden, self.classes)
    }
}

/// A value for each weight and bias, each matrix row-major: the row is the unit a weight comes from, the
/// column the unit it goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<T = f32> {
    /// Numbers of inputs, hidden units and classes.
    pub shape: Shape,
    /// W, `[inputs, hidden]`.
    pub linear1_weight: Vec<T>,
    /// b, `[hidden]`.
    pub linear1_bias: Vec<T>,
    /// V, `[hidden, classes]`.
    pub linear2_weight: Vec<T>,
    /// c, `[classes]`.
    pub linear2_bias: Vec<T>,
}

impl<T: Copy + Default + Into<f64>> Parameters<T> {
    /// All zero.
    pub fn zeros(shape: Shape) -> Self {
        let zeros = |length| vec![T::default(); length];
        Self::from_tensors(shape, shape.tensor_lengths().map(zeros))
    }

    /// Of W, b, V and c.
    pub(crate) fn from_tensors(shape: Shape, tensors: [Vec<T>; 4]) -> Self {
        let [linear1_weight, linear1_bias, linear2_weight, linear2_bias] = tensors;
        Self {
            shape,
            linear1_weight,
            linear1_bias,
            linear2_weight,
            linear2_bias,
        }
    }

    /// W, b, V and c.
    pub(crate) fn tensors(&self) -> [&Vec<T>; 4] {
        let (w, b) = (&self.linear1_weight, &self.linear1_bias);
        [w, b, &self.linear2_weight, &self.linear2_bias]
    }

    /// W, b, V and c, to be changed.
    pub(crate) fn tensors_mut(&mut self) -> [&mut Vec<T>; 4] {
        let (w, b) = (&mut self.linear1_weight, &mut self.linear1_bias);
        [w, b, &mut self.linear2_weight, &mut self.linear2_bias]
    }

    /// Each value by itself as another type.
    pub(crate) fn map<U>(&self, convert: impl Fn(T) -> U) -> Parameters<U>
    where
        U: Copy + Default + Into<f64>,
    {
        let convert = |tensor: &Vec<T>| tensor.iter().map(|&value| convert(value)).collect();
        Parameters::from_tensors(self.shape, self.tensors().map(convert))
    }

    /// Whether no value is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        let mut values = self.tensors().into_iter().flatten();
        values.all(|&value| value.into().is_finite())
    }
}

impl Parameters {
    /// Whether hidden units or logits of some image may be beyond what f32 holds: the absolute values of the weights
    /// and the bias of one add up to more. All precisions, backends and orders of sums agree on it.
    pub fn may_overflow(&self) -> bool {
        let overflows = |weights: &[f32], bias: &[f32]| {
            let mut sums: Vec<f64> = bias.iter().map(|&value| f64::from(value).abs()).collect();
            for row in weights.chunks_exact(bias.len()) {
                for (sum, &weight) in sums.iter_mut().zip(row) {
                    *sum += f64::from(weight).abs();
                }
            }
            // Written so that NaN is too large.
            !sums.iter().all(|&sum| sum <= f64::from(f32::MAX))
        };
        overflows(&self.linear1_weight, &self.linear1_bias)
            || overflows(&self.linear2_weight, &self.linear2_bias)
    }

    /// Initial values: weights uniform on ±sqrt(6 / (fan_in + fan_out)), biases zero.
    ///
    /// The weights are drawn in the order in which they lie in memory, W before V.
    ///
    /// Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    /// networks", 2010, equation 16.
    pub fn initialise(shape: Shape, seed: u64) -> Self {
        Self::initialise_scaled(shape, seed, 1.0)
    }

    /// [`initialise`](Self::initialise) with all weights times `scale`, but for rounding.
    pub fn initialise_scaled(shape: Shape, seed: u64, scale: f32) -> Self {
        let mut stream = Stream::new(seed, Purpose::Initialisation);
        let mut parameters = Self::zeros(shape);
        let mut fill = |weights: &mut [f32], fan_in: usize, fan_out: usize| {
            let bound = (f64::from(scale) * (6.0 / (fan_in + fan_out) as f64).sqrt()) as f32;
            weights
                .iter_mut()
                .for_each(|weight| *weight = bound * stream.uniform_signed());
        };
        fill(&mut parameters.linear1_weight, shape.inputs, shape.hidden);
        fill(&mut parameters.linear2_weight, shape.hidden, shape.classes);
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_values_are_bounded_and_seeded() {
        let shape = Shape {
            inputs: 20,
            hidden: 7,
            classes: 3,
        };
        let parameters = Parameters::initialise(shape, 1);
        let bound = (6.0f32 / 27.0).sqrt();
        assert!(
            parameters
                .linear1_weight
                .iter()
                .all(|w| w.abs() <= bound && *w != 0.0)
        );
        assert!(
            parameters
                .linear1_weight
                .iter()
                .any(|w| w.abs() > 0.9 * bound)
        );
        assert_eq!(parameters.linear1_bias, [0.0; 7]);
        assert_eq!(parameters, Parameters::initialise(shape, 1));
        assert_ne!(parameters, Parameters::initialise(shape, 2));
        assert_eq!(shape.parameters(), 20 * 7 + 7 + 7 * 3 + 3);
    }
}
