//! Gradient of V fused with its SGD step: dV = h^T ds.
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::product::{Scalars, Vectors, accumulate};
use super::rule::{StepRule, VectorRule};
use super::tile::{tiles, with_tile};
use crate::simd::{Kernel, Vector};

/// Classes whose sums stay in registers, for each vector of a tile: 10 classes are two whole tiles.
const CLASSES: usize = 5;

/// gradient += h^T ds over the samples, ascending, for a slice of the hidden layer.
pub struct OutputGradient<'a> {
    /// ds, `[samples][class_stride]`.
    pub output_delta: &'a [f32],
    /// Distance between the rows of `output_delta`.
    pub class_stride: usize,
    /// Number of classes, without padding.
    pub classes: usize,
    /// h, `[samples][stride]`.
    pub hidden: &'a [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// Number of samples.
    pub samples: usize,
    /// dV transposed, `[classes][stride]`, added to.
    pub gradient: &'a mut [f32],
}

impl Kernel for OutputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        assert!(self.stride.is_multiple_of(V::LANES) && self.class_stride >= self.classes);
        assert!(self.output_delta.len() >= self.samples * self.class_stride);
        assert!(self.hidden.len() >= self.samples * self.stride);
        assert!(self.gradient.len() >= self.classes * self.stride);
        for (first, vectors) in tiles(self.stride / V::LANES, V::TILES.output_gradient) {
            let unit = first * V::LANES;
            with_tile!(
                vectors,
                V::TILES.output_gradient,
                unit_tile::<V>(token, &mut self, unit)
            );
        }
    }
}

#[inline(always)]
fn unit_tile<V: Vector, const J: usize>(
    token: V::Token,
    pass: &mut OutputGradient<'_>,
    unit: usize,
) {
    let whole = pass.classes - pass.classes % CLASSES;
    for class in (0..whole).step_by(CLASSES) {
        classes_from::<V, CLASSES, J>(token, pass, unit, class);
    }
    for class in whole..pass.classes {
        classes_from::<V, 1, J>(token, pass, unit, class);
    }
}

#[inline(always)]
fn classes_from<V: Vector, const R: usize, const J: usize>(
    token: V::Token,
    pass: &mut OutputGradient<'_>,
    unit: usize,
    class: usize,
) {
    // SAFETY: `run` has checked that all samples, the units and `class + R` classes are in bounds.
    unsafe {
        let gradient = pass.gradient.as_mut_ptr().add(class * pass.stride + unit);
        let at = |r: usize, j: usize| gradient.add(r * pass.stride + j * V::LANES);
        let sums = accumulate::<V, R, J>(
            token,
            Scalars {
                start: pass.output_delta.as_ptr().add(class),
                row: 1,
                step: pass.class_stride,
            },
            Vectors {
                start: pass.hidden.as_ptr().add(unit),
                step: pass.stride,
            },
            pass.samples,
            array_of!(r < R => array_of!(j < J => V::load(token, at(r, j)))),
        );
        for r in 0..R {
            for j in 0..J {
                sums[r][j].store(at(r, j));
            }
        }
    }
}

/// sums += the sum of each column, rows ascending, one addition a row: dc from ds.
pub struct ColumnSums<'a> {
    /// `[rows][columns]`.
    pub rows: &'a [f32],
    /// `[columns]`, a multiple of the lanes; added to.
    pub sums: &'a mut [f32],
}

impl Kernel for ColumnSums<'_> {
    type Output = ();

    // The sums of LANES columns stay in a register for all rows.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let columns = self.sums.len();
        assert!(columns.is_multiple_of(V::LANES));
        let rows = self.rows.chunks_exact(columns);
        for first in (0..columns).step_by(V::LANES) {
            // SAFETY: LANES columns from `first` on are in bounds of each row and of the sums.
            unsafe {
                let place = self.sums.as_mut_ptr().add(first);
                let mut sum = V::load(token, place);
                for row in rows.clone() {
                    sum = sum.add(V::load(token, row.as_ptr().add(first)));
                }
                sum.store(place);
            }
        }
    }
}

/// V from its transpose, for the forward pass.
pub struct OutputRows<'a> {
    /// V transposed, `[class_stride][stride]`.
    pub weights: &'a [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// Classes, padded to whole vectors.
    pub class_stride: usize,
    /// V, `[stride][class_stride]`, written.
    pub rows: &'a mut [f32],
}

impl Kernel for OutputRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let (stride, class_stride) = (self.stride, self.class_stride);
        assert!(stride.is_multiple_of(V::LANES) && class_stride.is_multiple_of(V::LANES));
        assert!(self.weights.len() >= class_stride * stride);
        assert!(self.rows.len() >= class_stride * stride);
        for class in (0..class_stride).step_by(V::LANES) {
            for unit in (0..stride).step_by(V::LANES) {
                // SAFETY: LANES classes and units from here on are in bounds of both, checked above.
                unsafe {
                    let source = self.weights.as_ptr().add(class * stride + unit);
                    let target = self.rows.as_mut_ptr().add(unit * class_stride + class);
                    V::transpose(token, (source, stride), (target, class_stride));
                }
            }
        }
    }
}

/// One SGD step on parameters whose gradient lies in memory: V and the biases.
pub struct DenseStep<'a> {
    /// Step.
    pub rule: StepRule,
    /// Parameters, a multiple of the lanes.
    pub parameters: &'a mut [f32],
    /// Their velocities, of the same length; empty where the rule keeps none.
    pub velocities: &'a mut [f32],
    /// Their gradients, of the same length.
    pub gradients: &'a [f32],
}

impl Kernel for DenseStep<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let rule = VectorRule::<V>::new(token, self.rule);
        let length = self.parameters.len();
        let has_velocity = self.rule.has_velocity();
        assert!(length.is_multiple_of(V::LANES) && self.gradients.len() == length);
        assert!(!has_velocity || self.velocities.len() == length);
        for first in (0..length).step_by(V::LANES) {
            // SAFETY: LANES elements from `first` on are in bounds of each buffer, checked above.
            unsafe {
                let target = self.parameters.as_mut_ptr().add(first);
                let weight = V::load(token, target);
                let gradient = V::load(token, self.gradients.as_ptr().add(first));
                let gradient = rule.weight_decay.mul_add(weight, gradient);
                let zero = V::splat(token, 0.0);
                if has_velocity {
                    let velocity_at = self.velocities.as_mut_ptr().add(first);
                    let (weight, velocity) =
                        rule.full(weight, V::load(token, velocity_at), gradient, false);
                    weight.store(target);
                    velocity.store(velocity_at);
                } else {
                    rule.full(weight, zero, gradient, false).0.store(target);
                }
            }
        }
    }
}
