//! What the repository promises of itself: the order of its modules, what it is built from,
//! and what its documents say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dependencies;
mod modules;
#[cfg(has_mnist)]
mod readme;
