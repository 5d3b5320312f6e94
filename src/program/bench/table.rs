//! Printed tables of numbers: each column stands once.

/// A column of rows of a kind: title, decimals, and the number of a row in it, not finite if it has none.
pub type Column<T> = (&'static str, usize, fn(&T) -> f64);

/// The cells of each column, its title first.
pub fn cells<T>(columns: &[Column<T>], rows: &[T]) -> Vec<Vec<String>> {
    let cells = |&(title, decimals, number): &Column<T>| {
        let cell = |row: &T| match number(row) {
            number if !number.is_finite() => "-".to_owned(),
            number => format!("{number:.decimals$}"),
        };
        [title.to_owned()]
            .into_iter()
            .chain(rows.iter().map(cell))
            .collect()
    };
    columns.iter().map(cells).collect()
}
