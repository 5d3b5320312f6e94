//! The reference against what it must be: central differences, a worked example and extreme logits.

use std::f64::consts::LN_2;

use fused_mlp::network::{Parameters, Shape};
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{
    Network, cross_entropy, cross_entropy_backward, linear, linear_backward_input,
    linear_backward_parameters, pixel_to_input, predicted_class, sigmoid, sigmoid_backward,
    softmax, softmax_backward, softmax_cross_entropy,
};

/// Asserts that two numbers differ by less than 1e-12; a NaN in either fails.
fn assert_close(found: f64, expected: f64, what: &str) {
    assert!(
        (found - expected).abs() < 1e-12,
        "{what}: expected {expected:e}, found {found:e}"
    );
}

fn shape(inputs: usize, hidden: usize, classes: usize) -> Shape {
    Shape {
        inputs,
        hidden,
        classes,
    }
}

fn random_values(stream: &mut Stream, count: usize, bound: f64) -> Vec<f64> {
    (0..count)
        .map(|_| bound * f64::from(stream.uniform_signed()))
        .collect()
}

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
    let mut network = Network::from(&Parameters::zeros(shape));
    for tensor in tensors(&mut network) {
        *tensor = random_values(stream, tensor.len(), 1.0);
    }
    network
}

/// The four tensors of a network: W, b, V, c.
fn tensors(network: &mut Network) -> [&mut Vec<f64>; 4] {
    [
        &mut network.linear1_weight,
        &mut network.linear1_bias,
        &mut network.linear2_weight,
        &mut network.linear2_bias,
    ]
}

fn check_gradients(shape: Shape, samples: usize, seed: u64) {
    let mut stream = Stream::new(seed, Purpose::Initialisation);
    let mut network = random_network(shape, &mut stream);
    let pixels = random_values(&mut stream, samples * shape.inputs, 1.0);
    let inputs: Vec<&[f64]> = pixels.chunks_exact(shape.inputs).collect();
    let labels: Vec<u8> = (0..samples)
        .map(|_| stream.below(shape.classes as u32) as u8)
        .collect();
    // From the textbook functions alone.
    let mean_loss = |network: &Network| {
        let losses = inputs.iter().zip(&labels).map(|(x, &label)| {
            cross_entropy(&network.forward(x).probabilities, usize::from(label))
        });
        losses.sum::<f64>() / samples as f64
    };

    let found = network.minibatch_gradients_f64(&inputs, &labels);
    assert_close(found.loss, mean_loss(&network), "mean loss");
    let g = found.gradients;
    let gradients = [
        g.linear1_weight,
        g.linear1_bias,
        g.linear2_weight,
        g.linear2_bias,
    ];
    let mut checked = 0;
    for (tensor, gradient) in gradients.iter().enumerate() {
        assert_eq!(gradient.len(), tensors(&mut network)[tensor].len());
        for (index, &analytic) in gradient.iter().enumerate() {
            let value = tensors(&mut network)[tensor][index];
            let shifted = |moved: f64| {
                tensors(&mut network)[tensor][index] = moved;
                mean_loss(&network)
            };
            let numeric = central_difference(shifted, value);
            tensors(&mut network)[tensor][index] = value;
            let name = ["W", "b", "V", "c"][tensor];
            let what = format!("{shape}, {samples} samples, {name}[{index}]");
            assert_derivative(analytic, numeric, &what);
            checked += 1;
        }
    }
    assert_eq!(checked, shape.parameters());
}

