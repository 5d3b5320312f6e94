//! The page of `fused-mlp report`: runs side by side.

mod curves;
mod hidden_units;
mod options;
mod predictions;
mod run;

pub use run::{ComparedRun, ComparisonError, TestResult};

use super::assignment::{STYLE, page};
use crate::charts::axis::group;
use page::{Page, document, escape, percent};

const OWN_STYLE: &str = include_str!("comparison.css");

/// A page of its own about one or several runs, with pictures of the `units` strongest hidden units
/// of each (none for 0). `command` is what makes the page again.
///
/// # Errors
/// [`ComparisonError::Drawing`].
pub fn comparison_page(
    runs: &[ComparedRun],
    units: usize,
    command: &str,
) -> Result<String, ComparisonError> {
    let mut page = Page::default();
    draw(&mut page, runs, units).map_err(ComparisonError::Drawing)?;
    let title = match runs {
        [run] => format!("Run {}", run.name),
        runs => format!("{} runs of fused-mlp", runs.len()),
    };
    let body = format!(
        "<h1>{}</h1>\n{}{}<p class=\"source\"><code>{}</code>, fused-mlp {}</p>\n",
        escape(&title),
        page.contents(),
        page.html,
        escape(command),
        env!("CARGO_PKG_VERSION"),
    );
    Ok(document(&title, &format!("{STYLE}{OWN_STYLE}"), &body))
}

fn draw(page: &mut Page, runs: &[ComparedRun], units: usize) -> Result<(), String> {
    results(page, runs);
    curves::section(page, runs);
    options::section(page, runs);
    predictions::section(page, runs);
    if units > 0 {
        page.section("units", "Weights of hidden units");
        for run in runs {
            page.heading(&run.name);
            hidden_units::pictures(page, run, units)?;
        }
    }
    Ok(())
}

/// The table of results.
fn results(page: &mut Page, runs: &[ComparedRun]) {
    page.section("results", "Results");
    let rows: Vec<Vec<String>> = runs
        .iter()
        .enumerate()
        .map(|(index, run)| result_row(index, run))
        .collect();
    let best = runs
        .iter()
        .enumerate()
        .filter_map(|(index, run)| Some((index, run.test.as_ref().ok()?.evaluation.accuracy())))
        .filter(|(_, accuracy)| accuracy.is_finite())
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|_| runs.len() > 1);
    page.block("<div class=\"results\">");
    page.table(
        &[
            "run",
            "ended",
            "epochs",
            "network",
            "training loss",
            "validation accuracy",
            "test accuracy",
            "test loss",
            "training time",
            "epochs/s",
        ],
        &rows,
        best.map(|(index, _)| index),
    );
    page.block("</div>");
    for run in runs {
        for damage in &run.damages {
            let (name, damage) = (escape(&run.name), escape(damage));
            page.html(&format!("<strong class=\"bad\">{name}</strong>: {damage}."));
        }
    }
    if best.is_some() {
        page.text("The row that stands out has the highest test accuracy.");
    }
}

fn result_row(index: usize, run: &ComparedRun) -> Vec<String> {
    let color = curves::color(index);
    let last = |column: usize| {
        let value = run.epochs.last().map_or(f64::NAN, |line| line[column]);
        value.is_finite().then_some(value)
    };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let seconds: f64 = run.seconds.iter().sum();
    let speed = (seconds > 0.0).then(|| format!("{:.2}", run.seconds.len() as f64 / seconds));
    let test = run.test.as_ref().ok().map(|test| &test.evaluation);
    let outcome = escape(run.outcome());
    vec![
        format!(
            "<span class=\"key\" style=\"background:{color}\"></span>{}",
            escape(&run.name)
        ),
        match run.outcome() {
            "finished" => outcome,
            _ => format!("<strong class=\"bad\">{outcome}</strong>"),
        },
        group(&run.epochs.len().to_string()),
        escape(run.record["network"].as_str().unwrap_or("–")),
        shown(last(1).map(|loss| format!("{loss:.4}"))),
        shown(last(4).map(percent)),
        shown(test.map(|test| percent(test.accuracy()))),
        shown(test.map(|test| format!("{:.4}", test.loss))),
        format!("{seconds:.2}\u{a0}s"),
        shown(speed),
    ]
}
