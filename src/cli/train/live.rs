//! The live view of a training: what it is told before it begins, and its end.

use super::TrainArgs;
use super::ending::Epochs;
use super::messages::explain_panic;
use super::session::Session;
use crate::cli::backend::Selected;
use crate::cli::progress::{Outlook, Peak, Progress};
use fused_mlp::backend::Samples;
use fused_mlp::benchmark::{PeakBench, flop};
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::simd::Isa;
use fused_mlp::training::{StepRecord, Trainer};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bursts of multiply-adds, of about two milliseconds each, of which the best is the peak.
const BURSTS: usize = 3;
/// Images whose non-zero pixels are counted, spread over the data set: a share of 1 % of the real
/// one is a few milliseconds less.
const COUNTED: usize = 1000;

/// Begins the live view of a training, if it would be seen. The peak is measured here and now; not if
/// a clock is running that the training is to be stopped by.
pub fn begin(
    progress: &mut Progress,
    args: &TrainArgs,
    dataset: &Dataset,
    trainer: &Trainer<'_>,
    selected: &Selected,
) {
    if !progress.can_be_live() {
        return;
    }
    let has_target = args.target.target_accuracy.is_some();
    let isa = selected.isa.filter(|_| !has_target);
    let outlook = Outlook {
        epochs: trainer.options().epochs,
        samples_per_epoch: trainer.samples_per_epoch(),
        may_stop_early: has_target || args.stopping.patience.is_some(),
        peak: isa.and_then(|isa| {
            let shape = selected.backend.parameters().shape;
            peak(isa, selected.backend.threads(), dataset, shape)
        }),
    };
    progress.begin_live(outlook, trainer.epochs_done());
}

/// Trains within the live view. However the training ends, its chart stays.
///
/// # Errors
/// As [`Session::train_epochs`].
///
/// # Panics
/// If a thread of the training does; how to go on is told first.
pub fn train(session: &mut Session<'_>, last_finite: Option<StepRecord>) -> anyhow::Result<Epochs> {
    let progress = session.progress.clone();
    let work =
        AssertUnwindSafe(|| progress.during(session.control, || session.train_epochs(last_finite)));
    let epochs = catch_unwind(work);
    session.progress.end_live();
    epochs.unwrap_or_else(|panic| {
        explain_panic(session.run_folder.path(), &session.checkpoints);
        resume_unwind(panic)
    })
}

/// Work of a sample of the fused engine, which leaves out products with 0, and the FMA peak of its
/// threads.
fn peak(isa: Isa, threads: usize, dataset: &Dataset, shape: Shape) -> Option<Peak> {
    let samples = Samples::from(&dataset.train);
    let step = (samples.len() / COUNTED).max(1);
    let images = samples.images().chunks_exact(shape.inputs).step_by(step);
    let counted = images.len();
    let non_zero = images.flatten().filter(|&&byte| byte != 0).count();
    // The bench's threads are gone before the first step.
    let bench = PeakBench::new(isa, threads).ok()?;
    Some(Peak {
        flop_per_sample: flop(non_zero, counted, shape) / counted as f64,
        flop_per_second: bench.best_of(BURSTS),
    })
}
