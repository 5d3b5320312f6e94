//! What kernels are generic over.

use super::bits;
use super::tiles::RegisterTiles;

/// Most lanes of any vector. Buffers are padded to it, so that each instruction set reads whole
/// vectors.
pub const MAX_LANES: usize = 16;

/// Lanes of f32 that take part in one operation.
///
/// A vector is made from a `Token`, which only [`Isa::select`](super::Isa::select) hands out after it has found the
/// instructions on this CPU; that is why every method but the memory accesses is safe.
pub trait Vector: Copy {
    /// Proof that this CPU has the instructions.
    type Token: Copy;
    /// Number of lanes.
    const LANES: usize;
    /// Sizes of its register tiles.
    const TILES: RegisterTiles;

    /// The same value in each lane.
    fn splat(token: Self::Token, value: f32) -> Self;
    /// The same, where loads are what a loop waits for: without a vector's worth of the load ports.
    #[inline(always)]
    fn splat_from_register(token: Self::Token, value: f32) -> Self {
        Self::splat(token, value)
    }
    /// Lane i = `source[i]`.
    ///
    /// # Safety
    /// `source` must be valid for reading `LANES` values. No alignment is needed.
    unsafe fn load(token: Self::Token, source: *const f32) -> Self;
    /// `target[i]` = lane i.
    ///
    /// # Safety
    /// `target` must be valid for writing `LANES` values. No alignment is needed.
    unsafe fn store(self, target: *mut f32);
    /// Transposes `LANES` rows of `LANES` values: value j of row i becomes value i of row j.
    ///
    /// # Safety
    /// `LANES` values must be readable at each of `LANES` multiples of `source_stride` from `source`
    /// on, and writable at those of `target_stride` from `target` on. The two must not overlap.
    #[inline(always)]
    unsafe fn transpose(
        _: Self::Token,
        (source, source_stride): (*const f32, usize),
        (target, target_stride): (*mut f32, usize),
    ) {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                // SAFETY: the caller vouches for it.
                unsafe { *target.add(j * target_stride + i) = *source.add(i * source_stride + j) }
            }
        }
    }
    /// `self * factor + addend`, rounded once where the instruction set can.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// `self * factor + addend` where the product is exact, so that it is the same however often it is rounded.
    #[inline(always)]
    fn add_exact_product(self, factor: Self, addend: Self) -> Self {
        self.mul_add(factor, addend)
    }
    /// Sum.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
    /// Product.
    fn mul(self, other: Self) -> Self;
    /// Quotient.
    fn div(self, other: Self) -> Self;
    /// The larger; `other` where either is NaN.
    fn max(self, other: Self) -> Self;
    /// The smaller; `other` where either is NaN.
    fn min(self, other: Self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// In each lane `yes` where `self > other`, else (and where either is NaN) `no`.
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self;
    /// `self`, but 0 where its absolute value is smaller than `least`; NaN stays.
    #[inline(always)]
    fn zero_below(self, token: Self::Token, least: Self) -> Self {
        least.select_greater(self.abs(), Self::splat(token, 0.0), self)
    }
    /// Adds the low 9 bits of `integer`'s bit pattern to the exponent of `self`: with
    /// `integer = n + 1.5 * 2^23`, `self * 2^n`, as long as the result is a normal number.
    fn shift_exponent(self, integer: Self) -> Self;

    /// As many integers of 32 bits as there are lanes, each of which may also be a pair of 16 bits, the lower
    /// half first.
    type Ints: Copy;
    /// The same integer in each lane.
    fn splat_ints(token: Self::Token, value: i32) -> Self::Ints;
    /// Lane i = `source[i]`.
    ///
    /// # Safety
    /// As [`load`](Self::load).
    unsafe fn load_ints(token: Self::Token, source: *const i32) -> Self::Ints;
    /// `target[i]` = lane i.
    ///
    /// # Safety
    /// As [`store`](Self::store).
    unsafe fn store_ints(ints: Self::Ints, target: *mut i32);
    /// In each lane sum + lower a * lower b + upper a * upper b; a sum beyond 32 bits wraps.
    fn add_dots(sum: Self::Ints, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// The same, in one instruction where there is one. Only a kernel that is compiled for that instruction
    /// may call it.
    #[inline(always)]
    fn add_dots_at_once(sum: Self::Ints, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        Self::add_dots(sum, a, b)
    }
    /// The nearest number of each integer, the even one of two.
    fn of_ints(ints: Self::Ints) -> Self;
    /// The nearest integer of each number, the even one of two. Where it does not fit 23 bits, one beyond 16 bits.
    fn round(self) -> Self::Ints;
    /// The nearest integers of two numbers as a pair, each cut to 16 bits. Where [`round`](Self::round) does not tell the
    /// nearest one, it may be any: a weight as large is seen, and made an integer anew.
    fn pair(lower: Self, upper: Self) -> Self::Ints;

    /// Asks for the cache line at `source`, which need not be readable, to be brought into L2.
    fn prefetch(token: Self::Token, source: *const u8);
    /// Bit i is set where byte i of 64 is not zero.
    ///
    /// # Safety
    /// `source` must be valid for reading 64 bytes.
    unsafe fn non_zero_64(token: Self::Token, source: *const u8) -> u64;
    /// Transposes 64 x 64 bits: bit j of word i becomes bit i of word j.
    #[inline(always)]
    fn transpose_bits(_: Self::Token, square: &mut [u64; 64]) {
        bits::transpose(square);
    }

    /// Pixel i of a line: the one at the place p = `along[i] + across + factor * field[i]`, in 1/64, by linear
    /// interpolation between the two beside it. Of the line those bytes count whose mask is 255; all others are 0.
    #[inline(always)]
    fn interpolate(
        _: Self::Token,
        (line, mask): (&[u8; 32], &[u8; 32]),
        (along, across, field, factor): (&[i16; 32], i16, &[i8; 32], i16),
    ) -> [u8; 32] {
        let mut pixels = [0; 34];
        for i in 0..32 {
            pixels[i + 1] = i32::from(line[i] & mask[i]);
        }
        if pixels == [0; 34] {
            return [0; 32];
        }
        array_of!(i < 32 => {
            let place = i32::from(along[i] + across + factor * i16::from(field[i]));
            // Beyond the line, both are one of the zeros at its ends.
            let (k, f) = ((place >> 6) + 1, place & 63);
            let (left, right) = (k.clamp(0, 33) as usize, (k + 1).clamp(0, 33) as usize);
            ((pixels[left] * (64 - f) + pixels[right] * f + 32) >> 6) as u8
        })
    }
    /// Byte j of row i becomes byte i of row j.
    #[inline(always)]
    fn transpose_tile(_: Self::Token, tile: &[[u8; 32]; 32]) -> [[u8; 32]; 32] {
        array_of!(i < 32 => array_of!(j < 32 => tile[j][i]))
    }
}

/// A hot loop that can be instantiated for each instruction set.
pub trait Kernel {
    /// What the loop returns.
    type Output;
    /// Runs the loop. Implementations are `#[inline(always)]`, and so is all they call, so that
    /// they are compiled for the instruction set of the caller.
    fn run<V: Vector>(self, token: V::Token) -> Self::Output;
}
