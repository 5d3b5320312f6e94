//! AVX-512 (F, BW, DQ, VL): 16 lanes, 32 registers.
#![expect(
    unsafe_code,
    reason = "intrinsics, allowed by the token that proves their detection"
)]

use super::exact::Exact;
use super::tiles::{self, RegisterTiles};
use super::{Kernel, Vector, lines};
use std::arch::x86_64::*;

token!(
    /// Proof that this CPU has AVX-512 F, BW, DQ and VL, FMA, BMI1, BMI2 and POPCNT.
    Avx512,
    Avx512Vector,
    "avx512f", "avx512bw", "avx512dq", "avx512vl", "fma", "bmi1", "bmi2", "popcnt"
);

/// Proof that this CPU has AVX-512 VNNI, too: multiply-add of pairs of 16-bit integers in one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vnni(());

impl Vnni {
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx512vnni").then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, token: Avx512, kernel: K) -> K::Output {
        #[target_feature(
            enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,bmi1,bmi2,popcnt"
        )]
        fn shell<K: Kernel>(token: Avx512, kernel: K) -> K::Output {
            kernel.run::<Exact<Avx512Vector, true>>(token)
        }
        // SAFETY: both tokens exist only after `detect` has found these features.
        unsafe { shell(token, kernel) }
    }
}

/// 16 lanes of f32 in one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vector(__m512);

// Every block below: a vector or a token exists only where `detect` has found the instructions.
impl Vector for Avx512Vector {
    type Token = Avx512;
    const LANES: usize = 16;
    const TILES: RegisterTiles = tiles::AVX512;

    // For NaN the instructions `max` and `min` return their second operand.
    intrinsics!(Avx512: _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps,
        add: _mm512_add_ps, sub: _mm512_sub_ps, mul: _mm512_mul_ps, div: _mm512_div_ps,
        max: _mm512_max_ps, min: _mm512_min_ps);
    integer_intrinsics!(Avx512, __m512i: _mm512_set1_epi32, _mm512_loadu_si512, _mm512_storeu_si512,
        _mm512_madd_epi16, _mm512_add_epi32, _mm512_cvtepi32_ps, _mm512_cvtps_epi32, _mm512_packs_epi32, _mm512_shuffle_epi8);
    line_intrinsics!(Avx512);

    #[inline(always)]
    fn add_dots_at_once(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the caller is compiled for the instruction.
        unsafe { _mm512_dpwssd_epi32(sum, a, b) }
    }

    #[inline(always)]
    fn splat_from_register(_: Avx512, value: f32) -> Self {
        // SAFETY: the token proves detection.
        Self(unsafe { broadcast_register(value.to_bits()) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_abs_ps(self.0) })
    }
    // One instruction less than the two steps would be.
    #[inline(always)]
    fn zero_below(self, _: Avx512, least: Self) -> Self {
        // SAFETY: the token proves detection.
        Self(unsafe {
            let is_kept = _mm512_cmp_ps_mask::<_CMP_NGT_UQ>(least.0, self.abs().0);
            _mm512_maskz_mov_ps(is_kept, self.0)
        })
    }
    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe {
            _mm512_mask_blend_ps(
                _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0),
                no.0,
                yes.0,
            )
        })
    }
    #[inline(always)]
    fn shift_exponent(self, integer: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(integer.0));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self.0), exponent))
        })
    }

    #[inline(always)]
    unsafe fn non_zero_64(_: Avx512, source: *const u8) -> u64 {
        // SAFETY: the token proves detection; the caller vouches for 64 readable bytes.
        unsafe {
            let bytes = _mm512_loadu_si512(source.cast());
            _mm512_test_epi8_mask(bytes, bytes)
        }
    }

    // Columns 4 L + k of rows 4 i to 4 i + 3 are first put beside each other, in the quarter L of
    // vector 4 i + k; then the quarters change places.
    #[inline(always)]
    unsafe fn transpose(
        _: Avx512,
        (source, source_stride): (*const f32, usize),
        (target, target_stride): (*mut f32, usize),
    ) {
        // SAFETY: the token proves detection; the caller vouches for the rows.
        unsafe {
            let mut quarters = [_mm512_setzero_pd(); 16];
            for i in 0..4 {
                let rows: [__m512; 4] =
                    array_of!(r < 4 => _mm512_loadu_ps(source.add((4 * i + r) * source_stride)));
                let (upper, lower) = (pairs(rows[0], rows[1]), pairs(rows[2], rows[3]));
                quarters[4 * i] = _mm512_unpacklo_pd(upper.0, lower.0);
                quarters[4 * i + 1] = _mm512_unpackhi_pd(upper.0, lower.0);
                quarters[4 * i + 2] = _mm512_unpacklo_pd(upper.1, lower.1);
                quarters[4 * i + 3] = _mm512_unpackhi_pd(upper.1, lower.1);
            }
            for k in 0..4 {
                let [a, b, c, d] = array_of!(i < 4 => quarters[4 * i + k]);
                let even = [
                    _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b),
                    _mm512_shuffle_f64x2::<0b10_00_10_00>(c, d),
                ];
                let odd = [
                    _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b),
                    _mm512_shuffle_f64x2::<0b11_01_11_01>(c, d),
                ];
                let columns = [
                    _mm512_shuffle_f64x2::<0b10_00_10_00>(even[0], even[1]),
                    _mm512_shuffle_f64x2::<0b10_00_10_00>(odd[0], odd[1]),
                    _mm512_shuffle_f64x2::<0b11_01_11_01>(even[0], even[1]),
                    _mm512_shuffle_f64x2::<0b11_01_11_01>(odd[0], odd[1]),
                ];
                for (l, values) in columns.into_iter().enumerate() {
                    let column = target.add((4 * l + k) * target_stride);
                    _mm512_storeu_ps(column, _mm512_castpd_ps(values));
                }
            }
        }
    }

    // Rows 8 g to 8 g + 7 are in vector g, so rows 1, 2 or 4 apart are lanes of one vector, rows 8, 16
    // or 32 apart are in two. Bits that are as far apart in columns change places (H. S. Warren,
    // "Hacker's Delight", 2nd edition, section 7-3).
    #[inline(always)]
    fn transpose_bits(_: Avx512, square: &mut [u64; 64]) {
        let (chunks, _) = square.as_chunks_mut::<8>();
        // SAFETY: the token proves detection, and a chunk is as large as a vector.
        unsafe {
            let mut rows: [__m512i; 8] =
                array_of!(g < 8 => _mm512_loadu_si512(chunks[g].as_ptr().cast()));
            for row in &mut rows {
                let neighbour = _mm512_permutex_epi64::<0b10_11_00_01>(*row);
                *row = exchange_lanes(*row, neighbour, 1, 0x5555_5555_5555_5555);
                let neighbour = _mm512_permutex_epi64::<0b01_00_11_10>(*row);
                *row = exchange_lanes(*row, neighbour, 2, 0x3333_3333_3333_3333);
                let neighbour = _mm512_shuffle_i64x2::<0b01_00_11_10>(*row, *row);
                *row = exchange_lanes(*row, neighbour, 4, 0x0f0f_0f0f_0f0f_0f0f);
            }
            exchange_vectors::<1, 8>(&mut rows, 0x00ff_00ff_00ff_00ff);
            exchange_vectors::<2, 16>(&mut rows, 0x0000_ffff_0000_ffff);
            exchange_vectors::<4, 32>(&mut rows, 0x0000_0000_ffff_ffff);
            for g in 0..8 {
                _mm512_storeu_si512(chunks[g].as_mut_ptr().cast(), rows[g]);
            }
        }
    }
}

