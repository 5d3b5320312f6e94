//! Each kernel on a real minibatch of 100 samples, one thread owning 300 hidden units, on every
//! instruction set of this CPU. Results are checked before anything is timed.
//!
//! Throughput is in executed multiply-adds times two ("elements" are FLOP).

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fused_mlp::backend::Samples;
use fused_mlp::benchmark::{KernelBench, KernelName};
use fused_mlp::mnist::{self, Dataset, OpenOptions};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::Isa;

fn kernels(criterion: &mut Criterion) {
    let folder = mnist::locate(None).expect("the repository has the data");
    let dataset = Dataset::open(&folder, &OpenOptions::default()).expect("the data are sound");
    let samples = Samples::from(&dataset.train);
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: 300,
        classes: dataset.classes,
    };
    let parameters = Parameters::initialise(shape, 1);
    let order: Vec<u32> = (0..100).map(|index| index * 599).collect();
    for isa in Isa::available() {
        let mut bench = KernelBench::new(isa, &parameters, samples, &order)
            .unwrap_or_else(|error| panic!("{isa}: {error}"));
        let mut group = criterion.benchmark_group(isa.name());
        for kernel in KernelName::ALL {
            match bench.flop(kernel) {
                0 => group.throughput(Throughput::Bytes((order.len() * shape.inputs) as u64)),
                flop => group.throughput(Throughput::Elements(flop)),
            };
            group.bench_function(kernel.name(), |bencher| {
                bencher.iter(|| bench.run(kernel));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
