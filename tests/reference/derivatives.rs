//! Every derivative of the reference against central differences.

use fused_mlp::network::Shape;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{
    Gradients, Network, cross_entropy, cross_entropy_backward, linear, linear_backward_input,
    linear_backward_parameters, sigmoid, sigmoid_backward, softmax, softmax_backward,
};

use super::{assert_close, random_values};

/// Distance of the points at which differences are taken.
const STEP: f64 = 1e-3;

/// Largest accepted error of a derivative, relative to it or to 1e-3 if it is smaller. Truncation
/// (STEP^4) and rounding (1e-16 / STEP) are both below 1e-12.
const TOLERANCE: f64 = 1e-8;

/// f'(x) = (8 (f(x + e) - f(x - e)) - (f(x + 2e) - f(x - 2e))) / 12e + O(e^4).
fn central_difference(mut f: impl FnMut(f64) -> f64, x: f64) -> f64 {
    let near = f(x + STEP) - f(x - STEP);
    let far = f(x + 2.0 * STEP) - f(x - 2.0 * STEP);
    (8.0 * near - far) / (12.0 * STEP)
}

/// Asserts that two derivatives agree; a NaN in either fails.
fn assert_derivative(analytic: f64, numeric: f64, what: &str) {
    let scale = analytic.abs().max(numeric.abs()).max(1e-3);
    let error = (analytic - numeric).abs() / scale;
    assert!(
        error < TOLERANCE,
        "{what}: formula {analytic:e}, difference {numeric:e}: {error:e}"
    );
}

/// A network whose weights and biases are all random, uniform on ±1.
fn random_network(shape: Shape, stream: &mut Stream) -> Network {
    Network {
        shape,
        linear1_weight: random_values(stream, shape.inputs * shape.hidden, 1.0),
        linear1_bias: random_values(stream, shape.hidden, 1.0),
        linear2_weight: random_values(stream, shape.hidden * shape.classes, 1.0),
        linear2_bias: random_values(stream, shape.classes, 1.0),
    }
}

/// Mean loss of a minibatch, from the textbook functions alone.
fn mean_loss(network: &Network, images: &[&[f64]], labels: &[u8]) -> f64 {
    let losses = images.iter().zip(labels).map(|(image, &label)| {
        cross_entropy(&network.forward(image).probabilities, usize::from(label))
    });
    losses.sum::<f64>() / images.len() as f64
}

/// One tensor of a network and the gradient of that tensor.
type Tensor = (
    &'static str,
    fn(&mut Network) -> &mut Vec<f64>,
    fn(&Gradients) -> &Vec<f64>,
);

const TENSORS: [Tensor; 4] = [
    (
        "W",
        |network| &mut network.linear1_weight,
        |gradients| &gradients.linear1_weight,
    ),
    (
        "b",
        |network| &mut network.linear1_bias,
        |gradients| &gradients.linear1_bias,
    ),
    (
        "V",
        |network| &mut network.linear2_weight,
        |gradients| &gradients.linear2_weight,
    ),
    (
        "c",
        |network| &mut network.linear2_bias,
        |gradients| &gradients.linear2_bias,
    ),
];

#[test]
fn gradients_of_every_parameter_are_central_differences() {
    let shapes = [(2, 3, 2), (5, 4, 3), (1, 1, 2), (3, 2, 10), (7, 9, 4)];
    for (seed, (inputs, hidden, classes)) in (0..).zip(shapes) {
        for samples in [1, 2, 5] {
            check_gradients(
                Shape {
                    inputs,
                    hidden,
                    classes,
                },
                samples,
                seed,
            );
        }
    }
}

fn check_gradients(shape: Shape, samples: usize, seed: u64) {
    let mut stream = Stream::new(seed, Purpose::Initialisation);
    let mut network = random_network(shape, &mut stream);
    let pixels = random_values(&mut stream, samples * shape.inputs, 1.0);
    let images: Vec<&[f64]> = pixels.chunks_exact(shape.inputs).collect();
    let labels: Vec<u8> = (0..samples)
        .map(|_| stream.below(shape.classes as u32) as u8)
        .collect();

    let (loss, _, gradients) = network.minibatch_gradients(&images, &labels);
    assert_close(loss, mean_loss(&network, &images, &labels), "mean loss");
    let mut checked = 0;
    for (name, values, gradient) in TENSORS {
        assert_eq!(
            gradient(&gradients).len(),
            values(&mut network).len(),
            "{shape} {name}"
        );
        for index in 0..values(&mut network).len() {
            let value = values(&mut network)[index];
            let shifted = |moved: f64| {
                values(&mut network)[index] = moved;
                mean_loss(&network, &images, &labels)
            };
            let numeric = central_difference(shifted, value);
            values(&mut network)[index] = value;
            let what = format!("{shape}, {samples} samples, seed {seed}, {name}[{index}]");
            assert_derivative(gradient(&gradients)[index], numeric, &what);
            checked += 1;
        }
    }
    assert_eq!(checked, shape.parameters());
}

