//! Each operation, lane by lane.
#![expect(unsafe_code, reason = "vectors are loaded and stored")]

use super::{Rounding, Scalar};
use crate::random::{Purpose, Stream};
use crate::simd::{Isa, Kernel, MAX_LANES, Vector};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    MulAdd,
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Abs,
    SelectGreater,
    ZeroBelow,
    ShiftExponent,
}

impl Operation {
    const ALL: [Self; 11] = [
        Self::MulAdd,
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Max,
        Self::Min,
        Self::Abs,
        Self::SelectGreater,
        Self::ZeroBelow,
        Self::ShiftExponent,
    ];

    /// Whether the operation computes a new number, so that a NaN may have any bits. The others
    /// hand on the bits of an operand.
    fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Self::MulAdd | Self::Add | Self::Sub | Self::Mul | Self::Div
        )
    }
}

/// One operation on columns of operands, as many as the results.
struct Apply<'a> {
    operation: Operation,
    operands: &'a [Vec<f32>; 4],
    results: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        assert!(self.results.len().is_multiple_of(V::LANES));
        for operand in self.operands {
            assert_eq!(operand.len(), self.results.len());
        }
        for first in (0..self.results.len()).step_by(V::LANES) {
            // SAFETY: LANES values from `first` on are in bounds, checked above.
            unsafe {
                let load = |operand: &Vec<f32>| V::load(token, operand.as_ptr().add(first));
                let a = load(&self.operands[0]);
                let b = load(&self.operands[1]);
                let c = load(&self.operands[2]);
                let d = load(&self.operands[3]);
                let result = match self.operation {
                    Operation::MulAdd => a.mul_add(b, c),
                    Operation::Add => a.add(b),
                    Operation::Sub => a.sub(b),
                    Operation::Mul => a.mul(b),
                    Operation::Div => a.div(b),
                    Operation::Max => a.max(b),
                    Operation::Min => a.min(b),
                    Operation::Abs => a.abs(),
                    Operation::SelectGreater => a.select_greater(b, c, d),
                    Operation::ZeroBelow => a.zero_below(token, b),
                    Operation::ShiftExponent => a.shift_exponent(b),
                };
                result.store(self.results.as_mut_ptr().add(first));
            }
        }
    }
}

/// Every pair of numbers that are likely to be treated wrongly, then random numbers near 1 and
/// random bit patterns. The third and fourth column are random picks.
fn operands() -> [Vec<f32>; 4] {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        3.0,
        -87.3,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        -f32::MIN_POSITIVE,
        f32::from_bits(1),
        -f32::from_bits(0x007f_ffff),
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        -f32::NAN,
        f32::from_bits(0x7fc1_2345),
        1.0 + f32::EPSILON,
        1.0 - f32::EPSILON / 2.0,
        12_582_912.0,
        12_582_912.0 - 126.0,
        12_582_912.0 + 127.0,
        1e-30,
    ];
    let mut stream = Stream::new(1, Purpose::Initialisation);
    let mut columns: [Vec<f32>; 4] = Default::default();
    for a in special {
        for b in special {
            columns[0].push(a);
            columns[1].push(b);
            for column in &mut columns[2..] {
                column.push(special[stream.below(special.len() as u32) as usize]);
            }
        }
    }
    let specials = columns[0].len();
    for column in &mut columns {
        column.extend((0..20_000).map(|_| 2.0 * stream.uniform_signed()));
        column.extend((0..20_000).map(|_| {
            let (upper, lower) = (stream.below(1 << 16), stream.below(1 << 16));
            f32::from_bits(upper << 16 | lower)
        }));
        column.truncate(specials + 40_000 - specials % MAX_LANES);
    }
    assert!(columns[0].len().is_multiple_of(MAX_LANES));
    columns
}

