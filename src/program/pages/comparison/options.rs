//! The options of all runs: which of them differ, and which are the same.

use super::ComparedRun;
use crate::pages::assignment::page::{Page, escape};
use serde_json::Value;

/// Fields of `run.json` that are no options: they differ without a choice, or are results.
const LEFT_OUT: [&str; 6] = [
    "event",
    "run",
    "started",
    "results",
    "resumed_at_step",
    "available_parallelism",
];

/// An option and its value in each run.
type Row = (String, Vec<String>);

/// The section.
pub fn section(page: &mut Page, runs: &[ComparedRun]) {
    page.section("options", "Options");
    let records: Vec<&Value> = runs.iter().map(|run| &run.record).collect();
    let (different, same) = rows(&records);
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let columns: Vec<&str> = std::iter::once("option").chain(names).collect();
    let cells = |(name, values): &Row| -> Vec<String> {
        let values = values.iter().map(|value| escape(value));
        std::iter::once(escape(name)).chain(values).collect()
    };
    if runs.len() > 1 {
        if different.is_empty() {
            page.text("All options are the same.");
        } else {
            let rows: Vec<Vec<String>> = different.iter().map(cells).collect();
            page.table(&columns, &rows, None);
        }
    }
    let rows: Vec<Vec<String>> = same
        .iter()
        .map(|(name, values)| vec![escape(name), escape(&values[0])])
        .collect();
    let is_open = if runs.len() > 1 { "" } else { " open" };
    page.block(&format!(
        "<details{is_open}><summary>{} option{} {}</summary>",
        rows.len(),
        if rows.len() == 1 { "" } else { "s" },
        if runs.len() > 1 {
            "that are the same in all runs"
        } else {
            ""
        }
    ));
    page.table(&["option", "value"], &rows, None);
    page.block("</details>");
}

/// All options: those that differ, and those that do not.
fn rows(records: &[&Value]) -> (Vec<Row>, Vec<Row>) {
    let flat: Vec<Vec<(String, String)>> = records.iter().map(|record| flatten(record)).collect();
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in flat.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |options: &Vec<(String, String)>, name: &str| {
        let found = options.iter().find(|(other, _)| other == name);
        found.map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
    };
    let all = names.into_iter().map(|name| {
        let values: Vec<String> = flat.iter().map(|options| value(options, name)).collect();
        (name.clone(), values)
    });
    all.partition(|(_, values)| values.iter().any(|value| *value != values[0]))
}

/// Names and values of a record, with the names of an object before those within it but for
/// `options`, whose names stand for themselves.
fn flatten(record: &Value) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    let fields = record.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())) {
        let shown = name.replace('_', " ");
        match value {
            Value::Object(_) => {
                let within = flatten(value).into_iter().map(|(inner, value)| {
                    let is_own = name == "options";
                    let name = if is_own {
                        inner
                    } else {
                        format!("{shown}: {inner}")
                    };
                    (name, value)
                });
                flat.extend(within);
            }
            Value::Null => flat.push((shown, "–".to_owned())),
            Value::Bool(is_set) => {
                flat.push((shown, if *is_set { "yes" } else { "no" }.to_owned()));
            }
            Value::String(text) => flat.push((shown, text.clone())),
            other => flat.push((shown, other.to_string())),
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_that_differ_are_told_from_those_that_do_not() {
        let run = |rate: f64, extra: Value| {
            json!({"event": "start", "options": {"learning_rate": rate, "nesterov": true},
                   "data": {"folder": "d"}, "results": {"outcome": "x"}, "init": null, "new": extra})
        };
        let (first, mut second) = (run(0.1, json!(1)), run(0.2, json!(1)));
        second.as_object_mut().unwrap().remove("new");
        let (different, same) = rows(&[&first, &second]);
        let row =
            |name: &str, values: [&str; 2]| (name.to_owned(), values.map(str::to_owned).to_vec());
        assert_eq!(
            different,
            [row("new", ["1", "–"]), row("learning rate", ["0.1", "0.2"])]
        );
        assert_eq!(
            same,
            [
                row("data: folder", ["d", "d"]),
                row("init", ["–", "–"]),
                row("nesterov", ["yes", "yes"]),
            ]
        );
    }
}
