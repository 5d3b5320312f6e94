//! The network in burn: two `Linear` modules on the ndarray backend with automatic differentiation.

#[path = "../../harness.rs"]
mod harness;

use burn::backend::{Autodiff, NdArray};
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig, loss::CrossEntropyLossConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, Optimizer, SgdConfig};
use burn::tensor::{Int, Tensor, TensorData, activation::sigmoid};
use harness::{BATCH, CLASSES, HIDDEN, INPUTS, Job, Split};

type Plain = NdArray<f32>;
type Back = Autodiff<Plain>;

#[derive(Module, Debug)]
struct Network<B: burn::tensor::backend::Backend> {
    first: Linear<B>,
    second: Linear<B>,
}

impl<B: burn::tensor::backend::Backend> Network<B> {
    fn logits(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.second.forward(sigmoid(self.first.forward(x)))
    }
}

fn layer(weight: &[f32], bias: &[f32], inputs: usize) -> Linear<Back> {
    let device = Default::default();
    let mut layer = LinearConfig::new(inputs, bias.len()).init(&device);
    let weight = TensorData::new(weight.to_vec(), [inputs, bias.len()]);
    layer.weight = Param::from_tensor(Tensor::from_data(weight, &device));
    let bias = TensorData::new(bias.to_vec(), [bias.len()]);
    layer.bias = Some(Param::from_tensor(Tensor::from_data(bias, &device)));
    layer
}

fn images<B: burn::tensor::backend::Backend>(split: &Split) -> Tensor<B, 2> {
    let data = TensorData::new(split.images.clone(), [split.labels.len(), INPUTS]);
    Tensor::from_data(data, &Default::default())
}

fn integers(values: impl Iterator<Item = u32>) -> Tensor<Back, 1, Int> {
    let values: Vec<i64> = values.map(i64::from).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), &Default::default())
}

fn main() {
    let mut job = Job::from_arguments();
    let [w, b, v, c] = &job.initial;
    assert_eq!((b.len(), c.len()), (HIDDEN, CLASSES));
    let network = Network {
        first: layer(w, b, INPUTS),
        second: layer(v, c, HIDDEN),
    };
    let train = images::<Back>(&job.train);
    let labels = integers(job.train.labels.iter().map(|&label| label.into()));
    let test = images::<Plain>(&job.test);
    let mut config = SgdConfig::new();
    if job.is_race {
        let momentum = MomentumConfig::new();
        let momentum = momentum.with_momentum(job.momentum).with_dampening(0.0).with_nesterov(true);
        config = config
            .with_momentum(Some(momentum))
            .with_weight_decay(Some(WeightDecayConfig::new(job.decay as f32)));
    }
    let mut optimizer = config.init::<Back, Network<Back>>();
    let cross_entropy = CrossEntropyLossConfig::new().init(&Default::default());
    job.run(
        network,
        |network, batch, rate| {
            let chosen = integers(batch.iter().copied());
            assert_eq!(batch.len(), BATCH);
            let x = train.clone().select(0, chosen.clone());
            let loss = cross_entropy.forward(network.logits(x), labels.clone().select(0, chosen));
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            optimizer.step(rate, network, gradients)
        },
        |network| {
            use burn::module::AutodiffModule;
            let classes = network.valid().logits(test.clone()).argmax(1);
            let classes: Vec<i64> = classes.into_data().convert::<i64>().to_vec().expect("integers");
            classes.into_iter().map(|class| class as u32).collect()
        },
    );
}
