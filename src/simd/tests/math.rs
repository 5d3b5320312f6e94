//! exp and sigmoid against f64, and one instruction set against the other.
#![expect(unsafe_code, reason = "vectors are loaded and stored")]

use super::Rounding;
use crate::reference;
use crate::simd::math::{self, exp};
use crate::simd::{Isa, Kernel, MAX_LANES, Vector, exp_negative, sigmoid};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Exp,
    ExpNegative,
    Sigmoid,
}

/// One function of many numbers, a multiple of the lanes.
struct Map<'a> {
    function: Function,
    numbers: &'a [f32],
    results: &'a mut [f32],
}

impl Kernel for Map<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        assert_eq!(self.numbers.len(), self.results.len());
        assert!(self.results.len().is_multiple_of(V::LANES));
        for first in (0..self.results.len()).step_by(V::LANES) {
            // SAFETY: LANES values from `first` on are in bounds, checked above.
            unsafe {
                let x = V::load(token, self.numbers.as_ptr().add(first));
                let result = match self.function {
                    Function::Exp => exp(token, x),
                    Function::ExpNegative => exp_negative(token, x),
                    Function::Sigmoid => sigmoid(token, x),
                };
                result.store(self.results.as_mut_ptr().add(first));
            }
        }
    }
}

fn map(isa: Isa, function: Function, numbers: &[f32]) -> Vec<f32> {
    let mut padded = numbers.to_vec();
    padded.resize(numbers.len().next_multiple_of(MAX_LANES), 0.0);
    let mut results = vec![f32::NAN; padded.len()];
    isa.run(Map {
        function,
        numbers: &padded,
        results: &mut results,
    });
    results.truncate(numbers.len());
    results
}

