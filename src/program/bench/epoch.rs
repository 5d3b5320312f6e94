//! Whole epochs: shuffling, preparation and every step, without evaluation.

use super::statistics::{median, smallest};
use super::table::Column;
use crate::terminal::output::counted;
use fused_mlp::backend::{Backend, BackendError, PassControl, Samples};
use fused_mlp::engine::Precision;
use fused_mlp::machine::PeakBench;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::training::{EpochEnd, Trainer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a row measures. Two are equal if the same was measured, wherever the data lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configuration {
    /// Implementation of training.
    pub backend: String,
    /// Instruction set of its kernels, if they are ours.
    pub isa: Option<String>,
    /// Threads that compute.
    pub threads: usize,
    /// Samples of a minibatch.
    pub batch_size: usize,
    /// Bytes of an image, hidden units and classes.
    #[serde(flatten)]
    pub shape: Shape,
    /// Samples of an epoch.
    pub samples: usize,
    /// Share of the velocity kept from step to step; 0 is plain SGD.
    pub momentum: f32,
    /// Step size.
    pub learning_rate: f32,
    /// Seed of the initial weights and the sample order.
    pub seed: u64,
    /// Numbers of the first layer.
    pub precision: Precision,
    /// Folder of the data set.
    pub data: String,
    /// SHA-256 of its training images and labels.
    pub data_sha256: [String; 2],
}

impl PartialEq for Configuration {
    fn eq(&self, other: &Self) -> bool {
        let measured = |it: &Self| {
            let names = (it.backend.clone(), it.isa.clone(), it.data_sha256.clone());
            let numbers = (it.threads, it.batch_size, it.samples, it.seed);
            let rates = (it.momentum.to_bits(), it.learning_rate.to_bits());
            (names, numbers, rates, it.shape, it.precision)
        };
        measured(self) == measured(other)
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}, {}, minibatch {}, hidden {}, momentum {}, rate {}, seed {}, {} samples of {}",
            self.backend,
            self.isa.as_deref().unwrap_or("-"),
            self.precision,
            counted(self.threads, "thread"),
            self.batch_size,
            self.shape.hidden,
            self.momentum,
            self.learning_rate,
            self.seed,
            self.samples,
            self.data
        )
    }
}

/// What was measured: all that later runs are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Of what.
    #[serde(flatten)]
    pub configuration: Configuration,
    /// Seconds of each timed epoch.
    pub seconds: Vec<f64>,
    /// 10^9 FLOP/s of independent multiply-adds on the same threads, the best burst of the run.
    pub peak_gflops: f64,
}

/// Results of a row. Rates and shares are of the median time unless they are called best.
#[derive(Debug, Serialize)]
pub struct EpochRow<'a> {
    /// What was measured.
    #[serde(flatten)]
    pub configuration: &'a Configuration,
    /// Epochs that were timed.
    pub repeats: usize,
    /// Median time of an epoch.
    pub seconds_median: f64,
    /// Shortest.
    pub seconds_min: f64,
    /// 1 / median.
    pub epochs_per_second: f64,
    /// 10^9 FLOP/s, products with inputs of 0 left out.
    pub gflops_executed: f64,
    /// As [`Times::peak_gflops`].
    pub peak_gflops: f64,
    /// Executed / peak.
    pub peak_fraction_executed: f64,
    /// Executed / peak in the shortest epoch.
    pub peak_fraction_executed_best: f64,
    /// Median time of the first row / median time of this one.
    pub speedup_over_first: f64,
    /// Shortest time of the first row / shortest time of this one.
    pub speedup_over_first_best: f64,
}

impl EpochRow<'_> {
    /// The printed table, but for its first columns: backend, instruction set and precision.
    pub const COLUMNS: [Column<Self>; 14] = [
        ("threads", 0, |row| row.configuration.threads as f64),
        ("batch", 0, |row| row.configuration.batch_size as f64),
        ("hidden", 0, |row| row.configuration.shape.hidden as f64),
        ("momentum", 3, |row| row.configuration.momentum.into()),
        ("samples", 0, |row| row.configuration.samples as f64),
        ("median ms", 2, |row| 1e3 * row.seconds_median),
        ("best ms", 2, |row| 1e3 * row.seconds_min),
        ("epochs/s", 2, |row| row.epochs_per_second),
        ("GFLOP/s", 1, |row| row.gflops_executed),
        ("FMA peak", 1, |row| row.peak_gflops),
        ("of peak, %", 1, |row| 100.0 * row.peak_fraction_executed),
        ("best", 1, |row| 100.0 * row.peak_fraction_executed_best),
        ("speed-up", 2, |row| row.speedup_over_first),
        ("best", 2, |row| row.speedup_over_first_best),
    ];
}

/// FLOP of the three products of a step and its gradients for samples with so many inputs in all,
/// a multiply-add counting two: 2 (2 inputs hidden + 3 samples hidden classes).
pub fn flop(inputs: usize, samples: usize, shape: Shape) -> f64 {
    let (hidden, classes) = (shape.hidden as f64, shape.classes as f64);
    2.0 * (2.0 * inputs as f64 * hidden + 3.0 * samples as f64 * hidden * classes)
}

