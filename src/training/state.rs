//! Where a training stands, to be saved and gone on from.

use super::{CurrentEpoch, OptionError, Trainer, TrainingOptions};
use crate::backend::{MinibatchResult, Samples};
use crate::random::Stream;
use serde::{Deserialize, Serialize};

/// Where a [`Trainer`] stands. Together with its options, its samples and the state of its backend,
/// it determines all later steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// Epochs that are over.
    pub epochs_done: u32,
    /// State of the random generator before the order of the epoch under way, or else of the next,
    /// was drawn; none without shuffling.
    pub stream: Option<Stream>,
    /// What the minibatches of the epoch under way gave; none between epochs.
    #[serde(skip)]
    pub steps: Vec<MinibatchResult>,
    /// Wall time of the epoch under way.
    pub seconds: f64,
}

/// Why a training cannot go on from a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The options are not possible.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The state contradicts the options or the data.
    #[error("the state of the training contradicts its options: {found}; expected {expected}")]
    Contradiction {
        /// What the options ask for.
        expected: String,
        /// What the state has.
        found: String,
    },
}

impl Trainer<'_> {
    /// Where the training stands now.
    pub fn state(&self) -> TrainerState {
        let stream = match self.current {
            Some(_) => self.sampler.stream_before(),
            None => self.sampler.stream(),
        };
        let current = self.current.clone().unwrap_or_default();
        TrainerState {
            epochs_done: self.epochs_done,
            stream: stream.cloned(),
            steps: current.steps,
            seconds: current.seconds,
        }
    }
}

impl<'a> Trainer<'a> {
    /// A training that goes on from `state`.
    ///
    /// # Errors
    /// If an option is out of its range, or the state contradicts the options.
    pub fn resume(
        samples: Samples<'a>,
        options: &TrainingOptions,
        state: &TrainerState,
    ) -> Result<Self, StateError> {
        let mut trainer = Self::new(samples, options)?;
        trainer.check(state)?;
        if let Some(stream) = &state.stream {
            trainer.sampler.set_stream(stream.clone());
        }
        trainer.epochs_done = state.epochs_done;
        if !state.steps.is_empty() {
            trainer.sampler.next_epoch();
            trainer.current = Some(CurrentEpoch {
                steps: state.steps.clone(),
                seconds: state.seconds,
            });
        }
        Ok(trainer)
    }

    fn check(&self, state: &TrainerState) -> Result<(), StateError> {
        let check = |is_right: bool, expected: String, found: String| {
            is_right
                .then_some(())
                .ok_or(StateError::Contradiction { expected, found })
        };
        let (epochs, done) = (self.options.epochs, state.epochs_done);
        check(
            done <= epochs,
            format!("at most {epochs} epochs"),
            done.to_string(),
        )?;
        check(
            state.stream.is_some() == self.options.shuffle,
            format!("a random generator: {}", self.options.shuffle),
            state.stream.is_some().to_string(),
        )?;
        let taken = state.steps.len();
        let limit = if done < epochs {
            self.steps_per_epoch()
        } else {
            1
        };
        check(
            taken < limit,
            format!("fewer than {limit} steps of the epoch under way"),
            taken.to_string(),
        )?;
        let is_possible = |step: &MinibatchResult| {
            step.samples == self.options.batch_size
                && step.correct <= step.samples
                && step.loss.is_finite()
        };
        let wrong = state.steps.iter().find(|step| !is_possible(step));
        check(
            wrong.is_none(),
            format!("minibatches of {} samples", self.options.batch_size),
            format!("{wrong:?}"),
        )?;
        check(
            state.seconds.is_finite()
                && state.seconds >= 0.0
                && (taken > 0 || state.seconds == 0.0),
            "a finite wall time, 0 between epochs".to_owned(),
            state.seconds.to_string(),
        )
    }
}
