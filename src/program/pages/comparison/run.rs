//! A run as the report reads it: what its folder holds, however it ended.

use crate::run_folder::history::{CsvFile, EPOCHS, STEPS, TIMES, whole_rows};
use crate::run_folder::{MODEL_FILE, RUN_FILE};
use crate::terminal::output::counted;
use anyhow::{anyhow, bail};
use fused_mlp::backend::Evaluation;
use fused_mlp::engine::Precision;
use fused_mlp::evaluation::ConfusionMatrix;
use fused_mlp::files::{bounded, shown, unreadable};
use fused_mlp::mnist::Adjustment;
use fused_mlp::model_file;
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::prediction::Mistake;
use fused_mlp::training::checkpoint::CheckpointFolder;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What the test data say of a run's network.
#[derive(Clone, Debug, PartialEq)]
pub struct TestResult {
    /// Folder of the data set.
    pub data: String,
    /// Loss, correct samples and predictions.
    pub evaluation: Evaluation,
    /// True class of each sample.
    pub labels: Vec<u8>,
    /// True and predicted classes.
    pub confusion: ConfusionMatrix,
    /// The worst mistakes with their pixels, and the rows and columns of these.
    pub mistakes: Vec<(Mistake, Vec<u8>)>,
    pub size: (usize, usize),
}

/// One run.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name on the page.
    pub name: String,
    /// `run.json`.
    pub record: Value,
    /// Lines of `steps.csv`.
    pub steps: Vec<Vec<f64>>,
    /// Lines of `epochs.csv`.
    pub epochs: Vec<Vec<f64>>,
    /// Seconds of each epoch.
    pub seconds: Vec<f64>,
    /// Its network, and the file that it is from, or why there is none.
    pub network: Result<(PathBuf, Parameters), String>,
    /// Its test, or why there is none.
    pub test: Result<TestResult, String>,
    /// What is wrong with its files. Of damaged CSV files, the page has what stands before the damage.
    pub damages: Vec<String>,
}

impl ComparedRun {
    /// Reads the folder of a run that has ended in any way, or goes on. Its test is not made yet.
    ///
    /// # Errors
    /// If it is no folder of a run, or `run.json` is damaged.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(RUN_FILE);
        let text = bounded::read_to_string(&file, bounded::MAX_TEXT)
            .map_err(|error| anyhow!(unreadable(&file, &error, "the folder of a run of train")))?;
        let record = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !record["options"].is_object() || !record["data"].is_object() {
            bail!("{}: expected a run, found something else", shown(&file));
        }
        let mut damages = Vec::new();
        let mut numbers = |file: &CsvFile| {
            let (numbers, damage) = read_numbers(folder, file);
            damages.extend(damage);
            numbers
        };
        let steps = numbers(&STEPS);
        let epochs = numbers(&EPOCHS);
        let times = numbers(&TIMES);
        let mut run = Self {
            folder: folder.to_owned(),
            name: name(folder),
            record,
            steps,
            epochs,
            seconds: times.iter().map(|line| line[1]).collect(),
            network: Err(String::new()),
            test: Err(String::new()),
            damages,
        };
        run.network = run.load_network();
        if let Err(reason) = &run.network {
            run.test = Err(reason.clone());
        }
        Ok(run)
    }

    /// The model, else the network of the newest checkpoint.
    fn load_network(&self) -> Result<(PathBuf, Parameters), String> {
        let model = self.folder.join(MODEL_FILE);
        if model.exists() {
            let (parameters, _) = model_file::load(&model).map_err(|error| error.to_string())?;
            return Ok((model, parameters));
        }
        match CheckpointFolder::new(&self.folder).newest() {
            Ok(Some(loaded)) => Ok((loaded.file, loaded.checkpoint.into_parameters())),
            Err(error) => Err(error.to_string()),
            Ok(None) => Err(match self.outcome() {
                "diverged" => "it diverged, and left no model".to_owned(),
                _ => "it has left no model".to_owned(),
            }),
        }
    }

    /// Folder of the data set that it was trained on.
    pub fn data_folder(&self) -> &Path {
        Path::new(self.record["data"]["folder"].as_str().unwrap_or_default())
    }

    /// What was changed in the images of that data set.
    pub fn adjustment(&self) -> Adjustment {
        Adjustment::deserialize(&self.record["data"]["adjustment"]).unwrap_or_default()
    }

    /// That a test on the run's own data, known by the SHA-256 of the training labels, is not what the
    /// run itself found at its end: then the network is not the one that it left.
    pub fn other_accuracy(&self, test: &TestResult, train_labels_sha256: &str) -> Option<String> {
        let expected = self.record["results"]["test_accuracy"].as_f64()?;
        let samples = test.evaluation.predicted.len();
        let data = &self.record["data"];
        let is_own_data = data["train_labels_sha256"] == train_labels_sha256
            && data["test_samples"].as_u64() == u64::try_from(samples).ok();
        // Another backend or instruction set than the run's rounds otherwise, which may turn samples
        // whose two best classes are all but equal: one, or a few of thousands.
        let difference = (expected * samples as f64 - test.evaluation.correct as f64).abs();
        (is_own_data && difference > 1.5 + samples as f64 / 2000.0).then(|| {
            format!(
                "its network has test accuracy {}, but {RUN_FILE} has {expected}: the network or the test \
                 data are not those of the run",
                test.evaluation.accuracy()
            )
        })
    }

    /// Numbers of the first layer; those of folders of earlier versions are floats.
    pub fn precision(&self) -> &str {
        let precision = self.record["options"]["precision"].as_str();
        precision.unwrap_or(Precision::default().name())
    }

    /// How it ended.
    pub fn outcome(&self) -> &str {
        let outcome = self.record["results"]["outcome"].as_str();
        outcome.unwrap_or("not ended")
    }

    /// Rows and columns of an image, if its network takes such images.
    pub fn image_size(&self, shape: Shape) -> Option<(usize, usize)> {
        let number = |name: &str| usize::try_from(self.record["data"][name].as_u64()?).ok();
        let (rows, columns) = (number("rows")?, number("columns")?);
        (rows.checked_mul(columns) == Some(shape.inputs)).then_some((rows, columns))
    }
}

/// The numbers of a CSV file up to the first damage, and what that is.
fn read_numbers(folder: &Path, file: &CsvFile) -> (Vec<Vec<f64>>, Option<String>) {
    let name = file.name;
    match bounded::read_to_string(&folder.join(name), bounded::MAX_LINES) {
        Ok(text) => {
            let (numbers, damage) = whole_rows(&text, file);
            let damage = damage.map(|damage| {
                let lines = counted(numbers.len(), "line");
                format!("{name} is damaged: {damage}; shown are the {lines} before")
            });
            (numbers, damage)
        }
        Err(error) => (
            Vec::new(),
            Some(format!(
                "{name} cannot be read: {error}; nothing of it is shown"
            )),
        ),
    }
}

/// The last part of a path, whatever leads there.
fn name(folder: &Path) -> String {
    let whole = || folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let last = folder.file_name().map(ToOwned::to_owned);
    let last = last.or_else(|| whole().file_name().map(ToOwned::to_owned));
    last.map_or_else(|| shown(folder), |last| shown(Path::new(&last)))
}
