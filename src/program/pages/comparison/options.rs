//! The options of all runs: which of them differ, and which are the same.

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

/// All options of some `run.json`: those that differ, and those that do not.
pub fn options(records: &[&Value]) -> (Vec<Row>, Vec<Row>) {
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
        let text = match value {
            Value::Object(_) if name == "options" => {
                flat.extend(flatten(value));
                continue;
            }
            Value::Object(_) => {
                let within = flatten(value).into_iter();
                flat.extend(within.map(|(inner, value)| (format!("{shown}: {inner}"), value)));
                continue;
            }
            Value::Null => "–".to_owned(),
            Value::Bool(is_set) => if *is_set { "yes" } else { "no" }.to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        flat.push((shown, text));
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
        let (different, same) = options(&[&first, &second]);
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
