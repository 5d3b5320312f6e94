//! Question 4: points in the plane, and a 2-3-2 network that is trained on them one by one.
//!
//! ```text
//! p ~ N(0, 1)^2        class 1 if p' Q p > 0.6, else 0        Q = [[1, -0.05], [1, 0.4]]
//! x_i = (p_i - min_i) / (max_i - min_i), with the extremes of the training points
//! ```

use super::original::ORIGINAL;
use super::q3_drawn_network::{SHAPE, Weights};
use super::range;
use super::work::{Stopped, Work};
use fused_mlp::network::Parameters;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{Gradients, Network, SgdOptions, Velocity, predicted_class};
use fused_mlp::training::Sampler;
use serde::{Serialize, Serializer};

/// Points to train on, and to test on.
const POINTS: (usize, usize) = (60_000, 10_000);
const Q: [[f64; 2]; 2] = [[1.0, -0.05], [1.0, 0.4]];
const THRESHOLD: f64 = 0.6;
/// Learning rate of the setting that learns.
const RATE: f64 = 0.1;
/// Standard deviation of the original's initial weights, by the size of its final ones.
const ORIGINAL_DEVIATION: f64 = 0.02;
/// Steps after which progress is told, and a wish to stop is seen.
const STEPS_A_REPORT: usize = 3_000;

/// A point, scaled to (0, 1) by the training points, and its class: 0 inside the ellipse, 1 outside.
type Point = ([f64; 2], usize);

/// What was found.
#[derive(Debug, Serialize)]
pub struct Plane {
    /// Points to train on, and to test on.
    points: (usize, usize),
    /// Share of the more frequent class among the training points.
    majority: f64,
    /// 100 steps of one random point each.
    original: PlaneTraining,
    /// Passes over all points.
    full_passes: PlaneTraining,
}

/// One training.
#[derive(Debug, Serialize)]
pub struct PlaneTraining {
    /// Steps of one point each.
    steps: u32,
    /// Learning rate.
    learning_rate: f64,
    /// Mean loss of all training points before and after, in nats.
    loss: (f64, f64),
    /// Share of correct predictions for the test points before and after.
    test_accuracy: (f64, f64),
    /// Losses of the last four steps.
    last_step_losses: Vec<f64>,
    /// The network after training.
    #[serde(serialize_with = "weights")]
    network: Network,
}

fn weights<S: Serializer>(network: &Network, to: S) -> Result<S::Ok, S::Error> {
    Weights::from(network).serialize(to)
}

/// Training and test points.
struct Data {
    train: Vec<Point>,
    test: Vec<Point>,
}

fn form(p: [f64; 2]) -> f64 {
    let q = |i: usize, j: usize| p[i] * Q[i][j] * p[j];
    q(0, 0) + q(0, 1) + q(1, 0) + q(1, 1)
}

fn data(seed: u64) -> Data {
    let mut stream = Stream::new(seed, Purpose::PlanePoints);
    let mut draw = |count: usize| -> Vec<[f64; 2]> {
        let points = (0..count).map(|_| [stream.normal(), stream.normal()]);
        points.collect()
    };
    let (train, test) = (draw(POINTS.0), draw(POINTS.1));
    let extremes = [0, 1].map(|i| range(train.iter().map(|p| p[i])).unwrap_or_default());
    let points = |points: Vec<[f64; 2]>| -> Vec<Point> {
        let class = |p: [f64; 2]| usize::from(form(p) > THRESHOLD);
        let points = points.into_iter();
        points.map(|p| (scaled(p, extremes), class(p))).collect()
    };
    Data {
        train: points(train),
        test: points(test),
    }
}

fn scaled(p: [f64; 2], extremes: [(f64, f64); 2]) -> [f64; 2] {
    [0, 1].map(|i| (p[i] - extremes[i].0) / (extremes[i].1 - extremes[i].0))
}

/// Small normal weights, as the original's seem to have been; biases 0.
fn original_network(stream: &mut Stream) -> Network {
    let mut network = Network::from(&Parameters::zeros(SHAPE));
    let (w, v) = (&mut network.linear1_weight, &mut network.linear2_weight);
    for weight in w.iter_mut().chain(v) {
        *weight = ORIGINAL_DEVIATION * stream.normal();
    }
    network
}

/// Mean loss of the training points, and share of the test points that are predicted correctly.
fn score(network: &Network, data: &Data) -> (f64, f64) {
    let losses = data.train.iter();
    let losses = losses.map(|(x, class)| -network.forward(x).probabilities[*class].ln());
    let loss = losses.sum::<f64>() / data.train.len() as f64;
    let is_correct =
        |(x, class): &&Point| predicted_class(&network.forward(x).logits) == Some(*class);
    let correct = data.test.iter().filter(is_correct).count();
    (loss, correct as f64 / data.test.len() as f64)
}

/// One step for each point in `order`.
fn train(
    work: &Work<'_>,
    data: &Data,
    mut network: Network,
    learning_rate: f64,
    order: &[u32],
) -> Result<PlaneTraining, Stopped> {
    let before = score(&network, data);
    let options = SgdOptions {
        learning_rate,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
    };
    let mut velocity = Velocity::zeros(SHAPE);
    let mut last = Vec::new();
    let (all, mut step) = (order.len(), 0);
    for order in order.chunks(STEPS_A_REPORT) {
        let mut losses = Vec::new();
        for &index in order {
            let (x, class) = data.train[index as usize];
            let activations = network.forward(&x);
            let mut gradients = Gradients::zeros(SHAPE);
            losses.push(network.backward(&x, &activations, class, &mut gradients));
            network.sgd_step(&gradients, &mut velocity, &options);
        }
        step += losses.len() as u32;
        last.extend(losses);
        last.drain(..last.len().saturating_sub(4));
        work.report("Q4 passes over the points", f64::from(step) / all as f64);
        if work.is_stopped() {
            return Err(Stopped);
        }
    }
    let after = score(&network, data);
    Ok(PlaneTraining {
        steps: step,
        learning_rate,
        loss: (before.0, after.0),
        test_accuracy: (before.1, after.1),
        last_step_losses: last,
        network,
    })
}

/// Trains with the original's setting and with one that learns.
///
/// # Errors
/// If it was stopped.
pub fn run(work: &Work<'_>) -> Result<Plane, Stopped> {
    let seed = work.settings.seed;
    let data = data(seed);
    let count = POINTS.0 as u32;
    let mut draws = Stream::new(seed, Purpose::SampleDraws);
    let start = original_network(&mut draws);
    let steps = 0..ORIGINAL.plane_steps;
    let order: Vec<u32> = steps.map(|_| draws.below(count)).collect();
    let original = train(work, &data, start, ORIGINAL.plane_rate, &order)?;

    let mut sampler = Sampler::new(count, Vec::new(), Some(seed));
    let mut order = Vec::new();
    for _ in 0..work.settings.scale().plane_passes {
        sampler.next_epoch();
        order.extend_from_slice(sampler.order(0..POINTS.0));
    }
    let start = Network::from(&Parameters::initialise(SHAPE, seed));
    let full_passes = train(work, &data, start, RATE, &order)?;

    let ones: usize = data.train.iter().map(|(_, class)| class).sum();
    Ok(Plane {
        points: POINTS,
        majority: ones.max(POINTS.0 - ones) as f64 / POINTS.0 as f64,
        original,
        full_passes,
    })
}
