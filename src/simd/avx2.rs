//! AVX2 and FMA: 8 lanes, 16 registers.
#![expect(
    unsafe_code,
    reason = "intrinsics, allowed by the token that proves their detection"
)]

use super::exact::Exact;
use super::tiles::{self, RegisterTiles};
use super::{Kernel, Vector, lines};
use std::arch::x86_64::*;

token!(
    /// Proof that this CPU has AVX2, FMA, BMI1, BMI2 and POPCNT.
    Avx2,
    Avx2Vector,
    "avx2", "fma", "bmi1", "bmi2", "popcnt"
);

/// 8 lanes of f32 in one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Vector(__m256);

// Every block below: a vector or a token exists only where `detect` has found the instructions.
impl Vector for Avx2Vector {
    type Token = Avx2;
    const LANES: usize = 8;
    const TILES: RegisterTiles = tiles::AVX2;

    // For NaN the instructions `max` and `min` return their second operand.
    intrinsics!(Avx2: _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps,
        add: _mm256_add_ps, sub: _mm256_sub_ps, mul: _mm256_mul_ps, div: _mm256_div_ps,
        max: _mm256_max_ps, min: _mm256_min_ps);
    integer_intrinsics!(Avx2, __m256i: _mm256_set1_epi32, _mm256_loadu_si256, _mm256_storeu_si256,
        _mm256_madd_epi16, _mm256_add_epi32, _mm256_cvtepi32_ps, _mm256_cvtps_epi32, _mm256_packs_epi32, _mm256_shuffle_epi8);
    line_intrinsics!(Avx2);

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0)) })
    }
    #[inline(always)]
    fn shift_exponent(self, integer: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(integer.0));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), exponent))
        })
    }

    #[inline(always)]
    unsafe fn non_zero_64(_: Avx2, source: *const u8) -> u64 {
        // SAFETY: the token proves detection; the caller vouches for 64 readable bytes.
        let [lower, upper] = unsafe {
            let zero = _mm256_setzero_si256();
            array_of!(part < 2 => {
                let bytes = _mm256_loadu_si256(source.add(part * 32).cast());
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, zero))
            })
        };
        u64::from(!lower as u32) | u64::from(!upper as u32) << 32
    }

    // As with AVX-512, with halves in place of quarters.
    #[inline(always)]
    unsafe fn transpose(
        _: Avx2,
        (source, source_stride): (*const f32, usize),
        (target, target_stride): (*mut f32, usize),
    ) {
        // SAFETY: the token proves detection; the caller vouches for the rows.
        unsafe {
            let mut halves = [_mm256_setzero_pd(); 8];
            for i in 0..2 {
                let rows: [__m256; 4] =
                    array_of!(r < 4 => _mm256_loadu_ps(source.add((4 * i + r) * source_stride)));
                let (upper, lower) = (pairs(rows[0], rows[1]), pairs(rows[2], rows[3]));
                halves[4 * i] = _mm256_unpacklo_pd(upper.0, lower.0);
                halves[4 * i + 1] = _mm256_unpackhi_pd(upper.0, lower.0);
                halves[4 * i + 2] = _mm256_unpacklo_pd(upper.1, lower.1);
                halves[4 * i + 3] = _mm256_unpackhi_pd(upper.1, lower.1);
            }
            for k in 0..4 {
                let (a, b) = (halves[k], halves[4 + k]);
                let columns = [
                    _mm256_permute2f128_pd::<0x20>(a, b),
                    _mm256_permute2f128_pd::<0x31>(a, b),
                ];
                for (l, values) in columns.into_iter().enumerate() {
                    let column = target.add((4 * l + k) * target_stride);
                    _mm256_storeu_ps(column, _mm256_castpd_ps(values));
                }
            }
        }
    }
}

/// Where the bytes of each half of the register come from, so that its two halves of four words take turns.
///
/// # Safety
/// AVX2 must have been detected.
#[inline(always)]
unsafe fn alternate() -> __m256i {
    // SAFETY: the caller vouches for detection.
    unsafe {
        _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,
        ))
    }
}

/// Pairs of neighbours in columns, of each half the first two and the last two.
///
/// # Safety
/// AVX2 must have been detected.
#[inline(always)]
unsafe fn pairs(a: __m256, b: __m256) -> (__m256d, __m256d) {
    // SAFETY: the caller vouches for detection.
    unsafe {
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        (_mm256_castps_pd(low), _mm256_castps_pd(high))
    }
}
