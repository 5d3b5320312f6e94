//! Stochastic gradient descent with momentum and weight decay.

use super::{Gradients, Network};

/// The numbers in the formulas of [`Network::sgd_step`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    /// Factor of the step direction; must be the current one where a schedule changes it.
    pub learning_rate: f64,
    /// Share of the velocity that is kept from step to step, 0 for none.
    pub momentum: f64,
    /// Whether to look ahead along the velocity (Nesterov). Without momentum it changes nothing.
    pub nesterov: bool,
    /// Share of each weight that is added to its gradient, 0 for none. Biases do not decay.
    pub weight_decay: f64,
}

/// v of every parameter: a running sum of its gradients, laid out as they are, 0 before the first step.
pub type Velocity = Gradients;

impl Network {
    /// For every weight w (W and V) with gradient g and velocity v:
    ///
    /// ```text
    /// g <- g + weight_decay w
    /// v <- momentum v + g
    /// d  = g + momentum v     if nesterov
    ///      v                  otherwise
    /// w <- w - learning_rate d
    /// ```
    ///
    /// For every bias (b and c) the same without the first line: biases do not decay. Because v
    /// starts at 0, the first step has v = g. The learning rate is no part of v, so a change of it
    /// acts on the next step in full.
    ///
    /// Source: PyTorch, `torch.optim.SGD` with dampening 0 (which applies weight decay to whatever
    /// parameters it is given); the look-ahead is that of Sutskever et al., "On the importance of
    /// initialization and momentum in deep learning", 2013, rewritten for the gradient at w.
    ///
    /// # Panics
    /// If `gradients` or `velocity` were made for another shape.
    pub fn sgd_step(
        &mut self,
        gradients: &Gradients,
        velocity: &mut Velocity,
        options: &SgdOptions,
    ) {
        let biases = SgdOptions {
            weight_decay: 0.0,
            ..*options
        };
        let tensors = self.tensors_mut().into_iter().zip(gradients.tensors());
        let tensors = tensors.zip(velocity.tensors_mut());
        for (((w, g), v), options) in tensors.zip([options, &biases, options, &biases]) {
            step(w, g, v, options);
        }
    }
}

/// The formulas of [`Network::sgd_step`], weight decay included, for parameters `w`
/// with gradients `g` and velocities `v`.
fn step(w: &mut [f64], g: &[f64], v: &mut [f64], options: &SgdOptions) {
    assert_eq!(g.len(), w.len(), "every parameter has a gradient");
    assert_eq!(v.len(), w.len(), "every parameter has a velocity");
    let SgdOptions {
        learning_rate,
        momentum,
        nesterov,
        weight_decay,
    } = *options;
    let at_least = |smallest: f64, value: f64| if value.abs() < smallest { 0.0 } else { value };
    let smallest = smallest_weight(weight_decay);
    for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
        let g = g + weight_decay * *w;
        *v = at_least(SMALLEST_VELOCITY, momentum * *v + g);
        let direction = if nesterov { g + momentum * *v } else { *v };
        *w = at_least(smallest, *w - learning_rate * direction);
    }
}

/// Velocities smaller than this become 0: without gradients they shrink with every step, and would become
/// denormal numbers in f32, which some CPUs multiply slowly.
pub(crate) const SMALLEST_VELOCITY: f64 = 1e-30;

/// Weights that decay become 0 below this: what they add to the velocity would be smaller than a velocity may
/// be, so that they would stay as they are for ever, or with Nesterov's form become denormal numbers. 0 where
/// nothing decays.
pub(crate) fn smallest_weight(weight_decay: f64) -> f64 {
    if weight_decay == 0.0 {
        return 0.0;
    }
    (SMALLEST_VELOCITY / weight_decay).clamp(SMALLEST_VELOCITY, 1e-20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    /// Two steps of a 1-1-2 network whose weights and biases all start at 1, with gradients 0.5 and
    /// then 0.25 everywhere. The numbers are sums of few powers of two, so every step is exact.
    fn after_two_steps(options: SgdOptions) -> [(f64, f64); 2] {
        let shape = Shape {
            inputs: 1,
            hidden: 1,
            classes: 2,
        };
        let filled = |value: f64| Gradients {
            shape,
            linear1_weight: vec![value],
            linear1_bias: vec![value],
            linear2_weight: vec![value; 2],
            linear2_bias: vec![value; 2],
        };
        let mut network = Network {
            shape,
            linear1_weight: vec![1.0],
            linear1_bias: vec![1.0],
            linear2_weight: vec![1.0; 2],
            linear2_bias: vec![1.0; 2],
        };
        let mut velocity = Velocity::zeros(shape);
        [0.5, 0.25].map(|gradient| {
            network.sgd_step(&filled(gradient), &mut velocity, &options);
            let (weight, bias) = (network.linear1_weight[0], network.linear1_bias[0]);
            assert_eq!(network.linear2_weight, [weight; 2]);
            assert_eq!(network.linear2_bias, [bias; 2]);
            (weight, bias)
        })
    }

    #[test]
    fn sgd_steps_are_those_computed_by_hand() {
        let plain = SgdOptions {
            learning_rate: 0.5,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        };
        // w = 1 - 0.5 0.5 = 0.75, then 0.75 - 0.5 0.25.
        assert_eq!(after_two_steps(plain), [(0.75, 0.75), (0.625, 0.625)]);
        assert_eq!(
            after_two_steps(SgdOptions {
                nesterov: true,
                ..plain
            }),
            after_two_steps(plain)
        );

        // v = 0.5, w = 0.75; v = 0.5 0.5 + 0.25 = 0.5, w = 0.5.
        let momentum = SgdOptions {
            momentum: 0.5,
            ..plain
        };
        assert_eq!(after_two_steps(momentum), [(0.75, 0.75), (0.5, 0.5)]);

        // v = 0.5, d = 0.5 + 0.25, w = 0.625; v = 0.5, d = 0.25 + 0.25, w = 0.375.
        let nesterov = SgdOptions {
            nesterov: true,
            ..momentum
        };
        assert_eq!(after_two_steps(nesterov), [(0.625, 0.625), (0.375, 0.375)]);

        // g = 0.75, w = 0.625; g = 0.40625, w = 0.421875. The bias is as without decay.
        let decay = SgdOptions {
            weight_decay: 0.25,
            ..plain
        };
        assert_eq!(after_two_steps(decay), [(0.625, 0.75), (0.421875, 0.625)]);

        // g = v = 0.75, w = 0.625; g = 0.40625, v = 0.78125, w = 0.234375.
        let momentum_decay = SgdOptions {
            weight_decay: 0.25,
            ..momentum
        };
        assert_eq!(
            after_two_steps(momentum_decay),
            [(0.625, 0.75), (0.234375, 0.5)]
        );

        // g = v = 0.75, d = 1.125, w = 0.4375;
        // g = 0.359375, v = 0.734375, d = 0.7265625, w = 0.07421875.
        let all = SgdOptions {
            weight_decay: 0.25,
            ..nesterov
        };
        assert_eq!(after_two_steps(all), [(0.4375, 0.625), (0.07421875, 0.375)]);
    }
}
