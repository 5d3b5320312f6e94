//! Question 4 in the report.

use super::AssignmentRun;
use super::page::{Figure, Page, csv, list, percent};
use crate::assignment::original;
use crate::assignment::q4_plane::{Plane, PlaneTraining, probability};
use crate::charts::axis::{Axis, group};
use crate::charts::chart::{BLUE, Chart, GREY, INK, Mark, SOLID, Series, Style, VERMILION};
use fused_mlp::reference::Network;

/// Cells of the grid, in each direction, on which the decision boundary is sought.
const CELLS: usize = 120;

/// Question 4.
pub fn section(page: &mut Page, answer: &Plane, run: &AssignmentRun) {
    let (original, full) = (&answer.original, &answer.full_passes);
    page.section("q4", "4. A training loop for the small network");
    page.html(&format!(
        "{} points p with standard normal coordinates; class 1 lies outside an ellipse, p′Qp &gt; 0.6 \
         with Q = [[1, −0.05], [1, 0.4]]. Coordinates are scaled to (0, 1) by the smallest and \
         largest of the training points; {} other points are for testing. The larger class has {} of \
         the training points, which is what a network reaches that has learned nothing. Stochastic \
         gradient descent, one point a step, on the textbook network 2-3-2 in f64.",
        group(&answer.points.0.to_string()),
        group(&answer.points.1.to_string()),
        percent(answer.majority)
    ));
    settings(page, answer);
    let command = run.command("q4");
    page.figure(loss_figure(full), &command);
    page.text(&format!(
        "With full passes the mean loss {} from {:.4} to {:.4}. With the original's {} steps of \
         learning rate {} it goes from {:.4} to {:.4}: {}.",
        if full.loss.1 < full.loss.0 {
            "drops"
        } else {
            "does NOT drop"
        },
        full.loss.0,
        full.loss.1,
        original.steps,
        original.learning_rate,
        original.loss.0,
        original.loss.1,
        if original.test_accuracy.1 <= answer.majority + 0.01 {
            "that many small steps teach the network no more than which class is larger"
        } else {
            "even so it learns something"
        }
    ));
    page.figure(points_figure(answer), &command);
    final_weights(page, full);
    original_differs(page, answer);
}

fn settings(page: &mut Page, answer: &Plane) {
    let (original, full) = (&answer.original, &answer.full_passes);
    let row = |name: &str, training: &PlaneTraining| {
        vec![
            name.to_owned(),
            group(&training.steps.to_string()),
            training.learning_rate.to_string(),
            format!("{:.4} → {:.4}", training.loss.0, training.loss.1),
            format!(
                "{} → {}",
                percent(training.test_accuracy.0),
                percent(training.test_accuracy.1)
            ),
        ]
    };
    let rows = [
        row("the original's: one random point an “epoch”", original),
        row("full passes", full),
    ];
    page.table(
        &[
            "setting",
            "steps",
            "rate",
            "mean training loss, nats",
            "test accuracy",
        ],
        &rows,
        None,
    );
}

