//! Every instruction set of this CPU against one lane of plain f32.

mod choice;
mod math;
mod operations;
mod scalar;
mod transpose;

pub(crate) use scalar::{Rounding, Scalar};
