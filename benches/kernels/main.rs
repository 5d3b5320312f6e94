//! Each kernel on real minibatches of 1, 10, 100 and 1000 samples, one thread owning 300 hidden units,
//! on every instruction set of this CPU. Results are checked before anything is timed.
//!
//! Throughput is in executed FLOP, a multiply-add counting two ("elements"), and in bytes of the
//! arrays that are read and written. Hot weights are those of the run before; cold ones, for the
//! two kernels that go through W, come from beyond L2: each run uses the next of several copies.

mod kernel_bench;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fused_mlp::backend::Samples;
use fused_mlp::mnist::{self, Dataset};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::Isa;
use kernel_bench::{KernelBench, KernelName};
use std::time::Duration;

const BATCH_SIZES: [u32; 4] = [1, 10, 100, 1000];
/// Bytes of all copies of cold weights: several times the L2 of a core.
const COLD_BYTES: usize = 16 << 20;

fn kernels(criterion: &mut Criterion) {
    kernel_bench::check_the_check();
    let folder = mnist::locate(None).expect("the repository has the data");
    let dataset = Dataset::open(folder).expect("the data are sound");
    let samples = Samples::from(&dataset.train);
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: 300,
        classes: dataset.classes,
    };
    let parameters = Parameters::initialise(shape, 1);
    let copies = COLD_BYTES / size_of_val::<[f32]>(&parameters.linear1_weight);
    for isa in Isa::available() {
        for batch_size in BATCH_SIZES {
            let order: Vec<u32> = (0..batch_size).map(|index| index * 59).collect();
            for (weights, copies) in [("hot", 1), ("cold", copies)] {
                let mut bench = KernelBench::new(isa, &parameters, samples, &order, copies)
                    .unwrap_or_else(|error| panic!("{isa}, minibatch {batch_size}: {error}"));
                let name = format!("{isa}/batch-{batch_size}/{weights}");
                let mut group = criterion.benchmark_group(name);
                group.warm_up_time(Duration::from_millis(200));
                group.measurement_time(Duration::from_secs(1));
                for kernel in KernelName::ALL {
                    if copies > 1 && !kernel.reads_hidden_weights() {
                        continue;
                    }
                    let bytes = bench.bytes(kernel);
                    group.throughput(match bench.flop(kernel) {
                        0 => Throughput::Bytes(bytes),
                        elements => Throughput::ElementsAndBytes { elements, bytes },
                    });
                    group.bench_function(kernel.name(), |bencher| {
                        bencher.iter(|| bench.run(kernel));
                    });
                }
                group.finish();
            }
        }
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
