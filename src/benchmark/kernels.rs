//! One minibatch and the buffers of a step, on which each kernel can be run alone.
#![expect(
    unsafe_code,
    reason = "a prepared block is made from buffers that were filled here"
)]

use crate::backend::Samples;
use crate::engine::AlignedBuffer;
use crate::kernels::forward::Forward;
use crate::kernels::hidden_delta::HiddenDelta;
use crate::kernels::logits::LeafLogits;
use crate::kernels::output_update::OutputGradient;
use crate::kernels::prepare::{
    BlockLayout, PixelBlockTarget, Prepare, PreparedColumns, PreparedRows,
};
use crate::kernels::rule::StepRule;
use crate::kernels::softmax::{BlockLoss, SoftmaxCrossEntropy};
use crate::kernels::weight_update::{WeightUpdate, weight_rows};
use crate::kernels::{CLASS_PADDING, MASK_WORDS, PIXEL_BLOCK};
use crate::network::{Parameters, Shape};
use crate::reference::{self, Network};
use crate::simd::{Isa, MAX_LANES};

/// The kernels of a step, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelName {
    /// Gather, transpose and mask the bytes of a minibatch.
    Prepare,
    /// h = sigmoid(x W + b).
    Forward,
    /// h V.
    Logits,
    /// Loss and ds.
    Softmax,
    /// dk.
    HiddenDelta,
    /// dV.
    OutputGradient,
    /// dW and the plain SGD step.
    WeightUpdate,
}

impl KernelName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Prepare,
        Self::Forward,
        Self::Logits,
        Self::Softmax,
        Self::HiddenDelta,
        Self::OutputGradient,
        Self::WeightUpdate,
    ];

    /// Name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Forward => "forward",
            Self::Logits => "logits",
            Self::Softmax => "softmax",
            Self::HiddenDelta => "hidden_delta",
            Self::OutputGradient => "output_gradient",
            Self::WeightUpdate => "weight_update",
        }
    }
}

/// Learning rate of the step that is checked.
const LEARNING_RATE: f32 = 0.5;
/// Largest error that is accepted, relative to the larger of the value and 0.01.
const TOLERANCE: f64 = 2e-4;

/// One minibatch of up to 128 samples and all that a single thread needs for its step.
pub struct KernelBench<'a> {
    isa: Isa,
    samples: Samples<'a>,
    order: Vec<u32>,
    labels: Vec<u8>,
    initial: Parameters,
    stride: usize,
    class_stride: usize,
    layout: BlockLayout,
    row_bytes: AlignedBuffer<u8>,
    row_masks: AlignedBuffer<u64>,
    column_bytes: AlignedBuffer<u8>,
    column_masks: AlignedBuffer<[u64; MASK_WORDS]>,
    weights: AlignedBuffer<f32>,
    bias: AlignedBuffer<f32>,
    output_rows: AlignedBuffer<f32>,
    output_weights: AlignedBuffer<f32>,
    output_bias: AlignedBuffer<f32>,
    hidden: AlignedBuffer<f32>,
    logits: AlignedBuffer<f32>,
    output_delta: AlignedBuffer<f32>,
    delta: AlignedBuffer<f32>,
    bias_gradient: AlignedBuffer<f32>,
    output_gradient: AlignedBuffer<f32>,
    scratch: AlignedBuffer<f32>,
    predicted: Vec<u8>,
    loss: BlockLoss,
    learning_rate: f32,
}

impl<'a> KernelBench<'a> {
    /// For the samples in `order`, at most 128, and a hidden layer that one thread owns whole. Runs
    /// every kernel once and checks each result against the reference.
    ///
    /// # Errors
    /// A line that names the kernel whose result is wrong.
    ///
    /// # Panics
    /// If the samples do not fit the parameters, or there are more than 128.
    pub fn new(
        isa: Isa,
        parameters: &Parameters,
        samples: Samples<'a>,
        order: &[u32],
    ) -> Result<Self, String> {
        let Shape {
            inputs,
            hidden,
            classes,
        } = parameters.shape;
        assert_eq!(inputs, samples.inputs(), "the samples fit the network");
        let layout = BlockLayout::new(inputs, order.len());
        let (stride, class_stride) = (
            hidden.next_multiple_of(isa.lanes()),
            classes.next_multiple_of(CLASS_PADDING),
        );
        let zeros = |len: usize| AlignedBuffer::new(len, 0.0f32);
        let mut bench = Self {
            isa,
            samples,
            labels: order.iter().map(|&index| samples.label(index)).collect(),
            order: order.to_vec(),
            initial: parameters.clone(),
            stride,
            class_stride,
            layout,
            row_bytes: AlignedBuffer::new(layout.bytes(), 0),
            row_masks: AlignedBuffer::new(layout.row_masks(), 0),
            column_bytes: AlignedBuffer::new(layout.bytes(), 0),
            column_masks: AlignedBuffer::new(layout.column_masks(), [0; MASK_WORDS]),
            weights: zeros(weight_rows(inputs) * stride),
            bias: zeros(stride),
            output_rows: zeros(hidden * class_stride),
            output_weights: zeros(classes * stride),
            output_bias: zeros(class_stride),
            hidden: zeros(order.len() * stride),
            logits: zeros(order.len() * class_stride),
            output_delta: zeros(order.len() * class_stride),
            delta: zeros(order.len() * stride),
            bias_gradient: zeros(stride),
            output_gradient: zeros(classes * stride),
            scratch: zeros(classes * MAX_LANES),
            predicted: vec![0; order.len()],
            loss: BlockLoss::default(),
            learning_rate: LEARNING_RATE,
        };
        bench.take(parameters);
        for kernel in KernelName::ALL {
            bench.run(kernel);
        }
        bench.check()?;
        // Timed steps leave the weights as they are.
        bench.learning_rate = 0.0;
        Ok(bench)
    }

