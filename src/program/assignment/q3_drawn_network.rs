//! Question 3: the drawn 2-3-2 network, forward and backward, by the textbook and by the kernels.

use super::derivative::{DerivativeCheck, central_difference};
use super::q1_local_derivatives::{ERROR_LIMIT, STEP};
use super::trainings::plain_engine;
use super::work::Work;
use fused_mlp::backend::{Backend, PassControl, Samples, TrainingPass};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::reference::{Gradients, Network, cross_entropy, cross_entropy_backward};
use serde::Serialize;

/// Its inputs, hidden units and classes.
pub const SHAPE: Shape = Shape {
    inputs: 2,
    hidden: 3,
    classes: 2,
};
/// The sample, which is of the first class.
const INPUT: [f64; 2] = [1.0, -1.0];
const TARGET: usize = 0;
/// Kernels compute in f32, their gradients are differences of f32 numbers of about 1, and the inverse
/// of the sigmoid multiplies what is missing by up to ten.
const KERNELS_LIMIT: f64 = 5e-6;

/// What was found.
#[derive(Debug, Serialize)]
pub struct DrawnNetwork {
    /// The weights of the drawing.
    drawn: Example,
    /// Whether the drawing's values are those expected, in both ways of computing them.
    is_golden: bool,
    /// Weights for which no gradient vanishes.
    asymmetric: Example,
    /// Its gradients by the textbook against central differences.
    check: DerivativeCheck,
    /// Largest difference between kernels and textbook that is accepted.
    kernels_limit: f64,
    /// Whether everything agrees.
    pub holds: bool,
}

/// One set of weights.
#[derive(Debug, Serialize)]
struct Example {
    #[serde(flatten)]
    weights: Weights,
    /// By the textbook, in f64.
    reference: Values,
    /// By the fused kernels, in f32.
    kernels: Values,
    /// Largest difference between the two.
    kernels_difference: f64,
}

/// Weights and biases by the names of the formulas.
#[derive(Debug, Serialize)]
pub struct Weights {
    /// `[2, 3]`.
    w: Vec<f64>,
    b: Vec<f64>,
    /// `[3, 2]`.
    v: Vec<f64>,
    c: Vec<f64>,
}

impl From<&Network> for Weights {
    fn from(network: &Network) -> Self {
        Self {
            w: network.linear1_weight.clone(),
            b: network.linear1_bias.clone(),
            v: network.linear2_weight.clone(),
            c: network.linear2_bias.clone(),
        }
    }
}

/// All that is computed forward and backward.
#[derive(Debug, Serialize)]
struct Values {
    /// Linear outputs of the hidden layer.
    k: Vec<f64>,
    /// Sigmoids of them.
    h: Vec<f64>,
    /// Logits.
    s: Vec<f64>,
    /// Probabilities.
    y: Vec<f64>,
    /// Cross-entropy in nats.
    loss: f64,
    /// dl/dy_c.
    dl: f64,
    /// dl/dW, `[2, 3]`.
    dw: Vec<f64>,
    /// dl/db.
    db: Vec<f64>,
    /// dl/dV, `[3, 2]`.
    dv: Vec<f64>,
    /// dl/dc.
    dc: Vec<f64>,
}

impl Values {
    /// Largest |a - b|; NaN if a number is.
    fn difference(&self, other: &Self) -> f64 {
        let all = |of: &Self| {
            let vectors = [&of.k, &of.h, &of.s, &of.y, &of.dw, &of.db, &of.dv, &of.dc];
            let scalars = vec![of.loss, of.dl];
            vectors
                .into_iter()
                .fold(scalars, |all, values| [all, values.clone()].concat())
        };
        let pairs = all(self).into_iter().zip(all(other));
        super::largest(pairs.map(|(a, b)| (a - b).abs()))
    }

