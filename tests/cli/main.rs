//! The program from outside: what it prints, what it leaves, how it fails.

mod data;
mod eval;
mod failures;
mod signals;
mod support;
mod train;
