//! The library from outside: what it promises its users, and what always holds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backends;
mod coarse;
mod data_files;
mod engine;
#[cfg(feature = "image")]
mod image;
// The package of the crate has no data.
#[cfg(has_mnist)]
mod mnist;
mod reference;
mod surface;
mod usage;
