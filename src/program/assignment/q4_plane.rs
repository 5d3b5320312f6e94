//! Question 4: points in the plane, and a 2-3-2 network that is trained on them one by one.
//!
//! ```text
//! p ~ N(0, 1)^2        class 1 if p' Q p > 0.6, else 0        Q = [[1, -0.05], [1, 0.4]]
//! x_i = (p_i - min_i) / (max_i - min_i), with the extremes of the training points
//! ```

use super::original;
use super::progress::Progress;
use super::q3_drawn_network::SHAPE;
use super::settings::Settings;
use fused_mlp::network::Parameters;
use fused_mlp::random::{Purpose, Stream};
use fused_mlp::reference::{Gradients, Network, SgdOptions, Velocity, predicted_class, softmax};
use serde::Serialize;

/// Points to train on, and to test on.
pub const POINTS: (usize, usize) = (60_000, 10_000);
const Q: [[f64; 2]; 2] = [[1.0, -0.05], [1.0, 0.4]];
const THRESHOLD: f64 = 0.6;
/// Learning rate of the setting that learns.
const RATE: f64 = 0.1;
/// Standard deviation of the original's initial weights, by the size of its final ones.
const ORIGINAL_DEVIATION: f64 = 0.02;
/// Points of the pictures.
const SHOWN_POINTS: usize = 900;
/// Points of the loss curve in each pass.
const LOSSES_A_PASS: usize = 20;

/// Points and their classes.
#[derive(Clone, Debug)]
pub struct Points {
    /// Scaled to (0, 1) by the training points.
    pub x: Vec<[f64; 2]>,
    /// 0 inside the ellipse, 1 outside.
    pub class: Vec<usize>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plane {
    /// Points to train on, and to test on.
    pub points: (usize, usize),
    /// Share of the more frequent class among the training points.
    pub majority: f64,
    /// 100 steps of one random point each.
    pub original: PlaneTraining,
    /// Passes over all points.
    pub full_passes: PlaneTraining,
    /// Smallest and largest loss that any training point has with the network that the original
    /// prints.
    pub original_network_losses: (f64, f64),
    /// Ellipse that parts the classes, as scaled points.
    #[serde(skip)]
    pub ellipse: Vec<(f64, f64)>,
    /// The first training points.
    #[serde(skip)]
    pub shown: Vec<([f64; 2], usize)>,
}

/// One training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlaneTraining {
    /// Steps of one point each.
    pub steps: u32,
    /// Learning rate.
    pub learning_rate: f64,
    /// Mean loss of all training points before and after, in nats.
    pub loss: (f64, f64),
    /// Share of correct predictions for the test points before and after.
    pub test_accuracy: (f64, f64),
    /// Losses of the last four steps.
    pub last_step_losses: Vec<f64>,
    /// (step, mean of the losses of the steps since the one before).
    pub curve: Vec<(u32, f64)>,
    /// The network after training.
    #[serde(serialize_with = "network_fields")]
    pub network: Network,
}

fn network_fields<S: serde::Serializer>(network: &Network, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields<'a> {
        w: &'a [f64],
        b: &'a [f64],
        v: &'a [f64],
        c: &'a [f64],
    }
    let fields = Fields {
        w: &network.linear1_weight,
        b: &network.linear1_bias,
        v: &network.linear2_weight,
        c: &network.linear2_bias,
    };
    fields.serialize(to)
}

/// Training and test points, and the scale that maps a point p to x.
struct Data {
    train: Points,
    test: Points,
    low: [f64; 2],
    high: [f64; 2],
}

fn form(p: [f64; 2]) -> f64 {
    let q = |i: usize, j: usize| p[i] * Q[i][j] * p[j];
    q(0, 0) + q(0, 1) + q(1, 0) + q(1, 1)
}

fn data(seed: u64) -> Data {
    let mut stream = Stream::new(seed, Purpose::PlanePoints);
    let mut draw = |count: usize| -> Vec<[f64; 2]> {
        (0..count)
            .map(|_| [stream.normal(), stream.normal()])
            .collect()
    };
    let (train, test) = (draw(POINTS.0), draw(POINTS.1));
    let extreme = |start: f64, choose: fn(f64, f64) -> f64| {
        [0, 1].map(|i| train.iter().map(|p| p[i]).fold(start, choose))
    };
    let (low, high) = (
        extreme(f64::INFINITY, f64::min),
        extreme(f64::NEG_INFINITY, f64::max),
    );
    let points = |points: &[[f64; 2]]| Points {
        x: points.iter().map(|&p| scaled(p, low, high)).collect(),
        class: points
            .iter()
            .map(|&p| usize::from(form(p) > THRESHOLD))
            .collect(),
    };
    Data {
        train: points(&train),
        test: points(&test),
        low,
        high,
    }
}

fn scaled(p: [f64; 2], low: [f64; 2], high: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|i| (p[i] - low[i]) / (high[i] - low[i]))
}

