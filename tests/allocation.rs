//! No step allocates: an epoch of many steps asks for as much memory as one of few.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fused_mlp::backend::{Backend, Optimizer, PassControl, Samples, TrainingPass};
use fused_mlp::engine::{Engine, Profile};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::Isa;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
#[expect(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, SeqCst);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, SeqCst);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of one pass over so many samples, after another one like it.
fn allocations(
    engine: &mut dyn Backend,
    samples: Samples<'_>,
    count: u32,
    batch_size: usize,
) -> usize {
    let order: Vec<u32> = (0..count).collect();
    let rates = vec![0.1; order.len().div_ceil(batch_size)];
    let control = PassControl::default();
    let pass = TrainingPass {
        samples,
        order: &order,
        batch_size,
        learning_rates: &rates,
        control: &control,
        seen: None,
        skip: 0.0,
        augmented: None,
        coarse: false,
    };
    let mut train = || {
        let before = ALLOCATIONS.load(SeqCst);
        let results = engine.train(&pass).unwrap();
        let after = ALLOCATIONS.load(SeqCst);
        assert_eq!(results.len(), rates.len());
        after - before
    };
    train();
    // Threads of a pool may allocate for themselves now and then; steps would do so every time.
    (0..5).map(|_| train()).min().unwrap()
}

#[test]
fn no_step_allocates() {
    let shape = Shape {
        inputs: 100,
        hidden: 40,
        classes: 10,
    };
    let images: Vec<u8> = (0..100 * 4096u32)
        .map(|index| (index % 251) as u8)
        .collect();
    let labels: Vec<u8> = (0..4096u32).map(|index| (index % 10) as u8).collect();
    let samples = Samples::new(&images, &labels, shape.inputs);
    let optimizer = Optimizer {
        momentum: 0.9,
        nesterov: true,
        weight_decay: 1e-4,
    };
    for isa in Isa::available() {
        for threads in [1, 2] {
            // 200 samples a minibatch are two blocks, whose gradients go through memory.
            for batch_size in [7, 200] {
                let parameters = Parameters::initialise(shape, 1);
                let mut engine = Engine::new(&parameters, optimizer, threads, isa).unwrap();
                let check = |engine: &mut dyn Backend| {
                    let few = allocations(engine, samples, 400, batch_size);
                    let many = allocations(engine, samples, 4000, batch_size);
                    assert!(few > 0, "the counter counts");
                    assert_eq!(
                        few, many,
                        "{isa}, {threads} threads, minibatches of {batch_size}"
                    );
                };
                check(&mut engine);
                engine.set_clocks(Some(Arc::new(Profile::new(threads))));
                check(&mut engine);
            }
        }
    }
}
