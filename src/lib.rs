//! SIMD engine that trains a two-layer perceptron (linear, sigmoid, linear, softmax,
//! cross-entropy) on MNIST-format data on a CPU.
//!
//! The same seed and options give the same parameters, bit for bit, for any number of threads and
//! for every instruction set with fused multiply-add.
//!
//! ```no_run
//! use fused_mlp::backend::{Backend, PassControl, Samples};
//! use fused_mlp::engine::Engine;
//! use fused_mlp::mnist::{self, Dataset, OpenOptions};
//! use fused_mlp::network::{Parameters, Shape};
//! use fused_mlp::simd::{Isa, IsaRequest};
//! use fused_mlp::training::{Trainer, TrainingOptions};
//!
//! let data = Dataset::open(&mnist::locate(None)?, &OpenOptions::default())?;
//! let samples = Samples::from(&data.train);
//! let shape = Shape { inputs: samples.inputs(), hidden: 300, classes: data.classes };
//! let options = TrainingOptions::default();
//! let parameters = options.initial_parameters(shape);
//! let isa = Isa::select(IsaRequest::Auto)?;
//! let mut engine = Engine::new(&parameters, options.optimizer(), 2, isa)?;
//! let mut trainer = Trainer::new(samples, &options)?;
//! while !trainer.is_finished() {
//!     let epoch = trainer.train_epoch(&mut engine, &PassControl::default())?;
//!     println!("{}: {}", epoch.record.epoch, epoch.record.train_loss);
//! }
//! let trained: Parameters = engine.parameters();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`mnist`] | idx files, memory-mapped, as bytes |
//! | [`image`](mod@image) | scans and photos of a digit, turned into such bytes |
//! | [`network`] | shapes, parameters, initial values |
//! | [`random`] | the random streams |
//! | [`reference`](mod@reference) | the textbook network in f64 |
//! | [`simd`] | vectors, and the choice of the instruction set |
//! | [`backend`] | what trains a network: an interface, and two plain implementations |
//! | [`engine`] | the fused implementation |
//! | [`training`] | epochs, sample order, schedules, recipes, early stopping, checkpoints |
//! | [`sweep`] | many trainings that differ by their options, one a core at a time |
//! | [`model_file`] | models as safetensors |
//! | [`prediction`] | classes and probabilities of single images |
//! | [`interchange`] | models of and for other programs: safetensors, `.npz`, ONNX |
//! | [`report`] | run folders, JSON lines, learning curves |
//! | [`assignment`] | the course's questions, answered by runs of this program |
//! | [`machine`] | CPU, cores and caches |
//! | [`benchmark`] | the kernels one by one, epochs and the FMA peak, for measuring |
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod assignment;
mod atomic_file;
pub mod backend;
pub mod benchmark;
pub mod engine;
pub mod image;
pub mod interchange;
#[expect(
    clippy::needless_range_loop,
    reason = "loops over constant ranges are unrolled, which keeps arrays of sums in registers"
)]
mod kernels;
pub mod machine;
pub mod mnist;
pub mod model_file;
pub mod network;
pub mod prediction;
pub mod random;
pub mod reference;
pub mod report;
pub mod simd;
pub mod sweep;
pub mod training;
