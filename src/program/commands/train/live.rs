//! The live view of a training: what it is told before it begins, and its end.

use super::TrainArgs;
use super::epochs::Epochs;
use super::messages::explain_panic;
use super::session::Session;
use crate::terminal::progress::{Outlook, Progress};
use fused_mlp::training::{StepRecord, Trainer};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Begins the live view of a training, if it would be seen.
pub fn begin(progress: &mut Progress, args: &TrainArgs, trainer: &Trainer<'_>) {
    if !progress.can_be_live() {
        return;
    }
    let has_target = args.target.target_accuracy.is_some();
    let outlook = Outlook {
        epochs: trainer.options().epochs,
        samples_per_epoch: trainer.samples_per_epoch(),
        may_stop_early: has_target || args.stopping.patience.is_some(),
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
