//! The SGD step on one vector of parameters.

use super::integers;
use crate::reference;
use crate::simd::Vector;

/// As that of the reference.
pub const SMALLEST_VELOCITY: f32 = reference::SMALLEST_VELOCITY as f32;

/// One step of SGD.
///
/// Without momentum and weight decay: w <- w - learning_rate * g.
///
/// Otherwise: g <- g + weight_decay * w; v <- momentum * v + g; w <- w - learning_rate * d with
/// d = g + momentum * v (Nesterov) or d = v.
///
/// Source: Sutskever et al., "On the importance of initialization and momentum in deep learning",
/// 2013, in the form that PyTorch's `SGD` uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepRule {
    /// Step size.
    pub learning_rate: f32,
    /// Share of the velocity that is kept, 0 to below 1.
    pub momentum: f32,
    /// Whether the gradient is looked at after the velocity's next step.
    pub nesterov: bool,
    /// Factor of the weights that is added to their gradient.
    pub weight_decay: f32,
}

impl StepRule {
    /// Whether a parameter with zero gradient stays as it is.
    pub fn is_plain(&self) -> bool {
        self.momentum == 0.0 && self.weight_decay == 0.0
    }

    /// The rule for biases, which do not decay.
    pub fn for_bias(self) -> Self {
        Self {
            weight_decay: 0.0,
            ..self
        }
    }

    /// The rule for weights that are held times so much.
    pub fn times(self, factor: f32) -> Self {
        Self {
            learning_rate: self.learning_rate * factor,
            weight_decay: self.weight_decay / factor,
            ..self
        }
    }

    /// Weights that decay become 0 below this, as those of the reference.
    pub fn smallest_weight(&self) -> f32 {
        reference::smallest_weight(self.weight_decay.into()) as f32
    }

    /// Whether velocities are kept.
    pub fn has_velocity(&self) -> bool {
        self.momentum != 0.0
    }
}

/// A [`StepRule`] with each number in all lanes.
#[derive(Clone, Copy)]
pub(super) struct VectorRule<V: Vector> {
    token: V::Token,
    negative_rate: V,
    momentum: V,
    pub(super) weight_decay: V,
    smallest_velocity: V,
    smallest_weight: V,
    zero: V,
    /// 1 for Nesterov's form, else 0.
    nesterov: V,
}

impl<V: Vector> VectorRule<V> {
    #[inline(always)]
    pub(super) fn new(token: V::Token, rule: StepRule) -> Self {
        Self {
            token,
            negative_rate: V::splat(token, -rule.learning_rate),
            momentum: V::splat(token, rule.momentum),
            weight_decay: V::splat(token, rule.weight_decay),
            smallest_velocity: V::splat(token, SMALLEST_VELOCITY),
            smallest_weight: V::splat(token, rule.smallest_weight()),
            zero: V::splat(token, 0.0),
            nesterov: V::splat(token, f32::from(u8::from(rule.nesterov))),
        }
    }

    /// For weights and velocities that are [`integers::FINEST`] times as large. What becomes 0 goes by that scale.
    #[inline(always)]
    pub(super) fn scaled(token: V::Token, rule: StepRule) -> Self {
        let scale = V::splat(token, integers::FINEST);
        let one = Self::new(token, rule);
        Self {
            smallest_velocity: one.smallest_velocity.mul(scale),
            smallest_weight: one.smallest_weight.mul(scale),
            ..one
        }
    }

    /// The new weight, where neither momentum nor weight decay is wanted.
    #[inline(always)]
    pub(super) fn plain(&self, weight: V, gradient: V) -> V {
        self.negative_rate.mul_add(gradient, weight)
    }

    /// The new weight and velocity, by a gradient with its weight decay. `known_nesterov`: that the rule has that form,
    /// which need not be looked up then.
    #[inline(always)]
    pub(super) fn full(&self, weight: V, velocity: V, gradient: V, known_nesterov: bool) -> (V, V) {
        let velocity = self.momentum.mul_add(velocity, gradient);
        let velocity = velocity.zero_below(self.token, self.smallest_velocity);
        let ahead = self.momentum.mul_add(velocity, gradient);
        // Chosen without a branch: the loops around it stay straight, with their sums in registers.
        let direction = match known_nesterov {
            true => ahead,
            false => self.nesterov.select_greater(self.zero, ahead, velocity),
        };
        let weight = self.negative_rate.mul_add(direction, weight);
        let weight = weight.zero_below(self.token, self.smallest_weight);
        (weight, velocity)
    }
}
