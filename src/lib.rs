//! SIMD engine that trains a two-layer perceptron (linear, sigmoid, linear, softmax,
//! cross-entropy) on MNIST-format data on a CPU.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod backend;
pub mod benchmark;
pub mod engine;
mod kernels;
pub mod mnist;
pub mod model_file;
pub mod network;
pub mod random;
pub mod reference;
pub mod report;
pub mod simd;
pub mod training;