/// Points of the ellipse p' Q p = 0.6, scaled.
fn ellipse(data: &Data) -> Vec<(f64, f64)> {
    let turn = std::f64::consts::TAU;
    (0..=120)
        .map(|step| {
            let angle = turn * f64::from(step) / 120.0;
            let direction = [angle.cos(), angle.sin()];
            let radius = (THRESHOLD / form(direction)).sqrt();
            let [x, y] = scaled(direction.map(|d| radius * d), data.low, data.high);
            (x, y)
        })
        .collect()
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

fn losses<'a>(network: &'a Network, points: &'a Points) -> impl Iterator<Item = f64> + 'a {
    let pairs = points.x.iter().zip(&points.class);
    pairs.map(|(x, &class)| -network.forward(x).probabilities[class].ln())
}

fn mean_loss(network: &Network, points: &Points) -> f64 {
    losses(network, points).sum::<f64>() / points.x.len() as f64
}

fn accuracy(network: &Network, points: &Points) -> f64 {
    let pairs = points.x.iter().zip(&points.class);
    let correct =
        pairs.filter(|(x, class)| predicted_class(&network.forward(*x).logits) == Some(**class));
    correct.count() as f64 / points.x.len() as f64
}

/// Probability of class 1 at a scaled point.
pub fn probability(network: &Network, x: [f64; 2]) -> f64 {
    softmax(&network.forward(&x).logits)[1]
}

/// One step for each point in `order`.
fn train(
    data: &Data,
    mut network: Network,
    learning_rate: f64,
    order: impl ExactSizeIterator<Item = u32>,
    curve_every: usize,
    progress: &Progress<'_>,
) -> Option<PlaneTraining> {
    let steps = order.len();
    let (loss, accuracy_before) = (
        mean_loss(&network, &data.train),
        accuracy(&network, &data.test),
    );
    let options = SgdOptions {
        learning_rate,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
    };
    let mut velocity = Velocity::zeros(SHAPE);
    let (mut curve, mut since, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for (step, index) in (1..).zip(order) {
        let (x, class) = (
            data.train.x[index as usize],
            data.train.class[index as usize],
        );
        let activations = network.forward(&x);
        let mut gradients = Gradients::zeros(SHAPE);
        let loss = network.backward(&x, &activations, class, &mut gradients);
        network.sgd_step(&gradients, &mut velocity, &options);
        since.push(loss);
        if steps - (step as usize) < 4 {
            last.push(loss);
        }
        if since.len() == curve_every {
            curve.push((step, since.iter().sum::<f64>() / since.len() as f64));
            since.clear();
            progress.report("Q4 passes over the points", f64::from(step) / steps as f64);
            if progress.is_stopped() {
                return None;
            }
        }
    }
    Some(PlaneTraining {
        steps: steps as u32,
        learning_rate,
        loss: (loss, mean_loss(&network, &data.train)),
        test_accuracy: (accuracy_before, accuracy(&network, &data.test)),
        last_step_losses: last,
        curve,
        network,
    })
}

/// Trains with the original's setting and with one that learns; nothing if it was stopped.
pub fn run(settings: &Settings, progress: &Progress<'_>) -> Option<Plane> {
    let data = data(settings.seed);
    let count = POINTS.0 as u32;
    let mut draws = Stream::new(settings.seed, Purpose::SampleDraws);
    let start = original_network(&mut draws);
    let order: Vec<u32> = (0..original::PLANE_STEPS)
        .map(|_| draws.below(count))
        .collect();
    let rate = original::PLANE_RATE;
    let original = train(&data, start, rate, order.into_iter(), 1, progress)?;

    let passes = settings.scale().plane_passes;
    let mut sampler = fused_mlp::training::Sampler::new(count, Vec::new(), Some(settings.seed));
    let mut order = Vec::new();
    for _ in 0..passes {
        sampler.next_epoch();
        order.extend_from_slice(sampler.order(0..POINTS.0));
    }
    let start = Network::from(&Parameters::initialise(SHAPE, settings.seed));
    let every = POINTS.0 / LOSSES_A_PASS;
    let full_passes = train(&data, start, RATE, order.into_iter(), every, progress)?;

    let original_losses = original::final_network();
    let extreme = |start: f64, choose: fn(f64, f64) -> f64| {
        losses(&original_losses, &data.train).fold(start, choose)
    };
    let ones: usize = data.train.class.iter().sum();
    Some(Plane {
        points: POINTS,
        majority: ones.max(POINTS.0 - ones) as f64 / POINTS.0 as f64,
        original,
        full_passes,
        original_network_losses: (
            extreme(f64::INFINITY, f64::min),
            extreme(f64::NEG_INFINITY, f64::max),
        ),
        ellipse: ellipse(&data),
        shown: (0..SHOWN_POINTS)
            .map(|index| (data.train.x[index], data.train.class[index]))
            .collect(),
    })
}

impl Plane {
    /// Whether the original's printed losses could be losses of one point, or means of such.
    pub fn original_losses_are_possible(&self) -> bool {
        let (low, high) = self.original_network_losses;
        let losses = original::LAST_STEP_LOSSES;
        losses.iter().all(|loss| (low..=high).contains(loss))
    }
}

impl std::fmt::Display for PlaneTraining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} steps, learning rate {}: mean loss {:.4} -> {:.4}, test accuracy {:.2} % -> {:.2} %",
            self.steps,
            self.learning_rate,
            self.loss.0,
            self.loss.1,
            100.0 * self.test_accuracy.0,
            100.0 * self.test_accuracy.1,
        )
    }
}

impl std::fmt::Display for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let network = &self.full_passes.network;
        write!(
            f,
            "Q4 {} points in the plane, the larger class has {:.2} %\n   \
             original setting: {}\n   full passes: {}\n   \
             w1 {:?}\n   b1 {:?}\n   w2 {:?}\n   b2 {:?}",
            self.points.0,
            100.0 * self.majority,
            self.original,
            self.full_passes,
            network.linear1_weight,
            network.linear1_bias,
            network.linear2_weight,
            network.linear2_bias,
        )
    }
}