    /// The values that the drawing's network has.
    fn golden() -> Self {
        let h = 0.880_797_077_977_882_3;
        let dv = 0.440_398_54;
        Self {
            k: vec![2.0; 3],
            h: vec![h; 3],
            s: vec![-h; 2],
            y: vec![0.5; 2],
            loss: std::f64::consts::LN_2,
            dl: -2.0,
            dw: vec![0.0; 6],
            db: vec![0.0; 3],
            dv: [-dv, dv].repeat(3),
            dc: vec![-0.5, 0.5],
        }
    }
}

/// The drawing's network, in which all hidden units compute the same.
fn drawn() -> Network {
    Network {
        shape: SHAPE,
        linear1_weight: vec![1.0, 1.0, 1.0, -1.0, -1.0, -1.0],
        linear1_bias: vec![0.0; 3],
        linear2_weight: vec![1.0, 1.0, -1.0, -1.0, -1.0, -1.0],
        linear2_bias: vec![0.0; 2],
    }
}

/// A network without any symmetry; its numbers are exact in f32.
pub fn asymmetric() -> Network {
    Network {
        shape: SHAPE,
        linear1_weight: vec![0.5, -0.25, 0.75, 0.125, 0.625, -0.5],
        linear1_bias: vec![0.125, -0.25, 0.375],
        linear2_weight: vec![0.5, -0.375, -0.75, 0.625, 0.875, 0.125],
        linear2_bias: vec![0.0625, -0.125],
    }
}

/// Computes both networks in both ways.
///
/// # Errors
/// If the engine cannot be started.
pub fn run(work: &Work<'_>) -> anyhow::Result<DrawnNetwork> {
    let drawn = example(work, &drawn())?;
    let asymmetric_network = asymmetric();
    let asymmetric = example(work, &asymmetric_network)?;
    let golden = Values::golden();
    // The expected values have eight digits.
    let is_golden = drawn.reference.difference(&golden) < 5e-9
        && drawn.kernels.difference(&golden) < KERNELS_LIMIT;
    let check = check_gradients(&asymmetric_network, &asymmetric.reference);
    let agree = |example: &Example| example.kernels_difference < KERNELS_LIMIT;
    Ok(DrawnNetwork {
        is_golden,
        holds: is_golden && agree(&drawn) && agree(&asymmetric) && check.holds(ERROR_LIMIT),
        check,
        drawn,
        asymmetric,
        kernels_limit: KERNELS_LIMIT,
    })
}

fn example(work: &Work<'_>, network: &Network) -> anyhow::Result<Example> {
    let reference = by_reference(network);
    let kernels = by_kernels(work, network)?;
    Ok(Example {
        weights: network.into(),
        kernels_difference: reference.difference(&kernels),
        reference,
        kernels,
    })
}

fn by_reference(network: &Network) -> Values {
    let activations = network.forward(&INPUT);
    let mut gradients = Gradients::zeros(network.shape);
    network.backward(&INPUT, &activations, TARGET, &mut gradients);
    let y = activations.probabilities;
    Values {
        k: activations.hidden_input,
        h: activations.hidden,
        s: activations.logits,
        loss: cross_entropy(&y, TARGET),
        dl: cross_entropy_backward(&y, TARGET)[TARGET],
        y,
        dw: gradients.linear1_weight,
        db: gradients.linear1_bias,
        dv: gradients.linear2_weight,
        dc: gradients.linear2_bias,
    }
}

fn check_gradients(network: &Network, values: &Values) -> DerivativeCheck {
    let mut check = DerivativeCheck::new("∂l/∂W, ∂l/∂b, ∂l/∂V, ∂l/∂c");
    type Tensor = fn(&mut Network) -> &mut Vec<f64>;
    let tensors: [(Tensor, &[f64]); 4] = [
        (|network| &mut network.linear1_weight, &values.dw),
        (|network| &mut network.linear1_bias, &values.db),
        (|network| &mut network.linear2_weight, &values.dv),
        (|network| &mut network.linear2_bias, &values.dc),
    ];
    for (tensor, gradients) in tensors {
        for (index, &formula) in gradients.iter().enumerate() {
            let loss = |value: f64| {
                let mut moved = network.clone();
                tensor(&mut moved)[index] = value;
                cross_entropy(&moved.forward(&INPUT).probabilities, TARGET)
            };
            let value = tensor(&mut network.clone())[index];
            check.compare(formula, central_difference(loss, value, STEP));
        }
    }
    check
}

