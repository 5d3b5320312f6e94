//! A trained network with the size of its images: predict, score, save.

use crate::backend::{
    Backend, BackendError, Evaluation, Optimizer, Samples, check_inputs, check_network,
};
use crate::engine::Engine;
use crate::machine::default_threads_for;
use crate::mnist::{Adjustment, Split};
use crate::model_file::{self, Metadata, ModelError};
use crate::network::{Parameters, Shape};
use crate::reference::{Network, predicted_class, softmax, to_inputs};
use crate::simd::{Isa, IsaRequest};
use std::path::Path;

/// A trained network: y = softmax(sigmoid(x W + b) V + c) for images of so many rows and columns,
/// with x = byte / 255.
///
/// ```
/// use fused_mlp::{Dataset, Model, Training};
///
/// let train = ([[0, 255], [255, 0]].concat(), vec![0, 1]);
/// let data = Dataset::from_memory(1, 2, train.clone(), train)?;
/// let model = Training::new(&data).hidden(4).epochs(100).run()?.model;
///
/// let probabilities = model.predict(&[10, 240])?;
/// assert!(probabilities[0] > 0.9);
/// assert_eq!(model.classify(&[240, 10])?, 1);
///
/// let folder = std::env::temp_dir().join(format!("fused-mlp-example-{}", std::process::id()));
/// std::fs::create_dir_all(&folder)?;
/// let file = folder.join("model.safetensors");
/// model.save(&file)?;
/// assert_eq!(Model::load(&file)?, model);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    parameters: Parameters,
    /// The same in f64, which predictions are computed with.
    network: Network,
    rows: usize,
    columns: usize,
    /// Of the images that it was trained on.
    pub(crate) adjustment: Adjustment,
}

impl Model {
    /// A network for images of `rows` · `columns` pixels.
    ///
    /// # Errors
    /// [`BackendError::Inputs`] if the network does not have as many inputs, [`BackendError::Shape`]
    /// if there is no such network, [`BackendError::Tensor`] if the parameters do not fit their shape.
    pub fn new(parameters: Parameters, rows: usize, columns: usize) -> Result<Self, BackendError> {
        let pixels = rows.saturating_mul(columns);
        check_inputs(parameters.shape, pixels)?;
        check_network(&parameters)?;
        Ok(Self {
            network: Network::from(&parameters),
            parameters,
            rows,
            columns,
            adjustment: Adjustment::default(),
        })
    }

    /// Reads a model file. One that does not tell the size of its images has images of one row.
    ///
    /// # Errors
    /// [`ModelError`], if it is not there or not a model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let (parameters, metadata) = model_file::load(path.as_ref())?;
        let inputs = parameters.shape.inputs;
        // The reader has checked that the metadata fit the shape.
        let metadata = metadata.unwrap_or_else(|| Metadata::new(1, inputs));
        Ok(Self {
            network: Network::from(&parameters),
            parameters,
            rows: metadata.rows,
            columns: metadata.columns,
            adjustment: metadata.adjustment,
        })
    }

    /// Writes a model file, in the format that [`model_file`] describes.
    ///
    /// # Errors
    /// [`ModelError::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let metadata = Metadata {
            adjustment: self.adjustment,
            ..Metadata::new(self.rows, self.columns)
        };
        model_file::save(path.as_ref(), &self.parameters, &metadata)
    }

    /// Numbers of inputs, hidden units and classes.
    pub fn shape(&self) -> Shape {
        self.parameters.shape
    }

    /// Rows and columns of an image.
    pub fn image_size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// All weights and biases.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The probability of each class, for an image of rows · columns bytes: 0 is background, 255
    /// ink.
    ///
    /// # Errors
    /// [`BackendError::Inputs`] if the image has another number of pixels, [`BackendError::NotFinite`] if it
    /// has no class.
    pub fn predict(&self, image: &[u8]) -> Result<Vec<f64>, BackendError> {
        Ok(self.forward(image)?.probabilities)
    }

    /// The most probable class of an image.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn classify(&self, image: &[u8]) -> Result<usize, BackendError> {
        predicted_class(&self.forward(image)?.logits).ok_or(BackendError::NotFinite)
    }

    /// [`predict`](Self::predict) for many images at once: `images` has rows · columns bytes for each, the
    /// result the probabilities of each. The logits are computed in f32 by the fused engine on all cores.
    ///
    /// # Errors
    /// [`BackendError::Inputs`] if the images are not whole, [`BackendError::NotFinite`] if one has no class.
    pub fn predict_all(&self, images: &[u8]) -> Result<Vec<Vec<f64>>, BackendError> {
        let inputs = self.shape().inputs;
        check_inputs(self.shape(), inputs + images.len() % inputs)?;
        // A pass over samples has labels; they mean nothing here.
        let labels = vec![0; images.len() / inputs];
        let samples = Samples::new(images, &labels, inputs);
        let logits = self.engine()?.logits(samples, &all(samples))?;
        let rows = logits.chunks_exact(self.shape().classes);
        let logits = rows.map(|row| row.iter().copied().map(f64::from).collect::<Vec<f64>>());
        let probabilities = logits.map(|row| match predicted_class(&row) {
            Some(_) => Ok(softmax(&row)),
            None => Err(BackendError::NotFinite),
        });
        probabilities.collect()
    }

    /// [`classify`](Self::classify) for many images at once, as [`predict_all`](Self::predict_all).
    ///
    /// # Errors
    /// As [`predict_all`](Self::predict_all).
    pub fn classify_all(&self, images: &[u8]) -> Result<Vec<usize>, BackendError> {
        let probabilities = self.predict_all(images)?;
        let classes = probabilities.iter().map(|row| predicted_class(row));
        // Probabilities are finite.
        Ok(classes.map(Option::unwrap_or_default).collect())
    }

    fn forward(&self, image: &[u8]) -> Result<crate::reference::Activations, BackendError> {
        check_inputs(self.shape(), image.len())?;
        let activations = self.network.forward(&to_inputs(image));
        predicted_class(&activations.logits).ok_or(BackendError::NotFinite)?;
        Ok(activations)
    }

    /// Scores all samples of a split, with the fused engine on all cores.
    ///
    /// # Errors
    /// [`BackendError`], if the samples do not fit the network.
    pub fn evaluate(&self, split: &Split) -> Result<Evaluation, BackendError> {
        let samples = Samples::from(split);
        self.engine()?.evaluate(samples, &all(samples))
    }

    fn engine(&self) -> Result<Engine, BackendError> {
        let isa = Isa::select(IsaRequest::Auto).expect("every CPU has the portable set");
        let optimizer = Optimizer::default();
        let threads = default_threads_for(self.shape().hidden);
        Engine::new(&self.parameters, optimizer, threads, isa)
    }
}

/// Positions of all samples.
fn all(samples: Samples<'_>) -> Vec<u32> {
    (0..).take(samples.len()).collect()
}
