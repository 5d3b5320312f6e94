//! AVX-512 (F, BW, DQ, VL): 16 lanes, 32 registers.
#![expect(
    unsafe_code,
    reason = "intrinsics, allowed by the token that proves their detection"
)]

use super::tiles::{self, RegisterTiles};
use super::{Kernel, Vector};
use std::arch::x86_64::*;

/// Proof that this CPU has AVX-512 F, BW, DQ and VL, FMA, BMI1, BMI2 and POPCNT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        found.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,bmi1,bmi2,popcnt")]
        fn shell<K: Kernel>(token: Avx512, kernel: K) -> K::Output {
            kernel.run::<Avx512Vector>(token)
        }
        // SAFETY: `self` exists only after `detect` has found these features.
        unsafe { shell(self, kernel) }
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

    #[inline(always)]
    fn splat(_: Avx512, value: f32) -> Self {
        // SAFETY: the token proves detection.
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn load(_: Avx512, source: *const f32) -> Self {
        // SAFETY: the token proves detection; the caller vouches for 16 readable values.
        Self(unsafe { _mm512_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: `self` proves detection; the caller vouches for 16 writable values.
        unsafe { _mm512_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: `self` proves detection. The instruction returns its second operand for NaN.
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: `self` proves detection. The instruction returns its second operand for NaN.
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: `self` proves detection.
        Self(unsafe { _mm512_abs_ps(self.0) })
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
    fn prefetch(_: Avx512, source: *const u8) {
        // SAFETY: any address may be asked for.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(source.cast()) }
    }
    #[inline(always)]
    unsafe fn non_zero_64(_: Avx512, source: *const u8) -> u64 {
        // SAFETY: the token proves detection; the caller vouches for 64 readable bytes.
        unsafe {
            let bytes = _mm512_loadu_si512(source.cast());
            _mm512_test_epi8_mask(bytes, bytes)
        }
    }
}