/// What the kernels compute, as seen from outside: one step with learning rate 1 gives the loss and,
/// by what it takes from each parameter, the gradients. From those, y = dc + t and h = dV / dc, and
/// k is the inverse of the sigmoid. A third class with logit 0 gives the others: s_j = l_3 - l_j.
///
/// The kernels' inputs are bytes, x = byte / 255, so the sign of an input goes to its weights: both
/// x_i W_ij and W_ij x_i stay what they are.
fn by_kernels(work: &Work<'_>, network: &Network) -> anyhow::Result<Values> {
    let mut before = network.to_parameters();
    let sign = |index: usize| INPUT[index / SHAPE.hidden] as f32;
    for (index, weight) in before.linear1_weight.iter_mut().enumerate() {
        *weight *= sign(index);
    }
    let image = [255u8; SHAPE.inputs];
    let mut engine = plain_engine(&before, &work.settings)?;
    let steps = engine.train(&TrainingPass {
        samples: Samples::new(&image, &[TARGET as u8], SHAPE.inputs),
        order: &[0],
        batch_size: 1,
        learning_rates: &[1.0],
        control: &PassControl::default(),
    })?;
    let after = engine.parameters();
    let taken = |before: &[f32], after: &[f32]| -> Vec<f64> {
        let pairs = before.iter().zip(after);
        pairs.map(|(&b, &a)| f64::from(b) - f64::from(a)).collect()
    };
    let mut dw = taken(&before.linear1_weight, &after.linear1_weight);
    for (index, gradient) in dw.iter_mut().enumerate() {
        *gradient *= f64::from(sign(index));
    }
    let dv = taken(&before.linear2_weight, &after.linear2_weight);
    let dc = taken(&before.linear2_bias, &after.linear2_bias);
    let mut y = dc.clone();
    y[TARGET] += 1.0;
    let h: Vec<f64> = dv
        .chunks_exact(SHAPE.classes)
        .map(|row| row[TARGET] / dc[TARGET])
        .collect();
    Ok(Values {
        k: h.iter().map(|h_j| (h_j / (1.0 - h_j)).ln()).collect(),
        h,
        s: logits_by_kernels(work, &before, &image)?,
        loss: steps[0].loss,
        dl: -1.0 / y[TARGET],
        y,
        dw,
        db: taken(&before.linear1_bias, &after.linear1_bias),
        dv,
        dc,
    })
}

fn logits_by_kernels(
    work: &Work<'_>,
    parameters: &Parameters,
    image: &[u8],
) -> anyhow::Result<Vec<f64>> {
    let classes = SHAPE.classes + 1;
    let mut wider = Parameters::zeros(Shape { classes, ..SHAPE });
    wider.linear1_weight.clone_from(&parameters.linear1_weight);
    wider.linear1_bias.clone_from(&parameters.linear1_bias);
    let rows = parameters.linear2_weight.chunks_exact(SHAPE.classes);
    for (row, wider) in rows.zip(wider.linear2_weight.chunks_exact_mut(classes)) {
        wider[..SHAPE.classes].copy_from_slice(row);
    }
    wider.linear2_bias[..SHAPE.classes].copy_from_slice(&parameters.linear2_bias);
    let mut engine = plain_engine(&wider, &work.settings)?;
    let mut loss = |label: usize| {
        let labels = [label as u8];
        let samples = Samples::new(image, &labels, SHAPE.inputs);
        engine.evaluate(samples, &[0]).map(|found| found.loss)
    };
    let zero = loss(SHAPE.classes)?;
    let logits = (0..SHAPE.classes).map(|class| Ok(zero - loss(class)?));
    logits.collect()
}
