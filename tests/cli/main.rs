//! The program from outside: what it prints, what it leaves, how it fails.
// The package of the crate has no data.
#![cfg(has_mnist)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adjustment;
mod assignment;
mod bench;
mod clock;
mod config;
mod data;
mod data_in_use;
mod disk;
mod eval;
mod failures;
mod files;
mod interchange;
mod kills;
mod live;
mod load;
mod panics;
mod parts;
mod power;
mod predict;
mod print_config;
mod profile;
mod race;
mod recipe;
mod report;
mod resume;
mod resume_believed;
mod set_aside;
mod shell;
mod show;
mod signals;
mod stopping;
mod support;
mod sweep;
mod target;
mod tensorboard;
mod train;
mod verify;
