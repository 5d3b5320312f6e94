//! The SGD step: its rules, and the kernel for parameters whose gradient lies in memory.

use super::support::{EPSILON, Guarded, Matrix, Near, check, random};
use crate::kernels::output_update::DenseStep;
use crate::kernels::rule::StepRule;
use crate::network::Shape;
use crate::random::{Purpose, Stream};
use crate::reference::{Gradients, Network, SgdOptions, Velocity};
use crate::simd::Isa;
use crate::simd::tests::Rounding;

const PLAIN: StepRule = StepRule {
    learning_rate: 0.3,
    momentum: 0.0,
    nesterov: false,
    weight_decay: 0.0,
};

/// Every combination of momentum, Nesterov's form of it, and weight decay.
pub(super) const RULES: [StepRule; 8] = {
    let mut rules = [PLAIN; 8];
    let mut number = 0;
    while number < 8 {
        if number & 1 != 0 {
            rules[number].momentum = 0.9;
        }
        rules[number].nesterov = number & 2 != 0;
        if number & 4 != 0 {
            rules[number].weight_decay = 0.01;
        }
        number += 1;
    }
    rules
};

/// One step on one parameter: the new weight and velocity.
pub(super) fn scalar_step(
    rounding: Rounding,
    rule: StepRule,
    weight: f32,
    velocity: f32,
    gradient: f32,
) -> (f32, f32) {
    if rule.momentum == 0.0 && rule.weight_decay == 0.0 {
        let weight = rounding.mul_add(-rule.learning_rate, gradient, weight);
        return (weight, velocity);
    }
    let gradient = rounding.mul_add(rule.weight_decay, weight, gradient);
    let mut velocity = rounding.mul_add(rule.momentum, velocity, gradient);
    if velocity.abs() < 1e-30 {
        velocity = 0.0;
    }
    let direction = if rule.nesterov {
        rounding.mul_add(rule.momentum, velocity, gradient)
    } else {
        velocity
    };
    let weight = rounding.mul_add(-rule.learning_rate, direction, weight);
    (weight, velocity)
}

/// The same step by the f64 reference, with the errors of all that goes into it.
pub(super) fn reference_step(
    rule: StepRule,
    weights: &mut [Near],
    velocities: &mut [Near],
    gradients: &[Near],
) {
    let values = |near: &[Near]| -> Vec<f64> { near.iter().map(|near| near.value).collect() };
    let shape = Shape {
        inputs: 0,
        hidden: 0,
        classes: 0,
    };
    let mut network = Network {
        shape,
        linear1_weight: values(weights),
        linear1_bias: Vec::new(),
        linear2_weight: Vec::new(),
        linear2_bias: Vec::new(),
    };
    let mut velocity = Velocity::zeros(shape);
    velocity.linear1_weight = values(velocities);
    let mut gradient = Gradients::zeros(shape);
    gradient.linear1_weight = values(gradients);
    let options = SgdOptions {
        learning_rate: f64::from(rule.learning_rate),
        momentum: f64::from(rule.momentum),
        nesterov: rule.nesterov,
        weight_decay: f64::from(rule.weight_decay),
    };
    network.sgd_step(&gradient, &mut velocity, &options);

    let new = network.linear1_weight.iter().zip(&velocity.linear1_weight);
    let old = weights.iter_mut().zip(velocities).zip(gradients);
    for (((weight, velocity), gradient), (&new_weight, &new_velocity)) in old.zip(new) {
        let SgdOptions {
            learning_rate: rate,
            momentum,
            weight_decay: decay,
            ..
        } = options;
        // The sums of absolute values that rounding can act on, and the errors that come in.
        let g = gradient.value.abs() + decay * weight.value.abs();
        let g_error = gradient.tolerance + decay * weight.tolerance + 2.0 * EPSILON * g;
        let v = momentum * velocity.value.abs() + g;
        let v_error = momentum * velocity.tolerance + g_error + 2.0 * EPSILON * v + 1e-30;
        let d = g + momentum * v;
        let d_error = g_error + v_error + 2.0 * EPSILON * (d + v);
        let w_error = weight.tolerance
            + rate * d_error
            + 2.0 * EPSILON * (weight.value.abs() + rate * (d + v));
        *weight = Near {
            value: new_weight,
            tolerance: w_error,
        };
        *velocity = Near {
            value: new_velocity,
            tolerance: v_error,
        };
    }
}

pub(super) fn exact(values: &[f32]) -> Vec<Near> {
    let near = |&value: &f32| Near {
        value: f64::from(value),
        tolerance: 0.0,
    };
    values.iter().map(near).collect()
}

/// Parameters and velocities before the first of several steps, and the gradient of each.
struct Data {
    rule: StepRule,
    weights: Vec<f32>,
    velocities: Vec<f32>,
    gradients: Vec<Vec<f32>>,
}

