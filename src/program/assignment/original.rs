//! What the original answers to the assignment print: the figures that ours are compared with.

use serde::Serialize;

/// The figures.
#[derive(Debug, Serialize)]
pub struct Original {
    /// Question 4: steps of one random point each.
    pub plane_steps: u32,
    /// Question 4: learning rate.
    pub plane_rate: f64,
    /// Question 4: losses of the last four steps.
    pub last_step_losses: [f64; 4],
    /// Questions 5 to 7: samples of a minibatch.
    pub batch_size: usize,
    /// Questions 5 and 6: epochs.
    pub minibatch_epochs: u32,
    /// Questions 5 and 6: losses of the last four minibatches of the last epoch.
    pub minibatch_losses: [f64; 4],
    /// Question 7: samples that are set aside for validation by the course's split.
    pub validation: usize,
    /// Question 7 (3): learning rates.
    pub rates: [f32; 4],
    /// Question 7 (3): the learning rate that the text calls best.
    pub rate_called_best: f32,
    /// Question 7 (3): epochs.
    pub rate_epochs: u32,
    /// Question 7 (3): "average loss" of the last epoch with `tested_rate`.
    pub average_loss: f64,
    /// Question 7 (4): learning rate of the network that is scored on the test data.
    pub tested_rate: f32,
    /// Question 7 (4): its epochs.
    pub tested_epochs: u32,
    /// Question 7 (4): its accuracy.
    pub test_accuracy: f64,
}

/// What the original prints.
pub const ORIGINAL: Original = Original {
    plane_steps: 100,
    plane_rate: 0.01,
    last_step_losses: [
        13.430531652042282,
        13.31580743092673,
        9.824139011435912,
        9.739905146114124,
    ],
    batch_size: 100,
    minibatch_epochs: 100,
    minibatch_losses: [
        2.319679248787786,
        2.3145017813227646,
        2.3316020977610856,
        2.355157514421069,
    ],
    validation: 5_000,
    rates: [0.001, 0.003, 0.01, 0.03],
    rate_called_best: 0.003,
    rate_epochs: 1_000,
    average_loss: 7.64090772728009e-5,
    tested_rate: 0.03,
    tested_epochs: 10,
    test_accuracy: 0.1428,
};
