//! Cutting a row of vectors into register tiles of a size known at compile time.

/// The tiles of a row: as few as possible, none larger than `largest`, sizes differing by at most
/// one. Yields (first vector, number of vectors).
pub(super) fn tiles(vectors: usize, largest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = vectors.div_ceil(largest);
    (0..count).map(move |tile| {
        let first = tile * vectors / count;
        (first, (tile + 1) * vectors / count - first)
    })
}

/// Calls `$function::<V, T, rest>(arguments)` with the constant T equal to `$vectors`. Sizes beyond
/// `$largest`, a constant, are not compiled.
macro_rules! with_tile {
    ($vectors:expr, $largest:expr,
        $function:ident::<$v:ident $(, $rest:ident)*>($($argument:expr),* $(,)?)) => {
        with_tile!(@arms $vectors, $largest, $function, $v, ($($rest),*), ($($argument),*),
            1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@arms $vectors:expr, $largest:expr, $function:ident, $v:ident, $rest:tt, $arguments:tt,
        $($t:literal)*) => {
        match $vectors {
            $($t if const { $t <= $largest } => with_tile!(@call $function, $v, $t, $rest, $arguments),)*
            other => unreachable!("a tile of {other} vectors, the largest is {}", $largest),
        }
    };
    (@call $function:ident, $v:ident, $t:literal, ($($rest:ident),*), ($($argument:expr),*)) => {
        $function::<$v, $t $(, $rest)*>($($argument),*)
    };
}
pub(super) use with_tile;

#[cfg(test)]
mod tests {
    use super::tiles;

    #[test]
    fn tiles_cover_the_row_evenly() {
        for vectors in 0..100 {
            for largest in 1..14 {
                let cut: Vec<_> = tiles(vectors, largest).collect();
                let mut next = 0;
                for &(first, count) in &cut {
                    assert_eq!(first, next);
                    assert!((1..=largest).contains(&count));
                    next += count;
                }
                assert_eq!(next, vectors);
                let sizes = cut.iter().map(|&(_, count)| count);
                let spread = sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0);
                assert!(spread <= 1);
            }
        }
    }
}