impl Data {
    fn new(rule: StepRule, length: usize) -> Self {
        let mut stream = Stream::new(length as u64, Purpose::Initialisation);
        Self {
            rule,
            weights: random(&mut stream, length, 0.5),
            velocities: random(&mut stream, length, 0.05),
            gradients: (0..3).map(|_| random(&mut stream, length, 0.02)).collect(),
        }
    }

    fn matrices(&self, weights: Vec<f32>, velocities: Vec<f32>) -> Vec<Matrix> {
        let mut matrices = vec![Matrix::new("parameters", weights.len(), weights)];
        if self.rule.has_velocity() {
            matrices.push(Matrix::new("velocities", velocities.len(), velocities));
        }
        matrices
    }
}

fn run(isa: Isa, data: &Data) -> Vec<Matrix> {
    let at = (isa.name(), data.rule, data.weights.len());
    let mut parameters = Guarded::holding(&data.weights).exact();
    let mut velocities = Guarded::holding(&data.velocities).exact();
    for gradients in &data.gradients {
        isa.run(DenseStep {
            rule: data.rule,
            parameters: parameters.slice(),
            velocities: if data.rule.has_velocity() {
                velocities.slice()
            } else {
                &mut []
            },
            gradients,
        });
    }
    let parameters = parameters.checked(&at, "parameters").to_vec();
    let velocities = velocities.checked(&at, "velocities").to_vec();
    data.matrices(parameters, velocities)
}

fn by_loop(rounding: Rounding, data: &Data) -> Vec<Matrix> {
    let (mut weights, mut velocities) = (data.weights.clone(), data.velocities.clone());
    for gradients in &data.gradients {
        for ((w, v), &g) in weights.iter_mut().zip(&mut velocities).zip(gradients) {
            // Where no velocity is kept, each step starts from 0.
            let old = if data.rule.has_velocity() { *v } else { 0.0 };
            (*w, *v) = scalar_step(rounding, data.rule, *w, old, g);
        }
    }
    data.matrices(weights, velocities)
}

fn formula(data: &Data) -> Vec<Vec<Near>> {
    let (mut weights, mut velocities) = (exact(&data.weights), exact(&data.velocities));
    for gradients in &data.gradients {
        if !data.rule.has_velocity() {
            velocities.fill(Near {
                value: 0.0,
                tolerance: 0.0,
            });
        }
        reference_step(data.rule, &mut weights, &mut velocities, &exact(gradients));
    }
    if data.rule.has_velocity() {
        vec![weights, velocities]
    } else {
        vec![weights]
    }
}

#[test]
fn steps_follow_every_rule() {
    for rule in RULES {
        for length in [16, 32, 48, 304, 3072] {
            let data = Data::new(rule, length);
            check(
                "dense step",
                &(rule, length),
                |isa| run(isa, &data),
                |rounding| by_loop(rounding, &data),
                &formula(&data),
            );
        }
    }
}

#[test]
fn rules_know_what_they_need() {
    for rule in RULES {
        assert_eq!(rule.has_velocity(), rule.momentum == 0.9, "{rule:?}");
        let is_plain = rule.momentum == 0.0 && rule.weight_decay == 0.0;
        assert_eq!(rule.is_plain(), is_plain, "{rule:?}");
        let bias = rule.for_bias();
        assert_eq!(bias.weight_decay, 0.0, "{rule:?}");
        let with_decay = StepRule {
            weight_decay: rule.weight_decay,
            ..bias
        };
        assert_eq!(with_decay, rule);
    }
}

#[test]
fn velocities_that_fade_become_zero() {
    let rule = RULES[1];
    let mut data = Data::new(rule, 32);
    data.gradients = vec![vec![0.0; 32]];
    let fading = [1.2e-30, 1e-30, -1e-30, 1e-38, -1e-44, f32::MIN_POSITIVE];
    data.velocities.fill(1e-3);
    data.velocities[..6].copy_from_slice(&fading);
    for isa in Isa::available() {
        let found = run(isa, &data);
        let expected = [1.2e-30 * 0.9, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(found[1].values[..6], expected, "{isa}");
        assert!(
            found[1].values[6..].iter().all(|&v| v == 1e-3 * 0.9),
            "{isa}"
        );
    }
}

#[test]
fn a_gradient_that_is_nan_makes_its_parameter_nan_and_no_other() {
    for rule in RULES {
        let clean = Data::new(rule, 48);
        for isa in Isa::available() {
            let expected = run(isa, &clean).remove(0);
            let mut spoilt = Data::new(rule, 48);
            spoilt.gradients[1][21] = f32::NAN;
            let found = run(isa, &spoilt).remove(0);
            for (index, (&x, &y)) in found.values.iter().zip(&expected.values).enumerate() {
                let same = x.to_bits() == y.to_bits();
                assert!(
                    if index == 21 { x.is_nan() } else { same },
                    "{isa}, {rule:?}, parameter {index}: {x:e}, expected {y:e}"
                );
            }
        }
    }
}
