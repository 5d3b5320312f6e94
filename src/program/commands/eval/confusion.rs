//! The confusion matrix in the terminal: zeros are dots, so that mistakes stand out, in colour where there is
//! some.

use crate::charts::terminal_picture::TerminalStyle;
use crate::pages::comparison::most_frequent;
use crate::terminal::output::Results;

/// Most frequent mistakes that are told in words.
const TOLD: usize = 5;

/// Prints the matrix and the most frequent mistakes.
pub fn print(rows: &[Vec<u64>], style: TerminalStyle, results: &mut Results) {
    results.text("\nconfusion matrix: a row for each true class, a column for each predicted one");
    results.dense_table(&columns(rows, style), 1);
    let mistakes = most_frequent(rows);
    let told = mistakes.iter().take(TOLD);
    let told = told.map(|(count, class, predicted)| format!("{class} as {predicted} ({count})"));
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        results.text(&format!("most frequent mistakes: {}", told.join(", ")));
    }
}

/// The columns with their heads, of which the first is that of the true classes.
fn columns(rows: &[Vec<u64>], style: TerminalStyle) -> Vec<Vec<String>> {
    let most = most_frequent(rows).first().map_or(0, |mistake| mistake.0);
    let cell = |class: usize, predicted: usize| {
        let count = rows[class][predicted];
        let text = if count == 0 {
            ".".to_owned()
        } else {
            count.to_string()
        };
        // Red, and bold if it is among the most frequent mistakes.
        match style {
            TerminalStyle::Colour if count > 0 && class != predicted => {
                let bold = if 2 * count >= most { "1;" } else { "" };
                format!("\u{1b}[{bold}31m{text}\u{1b}[0m")
            }
            TerminalStyle::Colour if count == 0 => format!("\u{1b}[2m{text}\u{1b}[0m"),
            _ => text,
        }
    };
    let classes = 0..rows.len();
    let names = classes.clone().map(|class| class.to_string());
    let mut columns: Vec<Vec<String>> = vec![[String::new()].into_iter().chain(names).collect()];
    columns.extend(classes.clone().map(|predicted| {
        let cells = classes.clone().map(|class| cell(class, predicted));
        [predicted.to_string()].into_iter().chain(cells).collect()
    }));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width::spaced_table;

    #[test]
    fn zeros_are_dots_and_mistakes_coloured() {
        let rows = [vec![9, 1, 0], vec![4, 8, 2], vec![0, 0, 7]];
        let plain = columns(&rows, TerminalStyle::Ascii);
        let lines = ["   0  1  2", "0  9  1  .", "1  4  8  2", "2  .  .  7"];
        assert_eq!(spaced_table(&plain, 1, 2, None), lines);
        let coloured = columns(&rows, TerminalStyle::Colour);
        let line = "1 \u{1b}[1;31m4\u{1b}[0m 8 \u{1b}[1;31m2\u{1b}[0m";
        assert_eq!(spaced_table(&coloured, 1, 1, None)[2], line);
        assert_eq!(coloured[2][1], "\u{1b}[31m1\u{1b}[0m");
    }

    #[test]
    fn the_training_data_of_mnist_fit_60_columns() {
        let mut rows = vec![vec![10; 10]; 10];
        (0..10).for_each(|class| rows[class][class] = 5842);
        for style in [TerminalStyle::Ascii, TerminalStyle::Colour] {
            assert_eq!(
                spaced_table(&columns(&rows, style), 1, 1, Some(60)).len(),
                11
            );
        }
    }
}
