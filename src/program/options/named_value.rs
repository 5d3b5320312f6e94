//! Options whose values have names: completions offer them, and for a mistyped one the nearest is told.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use fused_mlp::engine::Precision;
use fused_mlp::simd::IsaRequest;
use fused_mlp::training::Recipe;
use std::fmt::Debug;
use std::str::FromStr;

/// Instruction sets.
pub fn isa() -> impl TypedValueParser<Value = IsaRequest> {
    one_of(IsaRequest::ALL.map(IsaRequest::name))
}

/// Precisions.
pub fn precision() -> impl TypedValueParser<Value = Precision> {
    one_of(Precision::ALL.map(Precision::name))
}

/// Recipes.
pub fn recipe() -> impl TypedValueParser<Value = Recipe> {
    one_of(Recipe::ALL.map(Recipe::name))
}

fn one_of<T, const N: usize>(names: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Debug> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names)
        .map(|name| T::from_str(&name).expect("a type knows the names that it tells"))
}
