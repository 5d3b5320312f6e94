//! Numbers that the first layer computes with.

use std::fmt;
use std::str::FromStr;

/// Numbers that the first layer computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// f32, with fused multiply-add where the instruction set has it.
    #[default]
    F32,
    /// Inputs are bytes; weights and deltas are 16-bit integers with a scale for each unit, whose products are
    /// added up exactly in 32 bits; all else is f32 without fused multiply-add. So every instruction set gives
    /// the same bits. Parameters and velocities stay f32.
    Int16,
}

impl Precision {
    /// Both, in the order in which they are documented.
    pub const ALL: [Self; 2] = [Self::F32, Self::Int16];

    /// Name used in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int16 => "int16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No precision has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no precision is called {found:?}; expected f32 or int16")]
pub struct UnknownPrecision {
    /// What was given.
    pub found: String,
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        let mut all = Self::ALL.into_iter();
        all.find(|precision| precision.name() == text)
            .ok_or_else(|| UnknownPrecision {
                found: text.to_owned(),
            })
    }
}
