//! Memory beyond the mapped files: little, and hardly more for more images.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fused_mlp::backend::{PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{self, Dataset};
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

/// Most bytes in use beyond those of now, while `what` runs.
fn peak(what: impl FnOnce()) -> usize {
    let before = LIVE.load(SeqCst);
    PEAK.store(before, SeqCst);
    what();
    PEAK.load(SeqCst) - before
}

/// Trains two epochs.
fn train(samples: Samples<'_>, hidden: usize, batch_size: usize, threads: usize) {
    let shape = Shape {
        inputs: samples.inputs(),
        hidden,
        classes: 10,
    };
    let options = TrainingOptions {
        epochs: 2,
        batch_size,
        momentum: 0.9,
        ..TrainingOptions::default()
    };
    let parameters = Parameters::initialise(shape, 1);
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let mut engine = Engine::new(&parameters, options.optimizer(), threads, isa).unwrap();
    let mut trainer = Trainer::new(samples, &options).unwrap();
    for _ in 0..2 {
        trainer
            .train_epoch(&mut engine, &PassControl::default())
            .unwrap();
    }
}

/// Trains on MNIST, data set included, or on its first `most` samples.
fn train_mnist(most: usize) {
    let folder = mnist::locate(None).unwrap();
    let dataset = Dataset::open(folder).unwrap();
    let all = Samples::from(&dataset.train);
    let (most, inputs) = (most.min(all.len()), all.inputs());
    let images = &all.images()[..most * inputs];
    train(
        Samples::new(images, &all.labels()[..most], inputs),
        300,
        200,
        2,
    );
}

/// One test: what runs beside it would be measured too.
#[test]
fn training_takes_little_memory_and_none_for_more_images() {
    let few = peak(|| train_mnist(6000));
    let all = peak(|| train_mnist(60_000));
    // W, its velocities, its gradient and the parameters of the start are four times 0.94 MB.
    assert!(all > 4 * 940_000, "the peak is measured: {all} bytes");
    assert!(all < 20_000_000, "{all} bytes");
    // An index of four bytes for each image, and a few bytes for each minibatch; not the images.
    let of_each = (all - few) as f64 / 54_000.0;
    assert!(
        (4.0..5.0).contains(&of_each),
        "{of_each} bytes for each image"
    );

    // Beyond a million images there is no index: what remains is one record a minibatch.
    let images: Vec<u8> = (0..9_600_000u32).map(|pixel| pixel as u8).collect();
    let labels: Vec<u8> = (0..2_400_000u32)
        .map(|sample| (sample % 10) as u8)
        .collect();
    let of = |count: usize| {
        let samples = Samples::new(&images[..4 * count], &labels[..count], 4);
        peak(|| train(samples, 8, 1000, 1))
    };
    let (few, many) = (of(1_200_000), of(2_400_000));
    let of_each = many.saturating_sub(few) as f64 / 1_200_000.0;
    assert!(of_each < 0.2, "{of_each} bytes for each image");
    assert!(few > 4 << 20 && many < 6 << 20, "{few}, {many} bytes");
}