    fn take(&mut self, parameters: &Parameters) {
        let Shape {
            hidden, classes, ..
        } = parameters.shape;
        let copy_rows = |target: &mut [f32], stride: usize, source: &[f32], width: usize| {
            let rows = target.chunks_exact_mut(stride);
            for (target, source) in rows.zip(source.chunks_exact(width)) {
                target[..width].copy_from_slice(source);
            }
        };
        copy_rows(
            &mut self.weights,
            self.stride,
            &parameters.linear1_weight,
            hidden,
        );
        copy_rows(
            &mut self.output_rows,
            self.class_stride,
            &parameters.linear2_weight,
            classes,
        );
        self.bias[..hidden].copy_from_slice(&parameters.linear1_bias);
        self.output_bias[..classes].copy_from_slice(&parameters.linear2_bias);
        for unit in 0..hidden {
            for class in 0..classes {
                self.output_weights[class * self.stride + unit] =
                    parameters.linear2_weight[unit * classes + class];
            }
        }
    }

    /// Runs one kernel on what the kernels before it have left.
    pub fn run(&mut self, kernel: KernelName) {
        match kernel {
            KernelName::Prepare => self.prepare(),
            KernelName::Forward => self.forward(),
            KernelName::Logits => self.logits(),
            KernelName::Softmax => self.softmax(),
            KernelName::HiddenDelta => self.hidden_delta(),
            KernelName::OutputGradient => self.output_gradient(),
            KernelName::WeightUpdate => self.weight_update(),
        }
    }

    fn prepare(&mut self) {
        let (bytes, masks) = (self.layout.capacity * PIXEL_BLOCK, self.layout.capacity);
        for pixel_block in 0..self.layout.pixel_blocks() {
            let part = |len: usize| pixel_block * len..(pixel_block + 1) * len;
            self.isa.run(Prepare {
                layout: self.layout,
                images: self.samples.images(),
                order: &self.order,
                pixel_block,
                target: PixelBlockTarget {
                    row_bytes: &mut self.row_bytes[part(bytes)],
                    row_masks: &mut self.row_masks[part(masks)],
                    column_bytes: &mut self.column_bytes[part(bytes)],
                    column_masks: &mut self.column_masks[part(PIXEL_BLOCK)],
                },
            });
        }
    }

    fn forward(&mut self) {
        let (bytes, masks) = (&self.row_bytes, &self.row_masks);
        // SAFETY: `new` has filled the buffers with this layout and as many samples.
        let rows = unsafe { PreparedRows::new(self.layout, self.order.len(), bytes, masks) };
        self.isa.run(Forward {
            block: rows,
            weights: &self.weights,
            bias: &self.bias,
            hidden: &mut self.hidden,
            stride: self.stride,
        });
    }

    fn logits(&mut self) {
        self.isa.run(LeafLogits {
            hidden: &self.hidden,
            stride: self.stride,
            units: self.initial.shape.hidden,
            weights: &self.output_rows,
            classes: self.class_stride,
            samples: self.order.len(),
            part: &mut self.logits,
        });
    }

    fn softmax(&mut self) {
        self.loss = self.isa.run(SoftmaxCrossEntropy {
            logits: &self.logits,
            bias: &self.output_bias,
            labels: &self.labels,
            classes: self.initial.shape.classes,
            class_stride: self.class_stride,
            scale: 1.0 / self.order.len() as f32,
            delta: &mut self.output_delta,
            predicted: &mut self.predicted,
            scratch: &mut self.scratch,
        });
    }

    fn hidden_delta(&mut self) {
        self.bias_gradient.fill(0.0);
        self.isa.run(HiddenDelta {
            output_delta: &self.output_delta,
            class_stride: self.class_stride,
            classes: self.initial.shape.classes,
            weights: &self.output_weights,
            hidden: &self.hidden,
            delta: &mut self.delta,
            bias_gradient: &mut self.bias_gradient,
            stride: self.stride,
            samples: self.order.len(),
        });
    }