#[test]
fn gradients_of_every_parameter_are_central_differences() {
    let shapes = [
        shape(2, 3, 2),
        shape(5, 4, 3),
        shape(1, 1, 2),
        shape(3, 2, 10),
        shape(7, 9, 4),
    ];
    for (seed, shape) in (0..).zip(shapes) {
        for samples in [1, 2, 5] {
            check_gradients(shape, samples, seed);
        }
    }
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
            let formula = y[j] * (f64::from(u8::from(i == j)) - y[i]);
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

#[test]
fn sigmoid_is_exact_at_both_ends() {
    assert_eq!(sigmoid(0.0), 0.5);
    for (k, h) in [(-1e4, 0.0), (1e4, 1.0)] {
        assert_eq!(sigmoid(k), h);
        assert_eq!(sigmoid_backward(h, 1.0), 0.0);
    }
    assert!(sigmoid(f64::NAN).is_nan());
}

#[test]
fn composed_loss_agrees_with_its_two_steps() {
    let mut stream = Stream::new(5, Purpose::Initialisation);
    for bound in [0.1, 1.0, 10.0, 100.0] {
        let logits = random_values(&mut stream, 6, bound);
        for target in 0..logits.len() {
            let y = softmax(&logits);
            let separate_gradient = softmax_backward(&y, &cross_entropy_backward(&y, target));
            let (loss, gradient) = softmax_cross_entropy(&logits, target);
            let what = format!("logits ±{bound}, class {target}");
            assert_close(loss, cross_entropy(&y, target), &what);
            for (composed, separate) in gradient.iter().zip(&separate_gradient) {
                assert_close(*composed, *separate, &what);
            }
        }
    }
}

#[test]
fn composed_loss_is_exact_where_probabilities_are_0_and_1() {
    let logits = [1e4, -1e4, 0.0];
    assert_eq!(softmax(&logits), [1.0, 0.0, 0.0]);
    let gradients = [[0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, -1.0]];
    for (target, (loss, gradient)) in [0.0, 2e4, 1e4].into_iter().zip(gradients).enumerate() {
        assert_eq!(
            softmax_cross_entropy(&logits, target),
            (loss, gradient.to_vec())
        );
    }
    // The two steps alone have no finite answer here.
    let y = softmax(&logits);
    assert_eq!(cross_entropy(&y, 1), f64::INFINITY);
    let separate_gradient = softmax_backward(&y, &cross_entropy_backward(&y, 1));
    assert!(separate_gradient.iter().any(|ds_j| ds_j.is_nan()));

    for same in [1e4, -1e4, f64::MAX] {
        let (loss, gradient) = softmax_cross_entropy(&[same; 2], 1);
        assert_eq!((loss, gradient), (LN_2, vec![0.5, -0.5]));
    }
}

#[test]
fn network_with_huge_logits_has_finite_gradients() {
    let mut network = Network::from(&Parameters::zeros(shape(2, 3, 3)));
    network.linear2_bias = vec![1e4, -1e4, 0.0];
    let found = network.minibatch_gradients(&[&[255, 51], &[255, 51]], &[0, 1]);
    let gradients = found.gradients;
    assert_eq!((found.loss, found.correct), (1e4, 1));
    assert_eq!(gradients.linear2_bias, [0.5, -0.5, 0.0]);
    assert_eq!(gradients.linear2_weight, [0.25, -0.25, 0.0].repeat(3));
    assert_eq!(gradients.linear1_weight, [0.0; 6]);
    assert_eq!(gradients.linear1_bias, [0.0; 3]);
}

#[test]
fn probabilities_sum_to_one() {
    let mut stream = Stream::new(9, Purpose::Initialisation);
    for classes in [1, 2, 3, 10, 256] {
        for bound in [1e-3, 1.0, 30.0, 1e4] {
            let y = softmax(&random_values(&mut stream, classes, bound));
            assert_close(
                y.iter().sum(),
                1.0,
                &format!("{classes} classes, logits ±{bound}"),
            );
            assert!(y.iter().all(|y_j| (0.0..=1.0).contains(y_j)), "{y:?}");
        }
    }
}

/// Two inputs, three hidden units that all compute the same, two classes that are equally likely.
#[test]
fn worked_example() {
    let network = Network {
        shape: shape(2, 3, 2),
        linear1_weight: vec![1.0, 1.0, 1.0, -1.0, -1.0, -1.0],
        linear1_bias: vec![0.0; 3],
        linear2_weight: vec![1.0, 1.0, -1.0, -1.0, -1.0, -1.0],
        linear2_bias: vec![0.0; 2],
    };
    let x: &[f64] = &[1.0, -1.0];
    let activations = network.forward(x);
    assert_eq!(activations.hidden_input, [2.0; 3]);
    for h_j in &activations.hidden {
        assert_close(*h_j, 0.8807970779778823, "h");
    }
    assert_close(activations.logits[0], -0.8807970779778823, "s");
    assert_eq!(activations.probabilities, [0.5, 0.5]);
    assert_eq!(cross_entropy(&activations.probabilities, 0), LN_2);
    let dy = cross_entropy_backward(&activations.probabilities, 0);
    assert_eq!(dy, [-2.0, 0.0]);
    assert_eq!(
        softmax_backward(&activations.probabilities, &dy),
        [-0.5, 0.5]
    );

    let found = network.minibatch_gradients_f64(&[x], &[0]);
    let gradients = found.gradients;
    assert_eq!((found.loss, found.correct), (LN_2, 1));
    assert_eq!(gradients.linear1_weight, [0.0; 6]);
    assert_eq!(gradients.linear1_bias, [0.0; 3]);
    for row in gradients.linear2_weight.chunks_exact(2) {
        assert!((row[0] + 0.44039854).abs() < 5e-9, "{row:?}");
        assert!((row[1] - 0.44039854).abs() < 5e-9, "{row:?}");
    }
    assert_eq!(gradients.linear2_bias, [-0.5, 0.5]);
}

#[test]
fn predicted_class_is_the_first_maximum_and_never_beside_nan() {
    assert_eq!(predicted_class(&[1.0, 3.0, 2.0]), Some(1));
    assert_eq!(predicted_class(&[2.0, 3.0, 3.0]), Some(1));
    assert_eq!(predicted_class(&[-0.0, 0.0]), Some(0));
    assert_eq!(predicted_class(&[f64::NEG_INFINITY, 1.0]), Some(1));
    // What is no finite f32 is no class.
    for largest in [f64::NEG_INFINITY, f64::INFINITY, 1e39] {
        assert_eq!(predicted_class(&[f64::NEG_INFINITY, largest]), None);
    }
    assert_eq!(predicted_class(&[f64::NAN, 1.0]), None);
    assert_eq!(predicted_class(&[1.0, f64::NAN]), None);
    assert_eq!(predicted_class(&[]), None);
}

#[test]
fn nan_is_never_a_correct_prediction() {
    let mut network = Network::from(&Parameters::zeros(shape(2, 2, 3)));
    network.linear2_bias = vec![1.0, f64::NAN, 0.0];
    let image: &[u8] = &[0, 255];
    let found = network.minibatch_gradients(&[image; 3], &[0, 1, 2]);
    assert!(found.loss.is_nan());
    assert_eq!(found.correct, 0);
}

#[test]
fn parameters_widen_exactly_and_round_back() {
    let parameters = Parameters::initialise(shape(4, 3, 2), 8);
    let mut network = Network::from(&parameters);
    assert_eq!(
        network.linear1_weight[5],
        f64::from(parameters.linear1_weight[5])
    );
    assert_eq!(network.to_parameters(), parameters);
    network.linear2_bias[1] = 0.1;
    assert_eq!(network.to_parameters().linear2_bias[1], 0.1f32);
}

#[test]
fn pixels_become_inputs_from_0_to_1() {
    assert_eq!(pixel_to_input(51), 0.2);
    assert_eq!(pixel_to_input(255), 1.0);
    let network = random_network(shape(3, 2, 2), &mut Stream::new(2, Purpose::Initialisation));
    assert_eq!(
        network.minibatch_gradients(&[&[0, 51, 255]], &[1]),
        network.minibatch_gradients_f64(&[&[0.0, 0.2, 1.0]], &[1])
    );
}

#[test]
#[should_panic(expected = "an empty minibatch has no mean loss")]
fn empty_minibatch_is_refused() {
    let network = Network::from(&Parameters::zeros(shape(2, 2, 2)));
    network.minibatch_gradients(&[], &[]);
}

#[test]
#[should_panic(expected = "W is [inputs, outputs]")]
fn image_of_another_size_is_refused() {
    let network = Network::from(&Parameters::zeros(shape(2, 2, 2)));
    network.minibatch_gradients(&[&[0; 3]], &[0]);
}
