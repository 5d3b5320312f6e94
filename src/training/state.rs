//! Where a training stands, to be saved and gone on from.

use super::average::Average;
use super::focus::{Focus, FocusState};
use super::options::require;
use super::{CurrentEpoch, OptionError, Trainer, TrainingOptions};
use crate::backend::{MinibatchResult, Samples};
use crate::network::Parameters;
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
    /// What is visited next, where there is a focus.
    #[serde(skip)]
    pub focus: Option<FocusState>,
    /// The weights that the next step begins with, where the backend has a mean of them.
    #[serde(skip)]
    pub weights: Option<Parameters>,
}

impl Trainer<'_> {
    /// Where the training stands now.
    pub fn state(&self) -> TrainerState {
        let stream = match self.current {
            // The order of the epoch under way is drawn again; what a focus has drawn is in its state.
            Some(_) if self.sampler.focus().is_none() => self.sampler.stream_before(),
            _ => self.sampler.stream(),
        };
        let current = self.current.clone().unwrap_or_default();
        TrainerState {
            epochs_done: self.epochs_done,
            stream: stream.cloned(),
            steps: current.steps,
            seconds: current.seconds,
            focus: self.sampler.focus().map(Focus::state),
            weights: self.average.as_ref().and_then(Average::weights).cloned(),
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
    ) -> Result<Self, OptionError> {
        let mut trainer = Self::new(samples, options)?;
        trainer.check(state)?;
        if let Some(stream) = &state.stream {
            trainer.sampler.set_stream(stream.clone());
        }
        let focus = trainer.sampler.focus_mut().zip(state.focus.as_ref());
        focus.map_or(Ok(()), |(focus, state)| focus.restore(state))?;
        if let Some(average) = &mut trainer.average {
            average.set_weights(state.weights.clone());
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

    fn check(&self, state: &TrainerState) -> Result<(), OptionError> {
        let (epochs, done) = (self.options.epochs, state.epochs_done);
        require(
            done <= epochs,
            "epochs_done",
            &done,
            &format!("at most {epochs}"),
        )?;
        let (has_focus, expected) = (state.focus.is_some(), self.options.focus > 0.0);
        let text = format!("a state of the focus: {expected}");
        require(has_focus == expected, "focus", &has_focus, &text)?;
        let has_weights = state.weights.is_some();
        let is_begun = done > 0 || state.steps.len() >= Average::next(0, self.steps_per_epoch());
        let expected = self.average.is_some() && is_begun;
        let text = format!("weights beside their mean: {expected}");
        require(has_weights == expected, "average", &has_weights, &text)?;
        let (has_stream, shuffle) = (state.stream.is_some(), self.options.shuffle);
        require(
            has_stream == shuffle,
            "stream",
            &has_stream,
            &format!("a random generator: {shuffle}"),
        )?;
        let taken = state.steps.len();
        let limit = match done < epochs {
            true => self.steps_per_epoch(),
            false => 1,
        };
        let expected = format!("fewer than {limit} steps of the epoch under way");
        require(taken < limit, "steps", &taken, &expected)?;
        let samples = self.options.batch_size;
        let is_possible = |step: &MinibatchResult| {
            step.samples == samples && step.correct <= samples && step.loss.is_finite()
        };
        let wrong = state.steps.iter().position(|step| !is_possible(step));
        require(
            wrong.is_none(),
            "steps",
            &format!("wrong at {wrong:?}"),
            &format!("minibatches of {samples} samples"),
        )?;
        let seconds = state.seconds;
        let is_possible = seconds.is_finite() && seconds >= 0.0 && (taken > 0 || seconds == 0.0);
        let expected = "a finite wall time, 0 between epochs";
        require(is_possible, "seconds", &seconds, expected)
    }
}
