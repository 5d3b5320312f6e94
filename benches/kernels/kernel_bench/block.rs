//! One block of a minibatch: its buffers, and the kernels run on them.
#![expect(
    unsafe_code,
    reason = "a prepared block is made from buffers that were filled here"
)]

use super::{Gradients, KernelName, Setting, Weights, zeros};
use fused_mlp::internals::AlignedBuffer;
use fused_mlp::internals::Forward;
use fused_mlp::internals::HiddenDelta;
use fused_mlp::internals::LeafLogits;
use fused_mlp::internals::OutputGradient;
use fused_mlp::internals::StepRule;
use fused_mlp::internals::WORD;
use fused_mlp::internals::WeightUpdate;
use fused_mlp::internals::{self, MAX_LANES};
use fused_mlp::internals::{BlockLayout, Prepare, PreparedBlock, Squares};
use fused_mlp::internals::{BlockLoss, SoftmaxCrossEntropy};
use fused_mlp::simd::Isa;

/// Up to 128 samples of a minibatch.
pub(super) struct KernelBlock {
    pub(super) isa: Isa,
    pub(super) order: Vec<u32>,
    pub(super) labels: Vec<u8>,
    prepared: PreparedBuffers,
    pub(super) hidden: AlignedBuffer<f32>,
    pub(super) logits: AlignedBuffer<f32>,
    output_delta: AlignedBuffer<f32>,
    delta: AlignedBuffer<f32>,
    scratch: AlignedBuffer<f32>,
    predicted: Vec<u8>,
    pub(super) loss: BlockLoss,
}

/// The buffers of a prepared block.
struct PreparedBuffers {
    layout: BlockLayout,
    samples: usize,
    bytes: AlignedBuffer<u8>,
    sample_masks: AlignedBuffer<u64>,
    pixel_masks: AlignedBuffer<u64>,
}

impl PreparedBuffers {
    fn new(layout: BlockLayout, samples: usize) -> Self {
        Self {
            layout,
            samples,
            bytes: AlignedBuffer::new(layout.bytes(), 0),
            sample_masks: AlignedBuffer::new(layout.sample_masks(), 0),
            pixel_masks: AlignedBuffer::new(layout.pixel_masks(), 0),
        }
    }

    /// The block, once it has been prepared.
    fn block(&self) -> PreparedBlock<'_> {
        let (bytes, sample_masks) = (&self.bytes, &self.sample_masks);
        // SAFETY: `prepare`, the first of the kernels, fills the buffers with this layout and as many
        // samples; before it they are those of an empty image.
        unsafe {
            PreparedBlock::new(
                self.layout,
                self.samples,
                bytes,
                sample_masks,
                &self.pixel_masks,
            )
        }
    }
}

impl KernelBlock {
    pub(super) fn new(setting: Setting<'_>, order: &[u32]) -> Self {
        let layout = BlockLayout::new(setting.shape.inputs, order.len());
        let (units, classes) = (
            order.len() * setting.stride,
            order.len() * setting.class_stride,
        );
        let labels = order.iter().map(|&index| setting.samples.label(index));
        Self {
            isa: setting.isa,
            labels: labels.collect(),
            order: order.to_vec(),
            prepared: PreparedBuffers::new(layout, order.len()),
            hidden: zeros(units),
            logits: zeros(classes),
            output_delta: zeros(classes),
            delta: zeros(units),
            scratch: zeros(setting.class_stride * MAX_LANES),
            predicted: vec![0; order.len()],
            loss: BlockLoss::default(),
        }
    }

    /// Runs one kernel on what the kernels before it have left.
    pub(super) fn run(
        &mut self,
        kernel: KernelName,
        setting: Setting<'_>,
        weights: &mut Weights,
        gradients: &mut Gradients,
        is_last: bool,
    ) {
        match kernel {
            KernelName::Prepare => self.prepare(setting),
            KernelName::Forward => self.forward(setting, weights),
            KernelName::Logits => self.logits(setting, weights),
            KernelName::Softmax => self.softmax(setting, weights),
            KernelName::HiddenDelta => self.hidden_delta(setting, weights, gradients),
            KernelName::OutputGradient => self.output_gradient(setting, gradients),
            KernelName::WeightUpdate => self.weight_update(setting, weights, gradients, is_last),
        }
    }

