//! Templates of the pages and of the results of commands, and the filters that write their numbers.
//!
//! Templates see what serde makes of a value. JSON has no NaN and no infinity: what is text or null
//! there is read as such by the filters.

use crate::charts::axis::number;
use fused_mlp::files::shown;
use indicatif::HumanFloatCount;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde::Serialize;
use std::path::Path;

/// A template by the name of its file.
macro_rules! template {
    ($name:literal) => {
        ($name, include_str!($name))
    };
}

/// Values in those of HTML are escaped.
const TEMPLATES: [(&str, &str); 32] = [
    template!("page.html"),
    template!("style.css"),
    template!("training_results.txt"),
    template!("evaluation.txt"),
    template!("macros.html"),
    template!("assignment/answer.txt"),
    template!("assignment/macros.html"),
    template!("assignment/report.html"),
    template!("assignment/q1.html"),
    template!("assignment/q2.html"),
    template!("assignment/q3.html"),
    template!("assignment/diagram.html"),
    template!("assignment/q4.html"),
    template!("assignment/q5.html"),
    template!("assignment/q7.html"),
    template!("assignment/q7_original.html"),
    template!("assignment/curves.html"),
    template!("assignment/initialisations.html"),
    template!("assignment/learning_rates.html"),
    template!("assignment/test_data.html"),
    template!("assignment/run.html"),
    template!("comparison/report.html"),
    template!("comparison/results.html"),
    template!("comparison/curves.html"),
    template!("comparison/options.html"),
    template!("comparison/predictions.html"),
    template!("comparison/units.html"),
    template!("comparison/comparison.css"),
    template!("draw/page.html"),
    template!("draw/draw.css"),
    template!("draw/prepare.js"),
    template!("draw/draw.js"),
];

/// Fills in a template.
///
/// # Errors
/// If the template asks for what is not there, or does not fit.
pub fn render(name: &str, context: impl Serialize) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(|out, state, value| {
        let text = plain(value);
        let is_markup = value.is_safe() || *state.auto_escape() == AutoEscape::None;
        out.write_str(&if is_markup { text } else { escaped(&text) })?;
        Ok(())
    });
    environment.add_global("ln_10", std::f64::consts::LN_10);
    environment.add_global("largest_exponent", f64::MAX.ln());
    environment.add_test("finite", is_finite);
    environment.add_filter("plain", plain);
    environment.add_filter("shown", |path: &str| shown(Path::new(path)));
    environment.add_filter("left", left);
    environment.add_filter("right", right);
    environment.add_filter("mean", mean);
    environment.add_filter("group", in_groups);
    environment.add_filter("number", in_few_letters);
    environment.add_filter("fixed", fixed);
    environment.add_filter("exponent", exponent);
    environment.add_filter("percent", in_percent);
    environment.add_filter("scientific", scientific);
    environment.add_filter("short", short);
    environment.add_filter("shortest", shortest);
    environment.add_filter("indexed", indexed);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment.get_template(name)?.render(Serde(context))?)
}

/// Text that stands for itself in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A value as it is shown: numbers have no zeros at their ends.
fn plain(value: &Value) -> String {
    match value.kind() {
        ValueKind::Number if !value.is_integer() => float(value).to_string(),
        _ => value.to_string(),
    }
}

/// A number, or the text for one that JSON does not have.
fn float(value: &Value) -> f64 {
    let text = || value.as_str()?.parse().ok();
    let number = f64::try_from(value.clone()).ok();
    number.or_else(text).unwrap_or(f64::NAN)
}

/// Whether a loss and its gradient are numbers, and no texts in their place.
fn is_finite(form: &Value) -> Result<bool, Error> {
    let is_number = |value: &Value| value.kind() == ValueKind::Number;
    let mut gradient = form.get_attr("gradient")?.try_iter()?;
    Ok(is_number(&form.get_attr("loss")?) && gradient.all(|value| is_number(&value)))
}

/// So many letters wide, at the left.
fn left(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// So many letters wide, at the right.
fn right(value: &Value, width: usize) -> String {
    format!("{:>width$}", plain(value))
}

fn mean(values: Vec<f64>) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn fixed(value: &Value, digits: usize) -> String {
    format!("{:.digits$}", float(value))
}

fn exponent(value: &Value, digits: usize) -> String {
    format!("{:.digits$e}", float(value))
}

fn in_groups(count: &Value) -> String {
    HumanFloatCount(float(count).round()).to_string()
}

fn in_few_letters(value: &Value) -> String {
    number(float(value))
}

fn in_percent(share: &Value) -> String {
    percent(float(share))
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    format!("{:.2}\u{a0}%", 100.0 * share)
}

/// A small number as markup: 1.2 · 10⁻⁹.
fn scientific(value: &Value) -> Value {
    let text = exponent(value, 1);
    Value::from_safe_string(match text.split_once('e') {
        Some((digits, power)) if float(value) != 0.0 => {
            format!("{digits} · 10<sup>{}</sup>", power.replace('-', "−"))
        }
        _ => plain(value),
    })
}

/// A number in few letters as markup, NaN and infinity included.
fn short(value: &Value) -> Value {
    let value = float(value);
    let whole = value.round();
    let distance = scientific(&(value - whole).abs().into());
    let text = if !value.is_finite() {
        value.to_string().replace("inf", "∞")
    } else if value == whole || (value - whole).abs() >= 1e-3 {
        number(value)
    } else if whole == 0.0 {
        scientific(&value.into()).to_string()
    } else {
        // What rounding to three digits would hide.
        let sign = if value < whole { '-' } else { '+' };
        format!("{whole} {sign} {distance}")
    };
    Value::from_safe_string(text.replace('-', "−"))
}

/// A number without the zeros at its end.
fn shortest(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    // -0 is 0.
    let text = if text == "-0" { "0" } else { text };
    text.replace('-', "−")
}

/// A formula in a line as markup, in which `y_j` has an index of one letter.
fn indexed(formula: &str) -> Value {
    let escaped = escaped(formula).replace('-', "−");
    let mut parts = escaped.split('_');
    let mut markup = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (index, rest) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
        markup += &format!("<sub>{index}</sub>{rest}");
    }
    Value::from_safe_string(markup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_formulas_read_well() {
        assert_eq!(escaped("a < b & \"c\""), "a &lt; b &amp; &quot;c&quot;");
        let scientific = scientific(&2.34e-9.into());
        assert_eq!(scientific.to_string(), "2.3 · 10<sup>−9</sup>");
        assert_eq!(percent(0.98263), "98.26\u{a0}%");
        let formula = indexed("∂y_i/∂o_j = -y_i < 0").to_string();
        let expected = "∂y<sub>i</sub>/∂o<sub>j</sub> = −y<sub>i</sub> &lt; 0";
        assert_eq!(formula, expected);
        for (value, expected) in [
            ("NaN".into(), "NaN"),
            ("-inf".into(), "−∞"),
            ((-1.0).into(), "−1"),
            (0.5.into(), "0.5"),
            (1e-4.into(), "1.0 · 10<sup>−4</sup>"),
            (719.9999.into(), "720 − 1.0 · 10<sup>−4</sup>"),
        ] {
            assert_eq!(short(&value).to_string(), expected);
        }
    }
}
