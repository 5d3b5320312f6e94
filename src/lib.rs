//! Trains a two-layer perceptron (linear, sigmoid, linear, softmax, cross-entropy) on data sets in the
//! MNIST format, on a CPU, with SIMD kernels that skip zero pixels exactly and use all cores within
//! each minibatch. The same seed and options give the same network, bit for bit, for any number of
//! threads and for every instruction set with fused multiply-add.
//!
//! # Train in ten lines
//!
#![cfg_attr(has_mnist, doc = "```")]
// The package of the crate has no data.
#![cfg_attr(not(has_mnist), doc = "```no_run")]
//! use fused_mlp::{Dataset, Training};
//!
//! let data = Dataset::open("data/mnist")?;
//! let model = Training::new(&data).epochs(1).run()?.model;
//! let image = data.test.images.image(0);
//! println!("{:?} {:?}, label {}", model.classify(image)?, model.predict(image)?, data.test.labels[0]);
//! let evaluation = model.evaluate(&data.test)?;
//! println!("{evaluation}");
//! assert!(evaluation.accuracy() > 0.95);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Training`] has the options of a training, [`Model`] is what it gives. [`mnist::locate()`] finds the
//! folder of the data set: that of the variable `FUSED_MLP_DATA`, else the nearest `data/mnist`.
//!
//! # Data of your own
//!
//! Images are bytes, 0 for background and 255 for ink; labels are bytes, 0 for the first class. They
//! come from memory, or as [four idx files](mnist) from a folder. Any size of images and up to 256
//! classes will do.
//!
//! ```
//! use fused_mlp::{Dataset, Training};
//!
//! // Images of 4 x 4 pixels: a bar that lies, or stands.
//! let lying = |row: usize| (0..16).map(move |i| if i / 4 == row { 255 } else { 0 });
//! let standing = |column: usize| (0..16).map(move |i| if i % 4 == column { 255 } else { 0 });
//! let images: Vec<u8> = (0..4).flat_map(|place| lying(place).chain(standing(place))).collect();
//! let labels = [0, 1].repeat(4);
//! let data = Dataset::from_memory(4, 4, (images.clone(), labels.clone()), (images, labels))?;
//!
//! let model = Training::new(&data).hidden(16).epochs(200).run()?.model;
//! assert_eq!(model.evaluate(&data.test)?.correct, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # After each epoch
//!
//! A training gives its history beside the network. With [patience](Training::patience) it ends when
//! the validation loss no longer falls, and keeps the network of the best epoch.
//! [`Training::run_with`] calls back with the [record](training::EpochRecord) of each epoch; the
//! answer may end the training.
//!
//! ```
//! use fused_mlp::{Dataset, Training};
//! # let train = ([[0, 255], [255, 0], [0, 240], [240, 0]].concat(), vec![0, 1, 0, 1]);
//! # let data = Dataset::from_memory(1, 2, train.clone(), train)?;
//!
//! let trained = Training::new(&data).hidden(8).epochs(50).validation(2).patience(3).run()?;
//! for epoch in &trained.history {
//!     println!("{}: loss {:.4}", epoch.epoch, epoch.train_loss);
//! }
//! let best = trained.best_epoch.expect("epochs were validated");
//! # assert_eq!(trained.model.shape().to_string(), "2-8-2");
//! # assert!(trained.history.len() as u32 <= best + 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Step by step
//!
//! Below these calls, a [`Trainer`](training::Trainer) goes through the epochs of any
//! [`Backend`](backend::Backend): the fused [`Engine`](engine::Engine), matrix products, or the
//! textbook's loops in f64. Who calls it owns the loop, and decides when to stop, what to score and
//! what to keep.
//!
//! ```
//! use fused_mlp::Dataset;
//! use fused_mlp::backend::{Backend, PassControl, Samples};
//! use fused_mlp::engine::Engine;
//! use fused_mlp::network::{Parameters, Shape};
//! use fused_mlp::simd::{Isa, IsaRequest};
//! use fused_mlp::training::{Trainer, TrainingOptions};
//! # let train = ([[0, 255], [255, 0]].concat(), vec![0, 1]);
//! # let data = Dataset::from_memory(1, 2, train.clone(), train)?;
//!
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
//! # assert!(trained.is_finite() && trained != parameters);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//!
//! | module | content |
//! | --- | --- |
//! | [`mnist`] | data sets: idx files, memory-mapped, as bytes |
//! | [`training`] | epochs, options, recipes, schedules, early stopping |
//! | [`network`] | shapes, parameters, initial values |
//! | [`model_file`] | models as safetensors |
//! | [`backend`] | what trains a network: an interface, and two plain implementations |
//! | [`engine`] | the fused implementation |
//! | [`simd`] | the choice of the instruction set |
//! | [`reference`](mod@reference) | the textbook network in f64, formula by formula |
//!
//! What is documented here is what the crate promises; further public items serve its program, its
//! tests and its benchmarks, and may change at any time.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

#[macro_use]
pub mod simd;

pub mod augmentation;
pub mod backend;
mod coarse;
pub mod engine;
pub mod evaluation;
pub mod files;
#[cfg(feature = "image")]
pub mod image;
#[cfg(feature = "interchange")]
pub mod interchange;
#[cfg(feature = "internals")]
pub mod internals;
#[expect(
    clippy::needless_range_loop,
    reason = "loops over constant ranges are unrolled, which keeps arrays of sums in registers"
)]
mod kernels;
pub mod machine;
pub mod mnist;
mod model;
pub mod model_file;
pub mod network;
pub mod prediction;
pub mod random;
pub mod reference;
pub mod training;

pub use mnist::Dataset;
pub use model::Model;
pub use training::Training;
