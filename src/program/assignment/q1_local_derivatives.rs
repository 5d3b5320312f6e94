//! Question 1: the local derivatives of softmax and cross-entropy.

use super::derivative::{DerivativeCheck, central_difference};
use super::work::Work;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{cross_entropy, cross_entropy_backward, softmax, softmax_backward};
use serde::Serialize;

/// Relative errors have to be below this.
pub const ERROR_LIMIT: f64 = 1e-8;
/// Step of the differences: of a logit, and of a probability relative to it.
pub const STEP: f64 = 1e-3;
/// Logits are uniform on ± this.
pub const LARGEST_LOGIT: f64 = 2.0;
/// Classes of a random point: 2 to this.
const MOST_CLASSES: u32 = 10;

/// What was found.
#[derive(Debug, Serialize)]
pub struct LocalDerivatives {
    /// Random points.
    pub points: u32,
    /// dy_j/do_j = y_j (1 - y_j); dy_i/do_j = -y_i y_j; dl/dy_c = -1 / y_c; dl/dy_j = 0.
    pub checks: [DerivativeCheck; 4],
    /// What the errors have to be below.
    pub error_limit: f64,
    /// Whether they are.
    pub holds: bool,
}

/// A random point: logits and a target class.
pub fn random_point(stream: &mut Stream) -> (Vec<f64>, usize) {
    let classes = 2 + stream.below(MOST_CLASSES - 1);
    let logits = (0..classes).map(|_| stream.uniform(-LARGEST_LOGIT, LARGEST_LOGIT));
    let logits = logits.collect();
    (logits, stream.below(classes) as usize)
}

/// `values` with another one at `index`.
pub fn with(values: &[f64], index: usize, value: f64) -> Vec<f64> {
    let mut values = values.to_vec();
    values[index] = value;
    values
}

/// Compares both formulas with central differences in f64 at random points.
pub fn run(work: &Work<'_>) -> LocalDerivatives {
    let settings = &work.settings;
    let mut stream = Stream::new(settings.seed, Purpose::DerivativePoints);
    let points = settings.scale().derivative_points;
    let mut checks = [
        "∂y_j/∂o_j = y_j (1 - y_j)",
        "∂y_i/∂o_j = -y_i y_j",
        "∂l/∂y_c = -1 / y_c",
        "∂l/∂y_j = 0",
    ]
    .map(DerivativeCheck::new);
    for _ in 0..points {
        let (logits, target) = random_point(&mut stream);
        let y = softmax(&logits);
        for i in 0..logits.len() {
            // With dy one at i and zero elsewhere, this is dy_i/do_j for every j.
            let row = softmax_backward(&y, &with(&vec![0.0; y.len()], i, 1.0));
            for (j, &formula) in row.iter().enumerate() {
                let y_i = |o_j| softmax(&with(&logits, j, o_j))[i];
                let difference = central_difference(y_i, logits[j], STEP);
                checks[usize::from(i != j)].compare(formula, difference);
            }
        }
        for (j, &formula) in cross_entropy_backward(&y, target).iter().enumerate() {
            let loss = |y_j| cross_entropy(&with(&y, j, y_j), target);
            let difference = central_difference(loss, y[j], STEP * y[j]);
            checks[2 + usize::from(j != target)].compare(formula, difference);
        }
    }
    LocalDerivatives {
        points,
        holds: checks.iter().all(|check| check.holds(ERROR_LIMIT)),
        checks,
        error_limit: ERROR_LIMIT,
    }
}
