//! Guarded buffers and comparisons.

use crate::random::Stream;
use crate::simd::Isa;
use crate::simd::tests::Rounding;
use std::fmt::Debug;

/// Elements before and after a guarded buffer: more than two rows of any size, so that a row too
/// many falls on them, and odd, so that the vectors in the buffer are not aligned.
const GUARD: usize = 1037;
/// Elements that a kernel is given but should not need.
const BEYOND: usize = 19;

/// What a buffer holds where nothing was written.
pub(super) trait Element: Copy {
    const SENTINEL: Self;
    fn is_sentinel(self) -> bool;
}

impl Element for f32 {
    // A NaN, so that a kernel which reads it gives NaN.
    const SENTINEL: Self = f32::from_bits(0x7fc5_a5a5);
    fn is_sentinel(self) -> bool {
        self.to_bits() == Self::SENTINEL.to_bits()
    }
}

impl Element for u8 {
    const SENTINEL: Self = 0xa5;
    fn is_sentinel(self) -> bool {
        self == Self::SENTINEL
    }
}

impl Element for u64 {
    const SENTINEL: Self = 0xa5a5_a5a5_a5a5_a5a5;
    fn is_sentinel(self) -> bool {
        self == Self::SENTINEL
    }
}

/// A buffer that a kernel may write, between elements that it may not.
pub(super) struct Guarded<T> {
    memory: Vec<T>,
    len: usize,
    beyond: usize,
}

impl<T: Element> Guarded<T> {
    /// `len` sentinels to be overwritten; the kernel is given some more, which it must leave.
    pub(super) fn poisoned(len: usize) -> Self {
        Self {
            memory: vec![T::SENTINEL; GUARD + len + BEYOND + GUARD],
            len,
            beyond: BEYOND,
        }
    }

    /// As [`poisoned`](Self::poisoned), with values to start from.
    pub(super) fn holding(values: &[T]) -> Self {
        let mut buffer = Self::poisoned(values.len());
        buffer.slice()[..values.len()].copy_from_slice(values);
        buffer
    }

    /// For kernels that want exactly as many elements as they write.
    pub(super) fn exact(self) -> Self {
        Self { beyond: 0, ..self }
    }

    /// What the kernel is given.
    pub(super) fn slice(&mut self) -> &mut [T] {
        &mut self.memory[GUARD..][..self.len + self.beyond]
    }

    /// What it should have written.
    pub(super) fn values(&self) -> &[T] {
        &self.memory[GUARD..][..self.len]
    }

    /// [`values`](Self::values), after a look at the guards.
    pub(super) fn checked(&self, at: &dyn Debug, name: &str) -> &[T] {
        let (before, rest) = self.memory.split_at(GUARD);
        let after = &rest[self.len..];
        let written_before = before.iter().rev().position(|x| !x.is_sentinel());
        let written_after = after.iter().position(|x| !x.is_sentinel());
        assert!(
            written_before.is_none() && written_after.is_none(),
            "{at:?}: {name} was written outside of its {} elements, {written_before:?} before \
             its start or {written_after:?} after its end",
            self.len
        );
        self.values()
    }
}

/// Random numbers on ±`bound`.
pub(super) fn random(stream: &mut Stream, count: usize, bound: f32) -> Vec<f32> {
    (0..count)
        .map(|_| bound * stream.uniform_signed())
        .collect()
}

/// Rows of `width` numbers as rows of `stride`, with NaN in between.
pub(super) fn pad(values: &[f32], width: usize, stride: usize) -> Vec<f32> {
    let mut padded = vec![f32::SENTINEL; values.len() / width * stride];
    for (row, values) in padded
        .chunks_exact_mut(stride)
        .zip(values.chunks_exact(width))
    {
        row[..width].copy_from_slice(values);
    }
    padded
}

/// The first `width` of every `stride` numbers.
pub(super) fn unpad(padded: &[f32], width: usize, stride: usize) -> Vec<f32> {
    let rows = padded.chunks_exact(stride);
    rows.flat_map(|row| &row[..width]).copied().collect()
}

