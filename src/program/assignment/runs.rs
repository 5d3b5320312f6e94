//! Several trainings at once, one on each core, as sweeps train them.

use super::error::AssignmentError;
use super::mnist::{EpochPoint, HIDDEN};
use super::progress::Progress;
use super::settings::Settings;
use crate::sweep::{self, RunConfiguration, RunOutcome, SweepEvent, SweepPlan};
use fused_mlp::mnist::Dataset;
use fused_mlp::training::TrainingOptions;

/// One training, as far as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How it ended; `None` if it was stopped.
    pub outcome: Option<RunOutcome>,
    /// Its epochs; where it diverged, those before.
    pub epochs: Vec<EpochPoint>,
    /// Accuracy on the test data, if they were asked for and it did not diverge.
    pub test_accuracy: Option<f64>,
}

/// Trains with each of the options, as many at a time as there are threads.
pub fn train_all(
    settings: &Settings,
    dataset: &Dataset,
    options: Vec<TrainingOptions>,
    scores_test: bool,
    progress: &Progress<'_>,
    what: &str,
) -> Result<Vec<Run>, AssignmentError> {
    let configurations: Vec<RunConfiguration> = options
        .into_iter()
        .map(|options| RunConfiguration {
            hidden: HIDDEN,
            options,
        })
        .collect();
    let mut epochs_left: u64 = configurations
        .iter()
        .map(|run| u64::from(run.options.epochs))
        .sum();
    let epochs = epochs_left as f64;
    let empty = Run {
        outcome: None,
        epochs: Vec::new(),
        test_accuracy: None,
    };
    let mut runs = vec![empty; configurations.len()];
    let plan = SweepPlan {
        dataset,
        configurations: &configurations,
        scores_test,
        isa: settings.isa,
        workers: settings.threads,
    };
    let todo: Vec<usize> = (0..configurations.len()).collect();
    sweep::run(&plan, &todo, progress.stop(), |event| {
        match event {
            SweepEvent::Epoch { index, record } => {
                runs[index].epochs.push(EpochPoint::from(&record));
                epochs_left -= 1;
            }
            SweepEvent::Run(result) => {
                let run = &mut runs[result.index];
                run.outcome = Some(result.record.outcome);
                run.test_accuracy = result.record.test_accuracy;
                let planned = configurations[result.index].options.epochs;
                epochs_left -= u64::from(planned) - result.epochs.len() as u64;
            }
        }
        progress.report(what, 1.0 - epochs_left as f64 / epochs);
        Ok(())
    })?;
    Ok(runs)
}
