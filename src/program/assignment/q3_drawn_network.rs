//! Question 3: the drawn 2-3-2 network, forward and backward, by the textbook.

use super::derivative::{DerivativeCheck, central_difference};
use super::q1_local_derivatives::{ERROR_LIMIT, STEP};
use fused_mlp::network::Shape;
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
/// The expected values have eight digits.
const GOLDEN_LIMIT: f64 = 5e-9;

/// What was found.
#[derive(Debug, Serialize)]
pub struct DrawnNetwork {
    /// The weights of the drawing.
    #[serde(flatten)]
    weights: Weights,
    /// By the textbook, in f64.
    reference: Values,
    /// A network in which no gradient vanishes.
    unsymmetric: Values,
    unsymmetric_weights: Weights,
    /// Its gradient of b against central differences.
    check: DerivativeCheck,
    /// Whether the values are those expected.
    pub holds: bool,
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
    /// dl/dh, which is not the gradient of b.
    dh: Vec<f64>,
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
            let vectors = [
                &of.k, &of.h, &of.s, &of.y, &of.dh, &of.dw, &of.db, &of.dv, &of.dc,
            ];
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
            dh: vec![0.0; 3],
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

/// A network without any symmetry.
fn unsymmetric() -> Network {
    Network {
        shape: SHAPE,
        linear1_weight: vec![0.5, -0.25, 0.75, 0.125, 0.625, -0.5],
        linear1_bias: vec![0.125, -0.25, 0.375],
        linear2_weight: vec![0.5, -0.375, -0.75, 0.625, 0.875, 0.125],
        linear2_bias: vec![0.0625, -0.125],
    }
}

/// Computes both networks.
pub fn run() -> DrawnNetwork {
    let network = drawn();
    let reference = values(&network);
    let (other, mut check) = (unsymmetric(), DerivativeCheck::new("∂l/∂b"));
    let unsymmetric = values(&other);
    for (j, &gradient) in unsymmetric.db.iter().enumerate() {
        let loss = |bias: f64| {
            let mut moved = other.clone();
            moved.linear1_bias[j] = bias;
            cross_entropy(&moved.forward(&INPUT).probabilities, TARGET)
        };
        check.compare(
            gradient,
            central_difference(loss, other.linear1_bias[j], STEP),
        );
    }
    let is_golden = reference.difference(&Values::golden()) < GOLDEN_LIMIT;
    DrawnNetwork {
        holds: is_golden && check.holds(ERROR_LIMIT),
        weights: (&network).into(),
        reference,
        unsymmetric,
        unsymmetric_weights: (&other).into(),
        check,
    }
}

fn values(network: &Network) -> Values {
    let activations = network.forward(&INPUT);
    let mut gradients = Gradients::zeros(network.shape);
    network.backward(&INPUT, &activations, TARGET, &mut gradients);
    let y = activations.probabilities;
    let rows = network.linear2_weight.chunks_exact(network.shape.classes);
    let product = |row: &[f64]| {
        row.iter()
            .zip(&gradients.linear2_bias)
            .map(|(v, ds)| v * ds)
            .sum()
    };
    Values {
        k: activations.hidden_input,
        h: activations.hidden,
        s: activations.logits,
        loss: cross_entropy(&y, TARGET),
        dl: cross_entropy_backward(&y, TARGET)[TARGET],
        y,
        dh: rows.map(product).collect(),
        dw: gradients.linear1_weight,
        db: gradients.linear1_bias,
        dv: gradients.linear2_weight,
        dc: gradients.linear2_bias,
    }
}
