//! Softmax, cross-entropy and their common gradient in one pass over the logits.
#![expect(
    unsafe_code,
    reason = "vectors are loaded from and stored to scratch rows"
)]

use crate::simd::{Kernel, MAX_LANES, Vector, exp_negative, math};

/// y = softmax(s), loss = -ln y_label, ds = (y - t) * scale, with t one-hot.
///
/// The largest logit is subtracted first, and the loss is ln(sum of exp(s - max)) + max - s_label,
/// so logits of any size are right: nothing overflows, and no logarithm of zero is taken.
pub struct SoftmaxCrossEntropy<'a> {
    /// h V, `[samples][class_stride]`; the bias is added here.
    pub logits: &'a [f32],
    /// c, `[class_stride]`.
    pub bias: &'a [f32],
    /// Target classes, one a sample.
    pub labels: &'a [u8],
    /// Number of classes, without padding.
    pub classes: usize,
    /// Distance between the rows of `logits` and of `delta`.
    pub class_stride: usize,
    /// 1 / samples of the minibatch, which makes gradients means.
    pub scale: f32,
    /// ds, `[samples][class_stride]`, written; 0 in the padding.
    pub delta: &'a mut [f32],
    /// Predicted classes, one a sample, written.
    pub predicted: &'a mut [u8],
    /// Room for `[class_stride][MAX_LANES]`.
    pub scratch: &'a mut [f32],
}

/// Sums over the samples of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BlockLoss {
    /// Sum of the cross-entropies, in nats.
    pub loss: f64,
    /// Samples whose predicted class is the target. The predicted class is the first of the
    /// largest; a sample with a NaN logit is never correct.
    pub correct: usize,
    /// Samples without a gradient, as the network is sure of them: chosen after the kernel.
    pub skipped: usize,
}

impl BlockLoss {
    /// Adds those of another block.
    pub fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.skipped += other.skipped;
    }
}

/// The sums so far.
struct Total {
    block: BlockLoss,
    /// Product of the sums of exponentials whose logarithms are not yet in `block`.
    product: f64,
}

impl Default for Total {
    fn default() -> Self {
        Self {
            block: BlockLoss::default(),
            product: 1.0,
        }
    }
}

impl Total {
    /// One logarithm serves MAX_LANES samples on every instruction set, so the loss has the same
    /// bits on all: the sum of the logarithms is that of the product, which 16 sums of at most 256
    /// cannot make overflow.
    #[inline(always)]
    fn take_logarithm(&mut self) {
        self.block.loss += math::ln(self.product);
        self.product = 1.0;
    }
}

impl Kernel for SoftmaxCrossEntropy<'_> {
    type Output = BlockLoss;

    // Lanes are samples: a group of LANES samples is transposed into the scratch rows, one row a
    // class (10 classes are 640 bytes), so that the largest logit and the sum run through the
    // classes in order.
    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) -> BlockLoss {
        let samples = self.labels.len();
        assert!(self.class_stride.is_multiple_of(MAX_LANES));
        assert!(self.class_stride >= self.classes && self.bias.len() >= self.classes);
        assert!(self.logits.len() >= samples * self.class_stride);
        assert!(self.delta.len() >= samples * self.class_stride);
        assert!(self.predicted.len() >= samples);
        assert!(self.scratch.len() >= self.class_stride * MAX_LANES);
        let mut total = Total::default();
        for first in (0..samples).step_by(MAX_LANES) {
            let end = samples.min(first + MAX_LANES);
            for group in (first..end).step_by(V::LANES) {
                self.group::<V>(token, group, V::LANES.min(end - group), &mut total);
            }
            total.take_logarithm();
        }
        total.block
    }
}

