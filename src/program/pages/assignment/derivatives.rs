//! Questions 1 and 2 in the report.

use super::AssignmentRun;
use super::page::{Page, escape, indexed, scientific};
use crate::assignment::DerivativeCheck;
use crate::assignment::q1_local_derivatives::LocalDerivatives;
use crate::assignment::q2_composed_derivative::{ComposedDerivative, Extreme, LossAndGradient};
use crate::charts::axis::{group, number};

/// Question 1.
pub fn local(page: &mut Page, answer: &LocalDerivatives, run: &AssignmentRun) {
    page.section("q1", "1. Local derivatives of softmax and cross-entropy");
    page.block(include_str!("local_derivatives.html"));
    page.heading("Check");
    page.text(&format!(
        "Each formula against central differences in f64 at {} random points (2 to 10 classes, logits \
         uniform on ±2). Relative errors have to be below {:e}: {}.",
        answer.points,
        answer.error_limit,
        if answer.holds { "they are" } else { "they are NOT" }
    ));
    page.table(
        &CHECK_NAMES,
        &answer.checks.iter().map(check_row).collect::<Vec<_>>(),
        None,
    );
    page.html(&command(run, "q1"));
}

const CHECK_NAMES: [&str; 3] = ["derivative", "compared", "largest relative error"];

fn check_row(check: &DerivativeCheck) -> Vec<String> {
    vec![
        indexed(check.derivative),
        group(&check.compared.to_string()),
        scientific(check.largest_relative_error),
    ]
}

/// The command of a question.
pub fn command(run: &AssignmentRun, question: &str) -> String {
    format!(
        "<span class=\"source\"><code>{}</code></span>",
        escape(&run.command(question))
    )
}

/// Question 2.
pub fn composed(page: &mut Page, answer: &ComposedDerivative, run: &AssignmentRun) {
    page.section(
        "q2",
        "2. The composed derivative, and why it is not strictly necessary",
    );
    page.block(include_str!("composed_derivative.html"));
    page.table(&CHECK_NAMES, &[check_row(&answer.check)], None);
    page.html(&format!(
        "<strong>Why it is not strictly necessary.</strong> Back-propagation multiplies local \
         derivatives by the chain rule anyway, and that composes exactly the two that question 1 \
         derived: at the same {} points, the product differs from y − t by at most {}. What the \
         composed form gives is fewer operations, and numbers that stay finite where a probability is \
         rounded to 0.",
        answer.points,
        scientific(answer.chain_rule_difference)
    ));
    page.original(
        "It says that the local derivatives “are not sufficient to calculate the gradient of the loss \
         function with respect to all of the network's parameters”. They are not the whole chain, but \
         neither is the composed derivative: both lead to the same ∂l/∂o, from which \
         back-propagation goes on in the same way.",
    );
    stability(page, answer);
    page.html(&command(run, "q2"));
}

fn stability(page: &mut Page, answer: &ComposedDerivative) {
    page.heading("Numerical stability");
    page.text(
        "Two classes with outputs (gap, 0), the second one true: the loss is close to the gap, and \
         its gradient close to (1, −1).",
    );
    let shown = |form: &LossAndGradient| {
        let numbers: Vec<String> = form.gradient.iter().map(|&g| short(g)).collect();
        let class = if form.is_finite() {
            ""
        } else {
            " class=\"bad\""
        };
        format!(
            "<span{class}>{}; ({})</span>",
            short(form.loss),
            numbers.join(", ")
        )
    };
    let rows: Vec<Vec<String>> = answer
        .extremes
        .iter()
        .map(|extreme| {
            vec![
                extreme.gap.to_string(),
                shown(&extreme.textbook),
                shown(&extreme.shifted),
                shown(&extreme.fused),
                short(extreme.kernels_loss),
            ]
        })
        .collect();
    page.table(
        &[
            "gap",
            "separate, as written: l; ∂l/∂o",
            "separate, largest output subtracted",
            "fused",
            "fused kernels, f32: l",
        ],
        &rows,
        None,
    );
    where_forms_fail(page, answer);
}

fn where_forms_fail(page: &mut Page, answer: &ComposedDerivative) {
    let first = |form: fn(&Extreme) -> &LossAndGradient| {
        let mut extremes = answer.extremes.iter();
        extremes.find(|extreme| !form(extreme).is_finite())
    };
    let told = |name: &str, extreme: Option<&Extreme>| match extreme {
        Some(extreme) => format!("{name} fails from a gap of {} on", extreme.gap),
        None => format!("{name} stays finite for every gap tried"),
    };
    page.text(&format!(
        "In f64, {}; {}; {}.",
        told(
            "the separate form as written",
            first(|extreme| &extreme.textbook)
        ),
        told(
            "with the largest output subtracted it",
            first(|extreme| &extreme.shifted)
        ),
        told("the fused form", first(|extreme| &extreme.fused)),
    ));
}

/// A number in few letters, NaN and infinity included.
fn short(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value != 0.0
        && (value.abs() < 1e-3 || (value - value.round()).abs() < 1e-3 && value.fract() != 0.0)
    {
        let distance = value - value.round();
        return if value.abs() < 0.5 {
            scientific(value).replace('-', "−")
        } else {
            // What rounding to three digits would hide.
            let sign = if distance < 0.0 { "−" } else { "+" };
            format!("{} {sign} {}", value.round(), scientific(distance.abs())).replace('-', "−")
        };
    }
    number(value)
}
