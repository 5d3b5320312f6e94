//! The end of a training: its results, what it leaves, what it says.

use super::evaluate;
use super::saving::CHECKPOINT;
use super::session::{EVENTS, LINES, Session};
use crate::charts::learning_curve::learning_curve_svg;
use crate::ending::{EXIT_MISSED, Ending};
use crate::pages::template::render;
use crate::run_folder::{EndEvent, MODEL_FILE, Outcome, RUN_FILE, unwritable};
use crate::terminal::output::{message, shown};
use fused_mlp::backend::Evaluation;
use fused_mlp::files::atomic;
use fused_mlp::mnist::sha256;
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::training::EarlyStopping;
use serde_json::json;
use std::fs;
use std::path::Path;

impl Session<'_> {
    /// Scores the network, writes the files, says the results. `signal` is the one that asked to stop.
    pub fn finish(mut self, signal: Option<u8>) -> anyhow::Result<Ending> {
        let best_epoch = self.restore_best(signal)?;
        if self.diverged.is_none() && !self.backend.parameters().is_finite() {
            self.diverged = Some("a parameter is not a finite number".to_owned());
        }
        let test = match self.test.take() {
            _ if self.diverged.is_some() || signal.is_some() => None,
            Some(test) if best_epoch.is_none() => Some(test),
            _ => Some(evaluate(self.backend.as_mut(), &self.dataset.test)?),
        };
        if let Some(test) = test.as_ref().filter(|test| !test.loss.is_finite()) {
            self.diverged = Some(format!("the test loss is {}", test.loss));
        }
        // The parameters before a step that diverged may be finite, but they are no good.
        let model = match self.diverged {
            None => self.save_model(),
            Some(_) => None,
        };
        let curve = self.save_lines_and_curve();
        if let (Some(events), Some(_), None) = (&mut self.events, &model, signal) {
            let images = &self.dataset.train.images;
            let size = (images.rows(), images.columns());
            let added = events.finish(test.as_ref(), &self.backend.parameters(), size);
            self.saving.note(EVENTS, added);
        }
        if signal.is_none() {
            // A run that has come to its end needs none.
            self.saving.forget(CHECKPOINT);
        }
        let is_missed = self.settings().target_accuracy.is_some() && self.reached_after.is_none();
        let (outcome, ending) = match signal {
            _ if self.diverged.is_some() => (Outcome::Diverged, Ending::Missed(EXIT_MISSED)),
            Some(signal) => (Outcome::Interrupted, Ending::Signal(signal)),
            None if is_missed => (Outcome::Missed, Ending::Missed(EXIT_MISSED)),
            None => (Outcome::Finished, Ending::Success),
        };
        let outcome = match outcome {
            // `--resume` repeats what is missing.
            Outcome::Missed | Outcome::Finished if self.saving.has_failures() => Outcome::Unsaved,
            outcome => outcome,
        };
        let end = self.end((outcome, best_epoch), test.as_ref(), (model, curve));
        self.record.results = Some(end.clone());
        let written = self.record.write(self.folder.path());
        self.saving.note(RUN_FILE, written);
        self.results.event(&end)?;
        if let (Some(test), None) = (&test, &self.diverged) {
            let (correct, samples) = (test.correct, test.predicted.len());
            // Two digits at most, and none of a whole number.
            let epochs = format!("{:.2}", self.trainer.epochs_trained());
            let epochs = epochs.trim_end_matches('0').trim_end_matches('.');
            let context =
                json!({"end": end, "epochs": epochs, "correct": correct, "samples": samples});
            let text = render("training_results.txt", context)?;
            self.results.text(text.trim_end());
        }
        self.explain(ending);
        if let Some(test) = test.filter(|_| ending == Ending::Success) {
            self.warn_of_guessing(test.loss);
        }
        self.results.finish()?;
        self.saving.finish(&self.record.start.run)?;
        Ok(ending)
    }

    /// The results, with the evaluation of the test samples and the files of the model and the curve.
    fn end(
        &self,
        (outcome, best_epoch): (Outcome, Option<u32>),
        test: Option<&Evaluation>,
        (model, learning_curve): (Option<(String, String)>, Option<String>),
    ) -> EndEvent {
        let (settings, complete) = (self.settings(), self.complete);
        let records = &self.folder.history().epochs;
        let trained = match self.diverged {
            None => self.trainer.epochs_trained(),
            Some(_) => f64::from(complete),
        };
        let train_seconds = records.iter().map(|record| record.seconds).sum();
        let stopping = self.stopping.as_ref();
        let (model, model_sha256) = model.unzip();
        EndEvent {
            outcome,
            test_loss: test.map(|test| test.loss),
            test_accuracy: test.map(Evaluation::accuracy),
            epochs: complete,
            steps: self.diverged.is_none().then(|| self.trainer.steps_done()),
            train_seconds,
            epochs_per_second: (complete > 0 && train_seconds > 0.0)
                .then(|| trained / train_seconds),
            start_up_seconds: self.start_up_seconds,
            total_seconds: self.clock.elapsed().as_secs_f64(),
            target_accuracy: settings.target_accuracy,
            target_on: settings.target_on.clone(),
            time_to_accuracy_seconds: self.reached_after,
            best_epoch,
            stopped_early: stopping.is_some_and(EarlyStopping::should_stop),
            model,
            model_sha256,
            learning_curve,
        }
    }

    /// Early stopping keeps the network of the best epoch, unless the one at hand is the goal, or
    /// the training is to go on from it. Returns the number of the epoch.
    pub fn restore_best(&mut self, signal: Option<u8>) -> anyhow::Result<Option<u32>> {
        if signal.is_some() || self.reached_after.is_some() {
            return Ok(None);
        }
        let best = self.stopping.as_ref().and_then(EarlyStopping::best);
        if let Some(best) = best {
            self.backend.set_parameters(&best.parameters)?;
        }
        Ok(best.map(|best| best.epoch))
    }

    /// The model file of the network as it is now.
    pub fn model_bytes(&self) -> Vec<u8> {
        let images = &self.dataset.train.images;
        let metadata = Metadata {
            adjustment: images.adjustment(),
            ..Metadata::new(images.rows(), images.columns())
        };
        model_file::to_bytes(&self.backend.parameters(), &metadata)
    }

    /// Returns the file and its SHA-256.
    fn save_model(&mut self) -> Option<(String, String)> {
        let path = self.folder.path().join(MODEL_FILE);
        // If the folder was removed, the network is kept all the same.
        let _ = fs::create_dir_all(self.folder.path());
        let bytes = self.model_bytes();
        let saved = atomic::write(&path, &bytes).map_err(|error| unwritable(&path, &error));
        let saved = self.saving.note(MODEL_FILE, saved);
        saved.map(|()| (path.display().to_string(), sha256(&bytes)))
    }

    /// Returns the file of the curve.
    fn save_lines_and_curve(&mut self) -> Option<String> {
        let history = self.folder.history();
        let name = shown(Path::new(
            self.folder.path().file_name().unwrap_or_default(),
        ));
        let svg = learning_curve_svg(&name, history);
        let curve = self.saving.note("loss.svg", self.folder.write_curve(&svg));
        self.saving.note(LINES, self.folder.flush());
        curve.map(|file| file.display().to_string())
    }

    /// That a network tells less than one that gives every class the same probability, if so.
    fn warn_of_guessing(&self, test_loss: f64) {
        let classes = self.dataset.classes;
        let guessing = (classes as f64).ln();
        if test_loss > guessing {
            message(&format!(
                "warning: the test loss is above that of guessing, ln {classes} = {guessing:.4}: the network \
                 has learnt nothing of use; try another --learning-rate or --momentum"
            ));
        }
    }

    /// Why the run ended before its end, or missed its goal.
    fn explain(&self, ending: Ending) {
        let run = shown(self.folder.path());
        if let Some(reason) = &self.diverged {
            let last = self.folder.history().last_step;
            let last = last.map_or_else(String::new, |last| {
                format!(
                    "; the last finite loss was {} at step {} with learning rate {}",
                    last.minibatch.loss, last.step, last.learning_rate
                )
            });
            let newest = self.newest.as_deref();
            let kept = newest.map_or_else(String::new, |file| {
                format!(
                    "; the last good network is in {0}, from which train --init {0} starts",
                    shown(file)
                )
            });
            message(&format!(
                "error: training diverged: {reason}{last}; try a smaller --learning-rate, \
                 --momentum or --weight-decay{kept}; results so far are in {run}"
            ));
            return;
        }
        let settings = self.settings();
        match ending {
            Ending::Success => {}
            Ending::Signal(_) => message(&format!(
                "interrupted: the network as it is now and all results so far are in {run}; {}",
                self.how_to_resume()
            )),
            Ending::Missed(_) => message(&format!(
                "error: the target was missed: no {} accuracy was {} or more; try more --epochs or \
                 another --learning-rate; the network is in {run}",
                settings.target_on.as_deref().unwrap_or_default(),
                settings.target_accuracy.unwrap_or_default(),
            )),
        }
    }

    /// Says what is left of a training in which a thread has panicked, after the panic's own message.
    pub fn explain_panic(&self) {
        message(&format!(
            "error: the training ended by a fault of the program or of the machine, told above; the \
             epochs before it are in {}; {}",
            shown(self.folder.path()),
            self.how_to_resume()
        ));
    }

    /// That going on is possible, if there is a checkpoint to go on from.
    fn how_to_resume(&self) -> String {
        let newest = self.newest.as_deref();
        let how = match newest.is_some_and(Path::is_file) {
            true => "goes on",
            false => "begins anew, as there are no checkpoints",
        };
        format!(
            "fused-mlp train --resume {} {how}",
            shown(self.folder.path())
        )
    }
}
