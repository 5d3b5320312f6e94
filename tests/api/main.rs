//! The library as a user of it would call it, and the list of all that its documentation promises.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod surface;
mod usage;
