//! Printed tables of numbers: each column stands once.

/// A column of rows of a kind: title, width, decimals, and the number of a row in it, not finite if it has none.
pub type Column<T> = (&'static str, usize, usize, fn(&T) -> f64);

/// The titles in a line, each at the right edge of its column.
pub fn titles<T>(columns: &[Column<T>]) -> String {
    let columns = columns.iter();
    columns
        .map(|&(title, width, ..)| format!("{title:>width$}"))
        .collect()
}

/// A row in a line.
pub fn line<T>(columns: &[Column<T>], row: &T) -> String {
    let cell = |&(_, width, decimals, number): &Column<T>| match number(row) {
        number if !number.is_finite() => format!("{:>width$}", "-"),
        number => format!("{number:>width$.decimals$}"),
    };
    columns.iter().map(cell).collect()
}
