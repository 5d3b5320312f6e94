//! Questions 1 and 2 in the report.

use super::AssignmentRun;
use super::mathml::{
    brackets, cases, derivative, display, exp, fraction, inline, row, square, sum, symbols,
};
use super::page::{Page, escape, indexed, scientific};
use crate::assignment::DerivativeCheck;
use crate::assignment::q1_local_derivatives::LocalDerivatives;
use crate::assignment::q2_composed_derivative::{ComposedDerivative, Extreme, LossAndGradient};
use crate::report::axis::{group, number};

/// Question 1.
pub(super) fn local(page: &mut Page, answer: &LocalDerivatives, run: &AssignmentRun) {
    page.section("q1", "1. Local derivatives of softmax and cross-entropy");
    page.html(&format!(
        "Softmax turns the network's outputs o into probabilities y; the loss is the cross-entropy of \
         the true class c, given as an integer: {}. With {},",
        inline(&symbols("l = − ln y_c")),
        inline(&row(&[
            &symbols("y_i ="),
            &fraction(&exp("o_i"), "<mi>S</mi>"),
            &symbols(", S ="),
            &sum("k"),
            &exp("o_k"),
        ])),
    ));
    softmax_derivation(page);
    page.html("Cross-entropy depends on the probability of the true class alone:");
    page.block(&display(&row(&[
        &derivative("l", "y_j"),
        &symbols("="),
        &cases(&[
            (
                &row(&[&symbols("−"), &fraction("<mn>1</mn>", &symbols("y_c"))]),
                "if j = c",
            ),
            ("<mn>0</mn>", "if j ≠ c"),
        ]),
    ])));
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

fn softmax_derivation(page: &mut Page) {
    let s2 = square("<mi>S</mi>");
    let same = row(&[
        "<mtr><mtd>",
        &derivative("y_j", "o_j"),
        "</mtd><mtd>",
        &symbols("="),
        &fraction(
            &row(&[&exp("o_j"), &symbols("S −"), &exp("o_j"), &exp("o_j")]),
            &s2,
        ),
        &symbols("="),
        &fraction(&exp("o_j"), "<mi>S</mi>"),
        &brackets(&row(&[
            &symbols("1 −"),
            &fraction(&exp("o_j"), "<mi>S</mi>"),
        ])),
        &symbols("= y_j"),
        &brackets(&symbols("1 − y_j")),
        "</mtd></mtr>",
    ]);
    let other = row(&[
        "<mtr><mtd>",
        &derivative("y_i", "o_j"),
        "</mtd><mtd>",
        &symbols("="),
        &fraction(&row(&[&symbols("0 · S −"), &exp("o_i"), &exp("o_j")]), &s2),
        &symbols("= − y_i y_j"),
        "<mspace width=\"1em\"/><mtext>for i ≠ j,</mtext>",
        "</mtd></mtr>",
    ]);
    page.html(
        "the quotient rule gives, because only the term k = j of S depends on o<sub>j</sub>:",
    );
    page.block(&display(&format!(
        "<mtable displaystyle=\"true\" columnalign=\"right left\" rowspacing=\"1ex\">{same}{other}</mtable>"
    )));
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
pub(super) fn command(run: &AssignmentRun, question: &str) -> String {
    format!(
        "<span class=\"source\"><code>{}</code></span>",
        escape(&run.command(question))
    )
}

/// Question 2.
pub(super) fn composed(page: &mut Page, answer: &ComposedDerivative, run: &AssignmentRun) {
    page.section(
        "q2",
        "2. The composed derivative, and why it is not strictly necessary",
    );
    page.html(
        "Only y<sub>c</sub> has a derivative of l that is not 0, so one term of the chain rule's sum \
         is left. With t<sub>j</sub> = 1 for j = c and 0 otherwise:",
    );
    page.block(&display(&row(&[
        &derivative("l", "o_j"),
        &symbols("="),
        &sum("i"),
        &derivative("l", "y_i"),
        &derivative("y_i", "o_j"),
        &symbols("= −"),
        &fraction("<mn>1</mn>", &symbols("y_c")),
        &derivative("y_c", "o_j"),
        &symbols("="),
        &cases(&[
            (&symbols("y_j − 1"), "if j = c"),
            (&symbols("y_j"), "if j ≠ c"),
        ]),
        &symbols("= y_j − t_j"),
    ])));
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
