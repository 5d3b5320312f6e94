//! Memory beyond the mapped files: little, and hardly more for more images.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fused_mlp::backend::{PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{self, Dataset, OpenOptions};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{Trainer, TrainingOptions};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with the bytes that are in use and the most that ever were.
struct Measuring;

// SAFETY: every call goes to the system's allocator as it came.
#[expect(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), SeqCst) + layout.size();
        PEAK.fetch_max(live, SeqCst);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

/// Most bytes in use during two epochs of training, data set included.
fn peak(samples: impl Fn(&Dataset) -> Samples<'_>) -> usize {
    PEAK.store(LIVE.load(SeqCst), SeqCst);
    let before = LIVE.load(SeqCst);
    let folder = mnist::locate(None).unwrap();
    let dataset = Dataset::open(&folder, &OpenOptions::default()).unwrap();
    let samples = samples(&dataset);
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: 300,
        classes: dataset.classes,
    };
    let options = TrainingOptions::default().with(|options| {
        options.epochs = 2;
        options.batch_size = 200;
        options.momentum = 0.9;
    });
    let parameters = Parameters::initialise(shape, 1);
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let mut engine = Engine::new(&parameters, options.optimizer(), 2, isa).unwrap();
    let mut trainer = Trainer::new(samples, &options).unwrap();
    for _ in 0..2 {
        trainer
            .train_epoch(&mut engine, &PassControl::default())
            .unwrap();
    }
    PEAK.load(SeqCst) - before
}

#[test]
fn training_mnist_takes_little_memory_beyond_the_mapped_files() {
    let few = peak(|dataset| {
        let train = Samples::from(&dataset.train);
        let inputs = train.inputs();
        Samples::new(
            &train.images()[..6000 * inputs],
            &train.labels()[..6000],
            inputs,
        )
    });
    let all = peak(|dataset| Samples::from(&dataset.train));
    // W, its velocities, its gradient and the parameters of the start are four times 0.94 MB.
    assert!(all > 4 * 940_000, "the peak is measured: {all} bytes");
    assert!(all < 20_000_000, "{all} bytes");
    // Two indices of four bytes for each image, and a few bytes for each minibatch; not the images.
    let of_each = (all - few) as f64 / 54_000.0;
    assert!(
        (8.0..9.0).contains(&of_each),
        "{of_each} bytes for each image"
    );
}