#[test]
fn linear_has_its_derivatives() {
    let mut stream = Stream::new(11, Purpose::Initialisation);
    let (x, dy) = (
        random_values(&mut stream, 3, 1.0),
        random_values(&mut stream, 4, 1.0),
    );
    let (weight, bias) = (
        random_values(&mut stream, 12, 1.0),
        random_values(&mut stream, 4, 1.0),
    );
    // The derivative of sum_j dy_j y_j is what the backward functions return.
    let weighted = |x: &[f64], weight: &[f64], bias: &[f64]| -> f64 {
        linear(x, weight, bias)
            .iter()
            .zip(&dy)
            .map(|(y_j, dy_j)| y_j * dy_j)
            .sum()
    };
    let moved = |values: &[f64], index: usize, value: f64| {
        let mut values = values.to_vec();
        values[index] = value;
        values
    };
    let dx = linear_backward_input(&weight, &dy);
    let (mut dweight, mut dbias) = (vec![0.0; 12], vec![0.0; 4]);
    linear_backward_parameters(&x, &dy, &mut dweight, &mut dbias);
    for i in 0..x.len() {
        let numeric = central_difference(|v| weighted(&moved(&x, i, v), &weight, &bias), x[i]);
        assert_derivative(dx[i], numeric, &format!("dx[{i}]"));
    }
    for i in 0..weight.len() {
        let numeric = central_difference(|v| weighted(&x, &moved(&weight, i, v), &bias), weight[i]);
        assert_derivative(dweight[i], numeric, &format!("dW[{i}]"));
    }
    for i in 0..bias.len() {
        let numeric = central_difference(|v| weighted(&x, &weight, &moved(&bias, i, v)), bias[i]);
        assert_derivative(dbias[i], numeric, &format!("db[{i}]"));
    }
}

#[test]
fn sigmoid_has_its_derivative() {
    for k in [-20.0, -5.0, -1.0, -0.1, 0.0, 0.3, 2.0, 7.0, 20.0] {
        let analytic = sigmoid_backward(sigmoid(k), 1.0);
        assert_derivative(
            analytic,
            central_difference(sigmoid, k),
            &format!("sigmoid at {k}"),
        );
        assert_eq!(
            sigmoid_backward(sigmoid(k), -3.0),
            -3.0 * sigmoid(k) * (1.0 - sigmoid(k))
        );
    }
}

#[test]
fn softmax_has_its_local_derivatives() {
    let logits = [0.5, -1.0, 2.0, 0.0];
    let y = softmax(&logits);
    for i in 0..logits.len() {
        // With dy one at i and zero elsewhere, softmax_backward returns dy_i/ds_j for every j.
        let mut dy = [0.0; 4];
        dy[i] = 1.0;
        let ds = softmax_backward(&y, &dy);
        for j in 0..logits.len() {
            let shifted = |value: f64| {
                let mut moved = logits;
                moved[j] = value;
                softmax(&moved)[i]
            };
            let numeric = central_difference(shifted, logits[j]);
            assert_derivative(ds[j], numeric, &format!("dy_{i}/ds_{j}"));
            let formula = if i == j {
                y[j] * (1.0 - y[j])
            } else {
                -y[i] * y[j]
            };
            assert_close(ds[j], formula, &format!("dy_{i}/ds_{j}"));
        }
    }
}

#[test]
fn cross_entropy_has_its_local_derivatives() {
    let y = [0.2, 0.5, 0.3];
    for target in 0..y.len() {
        let dy = cross_entropy_backward(&y, target);
        for j in 0..y.len() {
            let shifted = |value: f64| {
                let mut moved = y;
                moved[j] = value;
                cross_entropy(&moved, target)
            };
            let numeric = central_difference(shifted, y[j]);
            assert_derivative(dy[j], numeric, &format!("dl/dy_{j} for class {target}"));
            assert_eq!(dy[j], if j == target { -1.0 / y[target] } else { 0.0 });
        }
    }
}
