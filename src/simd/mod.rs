//! Vectors of f32 for each instruction set, and the choice of the set when the program starts.
//!
//! A hot loop is written once, generic over the vectors, and instantiated for each instruction set inside a
//! function that is compiled for that set, so a default build uses AVX-512 where the CPU has it and still
//! starts where it has not.
//!
//! An [`Isa`] can only be had from [`Isa::select`], which asks the CPU. Holding one is the proof
//! that its instructions may be executed.
//!
//! The two sets with fused multiply-add give the same bits as each other and as a scalar loop of
//! `f32::mul_add`: every operation is one correctly rounded IEEE 754 operation on each lane. The
//! portable set rounds twice where it has no fused multiply-add, so it is close, not equal.

#![expect(unsafe_code, reason = "vectors are loaded and stored through pointers")]

#[macro_use]
mod array_of;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bits;
pub(crate) mod math;
mod portable;
pub(crate) mod tiles;

pub(crate) use math::{exp_negative, sigmoid};

use std::fmt;
use std::str::FromStr;
use tiles::RegisterTiles;

/// Environment variable that chooses the instruction set where no option does.
pub const ISA_VARIABLE: &str = "FUSED_MLP_ISA";

/// Most lanes of any vector. Buffers are padded to it, so that each instruction set reads whole
/// vectors.
pub(crate) const MAX_LANES: usize = 16;

/// Lanes of f32 that take part in one operation.
///
/// A vector is made from a `Token`, which only [`Isa::select`] hands out after it has found the
/// instructions on this CPU; that is why every method but the memory accesses is safe.
pub(crate) trait Vector: Copy {
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
    /// Adds the low 9 bits of `integer`'s bit pattern to the exponent of `self`: with
    /// `integer = n + 1.5 * 2^23`, `self * 2^n`, as long as the result is a normal number.
    fn shift_exponent(self, integer: Self) -> Self;

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
}

/// A hot loop that can be instantiated for each instruction set.
pub(crate) trait Kernel {
    /// What the loop returns.
    type Output;
    /// Runs the loop. Implementations are `#[inline(always)]`, and so is all they call, so that
    /// they are compiled for the instruction set of the caller.
    fn run<V: Vector>(self, token: V::Token) -> Self::Output;
}

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsaRequest {
    /// The best that this CPU has.
    #[default]
    Auto,
    /// AVX-512 (F, BW, DQ, VL), 16 lanes.
    Avx512,
    /// AVX2 and FMA, 8 lanes.
    Avx2,
    /// What every CPU of this architecture has, 8 lanes; rounding differs where that is no fused
    /// multiply-add.
    Portable,
}

impl IsaRequest {
    /// All requests, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Avx512, Self::Avx2, Self::Portable];

    /// Name used in options, in [`ISA_VARIABLE`] and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

impl FromStr for IsaRequest {
    type Err = IsaError;

    fn from_str(text: &str) -> Result<Self, IsaError> {
        Self::ALL
            .into_iter()
            .find(|request| request.name() == text)
            .ok_or_else(|| IsaError::Unknown {
                found: text.to_owned(),
            })
    }
}

/// Why an instruction set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IsaError {
    /// The CPU lacks it.
    #[error(
        "instruction set {requested} was asked for, but this CPU has only: {available}; use --isa auto"
    )]
    Absent {
        /// What was asked for.
        requested: &'static str,
        /// What there is, best first.
        available: String,
    },
    /// No such name.
    #[error("no instruction set is called {found:?}; expected auto, avx512, avx2 or portable")]
    Unknown {
        /// What was given.
        found: String,
    },
}

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    Portable(portable::Portable),
}

impl Isa {
    /// The instruction sets of this CPU, best first. The portable set is always among them.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(avx512::Avx512::detect().map(|token| Self(Level::Avx512(token))));
            found.extend(avx2::Avx2::detect().map(|token| Self(Level::Avx2(token))));
        }
        found.push(Self(Level::Portable(portable::Portable::new())));
        found
    }

    /// The instruction set asked for.
    ///
    /// # Errors
    /// [`IsaError::Absent`] if this CPU has it not: nothing is replaced silently.
    pub fn select(request: IsaRequest) -> Result<Self, IsaError> {
        let available = Self::available();
        let wanted = |isa: &&Self| request == IsaRequest::Auto || isa.name() == request.name();
        available
            .iter()
            .find(wanted)
            .copied()
            .ok_or_else(|| IsaError::Absent {
                requested: request.name(),
                available: available
                    .iter()
                    .map(|isa| isa.name())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// The request made by [`ISA_VARIABLE`], `Auto` where it is not set or empty.
    ///
    /// # Errors
    /// [`IsaError::Unknown`] if the variable holds no name of an instruction set.
    pub fn requested_by_environment() -> Result<IsaRequest, IsaError> {
        match std::env::var_os(ISA_VARIABLE) {
            Some(value) if !value.is_empty() => value.to_string_lossy().parse(),
            _ => Ok(IsaRequest::Auto),
        }
    }

    /// `avx512`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => IsaRequest::Avx512.name(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => IsaRequest::Avx2.name(),
            Level::Portable(_) => IsaRequest::Portable.name(),
        }
    }

    /// Number of f32 in a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => <avx512::Avx512Vector as Vector>::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => <avx2::Avx2Vector as Vector>::LANES,
            Level::Portable(_) => <portable::PortableVector as Vector>::LANES,
        }
    }

    /// Sizes of the register tiles.
    pub(crate) fn tiles(self) -> RegisterTiles {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => <avx512::Avx512Vector as Vector>::TILES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => <avx2::Avx2Vector as Vector>::TILES,
            Level::Portable(_) => <portable::PortableVector as Vector>::TILES,
        }
    }

    /// Whether multiply-add is rounded once, so that results are equal to those of every other
    /// instruction set of which this is true.
    pub fn is_fused(self) -> bool {
        match self.0 {
            Level::Portable(_) => cfg!(target_feature = "fma"),
            #[cfg(target_arch = "x86_64")]
            _ => true,
        }
    }

    /// Runs `kernel` compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(token) => token.run(kernel),
            Level::Portable(token) => token.run(kernel),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
pub(crate) mod tests;
