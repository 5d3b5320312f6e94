//! Questions 5 and 6: the MNIST network, image by image and in minibatches.

use super::original::ORIGINAL;
use super::trainings::{self, initial_network, plain_sgd};
use super::work::{Settings, Stopped, Work};
use anyhow::bail;
use fused_mlp::backend::{
    Backend, MatrixMultiply, Optimizer, PassControl, Reference, Samples, TrainingPass,
};
use fused_mlp::engine::Engine;
use fused_mlp::network::Parameters;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::training::EpochEnd;
use serde::Serialize;

/// Implementations in f32 and the textbook in f64 agree after some steps if no parameter differs by
/// more than this.
const AGREEMENT_LIMIT: f64 = 1e-5;
/// Last minibatches whose losses are printed.
const PRINTED: usize = 4;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Minibatches {
    /// Inputs, hidden units and classes.
    network: String,
    /// Implementations against the textbook, image by image in f64.
    agreement: Vec<Agreement>,
    /// What the differences have to be below.
    agreement_limit: f64,
    /// Whether they are.
    pub agrees: bool,
    /// Full passes.
    full_passes: LastLosses,
}

/// The end of a training.
#[derive(Debug, Serialize)]
struct LastLosses {
    epochs: u32,
    /// Steps in all of them.
    steps: u64,
    learning_rate: f32,
    /// Losses of the last minibatches, in nats.
    last_losses: Vec<f64>,
}

/// One implementation after some steps from the same parameters with the same order.
#[derive(Debug, Serialize)]
struct Agreement {
    backend: &'static str,
    threads: usize,
    /// Samples of a minibatch.
    batch_size: usize,
    steps: u32,
    /// Largest difference of a parameter from the textbook's.
    largest_difference: f64,
}

/// What all implementations train with.
struct Start<'a> {
    settings: &'a Settings,
    samples: Samples<'a>,
    parameters: Parameters,
    /// All samples, shuffled.
    order: Vec<u32>,
}

/// Compares results, and trains with the original's setting.
///
/// # Errors
/// If the data do not fit, or it was [`Stopped`].
pub fn run(work: &Work<'_>) -> anyhow::Result<Minibatches> {
    let settings = &work.settings;
    let samples = Samples::from(&work.images().train);
    let mut order: Vec<u32> = (0..).take(samples.len()).collect();
    Stream::new(settings.seed, Purpose::Shuffle).shuffle(&mut order);
    let start = Start {
        settings,
        samples,
        parameters: initial_network(work.images(), settings.seed),
        order,
    };
    let mut agreement = Vec::new();
    for batch_size in [1, ORIGINAL.batch_size] {
        agreement.extend(start.compare(batch_size)?);
    }
    let mut rows = agreement.iter();
    let agrees = rows.all(|row| row.largest_difference < AGREEMENT_LIMIT);
    Ok(Minibatches {
        network: start.parameters.shape.to_string(),
        agreement,
        agreement_limit: AGREEMENT_LIMIT,
        agrees,
        full_passes: full_passes(work)?,
    })
}

type NamedBackend = (Box<dyn Backend>, &'static str);

fn train(
    backend: &mut dyn Backend,
    samples: Samples<'_>,
    order: &[u32],
    batch_size: usize,
) -> anyhow::Result<()> {
    backend.train(&TrainingPass {
        samples,
        order,
        batch_size,
        learning_rates: &vec![0.1; order.len().div_ceil(batch_size)],
        control: &PassControl::default(),
        seen: None,
        skip: 0.0,
        augmented: None,
        coarse: false,
    })?;
    Ok(())
}

impl Start<'_> {
    /// The implementations: the textbook first.
    fn backends(&self) -> anyhow::Result<Vec<NamedBackend>> {
        let (parameters, plain) = (&self.parameters, Optimizer::default());
        let fused = |threads| Engine::new(parameters, plain, threads, self.settings.isa);
        let products = MatrixMultiply::new(parameters.clone(), plain, 1)?;
        let mut all: Vec<NamedBackend> = vec![
            (
                Box::new(Reference::new(parameters, plain)?),
                "textbook loops, f64",
            ),
            (Box::new(products), "matrix products, f32"),
            (Box::new(fused(1)?), "fused kernels, f32"),
        ];
        if self.settings.threads > 1 {
            all.push((
                Box::new(fused(self.settings.threads)?),
                "fused kernels, f32",
            ));
        }
        Ok(all)
    }

    fn compare(&self, batch_size: usize) -> anyhow::Result<Vec<Agreement>> {
        let steps = self.settings.scale().compared_steps;
        let count = batch_size * steps as usize;
        let order = &self.order[..count.min(self.order.len())];
        let mut expected = None;
        let mut rows = Vec::new();
        for (mut backend, name) in self.backends()? {
            train(backend.as_mut(), self.samples, order, batch_size)?;
            let found = backend.parameters();
            let Some(expected) = &expected else {
                expected = Some(found);
                continue;
            };
            rows.push(Agreement {
                backend: name,
                threads: backend.threads(),
                batch_size,
                steps,
                largest_difference: largest_difference(expected, &found),
            });
        }
        Ok(rows)
    }
}

/// Largest difference of two networks' parameters; NaN if there is one.
fn largest_difference(a: &Parameters, b: &Parameters) -> f64 {
    let all = |p: &Parameters| {
        [
            p.linear1_weight.as_slice(),
            &p.linear1_bias,
            &p.linear2_weight,
            &p.linear2_bias,
        ]
        .concat()
    };
    let pairs = all(a).into_iter().zip(all(b));
    let differences = pairs.map(|(a, b)| (f64::from(a) - f64::from(b)).abs());
    super::largest(differences)
}

/// The original's setting, with passes over all images.
fn full_passes(work: &Work<'_>) -> anyhow::Result<LastLosses> {
    let epochs = work.settings.scale().minibatch_epochs;
    let options = plain_sgd(&work.settings, ORIGINAL.tested_rate, epochs);
    let mut losses = Vec::new();
    let training = trainings::train(work, &options, "Q5", |epoch| {
        losses = epoch.steps.iter().map(|step| step.minibatch.loss).collect();
    })?;
    if training.end != EpochEnd::Complete {
        bail!(Stopped);
    }
    Ok(LastLosses {
        epochs,
        steps: u64::from(epochs) * losses.len() as u64,
        learning_rate: options.learning_rate,
        last_losses: losses[losses.len().saturating_sub(PRINTED)..].to_vec(),
    })
}
