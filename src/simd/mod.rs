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
//! portable set rounds twice where it has no fused multiply-add, so it is close, not equal. Kernels that are
//! run `Isa::exact` round twice everywhere, and give the same bits on all.

#![expect(unsafe_code, reason = "vectors are loaded and stored through pointers")]

#[macro_use]
mod array_of;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod x86;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bits;
pub(crate) mod environment;
mod exact;
#[cfg(target_arch = "x86_64")]
mod lines;
pub(crate) mod math;
mod portable;
pub(crate) mod tiles;
pub(crate) mod vector;

pub(crate) use math::{exp_negative, sigmoid};
pub(crate) use vector::{Kernel, MAX_LANES, Vector};

use std::fmt;
use std::str::FromStr;

/// Environment variable that chooses the instruction set where no option does.
pub const ISA_VARIABLE: &str = "FUSED_MLP_ISA";

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
            Self::Portable if cfg!(target_arch = "aarch64") => "neon",
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
    #[error(
        "no instruction set is called {found:?}; expected auto, avx512, avx2 or {}",
        IsaRequest::Portable.name()
    )]
    Unknown {
        /// What was given.
        found: String,
    },
}

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa {
    level: Level,
    /// Whether multiply-add is rounded twice on every set.
    is_exact: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512, Option<avx512::Vnni>),
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
            let vnni = avx512::Vnni::detect();
            found.extend(avx512::Avx512::detect().map(|token| Level::Avx512(token, vnni)));
            found.extend(avx2::Avx2::detect().map(Level::Avx2));
        }
        found.push(Level::Portable(portable::Portable::new()));
        let of_level = |level| Self {
            level,
            is_exact: false,
        };
        found.into_iter().map(of_level).collect()
    }

    /// The same set for kernels whose bits are the same on all: [`Kernel`]s round multiply-adds twice.
    pub(crate) fn exact(self) -> Self {
        Self {
            is_exact: true,
            ..self
        }
    }

    /// The same set without the instructions for dot products that only some of its CPUs have.
    #[cfg(test)]
    pub(crate) fn without_dots(self) -> Self {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(token, _) => Self {
                level: Level::Avx512(token, None),
                ..self
            },
            _ => self,
        }
    }

    /// The instruction set asked for.
    ///
    /// # Errors
    /// [`IsaError::Absent`] if this CPU has it not: nothing is replaced silently.
    pub fn select(request: IsaRequest) -> Result<Self, IsaError> {
        let available = Self::available();
        let wanted = |isa: &&Self| request == IsaRequest::Auto || isa.request() == request;
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

    /// `avx512`, `avx2` or `portable`; in place of the last `neon` on aarch64, and `portable-fma` where the
    /// program is built for CPUs that have fused multiply-add.
    pub fn name(self) -> &'static str {
        match self.request() {
            IsaRequest::Portable if cfg!(target_feature = "fma") => "portable-fma",
            request => request.name(),
        }
    }

    /// Whether the set of this name gives the bits of every other one of which this is true.
    /// See [`Self::is_fused`].
    pub fn is_name_of_fused(name: &str) -> bool {
        name != "portable"
    }

    /// What asks for this set alone.
    fn request(self) -> IsaRequest {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(..) => IsaRequest::Avx512,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => IsaRequest::Avx2,
            Level::Portable(_) => IsaRequest::Portable,
        }
    }

    /// Number of f32 in a vector.
    pub fn lanes(self) -> usize {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(..) => <avx512::Avx512Vector as Vector>::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => <avx2::Avx2Vector as Vector>::LANES,
            Level::Portable(_) => <portable::PortableVector as Vector>::LANES,
        }
    }

    /// Sizes of the register tiles.
    pub(crate) fn tiles(self) -> tiles::RegisterTiles {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(..) => <avx512::Avx512Vector as Vector>::TILES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => <avx2::Avx2Vector as Vector>::TILES,
            Level::Portable(_) => <portable::PortableVector as Vector>::TILES,
        }
    }

    /// Whether multiply-add is rounded once, so that results are equal to those of every other
    /// instruction set of which this is true.
    pub fn is_fused(self) -> bool {
        match self.level {
            Level::Portable(_) => cfg!(any(target_feature = "fma", target_arch = "aarch64")),
            #[cfg(target_arch = "x86_64")]
            _ => true,
        }
    }

    /// Runs `kernel` compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.is_exact {
            false => self.run_rounding_once(kernel),
            true => self.run_exact(kernel),
        }
    }

    /// The same for a kernel that is always run exact: it is not compiled otherwise.
    #[inline]
    pub(crate) fn run_exact<K: Kernel>(self, kernel: K) -> K::Output {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(token, _) => token.run_exact(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(token) => token.run_exact(kernel),
            Level::Portable(token) => token.run_exact(kernel),
        }
    }

    /// The same for a kernel that is never run exact, or has no multiply-add, so that its bits are the same.
    #[inline]
    pub(crate) fn run_rounding_once<K: Kernel>(self, kernel: K) -> K::Output {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(token, _) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(token) => token.run(kernel),
            Level::Portable(token) => token.run(kernel),
        }
    }

    /// The same for a kernel of dot products of integers, which is always run exact.
    #[inline]
    pub(crate) fn run_integers<K: Kernel>(self, kernel: K) -> K::Output {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(token, Some(vnni)) => vnni.run(token, kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(token, None) => token.run_exact(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(token) => token.run_exact(kernel),
            Level::Portable(token) => token.run_exact(kernel),
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
