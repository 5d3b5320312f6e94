//! Arrays of vectors without closures.

/// `array_of!(i < N => value)`: `[value; N]`, with `i` from 0 on; N is at least 1.
///
/// A closure, as `std::array::from_fn` and `map` take them, is a function of its own, compiled for the base
/// instruction set, and so is whatever of `std` calls it. If the compiler does not inline all of them,
/// which it does not promise and with several codegen units does not do, every intrinsic in it is a
/// call, and vectors pass through memory: an epoch then takes more than twice the time. A macro leaves the
/// code in the function that is compiled for the instruction set.
macro_rules! array_of {
    ($index:ident < $len:expr => $value:expr) => {{
        let mut array = {
            let $index = 0_usize;
            [$value; $len]
        };
        for $index in 1..$len {
            array[$index] = $value;
        }
        array
    }};
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_array_has_a_value_for_each_index() {
        let squares: [usize; 4] = array_of!(i < 4 => i * i);
        assert_eq!(squares, [0, 1, 4, 9]);
        let nested: [[usize; 2]; 3] = array_of!(i < 3 => array_of!(j < 2 => 10 * i + j));
        assert_eq!(nested, [[0, 1], [10, 11], [20, 21]]);
    }
}
