//! The network in candle: its tensors, its automatic differentiation, its products.

#[path = "../../harness.rs"]
mod harness;

use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::{loss::cross_entropy, ops::sigmoid};
use harness::{BATCH, CLASSES, HIDDEN, INPUTS, Job};

struct Network {
    /// W, b, V and c.
    parameters: [Var; 4],
    velocities: [Tensor; 4],
}

fn logits(parameters: &[Var; 4], x: &Tensor) -> Result<Tensor> {
    let [w, b, v, c] = parameters;
    let hidden = sigmoid(&x.matmul(w)?.broadcast_add(b)?)?;
    hidden.matmul(v)?.broadcast_add(c)
}

fn train_step(
    mut network: Network,
    (x, labels): (&Tensor, &Tensor),
    rate: f64,
    (momentum, decay): (f64, f64),
) -> Result<Network> {
    let loss = cross_entropy(&logits(&network.parameters, x)?, labels)?;
    let gradients = loss.backward()?;
    for (parameter, velocity) in network.parameters.iter().zip(&mut network.velocities) {
        let gradient = gradients.get(parameter).expect("the loss depends on it");
        let mut direction = gradient.clone();
        if momentum > 0.0 {
            if parameter.rank() == 2 {
                direction = (direction + (parameter.as_tensor() * decay)?)?;
            }
            *velocity = ((&*velocity * momentum)? + &direction)?.detach();
            direction = (direction + (&*velocity * momentum)?)?;
        }
        parameter.set(&(parameter.as_tensor() - (direction * rate)?)?)?;
    }
    Ok(network)
}

fn main() -> Result<()> {
    let device = Device::Cpu;
    let mut job = Job::from_arguments();
    let dimensions: [&[usize]; 4] = [&[INPUTS, HIDDEN], &[HIDDEN], &[HIDDEN, CLASSES], &[CLASSES]];
    let tensor = |index: usize| Tensor::from_slice(&job.initial[index], dimensions[index], &device);
    let tensors = [tensor(0)?, tensor(1)?, tensor(2)?, tensor(3)?];
    let var = |index: usize| Var::from_tensor(&tensors[index]);
    let network = Network {
        parameters: [var(0)?, var(1)?, var(2)?, var(3)?],
        velocities: tensors.each_ref().map(|t| t.zeros_like().expect("memory")),
    };
    let split = |images: &[f32], labels: &[u8]| -> Result<(Tensor, Tensor)> {
        let labels: Vec<u32> = labels.iter().map(|&label| label.into()).collect();
        let count = labels.len();
        let images = Tensor::from_slice(images, (count, INPUTS), &device)?;
        Ok((images, Tensor::from_vec(labels, count, &device)?))
    };
    let (images, labels) = split(&job.train.images, &job.train.labels)?;
    let (test_images, _) = split(&job.test.images, &job.test.labels)?;
    let optimizer = (job.momentum, job.decay);
    let step = |network: Network, batch: &[u32], rate: f64| -> Result<Network> {
        let batch = Tensor::from_slice(batch, BATCH, &Device::Cpu)?;
        let (x, labels) = (
            images.index_select(&batch, 0)?,
            labels.index_select(&batch, 0)?,
        );
        train_step(network, (&x, &labels), rate, optimizer)
    };
    job.run(
        network,
        |network, batch, rate| step(network, batch, rate).expect("shapes that fit"),
        |network| {
            let logits = logits(&network.parameters, &test_images);
            let classes = logits.and_then(|logits| logits.argmax(D::Minus1)?.to_vec1());
            classes.expect("shapes that fit")
        },
    );
    Ok(())
}