impl SoftmaxCrossEntropy<'_> {
    #[inline(always)]
    fn group<V: Vector>(
        &mut self,
        token: V::Token,
        first: usize,
        samples: usize,
        total: &mut Total,
    ) {
        self.transpose_logits::<V>(token, first, samples);
        let scratch = self.scratch.as_mut_ptr();
        // Macros, not closures: these are compiled with the instruction set of the caller.
        macro_rules! load {
            ($class:expr) => {
                // SAFETY: `run` has checked that the scratch holds `classes` rows of MAX_LANES values.
                unsafe { V::load(token, scratch.add($class * MAX_LANES)) }
            };
        }
        macro_rules! store {
            ($class:expr, $x:expr) => {
                let x = $x;
                // SAFETY: as above.
                unsafe { x.store(scratch.add($class * MAX_LANES)) }
            };
        }

        let mut largest = load!(0).add(V::splat(token, self.bias[0]));
        store!(0, largest);
        let mut predicted = V::splat(token, 0.0);
        for class in 1..self.classes {
            let logit = load!(class).add(V::splat(token, self.bias[class]));
            store!(class, logit);
            predicted = logit.select_greater(largest, V::splat(token, class as f32), predicted);
            largest = logit.select_greater(largest, logit, largest);
        }
        let mut label_logits = [0.0; MAX_LANES];
        for (lane, logit) in label_logits[..samples].iter_mut().enumerate() {
            let label = usize::from(self.labels[first + lane]);
            *logit = self.scratch[label * MAX_LANES + lane];
        }
        let mut sum = V::splat(token, 0.0);
        for class in 0..self.classes {
            let exponential = exp_negative(token, load!(class).sub(largest));
            store!(class, exponential);
            sum = sum.add(exponential);
        }
        let factor = V::splat(token, self.scale).div(sum);
        for class in 0..self.classes {
            store!(class, load!(class).mul(factor));
        }

        let mut lanes = [[0.0; MAX_LANES]; 3];
        // SAFETY: no vector has more than MAX_LANES lanes.
        unsafe {
            largest.store(lanes[0].as_mut_ptr());
            predicted.store(lanes[1].as_mut_ptr());
            sum.store(lanes[2].as_mut_ptr());
        }
        self.write_delta::<V>(token, first, samples);
        self.add_losses(first, samples, &lanes, &label_logits, total);
    }

    /// Logits of a group, one row a class, and rows of 0 for the padding.
    #[inline(always)]
    fn transpose_logits<V: Vector>(&mut self, token: V::Token, first: usize, samples: usize) {
        // SAFETY: `run` has checked that the samples' rows hold `class_stride` logits, a multiple of LANES,
        // and that the scratch holds as many rows of MAX_LANES values.
        unsafe {
            let rows = self.logits.as_ptr().add(first * self.class_stride);
            let columns = self.scratch.as_mut_ptr();
            if samples == V::LANES {
                for class in (0..self.class_stride).step_by(V::LANES) {
                    let columns = (columns.add(class * MAX_LANES), MAX_LANES);
                    V::transpose(token, (rows.add(class), self.class_stride), columns);
                }
            } else {
                for lane in 0..samples {
                    for class in 0..self.classes {
                        *columns.add(class * MAX_LANES + lane) =
                            *rows.add(lane * self.class_stride + class);
                    }
                }
            }
            let padding = self.classes * MAX_LANES..self.class_stride * MAX_LANES;
            for place in padding.step_by(V::LANES) {
                V::splat(token, 0.0).store(columns.add(place));
            }
        }
    }

    /// ds of a group, one row a sample.
    #[inline(always)]
    fn write_delta<V: Vector>(&mut self, token: V::Token, first: usize, samples: usize) {
        // SAFETY: as above; the rows of `delta` are as those of `logits`.
        unsafe {
            let columns = self.scratch.as_ptr();
            let rows = self.delta.as_mut_ptr().add(first * self.class_stride);
            if samples == V::LANES {
                for class in (0..self.class_stride).step_by(V::LANES) {
                    let columns = (columns.add(class * MAX_LANES), MAX_LANES);
                    V::transpose(token, columns, (rows.add(class), self.class_stride));
                }
            } else {
                for lane in 0..samples {
                    for class in 0..self.class_stride {
                        *rows.add(lane * self.class_stride + class) =
                            *columns.add(class * MAX_LANES + lane);
                    }
                }
            }
        }
        for lane in 0..samples {
            let label = usize::from(self.labels[first + lane]);
            assert!(label < self.classes);
            self.delta[(first + lane) * self.class_stride + label] -= self.scale;
        }
    }

    /// The losses of a group, but for the logarithms.
    #[inline(always)]
    fn add_losses(
        &mut self,
        first: usize,
        samples: usize,
        [largest, predicted, sum]: &[[f32; MAX_LANES]; 3],
        label_logits: &[f32; MAX_LANES],
        total: &mut Total,
    ) {
        for lane in 0..samples {
            total.product *= f64::from(sum[lane]);
            total.block.loss += f64::from(largest[lane]) - f64::from(label_logits[lane]);
            // A class number is exact in f32, and below 256.
            let class = predicted[lane] as u8;
            self.predicted[first + lane] = class;
            let is_number = !sum[lane].is_nan();
            total.block.correct += usize::from(is_number && class == self.labels[first + lane]);
        }
    }
}
