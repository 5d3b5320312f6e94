//! Whole epochs: shuffling, preparation and every step, without evaluation.

use super::statistics::{largest, median, smallest};
use crate::backend::{Backend, BackendError, PassControl, Samples};
use crate::network::{Parameters, Shape};
use crate::training::{EpochEnd, Trainer};
use serde::{Deserialize, Serialize};

/// What a row measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Implementation of training.
    pub backend: String,
    /// Instruction set of its kernels, if they are ours.
    pub isa: Option<String>,
    /// Threads that compute.
    pub threads: usize,
    /// Samples of a minibatch.
    pub batch_size: usize,
    /// Bytes of an image.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Classes.
    pub classes: usize,
    /// Samples of an epoch.
    pub samples: usize,
    /// Share of the velocity kept from step to step; 0 is plain SGD.
    pub momentum: f32,
    /// Folder of the data set.
    pub data: String,
}

/// Results of a row. Rates and shares are of the median time unless they are called best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochRow {
    /// `epoch`.
    pub bench: &'static str,
    /// What was measured.
    #[serde(flatten)]
    pub configuration: Configuration,
    /// Epochs that were timed.
    pub repeats: usize,
    /// Median time of an epoch.
    pub seconds_median: f64,
    /// Shortest.
    pub seconds_min: f64,
    /// Longest.
    pub seconds_max: f64,
    /// 1 / median.
    pub epochs_per_second: f64,
    /// Samples / median.
    pub samples_per_second: f64,
    /// 10^9 FLOP/s, as if no input were 0.
    pub gflops_dense_equivalent: f64,
    /// 10^9 FLOP/s, products with inputs of 0 left out.
    pub gflops_executed: f64,
    /// 10^9 FLOP/s of independent multiply-adds on the same threads, the best burst of the run.
    pub peak_gflops: f64,
    /// Executed / peak.
    pub peak_fraction_executed: f64,
    /// Executed / peak in the shortest epoch.
    pub peak_fraction_executed_best: f64,
    /// Dense-equivalent / peak.
    pub peak_fraction_dense_equivalent: f64,
    /// Median time of the first row / median time of this one; none if the first was not timed.
    pub speedup_over_first: Option<f64>,
    /// Shortest time of the first row / shortest time of this one.
    pub speedup_over_first_best: Option<f64>,
}

/// FLOP of the three products of a step and its gradients for samples with so many inputs in all,
/// a multiply-add counting two: 2 (2 inputs hidden + 3 samples hidden classes).
pub fn flop(inputs: usize, samples: usize, shape: Shape) -> f64 {
    let (hidden, classes) = (shape.hidden as f64, shape.classes as f64);
    2.0 * (2.0 * inputs as f64 * hidden + 3.0 * samples as f64 * hidden * classes)
}

/// One row: a backend with its own parameters, trained epoch by epoch.
pub struct EpochBench<'a> {
    configuration: Configuration,
    shape: Shape,
    non_zero: usize,
    backend: Box<dyn Backend>,
    trainer: Trainer<'a>,
    seconds: Vec<f64>,
    /// Mean loss of each complete epoch, timed or not.
    losses: Vec<f64>,
    /// Whether an epoch was not complete.
    is_cut_short: bool,
}

impl<'a> EpochBench<'a> {
    /// A row that was not measured yet. `trainer` goes over `samples`, and has as many epochs left
    /// as will be asked for.
    pub fn new(
        configuration: Configuration,
        samples: Samples<'a>,
        backend: Box<dyn Backend>,
        trainer: Trainer<'a>,
    ) -> Self {
        let shape = Shape {
            inputs: configuration.inputs,
            hidden: configuration.hidden,
            classes: configuration.classes,
        };
        Self {
            configuration,
            shape,
            non_zero: samples.images().iter().filter(|&&byte| byte != 0).count(),
            backend,
            trainer,
            seconds: Vec::new(),
            losses: Vec::new(),
            is_cut_short: false,
        }
    }

    /// What is measured.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Seconds of each timed epoch.
    pub fn seconds(&self) -> &[f64] {
        &self.seconds
    }

    /// Complete epochs, timed or not.
    pub fn epochs(&self) -> usize {
        self.losses.len()
    }

