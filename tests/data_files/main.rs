//! Data sets on disk: what is accepted, and the exact error for each way of being wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod fixture;
mod compressed;
mod environment;
mod mutated;
mod plain;
mod refused;
