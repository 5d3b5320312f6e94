//! The end of a training: its results, what it leaves, what it says.

use super::epochs::Epochs;
use super::messages::{explain, summary};
use super::saving::CHECKPOINT;
use super::session::Session;
use super::{TrainArgs, evaluate};
use crate::charts::learning_curve::learning_curve_svg;
use crate::ending::{EXIT_MISSED, Ending};
use crate::run_folder::{EndEvent, StartEvent, write_run};
use crate::terminal::output::message;
use fused_mlp::backend::Evaluation;
use fused_mlp::mnist::Dataset;
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::Parameters;
use fused_mlp::training::{BestEpoch, EarlyStopping};
use std::fs;
use std::time::Instant;

/// What the end of a training needs besides the training.
pub struct Finish<'a> {
    pub args: &'a TrainArgs,
    pub started: &'a str,
    pub start: &'a StartEvent<'a>,
    pub dataset: &'a Dataset,
    pub program_start: Instant,
    /// From the start of this process to its first step.
    pub start_up_seconds: f64,
    /// The signal that asked to stop.
    pub signal: Option<u8>,
}

impl Finish<'_> {
    /// Scores the network, writes the files, says the results.
    pub fn run(&self, mut session: Session<'_>, epochs: Epochs) -> anyhow::Result<Ending> {
        let best = self.restore_best(&mut session)?;
        let parameters = session.backend.parameters();
        let mut diverged = epochs.diverged.clone();
        if !parameters.is_finite() {
            diverged.get_or_insert("a parameter is not a finite number".to_owned());
        }
        let test = match (self.signal, session.target.evaluation.take()) {
            (None, Some(test)) if diverged.is_none() && best.is_none() => Some(test),
            (None, _) if diverged.is_none() => Some(evaluate(session.backend, &self.dataset.test)?),
            _ => None,
        };
        if let Some(test) = test.as_ref().filter(|test| !test.loss.is_finite()) {
            diverged.get_or_insert(format!("the test loss is {}", test.loss));
        }
        let ending = match self.signal {
            _ if diverged.is_some() => Ending::Missed(EXIT_MISSED),
            Some(signal) => Ending::Signal(signal),
            None if epochs.is_target_missed => Ending::Missed(EXIT_MISSED),
            None => Ending::Success,
        };
        // The parameters before a step that diverged may be finite, but they are no good.
        let model = match diverged {
            None => self.save_model(&mut session, &parameters),
            Some(_) => None,
        };
        let (means, steps, records) = session.run_folder.curve();
        let svg = learning_curve_svg(means, steps, records);
        let curve = session.run_folder.write_curve(&svg);
        let curve = session.saving.note("loss.svg", curve);
        let flushed = session.run_folder.flush();
        session
            .saving
            .note("steps.csv, epochs.csv or times.csv", flushed);
        if self.signal.is_none() {
            // A run that has come to its end needs none.
            session.saving.forget(CHECKPOINT);
        }
        let end = EndEvent {
            outcome: match ending {
                Ending::Missed(_) if diverged.is_some() => "diverged",
                // `--resume` repeats what is missing.
                Ending::Success | Ending::Missed(_) if session.saving.has_failures() => "unsaved",
                Ending::Success => "finished",
                Ending::Missed(_) => "missed",
                Ending::Signal(_) => "interrupted",
            },
            best_epoch: best.as_ref().map(|best| best.epoch),
            stopped_early: session
                .stopping
                .as_ref()
                .is_some_and(EarlyStopping::should_stop),
            model,
            learning_curve: curve.map(|file| file.display().to_string()),
            ..self.numbers(test.as_ref(), &epochs, session.target.reached_after)
        };
        let run = session.run_folder.path();
        let written = write_run(run, self.started, self.start, Some(&end));
        session.saving.note("run.json", written);
        session.results.event(&end)?;
        if let (Some(test), None) = (&test, &diverged) {
            session.results.text(&summary(test, &end));
        }
        self.say(&session, &epochs, ending, diverged.as_deref());
        session.results.finish()?;
        session.saving.finish(&self.start.run)?;
        Ok(ending)
    }

    /// Early stopping keeps the network of the best epoch, unless the one at hand is the goal, or
    /// the training is to go on from it.
    fn restore_best(&self, session: &mut Session<'_>) -> anyhow::Result<Option<BestEpoch>> {
        if self.signal.is_some() || session.target.reached_after.is_some() {
            return Ok(None);
        }
        let best = session.stopping.as_ref().and_then(EarlyStopping::best);
        if let Some(best) = best {
            session.backend.set_parameters(&best.parameters)?;
        }
        Ok(best.cloned())
    }

    fn save_model(&self, session: &mut Session<'_>, parameters: &Parameters) -> Option<String> {
        let path = session.run_folder.model();
        // If the folder was removed, the network is kept all the same.
        let _ = fs::create_dir_all(session.run_folder.path());
        let images = &self.dataset.train.images;
        let metadata = Metadata::new(images.rows(), images.columns());
        let saved = model_file::save(&path, parameters, &metadata);
        let saved = session.saving.note("model.safetensors", saved);
        saved.map(|()| path.display().to_string())
    }

    fn numbers(
        &self,
        test: Option<&Evaluation>,
        epochs: &Epochs,
        reached_after: Option<f64>,
    ) -> EndEvent {
        let target = self.args.target;
        EndEvent {
            outcome: "",
            test_loss: test.map(|test| test.loss),
            test_accuracy: test.map(Evaluation::accuracy),
            epochs: epochs.complete,
            train_seconds: epochs.seconds,
            epochs_per_second: (epochs.complete > 0)
                .then(|| f64::from(epochs.complete) / epochs.seconds),
            start_up_seconds: self.start_up_seconds,
            total_seconds: self.program_start.elapsed().as_secs_f64(),
            target_accuracy: target.target_accuracy,
            target_on: target.target_accuracy.map(|_| target.target_on.name()),
            time_to_accuracy_seconds: reached_after,
            best_epoch: None,
            stopped_early: false,
            model: None,
            learning_curve: None,
        }
    }

    /// Why the run ended before its end, or missed its goal.
    fn say(&self, session: &Session<'_>, epochs: &Epochs, ending: Ending, diverged: Option<&str>) {
        let run = session.run_folder.path();
        match diverged {
            None if ending == Ending::Missed(EXIT_MISSED) => {
                message(&self.args.target.missed(epochs.complete, run));
            }
            _ => explain(
                ending,
                diverged,
                epochs.last_finite,
                run,
                &session.checkpoints,
            ),
        }
    }
}
