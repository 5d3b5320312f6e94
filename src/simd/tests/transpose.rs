//! Transpositions against their definitions.
#![expect(unsafe_code, reason = "values are transposed through pointers")]

use crate::random::{Purpose, Stream};
use crate::simd::{Isa, Kernel, MAX_LANES, Vector};

/// Distances of the rows that are read and written.
const STRIDES: (usize, usize) = (MAX_LANES + 5, MAX_LANES + 3);

/// Transposes LANES x LANES values and returns LANES.
struct Transpose<'a> {
    source: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) -> usize {
        assert!(self.source.len() >= MAX_LANES * STRIDES.0);
        assert!(self.target.len() >= MAX_LANES * STRIDES.1);
        let source = (self.source.as_ptr(), STRIDES.0);
        // SAFETY: MAX_LANES rows of both strides are in bounds, checked above.
        unsafe { V::transpose(token, source, (self.target.as_mut_ptr(), STRIDES.1)) }
        V::LANES
    }
}

#[test]
fn rows_become_columns_and_nothing_else_is_written() {
    let source: Vec<f32> = (0..MAX_LANES * STRIDES.0).map(|i| i as f32).collect();
    for isa in Isa::available() {
        let mut target = vec![-1.0; MAX_LANES * STRIDES.1];
        let lanes = isa.run(Transpose {
            source: &source,
            target: &mut target,
        });
        for (place, &found) in target.iter().enumerate() {
            let (row, column) = (place / STRIDES.1, place % STRIDES.1);
            let expected = if row < lanes && column < lanes {
                source[column * STRIDES.0 + row]
            } else {
                -1.0
            };
            assert_eq!(found, expected, "{isa}, row {row}, column {column}");
        }
    }
}

struct TransposeBits<'a>(&'a mut [u64; 64]);

impl Kernel for TransposeBits<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        V::transpose_bits(token, self.0);
    }
}

#[test]
fn bit_j_of_word_i_becomes_bit_i_of_word_j() {
    let mut stream = Stream::new(3, Purpose::Initialisation);
    for isa in Isa::available() {
        for _ in 0..20 {
            let square: [u64; 64] = std::array::from_fn(|_| {
                u64::from(stream.below(u32::MAX)) << 32 | u64::from(stream.below(u32::MAX))
            });
            let mut found = square;
            isa.run(TransposeBits(&mut found));
            for (j, word) in found.iter().enumerate() {
                for (i, row) in square.iter().enumerate() {
                    assert_eq!(word >> i & 1, row >> j & 1, "{isa}, word {i}, bit {j}");
                }
            }
        }
    }
}
