//! What the original answers to the assignment print: the figures that ours are compared with.

use fused_mlp::network::Shape;
use fused_mlp::reference::Network;

/// Question 4: losses of the last four of 100 steps.
pub const LAST_STEP_LOSSES: [f64; 4] = [
    13.430531652042282,
    13.31580743092673,
    9.824139011435912,
    9.739905146114124,
];

/// Question 4: the network after 100 steps.
pub fn final_network() -> Network {
    Network {
        shape: Shape {
            inputs: 2,
            hidden: 3,
            classes: 2,
        },
        linear1_weight: vec![
            0.00460806,
            -0.00507444,
            -0.00223027,
            0.01274007,
            0.011903,
            -0.03032788,
        ],
        linear1_bias: vec![0.00414125, 0.00157709, 0.00222446],
        linear2_weight: vec![
            -0.04568013,
            0.05823134,
            -0.03630828,
            0.04085528,
            -0.04702419,
            0.0362655,
        ],
        linear2_bias: vec![-0.096495, 0.096495],
    }
}

/// Question 4: steps of one random point each.
pub const PLANE_STEPS: u32 = 100;
/// Question 4: learning rate.
pub const PLANE_RATE: f64 = 0.01;

/// Questions 5 and 6: losses of the last four minibatches of epoch 100.
pub const MINIBATCH_LOSSES: [f64; 4] = [
    2.319679248787786,
    2.3145017813227646,
    2.3316020977610856,
    2.355157514421069,
];

/// Their mean.
pub fn minibatch_loss() -> f64 {
    MINIBATCH_LOSSES.iter().sum::<f64>() / MINIBATCH_LOSSES.len() as f64
}

/// Questions 5 and 6: epochs.
pub const MINIBATCH_EPOCHS: u32 = 100;

/// Questions 5 to 7: samples of a minibatch.
pub const BATCH_SIZE: usize = 100;
/// Question 7: samples that are set aside for validation by the course's split.
pub const VALIDATION: usize = 5_000;
/// Question 7 (3): learning rates.
pub const RATES: [f32; 4] = [0.001, 0.003, 0.01, 0.03];
/// Question 7 (3): the learning rate that the text calls best.
pub const RATE_CALLED_BEST: f32 = 0.003;
/// Question 7 (3): epochs.
pub const RATE_EPOCHS: u32 = 1_000;
/// Question 7 (3): "average loss" of the last epoch with [`TESTED_RATE`].
pub const AVERAGE_LOSS: f64 = 7.64090772728009e-5;
/// Question 7 (4): learning rate of the network that is scored on the test data.
pub const TESTED_RATE: f32 = 0.03;
/// Question 7 (4): its epochs.
pub const TESTED_EPOCHS: u32 = 10;
/// Question 7 (4): its accuracy.
pub const TEST_ACCURACY: f64 = 0.1428;
