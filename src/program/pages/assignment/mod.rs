//! The report of `fused-mlp assignment`: a page, pictures, data and results.

mod curves;
mod derivatives;
mod drawn_network;
mod folder;
mod learning_rates;
mod minibatches;
pub mod page;
mod plane;
mod test_data;

pub use folder::AssignmentFolder;

use crate::assignment::{Answers, Settings, Times, original};
use crate::charts::axis::group;
use crate::run_folder::{DataDescription, Environment};
use page::{Figure, Page, document, escape, percent, scientific};
use serde::Serialize;

pub const STYLE: &str = include_str!("style.css");

/// All that is known of a run of `fused-mlp assignment`.
#[derive(Clone, Debug)]
pub struct AssignmentRun {
    /// Arguments of the program, the command first.
    pub arguments: Vec<String>,
    /// When it was started.
    pub started: String,
    /// Seed, scale, instruction set and threads.
    pub settings: Settings,
    /// Machine and program.
    pub environment: Environment,
    /// The images, where they were needed.
    pub data: Option<DataDescription>,
    /// What is known so far.
    pub answers: Answers,
    /// How long it took.
    pub times: Times,
    /// Wall time since the program started.
    pub total_seconds: f64,
    /// Whether somebody asked to stop.
    pub is_interrupted: bool,
}

/// `results.json`. All but `run` is the same for the same seed.
#[derive(Serialize)]
struct Results<'a> {
    seed: u64,
    quick: bool,
    #[serde(flatten)]
    answers: &'a Answers,
    run: RunRecord<'a>,
}

/// What differs from run to run.
#[derive(Serialize)]
struct RunRecord<'a> {
    command: String,
    started: &'a str,
    interrupted: bool,
    machine: &'a Environment,
    data: Option<&'a DataDescription>,
    #[serde(flatten)]
    times: &'a Times,
    total_seconds: f64,
}

impl AssignmentRun {
    /// The command that answers one question in the same way.
    fn command(&self, question: &str) -> String {
        format!(
            "fused-mlp assignment --only {question}{} --seed {}",
            if self.settings.is_quick {
                " --quick"
            } else {
                ""
            },
            self.settings.seed
        )
    }

    fn results(&self) -> serde_json::Result<String> {
        let results = Results {
            seed: self.settings.seed,
            quick: self.settings.is_quick,
            answers: &self.answers,
            run: RunRecord {
                command: format!("fused-mlp {}", self.arguments.join(" ")),
                started: &self.started,
                interrupted: self.is_interrupted,
                machine: &self.environment,
                data: self.data.as_ref(),
                times: &self.times,
                total_seconds: self.total_seconds,
            },
        };
        serde_json::to_string_pretty(&results).map(|text| text + "\n")
    }

    /// The page and its figures.
    fn page(&self) -> (String, Vec<Figure>) {
        let mut page = Page::default();
        self.small_networks(&mut page);
        self.images(&mut page);
        self.times_section(&mut page);
        let body = format!("{}{}{}", self.head(), page.contents(), page.html);
        let html = document("A two-layer perceptron, questions 1 to 7", STYLE, &body);
        (html, page.figures)
    }

    /// Questions 1 to 4.
    fn small_networks(&self, page: &mut Page) {
        let answers = &self.answers;
        if let Some(answer) = &answers.q1_local_derivatives {
            derivatives::local(page, answer, self);
        }
        if let Some(answer) = &answers.q2_composed_derivative {
            derivatives::composed(page, answer, self);
        }
        if let Some(answer) = &answers.q3_drawn_network {
            drawn_network::section(page, answer, self);
        }
        if let Some(answer) = &answers.q4_plane {
            plane::section(page, answer, self);
        }
    }

    /// Questions 5 to 7.
    fn images(&self, page: &mut Page) {
        let answers = &self.answers;
        if let Some(answer) = &answers.q5_q6_minibatches {
            minibatches::section(page, answer, self);
        }
        // The curves are the first part of question 7.
        if let Some(answer) = &answers.q7_curves {
            page.section("q7", "7. Learning curves, learning rates and the test data");
            curves::section(page, answer, self);
        }
        if let Some(answer) = &answers.q7_initialisations {
            curves::initialisations(page, answer, self);
        }
        if let Some(answer) = &answers.q7_learning_rates {
            learning_rates::rates(page, answer, self);
        }
        if let Some(answer) = &answers.q7_final {
            test_data::section(page, answer, self);
        }
    }

