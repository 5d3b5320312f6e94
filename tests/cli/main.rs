//! The program from outside: what it prints, what it leaves, how it fails.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assignment;
mod bench;
mod config;
mod data;
mod disk;
mod eval;
mod failures;
mod interchange;
mod kills;
mod live;
mod load;
mod panics;
mod power;
mod predict;
mod profile;
mod race;
mod recipe;
mod report;
mod resume;
mod shell;
mod show;
mod signals;
mod stopping;
mod support;
mod sweep;
mod target;
mod train;