    /// Whether an epoch was not complete, so that the model stands within one.
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short
    }

    /// Why the row has not really trained, if it has not: its times mean nothing then.
    ///
    /// The parameters must be finite, and the last epoch's mean loss below the first one's.
    pub fn failure(&self) -> Option<String> {
        if !self.parameters().is_finite() {
            return Some("a parameter is not a finite number".to_owned());
        }
        let (first, last) = (self.losses.first()?, self.losses.last()?);
        // NaN is no decrease.
        let is_decrease = self.losses.len() < 2 || last < first;
        (!is_decrease).then(|| format!("its loss went from {first} to {last}; expected a decrease"))
    }

    /// Drops the times.
    pub fn discard(&mut self) {
        self.seconds.clear();
    }

    /// The network as it is now.
    pub fn parameters(&self) -> Parameters {
        self.backend.parameters()
    }

    /// Trains an epoch; its time is kept if it counts and was not cut short.
    ///
    /// # Errors
    /// If the samples do not fit the network.
    pub fn epoch(&mut self, control: &PassControl, counts: bool) -> Result<EpochEnd, BackendError> {
        let epoch = self.trainer.train_epoch(self.backend.as_mut(), control)?;
        if epoch.end == EpochEnd::Complete {
            self.losses.push(epoch.record.train_loss);
            if counts {
                self.seconds.push(epoch.record.seconds);
            }
        }
        self.is_cut_short |= epoch.end != EpochEnd::Complete;
        Ok(epoch.end)
    }

    /// The results so far, against the FMA peak in FLOP/s and the first row.
    pub fn row(&self, peak: f64, first: &EpochBench<'_>) -> EpochRow {
        let samples = self.configuration.samples;
        let executed = flop(self.non_zero, samples, self.shape);
        let dense = flop(samples * self.shape.inputs, samples, self.shape);
        let (middle, best) = (median(&self.seconds), smallest(&self.seconds));
        let has_first = !first.seconds.is_empty();
        EpochRow {
            bench: "epoch",
            configuration: self.configuration.clone(),
            repeats: self.seconds.len(),
            seconds_median: middle,
            seconds_min: best,
            seconds_max: largest(&self.seconds),
            epochs_per_second: 1.0 / middle,
            samples_per_second: samples as f64 / middle,
            gflops_dense_equivalent: dense / middle / 1e9,
            gflops_executed: executed / middle / 1e9,
            peak_gflops: peak / 1e9,
            peak_fraction_executed: executed / middle / peak,
            peak_fraction_executed_best: executed / best / peak,
            peak_fraction_dense_equivalent: dense / middle / peak,
            speedup_over_first: has_first.then(|| median(&first.seconds) / middle),
            speedup_over_first_best: has_first.then(|| smallest(&first.seconds) / best),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::backend::{Optimizer, Reference};
    use crate::training::{Schedule, TrainingOptions};

    /// Two samples on the reference backend, whatever the configuration says.
    pub fn bench(isa: Option<&str>, threads: usize, seed: u64) -> EpochBench<'static> {
        let samples = Samples::new(&[0, 9, 0, 3, 0, 0, 1, 0], &[0, 1], 4);
        let shape = Shape {
            inputs: 4,
            hidden: 3,
            classes: 2,
        };
        let options = TrainingOptions {
            epochs: 3,
            batch_size: 1,
            learning_rate: 0.15,
            schedule: Schedule::Constant,
            momentum: 0.0,
            nesterov: false,
            ..TrainingOptions::default()
        };
        let parameters = Parameters::initialise(shape, seed);
        let backend = Box::new(Reference::new(&parameters, Optimizer::default()).unwrap());
        let configuration = Configuration {
            backend: "reference".to_owned(),
            isa: isa.map(str::to_owned),
            threads,
            batch_size: 1,
            inputs: 4,
            hidden: 3,
            classes: 2,
            samples: 2,
            momentum: 0.0,
            data: "here".to_owned(),
        };
        let trainer = Trainer::new(samples, &options).unwrap();
        EpochBench::new(configuration, samples, backend, trainer)
    }

    #[test]
    fn a_dense_mnist_sample_is_958800_flop() {
        let shape = Shape {
            inputs: 784,
            hidden: 300,
            classes: 10,
        };
        assert_eq!(flop(784, 1, shape), 958_800.0);
        assert_eq!(flop(0, 1, shape), 18_000.0);
    }

    #[test]
    fn a_row_counts_what_was_timed_and_only_non_zero_inputs() {
        let (mut bench, fresh) = (bench(None, 1, 1), bench(None, 1, 1));
        let control = PassControl::default();
        assert_eq!(bench.epoch(&control, false).unwrap(), EpochEnd::Complete);
        assert_eq!(bench.seconds(), [] as [f64; 0]);
        bench.epoch(&control, true).unwrap();
        bench.epoch(&control, true).unwrap();
        let row = bench.row(1e9, &bench);
        assert_eq!(row.repeats, 2);
        assert!(row.seconds_min <= row.seconds_median && row.seconds_median <= row.seconds_max);
        // 3 non-zero inputs of 8, 3 hidden units, 2 classes, 2 samples.
        let executed = 2.0 * (2.0 * 3.0 * 3.0 + 3.0 * 2.0 * 3.0 * 2.0);
        let found = row.gflops_executed * 1e9 * row.seconds_median;
        assert!((found / executed - 1.0).abs() < 1e-9, "{found}");
        let ratio = row.gflops_dense_equivalent / row.gflops_executed;
        assert!((ratio / (168.0 / executed) - 1.0).abs() < 1e-9, "{ratio}");
        assert_eq!(row.speedup_over_first, Some(1.0));
        assert_eq!(bench.row(1e9, &fresh).speedup_over_first, None);
        assert_eq!(bench.failure(), None);
        bench.losses.push(bench.losses[0]);
        assert!(bench.failure().unwrap().contains("decrease"));
        bench.losses.push(f64::NAN);
        assert!(bench.failure().is_some());
    }
}
