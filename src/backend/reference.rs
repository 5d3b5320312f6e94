//! The textbook network of [`crate::reference`] as a backend: slow, in f64, on one thread.

use super::{
    Backend, BackendError, BackendState, Evaluation, MinibatchResult, Optimizer, Samples,
    TrainingPass, Values, check_network, check_parameters, check_pass, check_samples,
    train_minibatches,
};
use crate::network::Parameters;
use crate::reference::{
    Activations, Network, SgdOptions, Velocity, predicted_class, softmax_cross_entropy, to_inputs,
};
use crate::simd::environment;

/// A [`Backend`] that computes the formulas of [`crate::reference`] in f64, sample by sample.
pub struct Reference {
    network: Network,
    velocity: Velocity,
    optimizer: Optimizer,
}

impl Reference {
    /// A backend that trains from `parameters` on.
    ///
    /// # Errors
    /// [`BackendError::Shape`] if there is no such network, [`BackendError::Tensor`] if the
    /// parameters do not fit their shape.
    pub fn new(parameters: &Parameters, optimizer: Optimizer) -> Result<Self, BackendError> {
        check_network(parameters)?;
        let _environment = environment::Standard::set();
        Ok(Self {
            network: Network::from(parameters),
            velocity: Velocity::zeros(parameters.shape),
            optimizer,
        })
    }

    fn has_velocities(&self) -> bool {
        self.optimizer.momentum != 0.0
    }

    fn forward(&self, image: &[u8]) -> Activations {
        self.network.forward(&to_inputs(image))
    }

    /// Mean loss and gradients of a minibatch, and the step; no step where the loss is not finite.
    fn minibatch(
        &mut self,
        pass: &TrainingPass<'_>,
        order: &[u32],
        learning_rate: f32,
    ) -> MinibatchResult {
        let labels = pass.samples.labels();
        let labels = order.iter().map(|&sample| &labels[sample as usize]);
        let inputs = order.iter().map(|&sample| to_inputs(&pass.image(sample)));
        let mean = self.network.mean_gradients(inputs.zip(labels));
        let result = MinibatchResult {
            loss: mean.loss,
            correct: mean.correct,
            samples: order.len(),
            skipped: 0,
        };
        if !result.loss.is_finite() {
            return result;
        }
        let options = SgdOptions {
            learning_rate: f64::from(learning_rate),
            momentum: f64::from(self.optimizer.momentum),
            nesterov: self.optimizer.nesterov,
            weight_decay: f64::from(self.optimizer.weight_decay),
        };
        self.network
            .sgd_step(&mean.gradients, &mut self.velocity, &options);
        result
    }
}

impl Backend for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn threads(&self) -> usize {
        1
    }

    fn train(&mut self, pass: &TrainingPass<'_>) -> Result<Vec<MinibatchResult>, BackendError> {
        check_pass(self.network.shape, pass)?;
        Ok(train_minibatches(pass, |order, learning_rate| {
            self.minibatch(pass, order, learning_rate)
        }))
    }

    fn evaluate(
        &mut self,
        samples: Samples<'_>,
        order: &[u32],
    ) -> Result<Evaluation, BackendError> {
        check_samples(self.network.shape, samples, order)?;
        let _environment = environment::Standard::set();
        let mut evaluation = Evaluation::default();
        for &sample in order {
            let label = samples.label(sample);
            let activations = self.forward(samples.image(sample));
            let predicted = predicted_class(&activations.logits);
            evaluation.loss += match predicted {
                Some(_) => softmax_cross_entropy(&activations.logits, usize::from(label)).0,
                None => f64::NAN,
            };
            evaluation.correct += usize::from(predicted == Some(usize::from(label)));
            // Labels are bytes, so a network has at most 256 classes.
            evaluation.predicted.push(predicted.unwrap_or(0) as u8);
        }
        evaluation.loss /= order.len() as f64;
        Ok(evaluation)
    }

    /// As in the trait, rounded to f32.
    fn logits(&mut self, samples: Samples<'_>, order: &[u32]) -> Result<Vec<f32>, BackendError> {
        check_samples(self.network.shape, samples, order)?;
        let _environment = environment::Standard::set();
        let mut logits = Vec::with_capacity(order.len() * self.network.shape.classes);
        for &sample in order {
            let activations = self.forward(samples.image(sample));
            logits.extend(activations.logits.iter().map(|&logit| logit as f32));
        }
        Ok(logits)
    }

    fn parameters(&self) -> Parameters {
        let _environment = environment::Standard::set();
        self.network.to_parameters()
    }

    fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), BackendError> {
        check_parameters(self.network.shape, parameters)?;
        let _environment = environment::Standard::set();
        self.network = Network::from(parameters);
        Ok(())
    }

    fn state(&self) -> BackendState {
        BackendState::F64(Values {
            parameters: self.network.clone(),
            velocities: self.has_velocities().then(|| self.velocity.clone()),
        })
    }

    fn restore(&mut self, state: &BackendState) -> Result<(), BackendError> {
        let shape = self.network.shape;
        let values = state.as_f64(shape, self.has_velocities())?;
        self.network = values.parameters.clone();
        let velocities = values.velocities.clone();
        self.velocity = velocities.unwrap_or_else(|| Velocity::zeros(shape));
        Ok(())
    }
}