    /// Bytes of the arrays that one run of a kernel reads and writes, dW and the weights it changes
    /// left out.
    pub(super) fn bytes(&self, kernel: KernelName, setting: Setting<'_>) -> usize {
        let Setting {
            shape,
            stride,
            class_stride,
            ..
        } = setting;
        let bytes = self.prepared.layout.bytes();
        let sample_masks = size_of_val::<[u64]>(&self.prepared.sample_masks);
        let pixel_masks = size_of_val::<[_]>(&*self.prepared.pixel_masks);
        let (units, classes) = (4 * self.hidden.len(), 4 * self.logits.len());
        let output_weights = 4 * shape.classes * stride;
        match kernel {
            KernelName::Prepare => {
                self.order.len() * shape.inputs + bytes + sample_masks + pixel_masks
            }
            KernelName::Forward => bytes + sample_masks + 4 * (shape.inputs + 1) * stride + units,
            KernelName::Logits => units + 4 * shape.hidden * class_stride + classes,
            KernelName::Softmax => 2 * classes + 2 * self.order.len(),
            KernelName::HiddenDelta => classes + output_weights + 2 * units + 2 * 4 * stride,
            KernelName::OutputGradient => classes + units + 2 * output_weights,
            KernelName::WeightUpdate => bytes + pixel_masks + units,
        }
    }

    fn prepare(&mut self, setting: Setting<'_>) {
        let layout = self.prepared.layout;
        for (word, start) in (0..self.order.len()).step_by(WORD).enumerate() {
            let part = |all: usize| word * all / layout.words..(word + 1) * all / layout.words;
            internals::run(
                setting.isa,
                Prepare {
                    inputs: layout.inputs,
                    images: setting.samples.images(),
                    order: &self.order[start..],
                    samples: WORD.min(self.order.len() - start),
                    first_pixel_block: 0,
                    target: Squares {
                        bytes: &mut self.prepared.bytes[part(layout.bytes())],
                        sample_masks: &mut self.prepared.sample_masks[part(layout.sample_masks())],
                        pixel_masks: &mut self.prepared.pixel_masks[part(layout.pixel_masks())],
                    },
                },
            );
        }
    }

    fn forward(&mut self, setting: Setting<'_>, weights: &Weights) {
        Forward {
            block: self.prepared.block(),
            weights: &weights.weights,
            bias: &weights.bias,
            hidden: &mut self.hidden,
            stride: setting.stride,
            pattern: self.prepared.block().pattern(),
        }
        .run_on(setting.isa);
    }

    fn logits(&mut self, setting: Setting<'_>, weights: &Weights) {
        internals::run(
            setting.isa,
            LeafLogits {
                hidden: &self.hidden,
                stride: setting.stride,
                units: setting.shape.hidden,
                weights: &weights.output_rows,
                classes: setting.class_stride,
                samples: self.order.len(),
                part: &mut self.logits,
                is_added: false,
            },
        );
    }

    fn softmax(&mut self, setting: Setting<'_>, weights: &Weights) {
        self.loss = internals::run(
            setting.isa,
            SoftmaxCrossEntropy {
                logits: &self.logits,
                bias: &weights.output_bias,
                labels: &self.labels,
                classes: setting.shape.classes,
                class_stride: setting.class_stride,
                scale: 1.0 / setting.minibatch_samples as f32,
                delta: &mut self.output_delta,
                predicted: &mut self.predicted,
                scratch: &mut self.scratch,
            },
        );
    }

    fn hidden_delta(&mut self, setting: Setting<'_>, weights: &Weights, gradients: &mut Gradients) {
        internals::run(
            setting.isa,
            HiddenDelta {
                output_delta: &self.output_delta,
                class_stride: setting.class_stride,
                classes: setting.shape.classes,
                weights: &weights.output_weights,
                hidden: &mut self.delta,
                bias_gradient: &mut gradients.bias,
                stride: setting.stride,
                samples: self.order.len(),
            },
        );
    }

    /// Gives the hidden delta, which replaces h, a copy of it, so that both can be checked.
    pub(super) fn copy_hidden(&mut self) {
        self.delta.copy_from_slice(&self.hidden);
    }

    fn output_gradient(&mut self, setting: Setting<'_>, gradients: &mut Gradients) {
        internals::run(
            setting.isa,
            OutputGradient {
                output_delta: &self.output_delta,
                class_stride: setting.class_stride,
                classes: setting.shape.classes,
                hidden: &self.hidden,
                stride: setting.stride,
                samples: self.order.len(),
                gradient: &mut gradients.output_weights,
            },
        );
    }

    fn weight_update(
        &mut self,
        setting: Setting<'_>,
        weights: &mut Weights,
        gradients: &mut Gradients,
        is_last: bool,
    ) {
        internals::run(
            setting.isa,
            WeightUpdate {
                block: self.prepared.block(),
                delta: &self.delta,
                weights: internals::Weights {
                    stride: setting.stride,
                    values: &mut weights.weights,
                    velocities: &mut [],
                    gradients: gradients.weights.as_deref_mut(),
                    rule: is_last.then_some(StepRule {
                        learning_rate: setting.learning_rate,
                        momentum: 0.0,
                        nesterov: false,
                        weight_decay: 0.0,
                    }),
                },
                pattern: self.prepared.block().pattern(),
            },
        );
    }
}
