//! One training step on all threads.
mod barrier;
mod plan;
mod team;
