//! The network in burn: two `Linear` modules on the flex backend (CPU) with automatic differentiation.

#[path = "../../harness.rs"]
mod harness;

use burn::module::{Module, Param, ParamGroup};
use burn::nn::{Linear, LinearConfig, loss::CrossEntropyLossConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::sigmoid};
use harness::{BATCH, CLASSES, HIDDEN, INPUTS, Job, Split};

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
}

impl Network {
    fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        self.second.forward(sigmoid(self.first.forward(x)))
    }
}

fn layer(weight: &[f32], bias: &[f32], inputs: usize, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(inputs, bias.len()).init(device);
    let weight = TensorData::new(weight.to_vec(), [inputs, bias.len()]);
    layer.weight = Param::from_data(weight, device);
    let bias = TensorData::new(bias.to_vec(), [bias.len()]);
    layer.bias = Some(Param::from_data(bias, device));
    layer
}

fn images(split: &Split, device: &Device) -> Tensor<2> {
    let data = TensorData::new(split.images.clone(), [split.labels.len(), INPUTS]);
    Tensor::from_data(data, device)
}

fn integers(values: impl Iterator<Item = u32>, device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.map(|value| value as i32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

fn main() {
    let device = Device::flex().autodiff();
    let mut job = Job::from_arguments();
    let [w, b, v, c] = &job.initial;
    assert_eq!((b.len(), c.len()), (HIDDEN, CLASSES));
    let network = Network {
        first: layer(w, b, INPUTS, &device),
        second: layer(v, c, HIDDEN, &device),
    };
    let train = images(&job.train, &device);
    let labels = integers(job.train.labels.iter().map(|&label| label.into()), &device);
    let test = images(&job.test, &Device::flex());
    let mut optimizer = SgdConfig::new().init();
    if job.is_race {
        let momentum = MomentumConfig::new()
            .with_momentum(job.momentum)
            .with_dampening(0.0)
            .with_nesterov(true);
        let biases = SgdConfig::new().with_momentum(Some(momentum));
        let decay = Some(WeightDecayConfig::new(job.decay as f32));
        let weights = biases.clone().with_weight_decay(decay);
        optimizer = weights.init();
        optimizer = optimizer.with_group(ParamGroup::from_predicate("bias"), biases.build(), None);
    }
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    job.run(
        network,
        |network, batch, rate| {
            assert_eq!(batch.len(), BATCH);
            let chosen = integers(batch.iter().copied(), &device);
            let x = train.clone().select(0, chosen.clone());
            let loss = cross_entropy.forward(network.logits(x), labels.clone().select(0, chosen));
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            optimizer.step(rate, network, gradients)
        },
        |network| {
            let classes = network.valid().logits(test.clone()).argmax(1);
            classes.into_data().iter::<u32>().collect()
        },
    );
}
