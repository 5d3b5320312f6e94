//! `--target-accuracy`: training until an evaluation reaches it.

use super::evaluate;
use crate::run_folder::ScoreEvent;
use crate::terminal::output::shown;
use clap::{Args, ValueEnum};
use fused_mlp::backend::{Backend, Evaluation};
use fused_mlp::mnist::Split;
use fused_mlp::training::EpochRecord;
use std::path::Path;
use std::time::Instant;

/// Options of the target.
#[derive(Debug, Clone, Copy, Args)]
pub struct TargetArgs {
    /// Stop after the first epoch whose evaluation reaches this share of correct predictions, and
    /// exit with 1 if none does
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub target_accuracy: Option<f64>,
    /// Samples that decide on the target
    #[arg(long, value_enum, value_name = "SPLIT", default_value = "test")]
    pub target_on: TargetOn,
}

/// What decides on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetOn {
    /// The test samples, as is usual for records
    Test,
    /// The samples set aside with --validation
    Validation,
}

impl TargetOn {
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

impl TargetArgs {
    /// Why the exit code is 1.
    pub fn missed(&self, epochs: u32, run: &Path) -> String {
        format!(
            "error: the target was missed: no {} accuracy in {epochs} epoch{} was {} or more; try \
             more --epochs or another --learning-rate; the network is in {}",
            self.target_on.name(),
            if epochs == 1 { "" } else { "s" },
            self.target_accuracy.unwrap_or(1.0),
            shown(run)
        )
    }
}

/// A share of correct predictions.
pub fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("expected a share above 0, at most 1, such as 0.98".to_owned()),
    }
}

/// An evaluation, for people.
pub fn score_line(score: &ScoreEvent) -> String {
    format!(
        "{} accuracy {:.2} % {:.3} s after the start",
        score.split,
        100.0 * score.accuracy,
        score.seconds
    )
}

/// The way to a target.
pub struct Target<'a> {
    args: TargetArgs,
    test: &'a Split,
    program_start: Instant,
    /// Seconds from the start of the program to the end of the evaluation that reached the target.
    pub reached_after: Option<f64>,
    /// The latest evaluation of the test samples.
    pub evaluation: Option<Evaluation>,
}

impl<'a> Target<'a> {
    pub fn new(args: TargetArgs, test: &'a Split, program_start: Instant) -> Self {
        Self {
            args,
            test,
            program_start,
            reached_after: None,
            evaluation: None,
        }
    }

    /// Scores an epoch that was trained in full, if there is a target.
    pub fn score(
        &mut self,
        backend: &mut dyn Backend,
        record: &EpochRecord,
    ) -> anyhow::Result<Option<ScoreEvent>> {
        let Some(target) = self.args.target_accuracy else {
            return Ok(None);
        };
        let accuracy = match self.args.target_on {
            TargetOn::Validation => record.validation_accuracy,
            TargetOn::Test => {
                let evaluation = evaluate(backend, self.test)?;
                let accuracy = evaluation.accuracy();
                self.evaluation = Some(evaluation);
                Some(accuracy)
            }
        };
        let seconds = self.program_start.elapsed().as_secs_f64();
        // NaN reaches nothing.
        if accuracy.is_some_and(|accuracy| accuracy >= target) {
            self.reached_after = Some(seconds);
        }
        Ok(Some(ScoreEvent {
            epoch: record.epoch,
            split: self.args.target_on.name().to_owned(),
            accuracy: accuracy.unwrap_or(f64::NAN),
            seconds,
        }))
    }

    /// Whether there was a target and it was not reached.
    pub fn is_missed(&self) -> bool {
        self.args.target_accuracy.is_some() && self.reached_after.is_none()
    }
}
