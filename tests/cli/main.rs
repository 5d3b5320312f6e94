//! The program from outside: what it prints, what it leaves, how it fails.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assignment;
mod bench;
mod data;
mod eval;
mod failures;
mod profile;
mod race;
mod recipe;
mod signals;
mod support;
mod sweep;
mod target;
mod train;
