//! Pictures of digits: made photos, drawn digits, and files that are no pictures.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accuracy;
mod drawn;
mod hostile;
mod network;
mod photo;
mod two_digits;
