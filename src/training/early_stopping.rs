//! Early stopping on the validation loss, with the parameters of the best epoch.

use crate::network::Parameters;

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub struct BestEpoch {
    /// Its number, from 1 on.
    pub epoch: u32,
    /// Its validation loss in nats.
    pub loss: f64,
    /// The parameters at its end.
    pub parameters: Parameters,
}

/// Stops when the validation loss has not improved for `patience` epochs in a row.
///
/// ```text
/// epoch e improves if loss(e) < best - min_delta; the first epoch always does
/// ```
///
/// Source: Prechelt, "Early stopping - but when?", 1998, with the names of Keras' `EarlyStopping`.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    patience: u32,
    min_delta: f64,
    best: Option<BestEpoch>,
    /// Epochs since the best one.
    stale_epochs: u32,
}

impl EarlyStopping {
    /// Nothing seen yet.
    pub fn new(patience: u32, min_delta: f64) -> Self {
        Self::resume(patience, min_delta, None, 0)
    }

    /// With what was seen before: `best`, and `stale_epochs` after it.
    pub fn resume(
        patience: u32,
        min_delta: f64,
        best: Option<BestEpoch>,
        stale_epochs: u32,
    ) -> Self {
        Self {
            patience,
            min_delta,
            best,
            stale_epochs,
        }
    }

    /// Takes the validation loss of an epoch; `parameters` are asked for if it is the best so far.
    pub fn update(&mut self, epoch: u32, loss: f64, parameters: impl FnOnce() -> Parameters) {
        let is_better = |best: &BestEpoch| loss < best.loss - self.min_delta;
        if self.best.as_ref().is_none_or(is_better) {
            self.best = Some(BestEpoch {
                epoch,
                loss,
                parameters: parameters(),
            });
            self.stale_epochs = 0;
        } else {
            self.stale_epochs += 1;
        }
    }

    /// Whether the training should end.
    pub fn should_stop(&self) -> bool {
        self.stale_epochs >= self.patience
    }

    /// The best epoch, once there is one.
    pub fn best(&self) -> Option<&BestEpoch> {
        self.best.as_ref()
    }

    /// Epochs since the best one.
    pub fn stale_epochs(&self) -> u32 {
        self.stale_epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    fn stop_after(patience: u32, min_delta: f64, losses: &[f64]) -> (usize, u32) {
        let shape = Shape {
            inputs: 1,
            hidden: 1,
            classes: 2,
        };
        let mut stopping = EarlyStopping::new(patience, min_delta);
        let mut epochs = 0;
        for (&loss, epoch) in losses.iter().zip(1..) {
            let mut parameters = Parameters::zeros(shape);
            parameters.linear1_bias[0] = epoch as f32;
            stopping.update(epoch, loss, || parameters);
            epochs += 1;
            if stopping.should_stop() {
                break;
            }
        }
        let best = stopping.best().unwrap();
        assert_eq!(best.parameters.linear1_bias[0], best.epoch as f32);
        (epochs, best.epoch)
    }

    #[test]
    fn it_stops_when_patience_is_over() {
        let losses = [1.0, 0.9, 0.95, 0.91, 0.8, 0.81, 0.82, 0.83];
        assert_eq!(stop_after(1, 0.0, &losses), (3, 2));
        assert_eq!(stop_after(2, 0.0, &losses), (4, 2));
        assert_eq!(stop_after(3, 0.0, &losses), (8, 5));
        assert_eq!(stop_after(9, 0.0, &losses), (8, 5));
        // The same loss again is no improvement.
        assert_eq!(stop_after(1, 0.0, &[0.5, 0.5, 0.4]), (2, 1));
        // A fall by exactly the least difference is none.
        assert_eq!(stop_after(2, 0.25, &[1.0, 0.75, 0.76, 0.1]), (3, 1));
        assert_eq!(stop_after(2, 0.25, &[1.0, 0.7, 0.5, 0.44]), (4, 4));
    }
}
