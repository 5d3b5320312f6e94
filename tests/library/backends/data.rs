//! Random networks and samples.

use fused_mlp::backend::Samples;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::random::{Purpose, Stream};

/// Images and labels in memory.
pub struct Data {
    /// Pixels of an image.
    pub inputs: usize,
    /// `[samples][inputs]`.
    pub images: Vec<u8>,
    /// `[samples]`.
    pub labels: Vec<u8>,
}

impl Data {
    /// Images of which half the pixels are 0 and the others uniform, with uniform labels.
    pub fn random(shape: Shape, samples: usize, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Shuffle);
        let mut pixel = |_| {
            let byte = stream.below(511);
            u8::try_from(byte).unwrap_or(0)
        };
        let images = (0..samples * shape.inputs).map(&mut pixel).collect();
        let mut label = |_| stream.below(shape.classes as u32) as u8;
        let labels = (0..samples).map(&mut label).collect();
        Self {
            inputs: shape.inputs,
            images,
            labels,
        }
    }

    /// All of them.
    pub fn samples(&self) -> Samples<'_> {
        Samples::new(&self.images, &self.labels, self.inputs)
    }
}

/// The shape with so many inputs, hidden units and classes.
pub fn shape(inputs: usize, hidden: usize, classes: usize) -> Shape {
    Shape {
        inputs,
        hidden,
        classes,
    }
}

/// Weights as at the start of a training, and biases that are not 0.
pub fn random_parameters(shape: Shape, seed: u64) -> Parameters {
    let mut parameters = Parameters::initialise(shape, seed);
    let mut stream = Stream::new(seed, Purpose::ValidationSplit);
    let biases = parameters.linear1_bias.iter_mut();
    for bias in biases.chain(&mut parameters.linear2_bias) {
        *bias = 0.3 * stream.uniform_signed();
    }
    parameters
}
