//! What `fused-mlp sweep` prints.

use crate::options::training::{arguments, kebab};
use crate::sweep::{MeanDeviation, RunConfiguration, RunRecord, RunResult, Summary};
use crate::terminal::output::Results;
use serde::Serialize;

/// A run has ended, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "run")]
pub struct RunEvent<'a> {
    run: usize,
    #[serde(flatten)]
    configuration: &'a RunConfiguration,
    #[serde(flatten)]
    record: RunRecord,
}

impl<'a> RunEvent<'a> {
    pub fn new(configurations: &'a [RunConfiguration], result: &RunResult) -> Self {
        Self {
            run: result.index + 1,
            configuration: &configurations[result.index],
            record: RunRecord::new(result),
        }
    }
}

/// Runs that differ by their seed alone, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct SummaryEvent<'a> {
    best: bool,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// A column of the table: its name, and what stands in it.
type Column<'a> = (&'static str, Box<dyn Fn(&Summary) -> String + 'a>);

/// Prints the summaries. Options that are the same everywhere are told once, below.
pub fn print(
    results: &mut Results,
    summaries: &[Summary],
    best: Option<usize>,
) -> anyhow::Result<()> {
    for (index, summary) in summaries.iter().enumerate() {
        results.event(&SummaryEvent {
            best: best == Some(index),
            summary,
        })?;
    }
    let Some(first) = summaries.first() else {
        return Ok(());
    };
    let (varying, constant) = option_columns(first, summaries);
    let mut columns = varying;
    columns.extend(result_columns(first));
    let cells: Vec<Vec<String>> = columns
        .iter()
        .map(|(name, show)| {
            let shown = summaries.iter().map(show);
            std::iter::once(kebab(name)).chain(shown).collect()
        })
        .collect();
    let width = |column: &Vec<String>| column.iter().map(|cell| cell.chars().count()).max();
    for row in 0..=summaries.len() {
        let mut line = String::new();
        for column in &cells {
            let width = width(column).unwrap_or(0);
            line += &format!("{:>width$}  ", column[row]);
        }
        if best.is_some_and(|best| row == best + 1) {
            line += "<- best";
        }
        results.text(line.trim_end());
    }
    if !constant.is_empty() {
        results.text(&format!("\nall: {}", constant.join(", ")));
    }
    if let Some(best) = best {
        results.text(&format!(
            "best by validation accuracy after the last epoch: {}",
            format_args!(
                "{} --hidden {}",
                arguments(&summaries[best].configuration.options),
                summaries[best].configuration.hidden
            )
        ));
    }
    Ok(())
}

/// Columns of the options that are not the same everywhere, and the others as texts. Those that every run
/// of a sweep has by itself are left out.
fn option_columns<'a>(first: &Summary, summaries: &[Summary]) -> (Vec<Column<'a>>, Vec<String>) {
    let (mut varying, mut constant): (Vec<Column<'a>>, Vec<String>) = Default::default();
    let texts = first.configuration.texts().into_iter().enumerate();
    for (place, (name, text)) in texts {
        let show = move |it: &Summary| it.configuration.texts()[place].1.clone();
        if summaries.iter().any(|other| show(other) != text) {
            varying.push((name, Box::new(show)));
        } else if !["validation", "shuffle", "seed"].contains(&name) {
            constant.push(format!("{} {text}", kebab(name)));
        }
    }
    (varying, constant)
}

/// Mean ± standard deviation, the mean alone for one value.
fn shown(value: Option<MeanDeviation>, (factor, digits): (f64, usize), count: usize) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let (mean, deviation) = (factor * value.mean, factor * value.deviation);
    match count {
        0 | 1 => format!("{mean:.digits$}"),
        _ => format!("{mean:.digits$} ± {deviation:.digits$}"),
    }
}

fn result_columns<'a>(first: &Summary) -> Vec<Column<'a>> {
    /// Over all runs that did not diverge.
    fn column<'a>(
        name: &'static str,
        value: fn(&Summary) -> Option<MeanDeviation>,
        format: (f64, usize),
    ) -> Column<'a> {
        let show = move |it: &Summary| shown(value(it), format, it.runs - it.diverged);
        (name, Box::new(show))
    }
    const PERCENT: (f64, usize) = (100.0, 2);
    let mut columns: Vec<Column<'a>> = vec![
        ("runs", Box::new(|it| it.runs.to_string())),
        ("diverged", Box::new(|it| it.diverged.to_string())),
        column("train loss", |it| it.train_loss, (1.0, 4)),
        column("validation loss", |it| it.validation_loss, (1.0, 4)),
        column("validation %", |it| it.validation_accuracy, PERCENT),
        column("best epoch %", |it| it.best_validation_accuracy, PERCENT),
        column("best epoch", |it| it.best_epoch, (1.0, 1)),
    ];
    if first.reached_target.is_some() {
        let reached = |it: &Summary| it.reached_target.unwrap_or(0);
        columns.push(("reached", Box::new(move |it| reached(it).to_string())));
        let epochs = move |it: &Summary| shown(it.epochs_to_target, (1.0, 1), reached(it));
        columns.push(("epochs to it", Box::new(epochs)));
    }
    if first.test_accuracy.is_some() {
        columns.push(column("test %", |it| it.test_accuracy, PERCENT));
    }
    columns
}
