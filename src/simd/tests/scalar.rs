//! What a vector must do, written for one lane.
#![expect(
    unsafe_code,
    reason = "the trait's loads and stores go through pointers"
)]

use crate::simd::tiles::RegisterTiles;
use crate::simd::{Isa, Kernel, Vector, exp_negative, sigmoid};

/// A vector of one lane. Its multiply-add is rounded once if `FUSED`, twice otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Scalar<const FUSED: bool>(pub f32);

impl<const FUSED: bool> Vector for Scalar<FUSED> {
    type Token = ();
    const LANES: usize = 1;
    const TILES: RegisterTiles = RegisterTiles {
        forward: 1,
        gradient: 1,
        integer_gradient: 1,
        dense_gradient: 0,
        dense_samples: 1,
        logits: 1,
        output_gradient: 1,
        hidden_delta: 1,
    };

    fn splat((): (), value: f32) -> Self {
        Self(value)
    }
    unsafe fn load((): (), source: *const f32) -> Self {
        // SAFETY: the caller vouches for one readable value.
        Self(unsafe { *source })
    }
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for one writable value.
        unsafe { *target = self.0 }
    }
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        if FUSED {
            Self(self.0.mul_add(factor.0, addend.0))
        } else {
            Self(self.0 * factor.0 + addend.0)
        }
    }
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
    fn div(self, other: Self) -> Self {
        Self(self.0 / other.0)
    }
    fn max(self, other: Self) -> Self {
        if self.0 > other.0 { self } else { other }
    }
    fn min(self, other: Self) -> Self {
        if self.0 < other.0 { self } else { other }
    }
    fn abs(self) -> Self {
        Self(f32::from_bits(self.0.to_bits() & 0x7fff_ffff))
    }
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        if self.0 > other.0 { yes } else { no }
    }
    fn shift_exponent(self, integer: Self) -> Self {
        let exponent = integer.0.to_bits() << 23;
        Self(f32::from_bits(self.0.to_bits().wrapping_add(exponent)))
    }

    type Ints = i32;

    fn splat_ints((): (), value: i32) -> i32 {
        value
    }
    unsafe fn load_ints((): (), source: *const i32) -> i32 {
        // SAFETY: the caller vouches for one readable value.
        unsafe { *source }
    }
    unsafe fn store_ints(ints: i32, target: *mut i32) {
        // SAFETY: the caller vouches for one writable value.
        unsafe { *target = ints }
    }
    fn add_dots(sum: i32, a: i32, b: i32) -> i32 {
        let products = (0..2).map(|i| halves(a)[i].wrapping_mul(halves(b)[i]));
        products.fold(sum, i32::wrapping_add)
    }
    fn of_ints(ints: i32) -> Self {
        Self(ints as f32)
    }
    fn round(self) -> i32 {
        match self.0.is_nan() {
            true => i32::MIN,
            false => self.0.round_ties_even() as i32,
        }
    }
    fn pair(lower: Self, upper: Self) -> i32 {
        whole([lower, upper].map(|it| it.round().clamp(i16::MIN.into(), i16::MAX.into())))
    }

    fn prefetch((): (), _: *const u8) {}
    unsafe fn non_zero_64((): (), source: *const u8) -> u64 {
        // SAFETY: the caller vouches for 64 readable bytes.
        let bit = |i: usize| u64::from(unsafe { *source.add(i) } != 0) << i;
        (0..64).map(bit).sum()
    }
}

/// The halves of an integer, the lower one first.
fn halves(pair: i32) -> [i32; 2] {
    [i32::from(pair as i16), pair >> 16]
}

fn whole([lower, upper]: [i32; 2]) -> i32 {
    lower & 0xffff | upper << 16
}

/// How often a multiply-add is rounded, and the scalar arithmetic that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// After the addition only.
    Once,
    /// After the multiplication too.
    Twice,
}

impl Rounding {
    /// That of an instruction set, found by trying.
    pub(crate) fn of(isa: Isa) -> Self {
        // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last term is lost when the product is rounded.
        let factor = 1.0 + 2f32.powi(-12);
        let addend = -1.0 - 2f32.powi(-11);
        let rounding = if isa.run(MulAdd(factor, addend)) == 0.0 {
            Self::Twice
        } else {
            Self::Once
        };
        assert!(
            rounding == Self::Once || !isa.is_fused(),
            "{isa} claims to round once"
        );
        rounding
    }

    /// a b + c.
    pub(crate) fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        match self {
            Self::Once => a.mul_add(b, c),
            Self::Twice => a * b + c,
        }
    }

    /// The engine's sigmoid on one lane.
    pub(crate) fn sigmoid(self, x: f32) -> f32 {
        match self {
            Self::Once => sigmoid((), Scalar::<true>(x)).0,
            Self::Twice => sigmoid((), Scalar::<false>(x)).0,
        }
    }

    /// The engine's exp(x) for x <= 0 on one lane.
    pub(crate) fn exp_negative(self, x: f32) -> f32 {
        match self {
            Self::Once => exp_negative((), Scalar::<true>(x)).0,
            Self::Twice => exp_negative((), Scalar::<false>(x)).0,
        }
    }
}

/// The square of a number plus another.
struct MulAdd(f32, f32);

impl Kernel for MulAdd {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) -> f32 {
        let factor = V::splat(token, self.0);
        let mut lanes = [0.0; crate::simd::MAX_LANES];
        let sum = factor.mul_add(factor, V::splat(token, self.1));
        // SAFETY: no vector has more than MAX_LANES lanes.
        unsafe { sum.store(lanes.as_mut_ptr()) };
        lanes[0]
    }
}