    fn output_gradient(&mut self) {
        self.output_gradient.fill(0.0);
        self.isa.run(OutputGradient {
            output_delta: &self.output_delta,
            class_stride: self.class_stride,
            classes: self.initial.shape.classes,
            hidden: &self.hidden,
            stride: self.stride,
            samples: self.order.len(),
            gradient: &mut self.output_gradient,
        });
    }

    fn weight_update(&mut self) {
        let (bytes, masks) = (&self.column_bytes, &self.column_masks);
        // SAFETY: `new` has filled the buffers with this layout and as many samples.
        let columns = unsafe { PreparedColumns::new(self.layout, self.order.len(), bytes, masks) };
        self.isa.run(WeightUpdate {
            block: columns,
            delta: &self.delta,
            stride: self.stride,
            weights: &mut self.weights,
            velocities: &mut [],
            gradients: None,
            rule: Some(StepRule {
                learning_rate: self.learning_rate,
                momentum: 0.0,
                nesterov: false,
                weight_decay: 0.0,
            }),
        });
    }

    /// Floating-point operations of one run, a multiply-add counting two: those executed, zero
    /// inputs left out. Only the three matrix products of a step and its two gradients count.
    pub fn flop(&self, kernel: KernelName) -> u64 {
        let Shape {
            hidden, classes, ..
        } = self.initial.shape;
        let non_zero: usize = self
            .order
            .iter()
            .map(|&index| self.samples.image(index))
            .map(|image| image.iter().filter(|&&byte| byte != 0).count())
            .sum();
        let flop = match kernel {
            KernelName::Prepare | KernelName::Softmax => 0,
            KernelName::Forward | KernelName::WeightUpdate => 2 * non_zero * hidden,
            KernelName::Logits | KernelName::HiddenDelta | KernelName::OutputGradient => {
                2 * self.order.len() * hidden * classes
            }
        };
        flop as u64
    }

    /// Compares what all kernels have left with the reference.
    fn check(&self) -> Result<(), String> {
        let shape = self.initial.shape;
        let network = Network::from(&self.initial);
        let images: Vec<&[u8]> = self.order.iter().map(|&i| self.samples.image(i)).collect();
        let mean = network.minibatch_gradients(&images, &self.labels);
        for (sample, image) in images.iter().enumerate() {
            let x: Vec<f64> = image
                .iter()
                .map(|&byte| reference::pixel_to_input(byte))
                .collect();
            let activations = network.forward(&x);
            let row = &self.hidden[sample * self.stride..];
            close("forward", row, &activations.hidden)?;
            let logits = &self.logits[sample * self.class_stride..][..shape.classes];
            let biased = logits.iter().zip(&self.initial.linear2_bias);
            let biased: Vec<f32> = biased.map(|(logit, bias)| logit + bias).collect();
            close("logits", &biased, &activations.logits)?;
        }
        let samples = self.order.len() as f64;
        let loss = (self.loss.loss / samples) as f32;
        close("softmax", &[loss], &[mean.loss])?;
        let gradients = &mean.gradients;
        close("hidden_delta", &self.bias_gradient, &gradients.linear1_bias)?;
        for class in 0..shape.classes {
            let row = &self.output_gradient[class * self.stride..];
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
            let row = &self.weights[pixel * self.stride..];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::IsaRequest;

    #[test]
    fn every_kernel_passes_its_check_and_a_broken_one_does_not() {
        let shape = Shape {
            inputs: 70,
            hidden: 20,
            classes: 3,
        };
        let images: Vec<u8> = (0..70 * 40).map(|i| (i % 3 * i % 256) as u8).collect();
        let labels: Vec<u8> = (0..40).map(|i| (i % 3) as u8).collect();
        let samples = Samples::new(&images, &labels, 70);
        let parameters = Parameters::initialise(shape, 1);
        let order: Vec<u32> = (0..40).collect();
        for isa in Isa::available() {
            KernelBench::new(isa, &parameters, samples, &order).unwrap();
        }
        let isa = Isa::select(IsaRequest::Auto).unwrap();
        for kernel in KernelName::ALL.into_iter().skip(1) {
            let mut bench = KernelBench::new(isa, &parameters, samples, &order).unwrap();
            assert_eq!(bench.check(), Ok(()));
            match kernel {
                KernelName::Prepare => {}
                KernelName::Forward => bench.hidden[5] = f32::NAN,
                KernelName::Logits => bench.logits[1] += 0.01,
                KernelName::Softmax => bench.loss.loss += 0.1,
                KernelName::HiddenDelta => bench.bias_gradient[19] += 0.01,
                KernelName::OutputGradient => bench.output_gradient[0] += 0.01,
                KernelName::WeightUpdate => bench.weights[7] += 0.01,
            }
            let error = bench.check().unwrap_err();
            assert!(error.starts_with(kernel.name()), "{error}");
        }
    }
}
