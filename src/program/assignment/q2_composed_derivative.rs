//! Question 2: the composed derivative of softmax and cross-entropy, and what it is good for.

use super::Number;
use super::derivative::{DerivativeCheck, central_difference};
use super::q1_local_derivatives::{ERROR_LIMIT, STEP, random_point, with};
use super::work::Work;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{
    cross_entropy, cross_entropy_backward, softmax, softmax_backward, softmax_cross_entropy,
};
use serde::Serialize;

/// Logits that differ by these: exp underflows beyond 746, and overflows
/// beyond 709.
const GAPS: [f64; 6] = [10.0, 100.0, 700.0, 720.0, 750.0, 10_000.0];

/// What was found.
#[derive(Debug, Serialize)]
pub struct ComposedDerivative {
    /// Random points.
    points: u32,
    /// dl/do_j = y_j - t_j against central differences.
    check: DerivativeCheck,
    /// What its errors have to be below.
    error_limit: f64,
    /// Largest absolute difference between the two local derivatives multiplied out by the chain
    /// rule and y_j - t_j.
    chain_rule_difference: f64,
    /// Whether both are as small as they should be.
    pub holds: bool,
    /// Where the separate form fails.
    extremes: Vec<Extreme>,
    /// The gap from which on each form fails; none if it never does.
    limits: Limits,
}

/// Logits (gap, 0) with the second class as the target.
#[derive(Debug, Serialize)]
struct Extreme {
    /// The first logit.
    gap: f64,
    /// exp(o) / sum exp(o) as written, then -ln y_c, then the chain rule.
    textbook: LossAndGradient,
    /// The same with the largest logit subtracted first.
    shifted: LossAndGradient,
    /// Loss and gradient in one formula.
    fused: LossAndGradient,
}

/// As [`Extreme`].
#[derive(Debug, Serialize)]
struct Limits {
    textbook: Option<f64>,
    shifted: Option<f64>,
    fused: Option<f64>,
}

/// A loss in nats and its gradient with respect to both logits.
#[derive(Debug, Serialize)]
struct LossAndGradient {
    /// l.
    loss: Number,
    /// dl/do.
    gradient: Vec<Number>,
}

impl LossAndGradient {
    fn is_finite(&self) -> bool {
        self.loss.0.is_finite() && self.gradient.iter().all(|value| value.0.is_finite())
    }
}

impl From<(f64, Vec<f64>)> for LossAndGradient {
    fn from((loss, gradient): (f64, Vec<f64>)) -> Self {
        Self {
            loss: Number(loss),
            gradient: gradient.into_iter().map(Number).collect(),
        }
    }
}

/// The loss, and its gradient by the chain rule.
fn separate(y: &[f64], target: usize) -> (f64, Vec<f64>) {
    let gradient = softmax_backward(y, &cross_entropy_backward(y, target));
    (cross_entropy(y, target), gradient)
}

/// Compares the formula with differences and with the chain rule, and tries extreme logits.
pub fn run(work: &Work<'_>) -> ComposedDerivative {
    let settings = &work.settings;
    let mut stream = Stream::new(settings.seed, Purpose::DerivativePoints);
    let points = settings.scale().derivative_points;
    let mut check = DerivativeCheck::new("∂l/∂o_j = y_j - t_j");
    let mut chain_rule_difference = 0f64;
    for _ in 0..points {
        let (logits, target) = random_point(&mut stream);
        let (_, composed) = softmax_cross_entropy(&logits, target);
        let (_, separate) = separate(&softmax(&logits), target);
        for (j, &formula) in composed.iter().enumerate() {
            let loss = |o_j| cross_entropy(&softmax(&with(&logits, j, o_j)), target);
            check.compare(formula, central_difference(loss, logits[j], STEP));
            let difference = (formula - separate[j]).abs();
            chain_rule_difference = chain_rule_difference.max(difference);
        }
    }
    ComposedDerivative {
        points,
        holds: check.holds(ERROR_LIMIT) && chain_rule_difference < 1e-14,
        check,
        error_limit: ERROR_LIMIT,
        chain_rule_difference,
        extremes: GAPS.into_iter().map(extreme).collect(),
        limits: Limits {
            textbook: limit(|of| &of.textbook),
            shifted: limit(|of| &of.shifted),
            fused: limit(|of| &of.fused),
        },
    }
}

/// The smallest gap at which a form fails, by bisection of those tried.
fn limit(form: fn(&Extreme) -> &LossAndGradient) -> Option<f64> {
    let is_finite = |gap: &f64| form(&extreme(*gap)).is_finite();
    let mut high = GAPS.into_iter().find(|gap| !is_finite(gap))?;
    let mut low = 0.0;
    loop {
        let middle = f64::midpoint(low, high);
        // No number lies between them.
        if middle == low || middle == high {
            return Some(high);
        }
        if is_finite(&middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

fn extreme(gap: f64) -> Extreme {
    let logits = [gap, 0.0];
    let exponentials = logits.map(f64::exp);
    let sum: f64 = exponentials.iter().sum();
    Extreme {
        gap,
        textbook: separate(&exponentials.map(|e| e / sum), 1).into(),
        shifted: separate(&softmax(&logits), 1).into(),
        fused: softmax_cross_entropy(&logits, 1).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separate_forms_fail_beyond_the_logarithm_of_the_largest_number() {
        let expected = f64::MAX.ln();
        assert!((expected - 709.782_712_893_384).abs() < 1e-9);
        for form in [limit(|of| &of.textbook), limit(|of| &of.shifted)] {
            assert!((form.unwrap() - expected).abs() < 1e-9, "{form:?}");
        }
        assert_eq!(limit(|of| &of.fused), None);
    }
}
