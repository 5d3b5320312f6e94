//! Question 2: the composed derivative of softmax and cross-entropy, and what it is good for.

use super::derivative::{DerivativeCheck, central_difference};
use super::q1_local_derivatives::{ERROR_LIMIT, STEP, random_point, with};
use super::settings::Settings;
use fused_mlp::backend::{Backend, BackendError, Optimizer, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{
    cross_entropy, cross_entropy_backward, softmax, softmax_backward, softmax_cross_entropy,
};
use serde::Serialize;

/// Logits that differ by these: exp underflows in f32 beyond 104, in f64 beyond 746, and overflows
/// beyond 709.
const GAPS: [f64; 6] = [10.0, 100.0, 700.0, 720.0, 750.0, 10_000.0];

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComposedDerivative {
    /// Random points.
    pub points: u32,
    /// dl/do_j = y_j - t_j against central differences.
    pub check: DerivativeCheck,
    /// What its errors have to be below.
    pub error_limit: f64,
    /// Largest absolute difference between the two local derivatives multiplied out by the chain
    /// rule and y_j - t_j.
    pub chain_rule_difference: f64,
    /// Whether both are as small as they should be.
    pub holds: bool,
    /// Where the separate form fails.
    pub extremes: Vec<Extreme>,
}

/// Logits (gap, 0) with the second class as the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extreme {
    /// The first logit.
    pub gap: f64,
    /// exp(o) / sum exp(o) as written, then -ln y_c, then the chain rule.
    pub textbook: LossAndGradient,
    /// The same with the largest logit subtracted first.
    pub shifted: LossAndGradient,
    /// Loss and gradient in one formula.
    pub fused: LossAndGradient,
    /// Loss of the fused kernels, in f32.
    #[serde(serialize_with = "super::text_if_not_finite")]
    pub kernels_loss: f64,
}

/// A loss in nats and its gradient with respect to both logits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LossAndGradient {
    /// l.
    #[serde(serialize_with = "super::text_if_not_finite")]
    pub loss: f64,
    /// dl/do.
    #[serde(serialize_with = "super::texts_if_not_finite")]
    pub gradient: Vec<f64>,
}

impl LossAndGradient {
    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.gradient.iter().all(|value| value.is_finite())
    }

    fn separate(y: &[f64], target: usize) -> Self {
        Self {
            loss: cross_entropy(y, target),
            gradient: softmax_backward(y, &cross_entropy_backward(y, target)),
        }
    }

    fn fused(logits: &[f64], target: usize) -> Self {
        let (loss, gradient) = softmax_cross_entropy(logits, target);
        Self { loss, gradient }
    }
}

/// Compares the formula with differences and with the chain rule, and tries extreme logits.
///
/// # Errors
/// If the engine cannot be started.
pub fn run(settings: &Settings) -> Result<ComposedDerivative, BackendError> {
    let mut stream = Stream::new(settings.seed, Purpose::DerivativePoints);
    let points = settings.scale().derivative_points;
    let mut check = DerivativeCheck::new("∂l/∂o_j = y_j - t_j");
    let mut chain_rule_difference = 0f64;
    for _ in 0..points {
        let (logits, target) = random_point(&mut stream);
        let (_, composed) = softmax_cross_entropy(&logits, target);
        let separate = LossAndGradient::separate(&softmax(&logits), target);
        for (j, &formula) in composed.iter().enumerate() {
            let loss = |o_j| cross_entropy(&softmax(&with(&logits, j, o_j)), target);
            check.compare(formula, central_difference(loss, logits[j], STEP));
            let difference = (formula - separate.gradient[j]).abs();
            chain_rule_difference = chain_rule_difference.max(difference);
        }
    }
    let extremes = GAPS.map(|gap| extreme(settings, gap));
    Ok(ComposedDerivative {
        points,
        holds: check.holds(ERROR_LIMIT) && chain_rule_difference < 1e-14,
        check,
        error_limit: ERROR_LIMIT,
        chain_rule_difference,
        extremes: extremes.into_iter().collect::<Result<_, _>>()?,
    })
}

fn extreme(settings: &Settings, gap: f64) -> Result<Extreme, BackendError> {
    let logits = [gap, 0.0];
    let exponentials = logits.map(f64::exp);
    let sum: f64 = exponentials.iter().sum();
    Ok(Extreme {
        gap,
        textbook: LossAndGradient::separate(&exponentials.map(|e| e / sum), 1),
        shifted: LossAndGradient::separate(&softmax(&logits), 1),
        fused: LossAndGradient::fused(&logits, 1),
        kernels_loss: kernels_loss(settings, gap)?,
    })
}

/// Loss of a network whose weights are 0 and whose last biases are (gap, 0), for the second class.
fn kernels_loss(settings: &Settings, gap: f64) -> Result<f64, BackendError> {
    let mut parameters = Parameters::zeros(Shape {
        inputs: 1,
        hidden: 1,
        classes: 2,
    });
    parameters.linear2_bias[0] = gap as f32;
    let mut engine = Engine::new(&parameters, Optimizer::default(), 1, settings.isa)?;
    let evaluation = engine.evaluate(Samples::new(&[0], &[1], 1), &[0])?;
    Ok(evaluation.loss)
}

/// One of the forms.
type Form = fn(&Extreme) -> &LossAndGradient;

impl std::fmt::Display for ComposedDerivative {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Q2 ∂l/∂o_j = y_j - t_j at {} points: largest relative error {:.1e} against central \
             differences,\n   largest difference {:.1e} from the chain rule",
            self.points, self.check.largest_relative_error, self.chain_rule_difference
        )?;
        let fails = |form: Form| {
            let mut extremes = self.extremes.iter();
            extremes.find(|extreme| !form(extreme).is_finite())
        };
        let forms: [(&str, Form); 3] = [
            ("as written", |extreme| &extreme.textbook),
            ("largest logit subtracted", |extreme| &extreme.shifted),
            ("fused", |extreme| &extreme.fused),
        ];
        for (name, form) in forms {
            match fails(form) {
                Some(extreme) => write!(
                    f,
                    "\n   {name}: not finite from logits ({}, 0) on: loss {}, gradient {:?}",
                    extreme.gap,
                    form(extreme).loss,
                    form(extreme).gradient
                )?,
                None => write!(f, "\n   {name}: finite for all logits tried")?,
            }
        }
        Ok(())
    }
}