pub(super) fn transposed<T: Copy>(values: &[T], width: usize) -> Vec<T> {
    let column = |column: usize| values.iter().skip(column).step_by(width).copied();
    (0..width).flat_map(column).collect()
}

pub(super) fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// A result, without padding.
pub(super) struct Matrix {
    pub name: &'static str,
    pub width: usize,
    pub values: Vec<f32>,
}

impl Matrix {
    pub(super) fn new(name: &'static str, width: usize, values: Vec<f32>) -> Self {
        Self {
            name,
            width,
            values,
        }
    }

    /// Where an element is, for messages.
    fn place(&self, index: usize) -> String {
        let (row, column) = (index / self.width, index % self.width);
        format!("{}[{row}][{column}]", self.name)
    }
}

/// A number in f64, and how far rounding may take f32 from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub value: f64,
    pub tolerance: f64,
}

pub(super) const EPSILON: f64 = f32::EPSILON as f64;

/// Largest error of a sum of products, from the number of products and the sum of their absolute
/// values. Each term and each addition is rounded, by half of [`EPSILON`] at most.
pub(super) fn sum_error(terms: usize, magnitude: f64) -> f64 {
    (terms + 4) as f64 * EPSILON * magnitude
}

/// Asserts that two numbers have the same bits and are not NaN.
pub(super) fn assert_same(at: &dyn Debug, found: &Matrix, expected: &Matrix) {
    assert_eq!(found.name, expected.name, "{at:?}");
    assert_eq!(
        found.values.len(),
        expected.values.len(),
        "{at:?}, {}",
        found.name
    );
    for (index, (&x, &y)) in found.values.iter().zip(&expected.values).enumerate() {
        assert!(
            x.to_bits() == y.to_bits() && !x.is_nan(),
            "{at:?}, {}: found {x:e} ({:#x}), expected {y:e} ({:#x})",
            found.place(index),
            x.to_bits(),
            y.to_bits()
        );
    }
}

/// Asserts that numbers are within their tolerance; NaN fails.
pub(super) fn assert_near(at: &dyn Debug, found: &Matrix, expected: &[Near]) {
    assert_eq!(found.values.len(), expected.len(), "{at:?}, {}", found.name);
    for (index, (&x, near)) in found.values.iter().zip(expected).enumerate() {
        let difference = (f64::from(x) - near.value).abs();
        assert!(
            difference <= near.tolerance,
            "{at:?}, {}: found {x:e}, expected {:e}, difference {difference:e}, tolerance {:e}",
            found.place(index),
            near.value,
            near.tolerance
        );
    }
}

/// Runs a kernel on every instruction set. Its results must be those of a scalar loop, bit for bit,
/// those of every other set with fused multiply-add, and near those of the formula.
pub(super) fn check(
    kernel: &str,
    case: &impl Debug,
    run: impl Fn(Isa) -> Vec<Matrix>,
    by_loop: impl Fn(Rounding) -> Vec<Matrix>,
    formula: &[Vec<Near>],
) {
    let once = by_loop(Rounding::Once);
    let mut twice = None;
    let mut fused: Option<(Isa, Vec<Matrix>)> = None;
    for isa in Isa::available() {
        let at = (isa.name(), kernel, case);
        let found = run(isa);
        assert_eq!(found.len(), formula.len(), "{at:?}");
        for (found, formula) in found.iter().zip(formula) {
            assert_near(&at, found, formula);
        }
        let expected = match Rounding::of(isa) {
            Rounding::Once => &once,
            Rounding::Twice => twice.get_or_insert_with(|| by_loop(Rounding::Twice)),
        };
        assert_eq!(found.len(), expected.len(), "{at:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert_same(&at, found, expected);
        }
        if !isa.is_fused() {
            continue;
        }
        match &fused {
            None => fused = Some((isa, found)),
            Some((other, expected)) => {
                let at = (isa.name(), "against", other.name(), kernel, case);
                for (found, expected) in found.iter().zip(expected) {
                    assert_same(&at, found, expected);
                }
            }
        }
    }
}