/// The multiples of 2^-12 on ±88, the numbers of every exponent, and the ends.
fn grid() -> Vec<f32> {
    let dense = (-88 * 4096..=88 * 4096).map(|step| step as f32 / 4096.0);
    let scattered = (0..u32::MAX / 4099).map(|step| f32::from_bits(step * 4099));
    let ends = [
        0.0,
        -0.0,
        87.0,
        -87.0,
        -60.0,
        -59.999_996,
        -60.000_004,
        1e4,
        -1e4,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    dense.chain(scattered).chain(ends).collect()
}

/// NaNs with other signs and payloads than the usual one.
const UNUSUAL_NANS: [u32; 6] = [
    0xffc0_0000,
    0x7fc0_0001,
    0x7fc0_007f,
    0x7fff_ffff,
    0xffc0_0181,
    0xffff_fffe,
];

/// Compares a function on the whole grid with f64, within a relative error. `expected` gives `None`
/// for numbers of which nothing is said.
fn assert_accurate(function: Function, bound: f64, expected: impl Fn(f64) -> Option<f64>) {
    let grid = grid();
    for isa in Isa::available() {
        let mut compared = 0;
        for (&x, found) in grid.iter().zip(map(isa, function, &grid)) {
            let Some(expected) = expected(f64::from(x)) else {
                continue;
            };
            compared += 1;
            let error = (f64::from(found) - expected).abs();
            assert!(
                error <= bound * expected,
                "{isa}, {function:?}({x:e}): found {found:e}, expected {expected:e}, relative \
                 error {:e}",
                error / expected
            );
        }
        assert!(compared > 500_000, "{isa}: only {compared} numbers");
    }
}

#[test]
fn exp_is_accurate_to_2e_7_and_stays_there_beyond_87() {
    let clamped = |x: f64| (!x.is_nan()).then(|| x.clamp(-87.0, 87.0).exp());
    assert_accurate(Function::Exp, 2e-7, clamped);
}

#[test]
fn exp_of_negative_numbers_is_accurate_to_2e_7_and_zero_below_minus_60() {
    let expected = |x: f64| (x <= 0.0).then(|| if x < -60.0 { 0.0 } else { x.exp() });
    assert_accurate(Function::ExpNegative, 2e-7, expected);
}

#[test]
fn sigmoid_is_accurate_to_4e_7() {
    let expected = |x: f64| (x.abs() <= 87.0).then(|| reference::sigmoid(x));
    assert_accurate(Function::Sigmoid, 4e-7, expected);
}

#[test]
fn sigmoid_at_the_ends_is_a_normal_number() {
    for isa in Isa::available() {
        let largest = [1e4, f32::MAX, f32::INFINITY, 87.0];
        assert_eq!(map(isa, Function::Sigmoid, &largest), [1.0; 4], "{isa}");
        let smallest = [-1e4, f32::MIN, f32::NEG_INFINITY, -87.0];
        for found in map(isa, Function::Sigmoid, &smallest) {
            let error = (f64::from(found) / reference::sigmoid(-87.0) - 1.0).abs();
            assert!(error <= 4e-7 && found.is_normal(), "{isa}: {found:e}");
        }
        assert_eq!(
            map(isa, Function::Sigmoid, &[0.0, -0.0]),
            [0.5, 0.5],
            "{isa}"
        );
    }
}

#[test]
fn exp_of_zero_is_one_and_of_large_negative_numbers_zero() {
    for isa in Isa::available() {
        let numbers = [0.0, -0.0, -60.000_004, -1e4, f32::MIN, f32::NEG_INFINITY];
        let found = map(isa, Function::ExpNegative, &numbers);
        let expected = [1.0f32, 1.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(
            found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            expected.map(f32::to_bits),
            "{isa}: {found:?}"
        );
        let at_the_edge = map(isa, Function::ExpNegative, &[-60.0])[0];
        assert!(at_the_edge > 8.7e-27, "{isa}: {at_the_edge:e}");
    }
}

#[test]
fn every_nan_gives_nan() {
    let mut numbers = vec![f32::NAN, -f32::NAN];
    numbers.extend(UNUSUAL_NANS.map(f32::from_bits));
    numbers.extend((0..512).map(|payload| f32::from_bits(0x7fc0_0000 | payload)));
    for isa in Isa::available() {
        for function in [Function::Exp, Function::ExpNegative, Function::Sigmoid] {
            for (x, found) in numbers.iter().zip(map(isa, function, &numbers)) {
                assert!(
                    found.is_nan(),
                    "{isa}, {function:?}({:#x}): found {found:e}",
                    x.to_bits()
                );
            }
        }
    }
}

#[test]
fn every_set_gives_the_bits_of_one_lane_and_so_of_every_other() {
    let grid = grid();
    for function in [Function::ExpNegative, Function::Sigmoid] {
        let mut first: Option<(Isa, Vec<f32>)> = None;
        for isa in Isa::available() {
            let rounding = Rounding::of(isa);
            let results = map(isa, function, &grid);
            for (&x, &found) in grid.iter().zip(&results) {
                let expected = match function {
                    Function::Sigmoid => rounding.sigmoid(x),
                    _ => rounding.exp_negative(x),
                };
                assert!(
                    found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                    "{isa}, {function:?}({x:e}): found {found:e}, expected {expected:e}"
                );
            }
            if !isa.is_fused() {
                continue;
            }
            match &first {
                None => first = Some((isa, results)),
                Some((other, expected)) => {
                    for ((&x, found), expected) in grid.iter().zip(&results).zip(expected) {
                        assert_eq!(
                            found.to_bits(),
                            expected.to_bits(),
                            "{isa} and {other}, {function:?}({x:e})"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn logarithms_and_cosines_are_those_of_the_system_or_their_neighbours() {
    let mut x = 1e-300;
    while x < 1e300 {
        let (found, expected) = (math::ln(x), f64::ln(x));
        assert!(
            (found - expected).abs() <= 4e-16 * expected.abs().max(0.5),
            "ln {x}: {found} {expected}"
        );
        x *= 1.001;
    }
    assert_eq!(math::ln(1.0), 0.0);
    assert_eq!(math::ln(f64::INFINITY), f64::INFINITY);
    assert_eq!(math::ln(0.0), f64::NEG_INFINITY);
    assert!(math::ln(f64::NAN).is_nan());
    for step in 0..=100_000 {
        let x = f64::from(step) / 1e5;
        let (found, expected) = (math::cos_pi(x), (std::f64::consts::PI * x).cos());
        assert!(
            (found - expected).abs() <= 4e-16,
            "cos pi {x}: {found} {expected}"
        );
    }
    assert_eq!([0.0, 0.5, 1.0].map(math::cos_pi), [1.0, 0.0, -1.0]);
}
