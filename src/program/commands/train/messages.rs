//! What a training says to people.

use super::checkpoints::Checkpoints;
use super::from_here;
use crate::ending::Ending;
use crate::run_folder::{EndEvent, StartEvent};
use crate::terminal::output::{message, shown};
use fused_mlp::backend::Evaluation;
use fused_mlp::training::{StepRecord, Trainer};
use std::path::Path;

/// What is about to happen, in one line.
pub fn heading(start: &StartEvent<'_>, trainer: &Trainer<'_>) -> String {
    let isa = start.environment.isa;
    let threads = start.environment.threads;
    format!(
        "training {} on {} samples of {}: backend {}{}, {threads} thread{}; results in {}",
        start.network,
        trainer.samples_per_epoch(),
        from_here(&start.data.folder),
        start.settings.backend,
        isa.map_or_else(String::new, |isa| format!(" ({isa})")),
        if threads == 1 { "" } else { "s" },
        shown(Path::new(&start.run)),
    )
}

/// The result, for people.
pub fn summary(test: &Evaluation, end: &EndEvent) -> String {
    let mut text = format!(
        "test accuracy {:.2} % ({} of {}), test loss {:.4}\n{} epoch{} in {:.3} s",
        100.0 * test.accuracy(),
        test.correct,
        test.predicted.len(),
        test.loss,
        end.epochs,
        if end.epochs == 1 { "" } else { "s" },
        end.train_seconds,
    );
    if let Some(rate) = end.epochs_per_second {
        text += &format!(" ({rate:.2} epochs/s)");
    }
    text += &format!("; {:.3} s in total", end.total_seconds);
    if let (Some(target), Some(on), Some(seconds)) = (
        end.target_accuracy,
        end.target_on,
        end.time_to_accuracy_seconds,
    ) {
        text += &format!("\n{on} accuracy {target} reached {seconds:.3} s after the start");
    }
    if let Some(best) = end.best_epoch {
        let stopped = if end.stopped_early {
            "; stopped early"
        } else {
            ""
        };
        text += &format!("\nthe network is that of epoch {best}, the best{stopped}");
    }
    if let Some(model) = &end.model {
        text += &format!("\nmodel: {}", shown(Path::new(model)));
    }
    if let Some(curve) = &end.learning_curve {
        text += &format!("\nlearning curve: {}", shown(Path::new(curve)));
    }
    text
}

/// Says why a run ended before its end.
pub fn explain(
    ending: Ending,
    diverged: Option<&str>,
    last: Option<StepRecord>,
    run: &Path,
    checkpoints: &Checkpoints<'_>,
) {
    let resume = how_to_resume(run, checkpoints);
    let run = shown(run);
    match (ending, diverged) {
        (_, Some(reason)) => {
            let last = last.map_or_else(String::new, |last| {
                format!(
                    "; the last finite loss was {} at step {} with learning rate {}",
                    last.minibatch.loss, last.step, last.learning_rate
                )
            });
            let kept = checkpoints.newest().map_or_else(String::new, |file| {
                format!(
                    "; the last good network is in {0}, from which train --init {0} starts",
                    shown(file)
                )
            });
            message(&format!(
                "error: training diverged: {reason}{last}; try a smaller --learning-rate, \
                 --momentum or --weight-decay{kept}; results so far are in {run}"
            ));
        }
        (Ending::Signal(_), None) => {
            message(&format!(
                "interrupted: the network as it is now and all results so far are in {run}; \
                 {resume}"
            ));
        }
        _ => {}
    }
}

/// Says what is left of a training in which a thread has panicked, after the panic's own message.
pub fn explain_panic(run: &Path, checkpoints: &Checkpoints<'_>) {
    let resume = how_to_resume(run, checkpoints);
    let run = shown(run);
    message(&format!(
        "error: the training ended by a fault of the program or of the machine, told above; the \
         epochs before it are in {run}; {resume}"
    ));
}

/// That going on is possible, if there is a checkpoint to go on from.
fn how_to_resume(run: &Path, checkpoints: &Checkpoints<'_>) -> String {
    let run = shown(run);
    if checkpoints.newest().is_some_and(Path::is_file) {
        format!("fused-mlp train --resume {run} goes on")
    } else {
        format!("fused-mlp train --resume {run} begins anew, as there are no checkpoints")
    }
}
