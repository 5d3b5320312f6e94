//! Question 3 in the report.

use super::AssignmentRun;
use super::derivatives::command;
use super::page::{Page, escape, indexed, scientific};
use crate::assignment::q3_drawn_network::{DrawnNetwork, Example, INPUT};

/// Question 3.
pub fn section(page: &mut Page, answer: &DrawnNetwork, run: &AssignmentRun) {
    page.section("q3", "3. The drawn network, forward and backward");
    page.html(&indexed(&format!(
        "Inputs x = ({}, {}), three hidden units, two classes; the first class is true. k = x W + b, \
         h = σ(k), s = h V + c, y = softmax(s), l = −ln y_c. Once by the textbook in f64 and once by \
         the fused kernels that train MNIST, in f32.",
        INPUT[0], INPUT[1]
    )));
    page.block(&diagram(&answer.drawn));
    example(page, &answer.drawn);
    page.html(&indexed(&format!(
        "The values expected of the drawing (l = ln 2, ∂l/∂y_c = −2, no gradient for W and b, ±0.44039854 \
         for V, ±0.5 for c) are {} by both; the kernels are within {:.1e} of the textbook, where {:e} \
         is accepted.",
        if answer.is_golden { "met" } else { "NOT met" },
        answer.drawn.kernels_difference,
        answer.kernels_limit
    )));
    page.text(
        "The kernels are seen from outside. One step with learning rate 1 takes the gradients from the \
         parameters; then y = ∂l/∂c + t, h = ∂l/∂V / ∂l/∂c and k = ln(h / (1 − h)). A third class \
         with output 0 tells s. Their inputs are bytes, so the sign of an input is given to its \
         weights.",
    );
    page.heading("Weights without symmetry");
    page.text(
        "With the drawing's weights all hidden units compute the same and both classes get the same \
         output, which hides mistakes: nothing reaches W and b. Here no gradient vanishes.",
    );
    example(page, &answer.asymmetric);
    page.html(&format!(
        "Largest relative error of these gradients against central differences: {}, of {} \
         derivatives. Largest difference of the kernels from the textbook: {}.",
        scientific(answer.check.largest_relative_error),
        answer.check.compared,
        scientific(answer.asymmetric.kernels_difference),
    ));
    page.original(&format!(
        "Its figures for the drawing {} those above.",
        if answer.is_golden { "are" } else { "are NOT" }
    ));
    page.html(&command(run, "q3"));
}

/// A number without the zeros at its end.
fn shortest(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    // -0 is 0.
    let text = if text == "-0" { "0" } else { text };
    text.replace('-', "−")
}

fn numbers(values: &[f64], digits: usize) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|&value| shortest(value, digits))
        .collect();
    values.join(", ")
}

/// Rows of a matrix, for people.
fn matrix(values: &[f64], columns: usize, digits: usize) -> String {
    let rows: Vec<String> = values
        .chunks(columns)
        .map(|row| numbers(row, digits))
        .collect();
    rows.join("<br>")
}

fn example(page: &mut Page, example: &Example) {
    let weights = [
        ("W", &example.w, 3),
        ("b", &example.b, 3),
        ("V", &example.v, 2),
        ("c", &example.c, 2),
    ];
    let weights: Vec<String> = weights
        .iter()
        .map(|(name, values, columns)| {
            let rows = values.chunks(*columns);
            let rows: Vec<String> = rows.map(|row| format!("[{}]", numbers(row, 4))).collect();
            match rows.as_slice() {
                [one] => format!("{name} = {one}"),
                rows => format!("{name} = [{}]", rows.join(", ")),
            }
        })
        .collect();
    page.html(&escape(&weights.join("; ")));
    let pairs = example
        .reference
        .named()
        .into_iter()
        .zip(example.kernels.named());
    let rows: Vec<Vec<String>> = pairs
        .map(|((name, reference), (_, kernels))| {
            let columns = match name {
                "∂l/∂V" => 2,
                _ => reference.len().min(3),
            };
            vec![
                indexed(name),
                matrix(reference, columns, 10),
                matrix(kernels, columns, 7),
            ]
        })
        .collect();
    page.table(&["", "textbook, f64", "fused kernels, f32"], &rows, None);
}

/// The network as a picture, with its weights on the lines.
fn diagram(example: &Example) -> String {
    let place = |layer: usize, unit: usize, units: usize| {
        let x = [70, 320, 570][layer];
        (x, 130 + (2 * unit as i32 + 1 - units as i32) * 40)
    };
    let mut lines = String::new();
    let mut texts = String::new();
    for (layer, weights, (from, to)) in [(0, &example.w, (2, 3)), (1, &example.v, (3, 2))] {
        for (index, weight) in weights.iter().enumerate() {
            let (x1, y1) = place(layer, index / to, from);
            let (x2, y2) = place(layer + 1, index % to, to);
            let class = if *weight < 0.0 {
                "negative"
            } else {
                "positive"
            };
            lines += &format!(
                "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
            );
            // A quarter along, where no two lines are close.
            let (x, y) = (x1 + (x2 - x1) / 4, y1 + (y2 - y1) / 4 + 5);
            texts += &format!(
                "<text class=\"halo\" x=\"{x}\" y=\"{y}\">{}</text>",
                shortest(*weight, 4)
            );
        }
    }
    let layers = [(2, "x"), (3, "h"), (2, "y")];
    for (layer, (units, name)) in layers.into_iter().enumerate() {
        for unit in 0..units {
            let (x, y) = place(layer, unit, units);
            texts += &format!(
                "<circle class=\"unit\" cx=\"{x}\" cy=\"{y}\" r=\"24\"/><text x=\"{x}\" y=\"{}\">\
                 {name}<tspan dy=\"5\" font-size=\"12\">{}</tspan></text>",
                y + 5,
                unit + 1
            );
        }
    }
    format!(
        "<figure class=\"diagram\"><svg role=\"img\" aria-label=\"The drawn network: 2 inputs, 3 hidden \
         units, 2 classes\" viewBox=\"0 0 640 260\" xmlns=\"http://www.w3.org/2000/svg\">\
         {lines}{texts}</svg><figcaption>The drawn network; solid lines are weights of 1, dashed lines of −1, \
         biases are 0.</figcaption></figure>"
    )
}
