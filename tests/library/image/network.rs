//! The network that reads the pictures.

use fused_mlp::backend::{Backend, PassControl, Samples};
use fused_mlp::engine::Engine;
use fused_mlp::machine::default_threads;
use fused_mlp::mnist::Dataset;
use fused_mlp::model_file;
use fused_mlp::network::Shape;
use fused_mlp::prediction::Predictor;
use fused_mlp::simd::{Isa, IsaRequest};
use fused_mlp::training::{Trainer, TrainingOptions};
use std::path::Path;
use std::sync::OnceLock;

/// MNIST.
pub fn dataset() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    Dataset::open(folder).unwrap()
}

/// A network trained by the default recipe, once for all tests; or the model file that
/// `TEST_FUSED_MLP_MODEL` names.
pub fn trained() -> &'static Predictor {
    static TRAINED: OnceLock<Predictor> = OnceLock::new();
    TRAINED.get_or_init(|| match std::env::var_os("TEST_FUSED_MLP_MODEL") {
        Some(file) => Predictor::new(&model_file::load(Path::new(&file)).unwrap().0),
        None => train(&dataset()),
    })
}

fn train(dataset: &Dataset) -> Predictor {
    let samples = Samples::from(&dataset.train);
    let shape = Shape {
        inputs: samples.inputs(),
        hidden: 300,
        classes: dataset.classes,
    };
    let options = TrainingOptions::default();
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let parameters = options.initial_parameters(shape);
    let threads = default_threads();
    let mut engine = Engine::new(&parameters, options.optimizer(), threads, isa).unwrap();
    let mut trainer = Trainer::new(samples, &options).unwrap();
    while !trainer.is_finished() {
        let epoch = trainer.train_epoch(&mut engine, &PassControl::default());
        epoch.unwrap();
    }
    Predictor::new(&engine.parameters())
}
