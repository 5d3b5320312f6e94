//! Data sets on disk: what is accepted, and the exact error for each way of being wrong.

#[macro_use]
mod fixture;
mod compressed;
mod environment;
mod mutated;
mod plain;
mod refused;
