//! Portable tier on the `wide` crate: 8 lanes, on what the target has at compile time (SSE2 on
//! x86-64, NEON on aarch64).
#![expect(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use super::exact::Exact;
use super::math::ROUND;
use super::tiles::{self, RegisterTiles};
use super::{Kernel, Vector};
use wide::{f32x8, i16x16, i32x8, u8x16};

/// The portable tier needs no proof; the token gives it the shape of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable(());

impl Portable {
    pub(super) fn new() -> Self {
        Self(())
    }

    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run::<PortableVector>(self)
    }

    pub(super) fn run_exact<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run::<Exact<PortableVector, false>>(self)
    }
}

/// 8 lanes of f32 in as many registers as the target needs.
#[derive(Clone, Copy)]
pub(crate) struct PortableVector(f32x8);

impl Vector for PortableVector {
    type Token = Portable;
    const LANES: usize = 8;
    const TILES: RegisterTiles = tiles::PORTABLE;

    #[inline(always)]
    fn splat(_: Portable, value: f32) -> Self {
        Self(f32x8::splat(value))
    }
    #[inline(always)]
    unsafe fn load(_: Portable, source: *const f32) -> Self {
        // SAFETY: the caller vouches for 8 readable values; an array of f32 has the alignment of
        // one.
        Self(f32x8::new(unsafe { *source.cast::<[f32; 8]>() }))
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for 8 writable values.
        unsafe { *target.cast::<[f32; 8]>() = self.0.to_array() }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(self.0.mul_add(factor.0, addend.0))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.0 / other.0)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // That of x86 takes the second where one is NaN, as it must be; that of ARM takes NaN.
        match cfg!(target_arch = "x86_64") {
            true => Self(self.0.fast_max(other.0)),
            false => self.select_greater(other, self, other),
        }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        match cfg!(target_arch = "x86_64") {
            true => Self(self.0.fast_min(other.0)),
            false => other.select_greater(self, self, other),
        }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(select(self.0.simd_gt(other.0), yes.0, no.0))
    }
    #[inline(always)]
    fn shift_exponent(self, integer: Self) -> Self {
        let sum: i32x8 = bits(self.0) + (bits(integer.0) << 23);
        // SAFETY: both are 32 bytes, of which any are a value.
        Self(unsafe { std::mem::transmute::<i32x8, f32x8>(sum) })
    }

    // There is no portable instruction for it.
    #[inline(always)]
    fn prefetch(_: Portable, _: *const u8) {}
    #[inline(always)]
    unsafe fn non_zero_64(_: Portable, source: *const u8) -> u64 {
        let quarter = |part: usize| {
            // SAFETY: the caller vouches for 64 readable bytes.
            let bytes = u8x16::new(unsafe { *source.add(part * 16).cast::<[u8; 16]>() });
            u64::from(!bytes.simd_eq(u8x16::ZERO).to_bitmask() & 0xffff)
        };
        quarter(0) | quarter(1) << 16 | quarter(2) << 32 | quarter(3) << 48
    }

    type Ints = i32x8;

    #[inline(always)]
    fn splat_ints(_: Portable, value: i32) -> i32x8 {
        i32x8::splat(value)
    }
    #[inline(always)]
    unsafe fn load_ints(_: Portable, source: *const i32) -> i32x8 {
        // SAFETY: as `load`.
        i32x8::new(unsafe { *source.cast::<[i32; 8]>() })
    }
    #[inline(always)]
    unsafe fn store_ints(ints: i32x8, target: *mut i32) {
        // SAFETY: as `store`.
        unsafe { *target.cast::<[i32; 8]>() = ints.to_array() }
    }
    #[inline(always)]
    fn add_dots(sum: i32x8, a: i32x8, b: i32x8) -> i32x8 {
        sum + halves(a).dot(halves(b))
    }
    #[inline(always)]
    fn of_ints(ints: i32x8) -> Self {
        Self(f32x8::from_i32x8(ints))
    }
    #[inline(always)]
    fn round(self) -> i32x8 {
        // Of numbers that are larger, and of those that are none, the bits differ from those of ROUND by far more.
        bits(self.0 + f32x8::splat(ROUND)) - bits(f32x8::splat(ROUND))
    }
    #[inline(always)]
    fn pair(lower: Self, upper: Self) -> i32x8 {
        let (least, most) = (f32x8::splat(-32768.0), f32x8::splat(32767.0));
        let cut = |it: Self| bits(it.0.fast_max(least).fast_min(most) + f32x8::splat(ROUND));
        (cut(lower) & i32x8::splat(0xffff)) | (cut(upper) << 16)
    }
}

/// `yes` in the lanes of which all bits of `mask` are set, `no` where none is. That of [`wide`] is a function of its
/// own on some CPUs, and is not inlined here.
#[inline(always)]
fn select(mask: f32x8, yes: f32x8, no: f32x8) -> f32x8 {
    no ^ ((no ^ yes) & mask)
}

/// The bits of each lane.
#[inline(always)]
fn bits(vector: f32x8) -> i32x8 {
    // SAFETY: both are 32 bytes, of which any are a value.
    unsafe { std::mem::transmute(vector) }
}

/// The halves of 32-bit integers, the lower ones first.
#[inline(always)]
fn halves(ints: i32x8) -> i16x16 {
    // SAFETY: both are 32 bytes, of which any are a value.
    unsafe { std::mem::transmute(ints) }
}
