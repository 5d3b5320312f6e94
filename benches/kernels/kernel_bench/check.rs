//! The kernels' results against the reference.

use super::{KernelBench, KernelName, LEARNING_RATE};
use fused_mlp::backend::Samples;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::reference::{self, Network};
use fused_mlp::simd::{Isa, IsaRequest};

/// Largest error that is accepted, relative to the larger of the value and 0.01.
const TOLERANCE: f64 = 2e-4;

impl KernelBench<'_> {
    /// Compares what all kernels have left with the reference.
    pub(super) fn check(&self) -> Result<(), String> {
        let shape = self.initial.shape;
        let setting = self.setting();
        let network = Network::from(&self.initial);
        let images: Vec<&[u8]> = self.order.iter().map(|&i| self.samples.image(i)).collect();
        let labels = self.blocks.iter().flat_map(|block| &block.labels);
        let labels: Vec<u8> = labels.copied().collect();
        let mean = network.minibatch_gradients(&images, &labels);
        let places = self.blocks.iter();
        let places =
            places.flat_map(|block| (0..block.order.len()).map(move |sample| (block, sample)));
        for ((block, sample), image) in places.zip(&images) {
            let x: Vec<f64> = image
                .iter()
                .map(|&byte| reference::pixel_to_input(byte))
                .collect();
            let activations = network.forward(&x);
            let row = &block.hidden[sample * setting.stride..];
            close("forward", row, &activations.hidden)?;
            let logits = &block.logits[sample * setting.class_stride..][..shape.classes];
            let biased = logits.iter().zip(&self.initial.linear2_bias);
            let biased: Vec<f32> = biased.map(|(logit, bias)| logit + bias).collect();
            close("logits", &biased, &activations.logits)?;
        }
        let samples = self.order.len() as f64;
        let loss = (self.blocks.iter().map(|block| block.loss.loss).sum::<f64>() / samples) as f32;
        close("softmax", &[loss], &[mean.loss])?;
        let gradients = &mean.gradients;
        close(
            "hidden_delta",
            &self.gradients.bias,
            &gradients.linear1_bias,
        )?;
        for class in 0..shape.classes {
            let row = &self.gradients.output_weights[class * setting.stride..];
            let column = gradients.linear2_weight.iter().skip(class);
            let column: Vec<f64> = column.step_by(shape.classes).copied().collect();
            close("output_gradient", row, &column)?;
        }
        let initial = self.initial.linear1_weight.chunks_exact(shape.hidden);
        let gradients = gradients.linear1_weight.chunks_exact(shape.hidden);
        for (pixel, (initial, gradient)) in initial.zip(gradients).enumerate() {
            let stepped = initial.iter().zip(gradient);
            let stepped: Vec<f64> = stepped
                .map(|(&w, g)| f64::from(w) - f64::from(LEARNING_RATE) * g)
                .collect();
            let row = &self.copies[0].weights[pixel * setting.stride..];
            close("weight_update", row, &stepped)?;
        }
        Ok(())
    }
}

/// Compares as many values as are expected; NaN is never close.
fn close(kernel: &str, found: &[f32], expected: &[f64]) -> Result<(), String> {
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / expected.abs().max(1e-2);
        if error.is_nan() || error > TOLERANCE {
            return Err(format!(
                "{kernel}: value {index} is {found}, expected {expected}"
            ));
        }
    }
    Ok(())
}

/// Every kernel passes its check, and one whose result is broken on purpose does not.
pub fn check_the_check() {
    let shape = Shape {
        inputs: 70,
        hidden: 20,
        classes: 3,
    };
    let images: Vec<u8> = (0..70 * 150).map(|i| (i % 3 * i % 256) as u8).collect();
    let labels: Vec<u8> = (0..150).map(|i| (i % 3) as u8).collect();
    let samples = Samples::new(&images, &labels, 70);
    let parameters = Parameters::initialise(shape, 1);
    let one_block: Vec<u32> = (0..40).collect();
    let two_blocks: Vec<u32> = (0..150).collect();
    let new = |isa, order: &[u32]| KernelBench::new(isa, &parameters, samples, order, 2);
    for isa in Isa::available() {
        for order in [&one_block, &two_blocks] {
            new(isa, order).expect("a sound kernel");
        }
    }
    let isa = Isa::select(IsaRequest::Auto).expect("a sound kernel");
    for kernel in KernelName::ALL.into_iter().skip(1) {
        let mut bench = new(isa, &two_blocks).expect("a sound kernel");
        assert_eq!(bench.check(), Ok(()));
        match kernel {
            KernelName::Prepare => {}
            KernelName::Forward => bench.blocks[1].hidden[5] = f32::NAN,
            KernelName::Logits => bench.blocks[0].logits[1] += 0.01,
            KernelName::Softmax => bench.blocks[1].loss.loss += 0.1,
            KernelName::HiddenDelta => bench.gradients.bias[19] += 0.01,
            KernelName::OutputGradient => bench.gradients.output_weights[0] += 0.01,
            KernelName::WeightUpdate => bench.copies[0].weights[7] += 0.01,
        }
        let error = bench.check().expect_err("a broken kernel");
        assert!(error.starts_with(kernel.name()), "{error}");
    }
}
