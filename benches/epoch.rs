//! One epoch of MNIST on all threads: 60,000 images, 784-300-10, minibatches of 100, plain SGD,
//! shuffling and data preparation included, for each instruction set and the matrixmultiply
//! backend; and the same of the first 2,000 images, for the reference as well, which takes too long
//! for more. Each must have learnt before it is timed.
//!
//! Throughput is in samples ("elements").

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fused_mlp::backend::{Backend, MatrixMultiply, PassControl, Reference, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::{self, Dataset};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::simd::Isa;
use fused_mlp::training::{Schedule, Trainer, TrainingOptions};

/// Images that the reference is timed on.
const SUBSET: usize = 2000;

/// The backends to compare, by name.
type Backends = Vec<(String, Box<dyn Backend>)>;

fn epoch(criterion: &mut Criterion) {
    let folder = mnist::locate(None).expect("the repository has the data");
    let dataset = Dataset::open(folder).expect("the data are sound");
    let samples = Samples::from(&dataset.train);
    let options = TrainingOptions {
        epochs: u32::MAX,
        batch_size: 100,
        learning_rate: 0.5,
        schedule: Schedule::Constant,
        warm_up: 0.0,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
        init_scale: 1.0,
        ..TrainingOptions::default()
    };
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: 300,
        classes: dataset.classes,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let parameters = Parameters::initialise(shape, options.seed);
    let fast = || -> Backends {
        let mut backends: Backends = Vec::new();
        for isa in Isa::available() {
            let engine = Engine::new(&parameters, options.optimizer(), threads, isa);
            let engine = engine.expect("the threads start");
            backends.push((format!("fused-{isa}"), Box::new(engine)));
        }
        let products = MatrixMultiply::new(parameters.clone(), options.optimizer(), threads);
        let products = products.expect("the threads start");
        backends.push(("matrixmultiply".to_owned(), Box::new(products)));
        backends
    };
    let name = format!("epoch-{threads}-threads");
    measure(criterion, &name, samples, &options, 0.8, fast());

    let inputs = samples.inputs();
    let (images, labels) = (samples.images(), samples.labels());
    let subset = Samples::new(&images[..SUBSET * inputs], &labels[..SUBSET], inputs);
    let mut backends = fast();
    let reference = Reference::new(&parameters, options.optimizer()).expect("the shape is sound");
    backends.push(("reference".to_owned(), Box::new(reference)));
    let name = format!("epoch-of-{SUBSET}-{threads}-threads");
    measure(criterion, &name, subset, &options, 0.3, backends);
}

fn measure(
    criterion: &mut Criterion,
    name: &str,
    samples: Samples<'_>,
    options: &TrainingOptions,
    least_accuracy: f64,
    backends: Backends,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(samples.len() as u64));
    group.sample_size(10);
    for (name, mut backend) in backends {
        let mut trainer = Trainer::new(samples, options).expect("the options are in range");
        let control = PassControl::default();
        let mut train = || {
            let epoch = trainer.train_epoch(backend.as_mut(), &control);
            epoch.expect("the samples fit the network").record
        };
        let first = train();
        assert!(
            first.train_accuracy > least_accuracy,
            "{name}: accuracy {} in the first epoch",
            first.train_accuracy
        );
        group.bench_function(&name, |bencher| bencher.iter(&mut train));
    }
    group.finish();
}

criterion_group!(benches, epoch);
criterion_main!(benches);