#[test]
fn every_lane_of_every_operation_is_that_of_scalar_f32() {
    let operands = operands();
    let count = operands[0].len();
    for isa in Isa::available() {
        for operation in Operation::ALL {
            let mut expected = vec![0.0; count];
            let scalar = Apply {
                operation,
                operands: &operands,
                results: &mut expected,
            };
            match Rounding::of(isa) {
                Rounding::Once => scalar.run::<Scalar<true>>(()),
                Rounding::Twice => scalar.run::<Scalar<false>>(()),
            }
            let mut found = vec![f32::NAN; count];
            isa.run(Apply {
                operation,
                operands: &operands,
                results: &mut found,
            });
            for (index, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
                let same = found.to_bits() == expected.to_bits()
                    || operation.is_arithmetic() && found.is_nan() && expected.is_nan();
                let inputs = operands.each_ref().map(|column| column[index]);
                assert!(
                    same,
                    "{isa}, {operation:?}, {inputs:?}: found {found:e} ({:#x}), expected \
                     {expected:e} ({:#x})",
                    found.to_bits(),
                    expected.to_bits()
                );
            }
        }
    }
}

#[test]
fn the_fused_sets_are_fused() {
    for isa in Isa::available() {
        assert_eq!(isa.is_fused(), Rounding::of(isa) == Rounding::Once, "{isa}");
        assert_eq!(isa.is_fused(), Isa::is_name_of_fused(isa.name()), "{isa}");
    }
}

/// Applies one binary operation to two numbers in all lanes and returns the first.
fn on_two(isa: Isa, operation: Operation, a: f32, b: f32) -> f32 {
    let operands = [a, b, 1.0, 2.0].map(|value| vec![value; MAX_LANES]);
    let mut results = vec![0.0; MAX_LANES];
    isa.run(Apply {
        operation,
        operands: &operands,
        results: &mut results,
    });
    results[0]
}

/// The comparisons are written in the kernels so that NaN passes through; these are the rules that
/// they rely on.
#[test]
fn comparisons_with_nan_give_what_their_documentation_says() {
    for isa in Isa::available() {
        for operation in [Operation::Max, Operation::Min] {
            assert_eq!(on_two(isa, operation, f32::NAN, 3.0), 3.0, "{isa}");
            assert!(on_two(isa, operation, 3.0, f32::NAN).is_nan(), "{isa}");
        }
        assert_eq!(on_two(isa, Operation::Max, 3.0, 4.0), 4.0, "{isa}");
        assert_eq!(on_two(isa, Operation::Min, 3.0, 4.0), 3.0, "{isa}");
        let select = |a, b| on_two(isa, Operation::SelectGreater, a, b);
        assert_eq!(select(4.0, 3.0), 1.0, "{isa}");
        assert_eq!(select(3.0, 3.0), 2.0, "{isa}");
        assert_eq!(select(f32::NAN, 3.0), 2.0, "{isa}");
        assert_eq!(select(3.0, f32::NAN), 2.0, "{isa}");
    }
}

#[test]
fn shifting_the_exponent_multiplies_by_a_power_of_two() {
    for isa in Isa::available() {
        for power in -126..=127 {
            let integer = 12_582_912.0 + power as f32;
            let expected = 2f32.powi(power);
            let found = on_two(isa, Operation::ShiftExponent, 1.0, integer);
            assert_eq!(found.to_bits(), expected.to_bits(), "{isa}, 2^{power}");
            let found = on_two(isa, Operation::ShiftExponent, -1.25, integer);
            let expected = -1.25 * expected;
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{isa}, -1.25 * 2^{power}"
            );
        }
    }
}

/// Copies one vector, or fills one with a value.
struct Move<'a> {
    source: Option<&'a [f32]>,
    target: &'a mut [f32],
}

impl Kernel for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        assert!(self.target.len() >= V::LANES);
        let vector = match self.source {
            Some(source) => {
                assert!(source.len() >= V::LANES);
                // SAFETY: checked above.
                unsafe { V::load(token, source.as_ptr()) }
            }
            None => V::splat(token, 7.0),
        };
        // SAFETY: checked above.
        unsafe { vector.store(self.target.as_mut_ptr()) }
    }
}

