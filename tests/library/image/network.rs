//! The network that reads the pictures.

use fused_mlp::Training;
use fused_mlp::mnist::Dataset;
use fused_mlp::model_file;
use fused_mlp::prediction::Predictor;
use fused_mlp::training::Recipe;
use std::path::Path;
use std::sync::OnceLock;

/// MNIST.
pub fn dataset() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    Dataset::open(folder).unwrap()
}

/// A trained network, one for all tests; or the model file that
/// `TEST_FUSED_MLP_MODEL` names.
pub fn trained() -> &'static Predictor {
    static TRAINED: OnceLock<Predictor> = OnceLock::new();
    TRAINED.get_or_init(|| match std::env::var_os("TEST_FUSED_MLP_MODEL") {
        Some(file) => Predictor::new(&model_file::load(Path::new(&file)).unwrap().0),
        None => train(&dataset()),
    })
}

/// By the recipe that varies images, in fewer epochs than the recipe for one's own handwriting.
fn train(dataset: &Dataset) -> Predictor {
    let training = Training::new(dataset).options(Recipe::Sprint99.options());
    Predictor::new(training.run().unwrap().model.parameters())
}
