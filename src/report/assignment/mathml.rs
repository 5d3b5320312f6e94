//! Formulas as MathML, which browsers typeset themselves.

/// A variable, or several symbols side by side: each word is a variable, a number or an operator.
///
/// `y_j` is an index, `∂l/∂y` is not a fraction: that is [`fraction`].
pub(super) fn symbols(text: &str) -> String {
    text.split_whitespace().map(symbol).collect()
}

fn symbol(word: &str) -> String {
    if let Some((base, index)) = word.split_once('_')
        && !base.is_empty()
        && !index.is_empty()
    {
        return format!("<msub>{}<mrow>{}</mrow></msub>", leaf(base), leaf(index));
    }
    leaf(word)
}

fn leaf(word: &str) -> String {
    let escaped = super::page::escape(word);
    let is_number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_operator = !word.chars().any(char::is_alphanumeric);
    match (is_number, is_operator) {
        (true, _) => format!("<mn>{escaped}</mn>"),
        (_, true) => format!("<mo>{escaped}</mo>"),
        _ => match word.strip_prefix('∂') {
            Some(rest) if !rest.is_empty() => format!("<mrow><mo>∂</mo>{}</mrow>", leaf(rest)),
            _ => format!("<mi>{escaped}</mi>"),
        },
    }
}

/// upper / lower, one above the other.
pub(super) fn fraction(upper: &str, lower: &str) -> String {
    format!("<mfrac><mrow>{upper}</mrow><mrow>{lower}</mrow></mfrac>")
}

/// ∂upper / ∂lower.
pub(super) fn derivative(upper: &str, lower: &str) -> String {
    let d = |of: &str| format!("<mo>∂</mo>{}", symbols(of));
    fraction(&d(upper), &d(lower))
}

/// The sum over an index of what follows.
pub(super) fn sum(index: &str) -> String {
    format!("<munder><mo>∑</mo>{}</munder>", symbols(index))
}

/// exp of a variable.
pub(super) fn exp(of: &str) -> String {
    format!("<msup><mi>e</mi><mrow>{}</mrow></msup>", symbols(of))
}

/// base².
pub(super) fn square(base: &str) -> String {
    format!("<msup><mrow>{base}</mrow><mn>2</mn></msup>")
}

/// The pieces side by side.
pub(super) fn row(pieces: &[&str]) -> String {
    pieces.concat()
}

/// In round brackets that grow with what they hold.
pub(super) fn brackets(inner: &str) -> String {
    format!("<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>")
}

/// Cases with their conditions.
pub(super) fn cases(cases: &[(&str, &str)]) -> String {
    let rows: String = cases
        .iter()
        .map(|(value, condition)| {
            format!("<mtr><mtd>{value}</mtd><mtd><mtext>{condition}</mtext></mtd></mtr>")
        })
        .collect();
    format!(
        "<mrow><mo>{{</mo><mtable displaystyle=\"true\" columnalign=\"left left\">{rows}</mtable></mrow>"
    )
}

/// A formula on a line of its own.
pub(super) fn display(formula: &str) -> String {
    format!("<div class=\"formula\"><math display=\"block\">{formula}</math></div>")
}

/// A formula within a sentence.
pub(super) fn inline(formula: &str) -> String {
    format!("<math>{formula}</math>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_variables_numbers_and_operators() {
        assert_eq!(
            symbols("y_j = 1"),
            "<msub><mi>y</mi><mrow><mi>j</mi></mrow></msub><mo>=</mo><mn>1</mn>"
        );
        assert_eq!(symbols("<"), "<mo>&lt;</mo>");
        assert!(derivative("l", "y_j").starts_with("<mfrac><mrow><mo>∂</mo><mi>l</mi>"));
    }
}