#[test]
fn loads_and_stores_move_exactly_one_vector_in_order_at_any_alignment() {
    let source: Vec<f32> = (0..64).map(|number| number as f32).collect();
    for isa in Isa::available() {
        for from in 0..17 {
            for to in 0..17 {
                let mut target = vec![-1.0; 64];
                isa.run(Move {
                    source: Some(&source[from..]),
                    target: &mut target[to..],
                });
                for (index, &found) in target.iter().enumerate() {
                    let expected = match index.checked_sub(to) {
                        Some(lane) if lane < isa.lanes() => (from + lane) as f32,
                        _ => -1.0,
                    };
                    assert_eq!(found, expected, "{isa}, from {from}, to {to}, at {index}");
                }
            }
        }
    }
}

#[test]
fn splat_fills_every_lane() {
    for isa in Isa::available() {
        let mut target = vec![-1.0; 64];
        isa.run(Move {
            source: None,
            target: &mut target,
        });
        let (filled, rest) = target.split_at(isa.lanes());
        assert!(filled.iter().all(|&lane| lane == 7.0), "{isa}: {filled:?}");
        assert!(rest.iter().all(|&value| value == -1.0), "{isa}: {rest:?}");
    }
}

/// Nearest integers of a column, and pairs of them with those of another.
struct Integers<'a> {
    numbers: [&'a [f32]; 2],
    rounded: &'a mut [i32],
    pairs: &'a mut [i32],
}

impl Kernel for Integers<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let [lower, upper] = self.numbers;
        assert!(lower.len() == upper.len() && lower.len().is_multiple_of(V::LANES));
        assert!(self.rounded.len() == lower.len() && self.pairs.len() == lower.len());
        for first in (0..lower.len()).step_by(V::LANES) {
            // SAFETY: LANES values from `first` on are in bounds, checked above.
            unsafe {
                let lower = V::load(token, lower.as_ptr().add(first));
                let upper = V::load(token, upper.as_ptr().add(first));
                V::store_ints(lower.round(), self.rounded.as_mut_ptr().add(first));
                V::store_ints(V::pair(lower, upper), self.pairs.as_mut_ptr().add(first));
            }
        }
    }
}

#[test]
fn integers_are_the_nearest_and_what_does_not_fit_is_seen() {
    let largest = f32::from(i16::MAX);
    let mut numbers: Vec<f32> = [0.0, 0.5, 1.5, 2.5, 32_766.5, 32_767.5, 32_768.0, 32_768.5]
        .into_iter()
        .chain([
            65_535.0,
            65_536.0,
            1e6,
            4_194_303.5,
            4_194_304.0,
            12_582_912.0,
        ])
        .chain([
            16_777_216.0,
            2_147_483_648.0,
            1e20,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
        ])
        .flat_map(|number| [number, -number])
        .collect();
    let mut stream = Stream::new(1, Purpose::Initialisation);
    numbers.extend((numbers.len()..2000).map(|_| 1.2 * largest * stream.uniform_signed()));
    let others: Vec<f32> = numbers.iter().copied().cycle().skip(7).take(2000).collect();
    for isa in Isa::available() {
        let (mut rounded, mut pairs) = (vec![0; 2000], vec![0; 2000]);
        isa.run(Integers {
            numbers: [&numbers, &others],
            rounded: &mut rounded,
            pairs: &mut pairs,
        });
        for (index, &number) in numbers.iter().enumerate() {
            let found = rounded[index];
            let halves = [i32::from(pairs[index] as i16), pairs[index] >> 16];
            let nearest = number.round_ties_even();
            if nearest.abs() <= 4_194_304.0 {
                assert_eq!(found, nearest as i32, "{isa}, {number}");
            } else {
                assert!(found.unsigned_abs() > 1 << 16, "{isa}, {number}: {found}");
            }
            for (number, half) in [number, others[index]].into_iter().zip(halves) {
                if number.abs() <= 4_194_304.0 {
                    let cut = number.round_ties_even().clamp(-largest - 1.0, largest);
                    assert_eq!(half, cut as i32, "{isa}, {number}");
                }
            }
        }
    }
}