/// One row: a backend with its own parameters, trained epoch by epoch.
pub struct EpochBench<'a> {
    /// What was measured so far.
    pub times: Times,
    peak: PeakBench,
    non_zero: usize,
    backend: Box<dyn Backend>,
    trainer: Trainer<'a>,
    /// Mean loss of each epoch, timed or not; NaN for one that diverged.
    losses: Vec<f64>,
}

impl<'a> EpochBench<'a> {
    /// A row that was not measured yet. `trainer` goes over `samples`, and has as many epochs left
    /// as will be asked for.
    pub fn new(
        configuration: Configuration,
        samples: Samples<'a>,
        backend: Box<dyn Backend>,
        trainer: Trainer<'a>,
        peak: PeakBench,
    ) -> Self {
        Self {
            times: Times {
                configuration,
                seconds: Vec::new(),
                peak_gflops: 0.0,
            },
            peak,
            non_zero: samples.images().iter().filter(|&&byte| byte != 0).count(),
            backend,
            trainer,
            losses: Vec::new(),
        }
    }

    /// What is measured.
    pub fn configuration(&self) -> &Configuration {
        &self.times.configuration
    }

    /// Why the row has not really trained, if it has not: its times mean nothing then.
    ///
    /// The parameters must be finite, and the last epoch's mean loss below the first one's.
    pub fn failure(&self) -> Option<String> {
        if !self.parameters().is_finite() {
            return Some("a parameter is not a finite number".to_owned());
        }
        let (first, last) = (self.losses.first()?, self.losses.last()?);
        let is_sound = last.is_finite() && (self.losses.len() < 2 || last < first);
        (!is_sound).then(|| format!("its loss went from {first} to {last}; expected a decrease"))
    }

    /// The network as it is now.
    pub fn parameters(&self) -> Parameters {
        self.backend.parameters()
    }

    /// Measures the peak, then trains an epoch; its time is kept if it counts. Tells how it ended.
    ///
    /// # Errors
    /// If the samples do not fit the network.
    pub fn epoch(&mut self, control: &PassControl, counts: bool) -> Result<EpochEnd, BackendError> {
        /// Bursts before each epoch; they take about ten milliseconds.
        const BURSTS: usize = 3;
        let peak = self.peak.best_of(BURSTS) / 1e9;
        self.times.peak_gflops = peak.max(self.times.peak_gflops);
        let epoch = self.trainer.train_epoch(self.backend.as_mut(), control)?;
        self.losses.push(match epoch.end {
            EpochEnd::Diverged => f64::NAN,
            EpochEnd::Complete | EpochEnd::Stopped => epoch.record.train_loss,
        });
        if counts {
            self.times.seconds.push(epoch.record.seconds);
        }
        Ok(epoch.end)
    }

    /// The results, beside those of the first row.
    pub fn row(&self, first: &EpochBench<'_>) -> EpochRow<'_> {
        let (configuration, seconds) = (&self.times.configuration, &self.times.seconds);
        let samples = configuration.samples;
        let gflop = flop(self.non_zero, samples, configuration.shape) / 1e9;
        let (middle, best) = (median(seconds), smallest(seconds));
        let peak_gflops = self.times.peak_gflops;
        EpochRow {
            configuration,
            repeats: seconds.len(),
            seconds_median: middle,
            seconds_min: best,
            epochs_per_second: 1.0 / middle,
            gflops_executed: gflop / middle,
            peak_gflops,
            peak_fraction_executed: gflop / middle / peak_gflops,
            peak_fraction_executed_best: gflop / best / peak_gflops,
            speedup_over_first: median(&first.times.seconds) / middle,
            speedup_over_first_best: smallest(&first.times.seconds) / best,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use fused_mlp::backend::{Optimizer, Reference};
    use fused_mlp::simd::Isa;
    use fused_mlp::training::{Schedule, TrainingOptions};

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
            shape,
            samples: 2,
            momentum: 0.0,
            learning_rate: 0.1,
            seed: 1,
            precision: Precision::F32,
            data_sha256: Default::default(),
            data: "here".to_owned(),
        };
        let trainer = Trainer::new(samples, &options).unwrap();
        let peak = PeakBench::new(Isa::available()[0], 1).unwrap();
        EpochBench::new(configuration, samples, backend, trainer, peak)
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
        let mut bench = bench(None, 1, 1);
        let control = PassControl::default();
        assert_eq!(bench.epoch(&control, false).unwrap(), EpochEnd::Complete);
        assert!(bench.times.seconds.is_empty());
        bench.epoch(&control, true).unwrap();
        bench.epoch(&control, true).unwrap();
        let row = bench.row(&bench);
        assert_eq!(row.repeats, 2);
        assert!(row.seconds_min <= row.seconds_median);
        // 3 non-zero inputs of 8, 3 hidden units, 2 classes, 2 samples.
        let executed = 2.0 * (2.0 * 3.0 * 3.0 + 3.0 * 2.0 * 3.0 * 2.0);
        let found = row.gflops_executed * 1e9 * row.seconds_median;
        assert!((found / executed - 1.0).abs() < 1e-9, "{found}");
        assert_eq!(row.speedup_over_first, 1.0);
        assert_eq!(bench.failure(), None);
        bench.losses.push(bench.losses[0]);
        assert!(bench.failure().unwrap().contains("decrease"));
        bench.losses.push(f64::NAN);
        assert!(bench.failure().is_some());
    }
}
