//! The folder that `fused-mlp assignment` leaves.
//!
//! | file | content |
//! | --- | --- |
//! | `report.html` | the report, one file without any other |
//! | `results.json` | all answers, the machine and the times |
//! | `figures/*.svg` | its pictures |
//! | `data/*.csv` | what they show |

use super::AssignmentRun;
use super::page::Figure;
use crate::run_folder::{create_folder, create_numbered_folder, unwritable};
use fused_mlp::files::{atomic, bounded};
use std::path::{Path, PathBuf};

const DEFAULT_FOLDER: &str = "assignment-report";
const REPORT_FILE: &str = "report.html";
const RESULTS_FILE: &str = "results.json";

/// A folder that is being filled.
#[derive(Debug)]
pub struct AssignmentFolder {
    path: PathBuf,
}

impl AssignmentFolder {
    /// Creates `path`, or where there is none `assignment-report`, with a number if that is there.
    ///
    /// # Errors
    /// If `path` is there already, or it cannot be made.
    pub fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let path = match path {
            Some(path) => {
                create_folder(path)?;
                path.to_owned()
            }
            None => create_numbered_folder(DEFAULT_FOLDER)?,
        };
        for folder in ["figures", "data"] {
            create_folder(&path.join(folder))?;
        }
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the report.
    pub fn report(&self) -> PathBuf {
        self.path.join(REPORT_FILE)
    }

    /// Writes everything that is known, replacing what was written before.
    ///
    /// # Errors
    /// If a file cannot be written. What was written before is still there then.
    pub fn write(&self, run: &AssignmentRun) -> anyhow::Result<()> {
        let results = run.results();
        self.put(RESULTS_FILE, results?.as_bytes())?;
        let (html, figures) = run.page();
        for figure in &figures {
            self.put_figure(figure)?;
        }
        self.put(REPORT_FILE, html.as_bytes())
    }

    fn put_figure(&self, figure: &Figure) -> anyhow::Result<()> {
        let svg = format!("figures/{}.svg", figure.name);
        // A picture that has not changed since the last part is there.
        let there = bounded::read_to_string(&self.path.join(&svg), figure.svg.len() as u64);
        if there.is_ok_and(|there| there == figure.svg) {
            return Ok(());
        }
        if let Some(csv) = &figure.csv {
            self.put(&format!("data/{}.csv", figure.name), csv.as_bytes())?;
        }
        self.put(&svg, figure.svg.as_bytes())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        atomic::write(&path, bytes).map_err(|error| unwritable(&path, &error))
    }
}
