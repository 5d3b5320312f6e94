//! The report of `fused-mlp assignment`: a page, pictures and results.

mod figures;

use super::template::render;
use crate::assignment::{Answers, ORIGINAL, Original, Part, Settings};
use crate::run_folder::{
    DataDescription, Environment, create_folder, create_numbered_folder, unwritable,
};
use figures::{Figure, figures};
use fused_mlp::files::atomic;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DEFAULT_FOLDER: &str = "assignment-report";

/// All that is known of a run of `fused-mlp assignment`.
#[derive(Debug)]
pub struct AssignmentRun {
    /// Seed, scale, instruction set and threads.
    pub settings: Settings,
    /// What is known so far.
    pub answers: Answers,
    /// What differs from run to run.
    pub record: RunRecord,
}

/// What differs from run to run.
#[derive(Debug, Serialize)]
pub struct RunRecord {
    /// The command line.
    pub command: String,
    /// When it was started.
    pub started: String,
    /// Whether somebody asked to stop.
    pub interrupted: bool,
    /// Machine and program.
    pub machine: Environment,
    /// The images, where they were needed.
    pub data: Option<DataDescription>,
    /// Wall time of each part.
    pub parts: Vec<PartTime>,
    /// Wall time since the program started.
    pub total_seconds: f64,
}

/// Wall time of a part.
#[derive(Debug, Serialize)]
pub struct PartTime {
    /// Its name.
    pub part: &'static str,
    /// Seconds.
    pub seconds: f64,
}

/// `results.json`. All but `run` is the same for the same seed.
#[derive(Serialize)]
struct Results<'a> {
    seed: u64,
    quick: bool,
    #[serde(flatten)]
    answers: &'a Answers,
    run: &'a RunRecord,
}

/// What templates are given.
#[derive(Serialize)]
struct Context<'a> {
    #[serde(flatten)]
    results: Results<'a>,
    /// The original's figures.
    theirs: &'a Original,
    failures: Vec<&'static str>,
    /// What the learning curves tell.
    curves: Option<Value>,
    figures: &'a BTreeMap<&'static str, Figure>,
}

impl AssignmentRun {
    fn results(&self) -> Results<'_> {
        Results {
            seed: self.settings.seed,
            quick: self.settings.is_quick,
            answers: &self.answers,
            run: &self.record,
        }
    }

    fn context(&self, figures: &BTreeMap<&'static str, Figure>) -> serde_json::Result<Value> {
        let curves = self.answers.q7_curves.as_ref().map(|curves| {
            json!({
                "lowest_loss": curves.lowest_loss(),
                "best_accuracy": curves.best_accuracy(),
                "rise": curves.rise(),
                "shown_minibatches": curves.step_losses.len(),
            })
        });
        let context = Context {
            results: self.results(),
            theirs: &ORIGINAL,
            failures: self.answers.failures(),
            curves,
            figures,
        };
        // As text, an f32 is the shortest decimal that reads as the same: 0.1, not 0.100000001.
        serde_json::from_str(&serde_json::to_string(&context)?)
    }

    /// The answer of a part, if there is one: as in `results.json`, and for the terminal.
    ///
    /// # Errors
    /// If the template does not fit.
    pub fn answer(&self, part: &Part) -> anyhow::Result<Option<(Value, String)>> {
        let mut context = self.context(&BTreeMap::new())?;
        let answer = context[part.name].clone();
        if answer.is_null() {
            return Ok(None);
        }
        context["part"] = part.name.into();
        context["answer"] = answer.clone();
        let text = render("assignment/answer.txt", &context)?;
        Ok(Some((answer, text.trim_end().to_owned())))
    }
}

/// The folder that `fused-mlp assignment` leaves.
///
/// | file | content |
/// | --- | --- |
/// | `report.html` | the report, one file without any other |
/// | `results.json` | all answers, the machine and the times |
/// | `figures/*.svg` | its pictures |
#[derive(Debug)]
pub struct AssignmentFolder {
    /// Where it is.
    pub path: PathBuf,
}

impl AssignmentFolder {
    /// Creates `path`, or where there is none `assignment-report`, with a number if that is there.
    ///
    /// # Errors
    /// If `path` is there already, or it cannot be made.
    pub fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let path = match path {
            Some(path) => create_folder(path).map(|()| path.to_owned())?,
            None => create_numbered_folder(DEFAULT_FOLDER)?,
        };
        create_folder(&path.join("figures"))?;
        Ok(Self { path })
    }

    /// Path of the report.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Writes everything that is known, replacing what was written before.
    ///
    /// # Errors
    /// If a file cannot be written. What was written before is still there then.
    pub fn write(&self, run: &AssignmentRun) -> anyhow::Result<()> {
        let results = serde_json::to_string_pretty(&run.results())? + "\n";
        self.put("results.json", &results)?;
        let figures = figures(&run.answers);
        for (name, figure) in &figures {
            self.put(&format!("figures/{name}.svg"), &figure.svg)?;
        }
        let page = render("assignment/report.html", run.context(&figures)?)?;
        self.put("report.html", &page)
    }

    fn put(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        atomic::write(&path, text.as_bytes()).map_err(|error| unwritable(&path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_colour_is_that_of_the_most_mistakes() {
        let context = json!({"answer": {
            "learning_rate": 0.1, "epochs": 1, "validation_accuracy": 0.9, "samples": 9, "test_accuracy": 0.9,
            "test_correct": 1290, "test_samples": 1303, "test_loss": 0.3,
            "confusion": [[980, 1, 8], [2, 0, 0], [0, 2, 310]],
        }});
        let page = render("assignment/test_data.html", context).unwrap();
        let shares = page.split("--share:").skip(1);
        let shares: Vec<f64> = shares
            .map(|rest| rest.split_once('%').unwrap().0.parse().unwrap())
            .collect();
        assert_eq!(shares, [16.0, 70.0, 24.0, 24.0]);
    }

    #[test]
    fn the_original_s_loss_is_read_as_that_of_summed_gradients() {
        let row = |(rate, loss): (f64, f64)| {
            let point =
                json!({"epoch": 1000, "train_loss": loss, "validation_accuracy": rate / 4.0});
            json!({"learning_rate": rate, "is_diverged": false, "last": point, "best": point})
        };
        let rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
        let losses = [0.25, 0.1, 0.02, 0.0063, 0.001, 0.0002, 4.9e-5, 6.1e-5];
        let rows: Vec<Value> = rates.into_iter().zip(losses).map(row).collect();
        let theirs: Value =
            serde_json::from_str(&serde_json::to_string(&ORIGINAL).unwrap()).unwrap();
        let context =
            json!({"theirs": theirs, "q7_final": null, "q7_learning_rates": {"rows": rows}});
        let page = render("assignment/q7_original.html", context).unwrap();
        let words: Vec<&str> = page.split_whitespace().collect();
        let text = words.join(" ");
        for part in [
            "Of the four, 0.03 has the best validation accuracy here",
            "with means it is 0.0063 here",
            "its rates 0.01 and 0.03 end at 4.9 · 10<sup>−5</sup> and 6.1 · 10<sup>−5</sup> here.",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