/// Pairs of neighbours in columns, of each quarter the first two and the last two.
///
/// # Safety
/// AVX-512 F must have been detected.
#[inline(always)]
unsafe fn pairs(a: __m512, b: __m512) -> (__m512d, __m512d) {
    // SAFETY: the caller vouches for detection.
    unsafe {
        let (low, high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        (_mm512_castps_pd(low), _mm512_castps_pd(high))
    }
}

/// Takes the bits outside `lower` of each word from the lower bits of its partner where the number of
/// the lane lacks `distance`, and those inside from the upper bits of the partner where it has it.
///
/// # Safety
/// AVX-512 F must have been detected.
#[inline(always)]
unsafe fn exchange_lanes(row: __m512i, partner: __m512i, distance: i64, lower: i64) -> __m512i {
    let (mut turns, mut kept) = ([distance; 8], [lower; 8]);
    for lane in 0..8 {
        if lane as i64 & distance != 0 {
            (turns[lane], kept[lane]) = (64 - distance, !lower);
        }
    }
    // SAFETY: the caller vouches for detection; the arrays are as large as a vector.
    unsafe {
        let turned = _mm512_rolv_epi64(partner, _mm512_loadu_si512(turns.as_ptr().cast()));
        select_bits(_mm512_loadu_si512(kept.as_ptr().cast()), row, turned)
    }
}

/// Exchanges the bits outside `lower` with those inside of the vector DISTANCE further on.
///
/// # Safety
/// AVX-512 F must have been detected.
#[inline(always)]
unsafe fn exchange_vectors<const DISTANCE: usize, const SHIFT: u32>(
    rows: &mut [__m512i; 8],
    lower: i64,
) {
    for i in 0..8 {
        if i & DISTANCE == 0 {
            let (left, right) = (rows[i], rows[i + DISTANCE]);
            // SAFETY: the caller vouches for detection.
            unsafe {
                let lower = _mm512_set1_epi64(lower);
                rows[i] = select_bits(lower, left, _mm512_slli_epi64::<SHIFT>(right));
                rows[i + DISTANCE] = select_bits(lower, _mm512_srli_epi64::<SHIFT>(left), right);
            }
        }
    }
}

/// Where the bytes of each quarter come from, so that its two halves of four words take turns.
///
/// # Safety
/// AVX-512 F must have been detected.
#[inline(always)]
unsafe fn alternate() -> __m512i {
    // SAFETY: the caller vouches for detection.
    unsafe {
        _mm512_broadcast_i32x4(_mm_setr_epi8(
            0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,
        ))
    }
}

/// Each bit from `yes` where `mask` has it, else from `no`.
///
/// # Safety
/// AVX-512 F must have been detected.
#[inline(always)]
unsafe fn select_bits(mask: __m512i, yes: __m512i, no: __m512i) -> __m512i {
    // SAFETY: the caller vouches for detection.
    unsafe { _mm512_ternarylogic_epi64::<0xCA>(mask, yes, no) }
}

/// The bits in each lane. On Zen 4 a broadcast from memory takes the ports of a whole vector's load, but
/// the load of a general register a port that vectors do not use. In assembly, because the
/// compiler merges the two again.
#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast_register(bits: u32) -> __m512 {
    let lanes;
    // SAFETY: the instruction reads one register and writes another.
    unsafe {
        std::arch::asm!(
            "vpbroadcastd {lanes}, {bits:e}",
            lanes = out(zmm_reg) lanes,
            bits = in(reg) bits,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    lanes
}
