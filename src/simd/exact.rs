//! The same bits on every instruction set, with fused multiply-add or without.
#![expect(unsafe_code, reason = "memory accesses are handed on")]

use super::Vector;
use super::tiles::RegisterTiles;

/// A vector whose multiply-add is rounded twice: as a product and as a sum. `AT_ONCE` says that kernels are
/// compiled for an instruction that adds up dot products of pairs.
#[derive(Clone, Copy)]
pub(crate) struct Exact<V, const AT_ONCE: bool>(V);

macro_rules! hand_on {
    ($($method:ident),+) => {
        $(
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0))
            }
        )+
    };
}

impl<V: Vector, const AT_ONCE: bool> Vector for Exact<V, AT_ONCE> {
    type Token = V::Token;
    const LANES: usize = V::LANES;
    const TILES: RegisterTiles = V::TILES;

    hand_on!(add, sub, mul, div, max, min, shift_exponent);

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self.mul(factor).add(addend)
    }
    #[inline(always)]
    fn add_exact_product(self, factor: Self, addend: Self) -> Self {
        Self(self.0.mul_add(factor.0, addend.0))
    }
    #[inline(always)]
    fn splat(token: V::Token, value: f32) -> Self {
        Self(V::splat(token, value))
    }
    #[inline(always)]
    unsafe fn load(token: V::Token, source: *const f32) -> Self {
        // SAFETY: the caller keeps the same contract, here and below.
        Self(unsafe { V::load(token, source) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: as above.
        unsafe { self.0.store(target) }
    }
    #[inline(always)]
    unsafe fn transpose(token: V::Token, source: (*const f32, usize), target: (*mut f32, usize)) {
        // SAFETY: as above.
        unsafe { V::transpose(token, source, target) }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(self.0.select_greater(other.0, yes.0, no.0))
    }
    #[inline(always)]
    fn zero_below(self, token: V::Token, least: Self) -> Self {
        Self(self.0.zero_below(token, least.0))
    }
    #[inline(always)]
    fn prefetch(token: V::Token, source: *const u8) {
        V::prefetch(token, source);
    }
    #[inline(always)]
    unsafe fn non_zero_64(token: V::Token, source: *const u8) -> u64 {
        // SAFETY: as above.
        unsafe { V::non_zero_64(token, source) }
    }
    #[inline(always)]
    fn transpose_bits(token: V::Token, square: &mut [u64; 64]) {
        V::transpose_bits(token, square);
    }

    type Ints = V::Ints;

    #[inline(always)]
    fn splat_ints(token: V::Token, value: i32) -> V::Ints {
        V::splat_ints(token, value)
    }
    #[inline(always)]
    unsafe fn load_ints(token: V::Token, source: *const i32) -> V::Ints {
        // SAFETY: as above.
        unsafe { V::load_ints(token, source) }
    }
    #[inline(always)]
    unsafe fn store_ints(ints: V::Ints, target: *mut i32) {
        // SAFETY: as above.
        unsafe { V::store_ints(ints, target) }
    }
    #[inline(always)]
    fn add_dots(sum: V::Ints, a: V::Ints, b: V::Ints) -> V::Ints {
        match AT_ONCE {
            true => V::add_dots_at_once(sum, a, b),
            false => V::add_dots(sum, a, b),
        }
    }
    #[inline(always)]
    fn of_ints(ints: V::Ints) -> Self {
        Self(V::of_ints(ints))
    }
    #[inline(always)]
    fn round(self) -> V::Ints {
        self.0.round()
    }
    #[inline(always)]
    fn pair(lower: Self, upper: Self) -> V::Ints {
        V::pair(lower.0, upper.0)
    }
}
