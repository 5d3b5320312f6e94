//! Text that fits the terminal: lines are cut between words, tables between columns.

use std::io::{stderr, stdout};
use terminal_size::{Height, Width, terminal_size_of};

/// Columns of a narrower terminal, in which nothing would be readable.
const FEWEST: usize = 20;

/// The columns of the terminal behind standard output; none if there is no terminal, or it does not tell.
pub fn of_output() -> Option<usize> {
    columns(terminal_size_of(stdout()))
}

/// The columns of the terminal behind standard error.
pub fn of_errors() -> Option<usize> {
    columns(terminal_size_of(stderr()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    let (Width(columns), _) = size?;
    (columns > 0).then(|| usize::from(columns).max(FEWEST))
}

/// A line as lines of no more than so many columns. A command to paste goes on behind a backslash, which is
/// before an option; a unit stays with its number.
pub fn wrapped(line: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return line.to_owned();
    };
    let (cut, indent, line) = match line.trim_start().starts_with("fused-mlp ") {
        true => (
            " \\\n    ",
            4,
            line.replace(' ', "\u{a0}").replace("\u{a0}-", " -"),
        ),
        false => ("\n", 0, line.replace(" %", "\u{a0}%")),
    };
    let (mut text, mut column) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let width = seen(word.trim_end());
        if width > 0 && column > indent && column + width + indent / 2 > columns {
            text.truncate(text.trim_end_matches(' ').len());
            text += cut;
            column = indent;
        }
        text += word;
        column += seen(word);
    }
    text.replace('\u{a0}', " ")
}

/// The columns that a text takes, which escape sequences of colours do not.
fn seen(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().chars().count();
    let coloured = parts.map(|part| {
        part.split_once('m')
            .map_or(0, |(_, rest)| rest.chars().count())
    });
    first + coloured.sum::<usize>()
}

/// The lines of a table of columns, whose first cells are their titles. One that is wider than `most` is
/// told in blocks, each with the first `names` columns, unless these take half of the width themselves.
pub fn table(columns: &[Vec<String>], names: usize, most: Option<usize>) -> Vec<String> {
    spaced_table(columns, names, 2, most)
}

/// As [`table`], with so many spaces between columns.
pub fn spaced_table(
    columns: &[Vec<String>],
    names: usize,
    space: usize,
    most: Option<usize>,
) -> Vec<String> {
    let width_of = |cells: &Vec<String>| cells.iter().map(|cell| seen(cell)).max();
    let widths: Vec<usize> = columns
        .iter()
        .map(|it| width_of(it).unwrap_or(0) + space)
        .collect();
    let most = most.map_or(usize::MAX, |most| most + space);
    let is_narrow = widths[..names].iter().sum::<usize>() <= most / 3 * 2;
    let names = if is_narrow { names } else { 0 };
    let mut blocks: Vec<Vec<usize>> = vec![(0..names).collect()];
    for column in names..columns.len() {
        let block = blocks.len() - 1;
        let used: usize = blocks[block].iter().map(|&it| widths[it]).sum();
        match blocks[block].len() > names && used + widths[column] > most {
            true => blocks.push((0..names).chain([column]).collect()),
            false => blocks[block].push(column),
        }
    }
    let rows = columns.first().map_or(0, Vec::len);
    let line = |block: &[usize], row: usize| {
        let cell = |&it: &usize| {
            let text = &columns[it][row];
            let before = widths[it] - space - seen(text);
            format!("{0:before$}{text}{0:space$}", "")
        };
        let line: String = block.iter().map(cell).collect();
        line.trim_end().to_owned()
    };
    let lines = blocks
        .iter()
        .map(|block| -> Vec<String> { (0..rows).map(|row| line(block, row)).collect() });
    lines.collect::<Vec<_>>().join(&String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_words_and_commands_can_be_pasted() {
        let line = "the network is in runs/a; accuracy 98.17 %, loss 0.1";
        assert_eq!(wrapped(line, None), line);
        assert_eq!(wrapped(line, Some(52)), line);
        assert_eq!(
            wrapped(line, Some(42)),
            "the network is in runs/a; accuracy\n98.17 %, loss 0.1"
        );
        assert_eq!(
            wrapped("  fused-mlp train --epochs 6 --momentum 0.9", Some(30)),
            "  fused-mlp train --epochs 6 \\\n    --momentum 0.9"
        );
        assert_eq!(
            wrapped("  fused-mlp train --nesterov --hidden 30", Some(38)),
            "  fused-mlp train --nesterov \\\n    --hidden 30"
        );
        assert_eq!(
            wrapped("averyveryverylongword b", Some(20)),
            "averyveryverylongword\nb"
        );
    }

    #[test]
    fn a_wide_table_is_told_in_blocks_with_its_names() {
        let column = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let columns = [
            column(["rate", "0.1"]),
            column(["loss", "0.25"]),
            column(["%", "98.1"]),
        ];
        assert_eq!(
            table(&columns, 1, None),
            ["rate  loss     %", " 0.1  0.25  98.1"]
        );
        assert_eq!(
            table(&columns, 1, Some(12)),
            ["rate  loss", " 0.1  0.25", "", "rate     %", " 0.1  98.1"]
        );
        // Names that would leave no room stand once.
        assert_eq!(table(&columns, 2, Some(13))[0], "rate  loss");
        assert_eq!(table(&columns, 2, Some(13))[3], "   %");
    }
}