    fn head(&self) -> String {
        let mut page = Page::default();
        page.block("<h1>A two-layer perceptron, questions 1 to 7</h1>");
        page.html(
            "Every figure on this page comes from one run of <code>fused-mlp</code>. Where an earlier set \
             of answers to the same assignment, <em>the original</em>, has other figures, a box says so \
             and why.",
        );
        if self.is_interrupted {
            page.html(
                "<strong class=\"bad\">The run was interrupted: later questions are missing.</strong>",
            );
        }
        let failures = self.answers.failures();
        if !failures.is_empty() {
            page.html(&format!(
                "<strong class=\"bad\">Checks that did not hold; expected: {}.</strong>",
                escape(&failures.join("; "))
            ));
        }
        let rows = self.summary();
        if !rows.is_empty() {
            page.table(&["", "the original", "this run"], &rows, None);
        }
        page.html
    }

    /// The main figures beside the original's.
    fn summary(&self) -> Vec<Vec<String>> {
        let answers = &self.answers;
        let mut rows = Vec::new();
        let mut add = |what: String, original: String, ours: String| {
            rows.push(vec![what, original, ours]);
        };
        if let Some(plane) = &answers.q4_plane {
            let full = &plane.full_passes;
            add(
                "Q4: loss at the end, nats".to_owned(),
                format!("{:.2}", original::LAST_STEP_LOSSES[3]),
                format!(
                    "{:.4} (test accuracy {})",
                    full.loss.1,
                    percent(full.test_accuracy.1)
                ),
            );
        }
        if let Some(minibatches) = &answers.q5_q6_minibatches {
            add(
                format!(
                    "Q5, 6: last minibatch losses; epoch {} and {}",
                    original::MINIBATCH_EPOCHS,
                    minibatches.full_passes.epochs
                ),
                format!("{:.4}", original::minibatch_loss()),
                format!("{:.4}", minibatches.full_passes.mean()),
            );
        }
        if let Some(rates) = &answers.q7_learning_rates
            && let Some(last) = rates.row(original::TESTED_RATE).and_then(|row| row.last)
        {
            add(
                format!(
                    "Q7: average loss, learning rate {}; epoch {} and {}",
                    original::TESTED_RATE,
                    original::RATE_EPOCHS,
                    last.epoch
                ),
                scientific(original::AVERAGE_LOSS),
                if last.train_loss < 0.001 {
                    scientific(last.train_loss)
                } else {
                    format!("{:.4}", last.train_loss)
                },
            );
        }
        if let Some(last) = &answers.q7_final {
            add(
                "Q7: accuracy on the canonical test set".to_owned(),
                percent(original::TEST_ACCURACY),
                format!("<strong>{}</strong>", percent(last.test_accuracy)),
            );
        }
        rows
    }

    fn times_section(&self, page: &mut Page) {
        page.section("run", "How this page was made");
        let environment = &self.environment;
        let data = self.data.as_ref().map_or_else(
            || "none needed".to_owned(),
            |data| {
                format!(
                    "{}: {} training and {} test images of {} × {} pixels",
                    data.folder,
                    group(&data.train_samples.to_string()),
                    group(&data.test_samples.to_string()),
                    data.rows,
                    data.columns
                )
            },
        );
        let facts = [
            ("command", format!("fused-mlp {}", self.arguments.join(" "))),
            ("started", self.started.clone()),
            ("seed", self.settings.seed.to_string()),
            ("program", format!("fused-mlp {}", environment.version)),
            (
                "machine",
                format!(
                    "{}, {} {}; {} threads ({})",
                    environment.cpu,
                    environment.os,
                    environment.arch,
                    environment.threads,
                    self.settings.isa.name()
                ),
            ),
            ("data", data),
            ("time", duration(self.total_seconds)),
        ];
        let facts: String = facts
            .iter()
            .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value)))
            .collect();
        page.block(&format!("<dl>{facts}</dl>"));
        let rows: Vec<Vec<String>> = self
            .times
            .parts
            .iter()
            .map(|part| vec![part.part.replace('_', " "), duration(part.seconds)])
            .collect();
        page.table(&["part", "wall time"], &rows, None);
        page.html(
            "The same seed gives the same figures, times apart. All numbers: \
             <a href=\"results.json\">results.json</a>.",
        );
    }
}

/// Seconds, or minutes and seconds.
fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    format!("{} min {} s", whole / 60, whole % 60)
}