fn final_weights(page: &mut Page, training: &PlaneTraining) {
    let network = &training.network;
    page.heading("Final weights");
    let show = |values: &[f64], columns: usize| {
        let rows: Vec<String> = values
            .chunks(columns)
            .map(|row| {
                row.iter()
                    .map(|w| format!("{w:>10.5}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        rows.join("\n   ")
    };
    page.block(&format!(
        "<pre>W: {}\nb: {}\nV: {}\nc: {}</pre>",
        show(&network.linear1_weight, 3),
        show(&network.linear1_bias, 3),
        show(&network.linear2_weight, 2),
        show(&network.linear2_bias, 2)
    ));
}

fn original_differs(page: &mut Page, answer: &Plane) {
    let (low, high) = answer.original_network_losses;
    let losses: Vec<String> = original::LAST_STEP_LOSSES
        .iter()
        .map(|l| format!("{l:.2}"))
        .collect();
    let ours: Vec<String> = answer
        .original
        .last_step_losses
        .iter()
        .map(|l| format!("{l:.2}"))
        .collect();
    let ours = list(&ours);
    let losses = list(&losses);
    let verdict = if answer.original_losses_are_possible() {
        "so its losses can be those of single points".to_owned()
    } else {
        format!(
            "so the printed losses are neither that of a point nor a mean of such: they are at least \
             {:.0} times too large, as sums over several points would be",
            original::LAST_STEP_LOSSES[3] / high
        )
    };
    page.original(&format!(
        "It prints losses of {losses} for its last four steps and calls that a loss that drops. With \
         the weights that it prints as the result, no training point of ours has a loss below \
         {low:.3} or above {high:.3}, {verdict}. Its setting repeated here ends with {ours}, each \
         the loss of another random point: whether such numbers fall says nothing about learning. The \
         mean over all points does, and it hardly moves."
    ));
}

/// Mean loss over the steps.
fn loss_figure(training: &PlaneTraining) -> Figure {
    let points: Vec<(f64, f64)> = training
        .curve
        .iter()
        .map(|&(step, loss)| (f64::from(step), loss))
        .collect();
    let rows: Vec<[f64; 2]> = points.iter().map(|&(step, loss)| [step, loss]).collect();
    let chart = Chart {
        title: "Points in the plane: loss of the steps".to_owned(),
        x: Axis::linear("step").whole(),
        y: Axis::linear("cross-entropy, nats"),
        series: vec![Series::new(
            "mean of the steps since the point before",
            BLUE,
            SOLID,
            points,
        )],
        marks: Vec::new(),
    };
    Figure {
        name: "q4-loss",
        svg: chart.svg(),
        caption: format!(
            "Full passes over the points, learning rate {}: mean loss of each {} steps.",
            training.learning_rate,
            group(
                &training
                    .curve
                    .first()
                    .map_or(0, |&(step, _)| step)
                    .to_string()
            )
        ),
        csv: Some(csv("step,mean_loss", rows)),
    }
}

/// The points and both boundaries.
fn points_figure(answer: &Plane) -> Figure {
    let of_class = |class: usize| -> Vec<(f64, f64)> {
        let points = answer.shown.iter().filter(|(_, found)| *found == class);
        points.map(|(x, _)| (x[0], x[1])).collect()
    };
    let boundary = boundary(&answer.full_passes.network);
    let dashed = Style::Line {
        width: 4,
        is_dashed: true,
    };
    let dots = || Style::Points { radius: 4 };
    let chart = Chart {
        title: "Points in the plane: classes and decision boundary".to_owned(),
        x: Axis::linear("first input, scaled").within(0.0, 1.0),
        y: Axis::linear("second input, scaled").within(0.0, 1.0),
        series: vec![
            Series::new("class 0", BLUE, dots(), of_class(0)),
            Series::new("class 1", VERMILION, dots(), of_class(1)),
            Series::new("true boundary", GREY, dashed, answer.ellipse.clone()),
            Series::new("learned", INK, Style::Strokes { width: 6 }, boundary),
        ],
        marks: Vec::<Mark>::new(),
    };
    let rows = answer
        .shown
        .iter()
        .map(|(x, class)| [x[0], x[1], *class as f64]);
    Figure {
        name: "q4-boundary",
        svg: chart.svg(),
        caption: format!(
            "The first {} training points, the ellipse that parts the classes, and where the trained \
             network's probabilities are equal.",
            answer.shown.len()
        ),
        csv: Some(csv("x1,x2,class", rows)),
    }
}

/// Ends of the strokes along which the probability of class 1 is 1/2, by marching squares.
fn boundary(network: &Network) -> Vec<(f64, f64)> {
    let place = |index: usize| index as f64 / CELLS as f64;
    let above: Vec<Vec<f64>> = (0..=CELLS)
        .map(|i| {
            (0..=CELLS)
                .map(|j| probability(network, [place(i), place(j)]) - 0.5)
                .collect()
        })
        .collect();
    let mut strokes = Vec::new();
    for i in 0..CELLS {
        for j in 0..CELLS {
            let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
            let mut crossings = Vec::new();
            for (index, &(a, b)) in corners.iter().enumerate() {
                let (c, d) = corners[(index + 1) % 4];
                let (from, to) = (above[a][b], above[c][d]);
                if (from < 0.0) != (to < 0.0) {
                    let share = from / (from - to);
                    let between = |p: usize, q: usize| place(p) + share * (place(q) - place(p));
                    crossings.push((between(a, c), between(b, d)));
                }
            }
            strokes.extend(crossings.chunks_exact(2).flatten());
        }
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::q3_drawn_network::asymmetric;

    #[test]
    fn the_boundary_is_where_the_classes_are_equally_likely() {
        let mut network = asymmetric();
        // Makes the boundary cross the square.
        network.linear2_bias = vec![0.0, 0.0];
        let middle = probability(&network, [0.5, 0.5]);
        network.linear2_bias[0] = (middle / (1.0 - middle)).ln();
        let strokes = boundary(&network);
        assert!(strokes.len() >= 2 * CELLS / 2, "{}", strokes.len());
        for &(x, y) in &strokes {
            let probability = probability(&network, [x, y]);
            assert!((probability - 0.5).abs() < 1e-4, "{x} {y}: {probability}");
        }
    }
}
