//! What `fused-mlp sweep` prints.

use crate::options::training::kebab;
use crate::sweep::{
    EPOCHS_TO_TARGET, MeanDeviation, RunConfiguration, RunRecord, RunResult, Summary,
    VALIDATION_ACCURACY, varying,
};
use crate::terminal::output::Results;
use serde::Serialize;

/// A run, or all runs that differ by their seed alone, have ended, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    Run {
        run: usize,
        #[serde(flatten)]
        configuration: &'a RunConfiguration,
        #[serde(flatten)]
        record: &'a RunRecord,
        seconds: f64,
    },
    Summary {
        best: bool,
        #[serde(flatten)]
        summary: &'a Summary,
    },
}

impl<'a> Event<'a> {
    /// Of a run.
    pub fn of(configurations: &'a [RunConfiguration], result: &'a RunResult) -> Self {
        Self::Run {
            run: result.index + 1,
            configuration: &configurations[result.index],
            record: &result.record,
            seconds: result.seconds,
        }
    }
}

/// Prints the summaries. Options that are the same everywhere are told once, below; then the `training` of
/// the best, as arguments of the program, if there are any.
pub fn print(
    results: &mut Results,
    summaries: &[Summary],
    best: Option<usize>,
    training: &[String],
) -> anyhow::Result<()> {
    for (index, summary) in summaries.iter().enumerate() {
        let best = best == Some(index);
        results.event(&Event::Summary { best, summary })?;
    }
    if summaries.is_empty() {
        return Ok(());
    }
    let (mut columns, constant) = option_columns(summaries);
    // Beside the options, so that every part of a wide table has the mark.
    if let Some(best) = best {
        let mut marks = vec![String::new(); 1 + summaries.len()];
        marks[1 + best] = "<- best".to_owned();
        columns.push(marks);
    }
    let names = columns.len();
    columns.extend(result_columns(summaries));
    results.table(&columns, names);
    if !constant.is_empty() {
        results.text(&format!("\nall: {}", constant.join(", ")));
    }
    if let Some(best) = best {
        let command = match training {
            [] => String::new(),
            words => format!("; this trains it:\n  fused-mlp {}", words.join(" ")),
        };
        results.text(&format!(
            "best by validation accuracy after the last epoch{command}"
        ));
        for edge in edges(summaries, best) {
            results.text(&edge);
        }
    }
    Ok(())
}

/// The options of which the best configuration has the smallest or the largest value of several: what lies
/// beyond was not tried. Nothing lies below 0.
fn edges(summaries: &[Summary], best: usize) -> Vec<String> {
    let texts: Vec<_> = summaries
        .iter()
        .map(|it| it.configuration.texts())
        .collect();
    let edge = |place: usize| {
        let numbers = texts.iter().map(|it| it[place].1.parse::<f64>().ok());
        let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
        let (name, text) = &texts[best][place];
        let is_beyond = |other: fn(&f64, &f64) -> bool| {
            numbers.iter().any(|number| other(number, &numbers[best]))
        };
        let (extreme, further) = match (is_beyond(f64::lt), is_beyond(f64::gt)) {
            (false, true) if numbers[best] > 0.0 => ("smallest", "smaller"),
            (true, false) => ("largest", "larger"),
            _ => return None,
        };
        let name = kebab(name);
        Some(format!(
            "{name} {text} is the {extreme} that was tried: a {further} one may be better"
        ))
    };
    varying(summaries).into_iter().filter_map(edge).collect()
}

/// A column of the table: its name, and its cells.
type Column = Vec<String>;

fn column(name: &str, summaries: &[Summary], show: impl Fn(&Summary) -> String) -> Column {
    let cells = summaries.iter().map(show);
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// Columns of the options that are not the same everywhere, and the others as texts. Those that every run
/// of a sweep has by itself are left out.
fn option_columns(summaries: &[Summary]) -> (Vec<Column>, Vec<String>) {
    let varying = varying(summaries);
    let text_of = |it: &Summary, place: usize| it.configuration.texts()[place].1.clone();
    let (mut columns, mut constant) = (Vec::new(), Vec::new());
    let texts = summaries[0].configuration.texts().into_iter().enumerate();
    for (place, (name, text)) in texts {
        if varying.contains(&place) {
            columns.push(column(&kebab(name), summaries, |it| text_of(it, place)));
        } else if !["validation", "shuffle", "seed"].contains(&name) {
            constant.push(format!("{} {text}", kebab(name)));
        }
    }
    (columns, constant)
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

fn result_columns(summaries: &[Summary]) -> Vec<Column> {
    const LOSS: (f64, usize) = (1.0, 4);
    const EPOCH: (f64, usize) = (1.0, 1);
    const PERCENT: (f64, usize) = (100.0, 2);
    let simple =
        |title, show: fn(&Summary) -> usize| column(title, summaries, |it| show(it).to_string());
    // Over all runs that did not diverge.
    let mean = |(title, name, format): (_, _, (f64, usize))| {
        column(title, summaries, |it| {
            shown(it.mean(name), format, it.runs - it.diverged)
        })
    };
    let reached = |it: &Summary| it.reached_target.unwrap_or(0);
    let mut columns = vec![
        simple("runs", |it| it.runs),
        simple("diverged", |it| it.diverged),
    ];
    columns.extend(
        [
            ("train loss", "train_loss", LOSS),
            ("validation loss", "validation_loss", LOSS),
            ("validation %", VALIDATION_ACCURACY, PERCENT),
            ("best epoch %", "best_validation_accuracy", PERCENT),
            ("best epoch", "best_epoch", EPOCH),
        ]
        .map(mean),
    );
    if summaries[0].reached_target.is_some() {
        columns.push(simple("reached", reached));
        columns.push(column("epochs to it", summaries, |it| {
            shown(it.mean(EPOCHS_TO_TARGET), EPOCH, reached(it))
        }));
    }
    if summaries[0].mean("test_accuracy").is_some() {
        columns.push(mean(("test %", "test_accuracy", PERCENT)));
    }
    columns
}
