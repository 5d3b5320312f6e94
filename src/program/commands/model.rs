//! The model that a command works on: a file, the folder of a run, or the newest run.

use crate::ending::{EXIT_MISSED, Ending};
use crate::run_folder::{MODEL_FILE, RUN_FILE};
use crate::terminal::output::{message, shown};
use anyhow::{Context, bail};
use fused_mlp::backend::BackendError;
use fused_mlp::files::{bounded, unreadable};
use fused_mlp::mnist::{Dataset, sha256};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::Parameters;
use fused_mlp::training::checkpoint::{self, CheckpointFolder};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folder that `train` leaves its runs in.
const RUNS: &str = "runs";
/// What a model is expected to be.
const EXPECTED: &str = "a model file or the folder of a run, as `fused-mlp train` leaves them";

/// A model, or the network of a checkpoint.
#[derive(Debug)]
pub struct LoadedModel {
    /// The file that it is from.
    pub file: PathBuf,
    pub parameters: Parameters,
    /// None for models of other programs.
    pub metadata: Option<Metadata>,
}

impl LoadedModel {
    /// Rows and columns of the images that it takes.
    ///
    /// # Errors
    /// If a file from elsewhere does not tell them.
    pub fn image_size(&self) -> anyhow::Result<(usize, usize)> {
        let inputs = self.parameters.shape.inputs;
        match &self.metadata {
            Some(metadata) => Ok((metadata.rows, metadata.columns)),
            // A file from elsewhere: this many inputs are MNIST's images.
            None if inputs == 28 * 28 => Ok((28, 28)),
            None => bail!(
                "{}: takes images of {inputs} pixels, but has no metadata that tell their rows and columns; \
                 expected the entry fused_mlp, as `fused-mlp train` writes it",
                shown(&self.file)
            ),
        }
    }

    /// Checks that a model that tells the size of its images has those of a data set.
    ///
    /// # Errors
    /// If they have other rows and columns.
    pub fn check_images(&self, dataset: &Dataset) -> anyhow::Result<()> {
        let images = &dataset.train.images;
        let found = (images.rows(), images.columns());
        match &self.metadata {
            Some(own) if (own.rows, own.columns) != found => bail!(
                "{}: takes images of {} x {} pixels, but those of the data set have {} x {}; choose \
                 another model or data set",
                shown(&self.file),
                own.rows,
                own.columns,
                found.0,
                found.1
            ),
            _ => Ok(()),
        }
    }

    /// Warns where it was trained on images that were read in another way than those of a data set.
    pub fn warn_of_other_adjustment(&self, dataset: &Dataset) {
        let found = dataset.train.images.adjustment();
        if let Some(own) = self.metadata.as_ref().map(|it| it.adjustment)
            && own != found
        {
            message(&format!(
                "warning: {} was trained on images read with {own}, and these are read with {found}",
                shown(&self.file)
            ));
        }
    }

    /// Says that its images have no classes, as its weights are too large: no command has a result then.
    pub fn without_classes(&self) -> Ending {
        let (file, reason) = (shown(&self.file), BackendError::NotFinite);
        message(&format!("error: {file}: images have no class: {reason}"));
        Ending::Missed(EXIT_MISSED)
    }

    /// SHA-256 of its file.
    ///
    /// # Errors
    /// If it cannot be read any more.
    pub fn sha256(&self) -> anyhow::Result<String> {
        let bytes = bounded::read(&self.file, model_file::MAX_BYTES)
            .map_err(|error| anyhow::Error::msg(unreadable(&self.file, &error, EXPECTED)))?;
        Ok(sha256(&bytes))
    }
}

/// Reads the model that is named, or else that of the newest run, which is told.
///
/// # Errors
/// If there is none.
pub fn load_named_or_newest(named: Option<&Path>) -> anyhow::Result<LoadedModel> {
    match named {
        Some(path) => load(path),
        None => load(&newest(Path::new(RUNS))?),
    }
}

/// Reads a model file, the network of a checkpoint, or the model of a run folder, which is told.
///
/// # Errors
/// If it is none of them.
pub fn load(path: &Path) -> anyhow::Result<LoadedModel> {
    let file = if path.is_dir() {
        let file = of_folder(path)?;
        message(&format!("model: {}", shown(&file)));
        file
    } else {
        path.to_owned()
    };
    let (parameters, metadata) = if starts_as_checkpoint(&file)? {
        let checkpoint = checkpoint::load(&file)?;
        let data = &checkpoint.description.data;
        let metadata = Metadata {
            adjustment: data.adjustment,
            ..Metadata::new(data.rows, data.columns)
        };
        (checkpoint.into_parameters(), Some(metadata))
    } else {
        model_file::load(&file)?
    };
    Ok(LoadedModel {
        file,
        parameters,
        metadata,
    })
}

/// Whether a file begins as a checkpoint does.
fn starts_as_checkpoint(file: &Path) -> anyhow::Result<bool> {
    let mut start = Vec::new();
    let most = checkpoint::MAGIC.len() as u64;
    let read = bounded::open(file).and_then(|(file, _)| file.take(most).read_to_end(&mut start));
    match read {
        Ok(0) => bail!("{}: is empty; expected {EXPECTED}", shown(file)),
        Ok(_) => Ok(start == checkpoint::MAGIC),
        Err(error) => Err(anyhow::Error::msg(unreadable(file, &error, EXPECTED))),
    }
}

/// The model of a run, or the newest checkpoint of one that has left none.
fn of_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let model = folder.join(MODEL_FILE);
    if model.exists() {
        return Ok(model);
    }
    let newest = CheckpointFolder::new(folder).newest();
    let newest = newest.with_context(|| format!("{}: has no model", shown(folder)))?;
    match newest {
        Some(loaded) => Ok(loaded.file),
        None => bail!(
            "{}: is a folder without {MODEL_FILE} and without checkpoints; expected {EXPECTED}",
            shown(folder)
        ),
    }
}

/// When a run was started, by its `run.json`: copying or restoring its folder does not change that.
fn started(folder: &Path) -> Option<SystemTime> {
    let text = bounded::read_to_string(&folder.join(RUN_FILE), bounded::MAX_TEXT).ok()?;
    let run: serde_json::Value = serde_json::from_str(&text).ok()?;
    humantime::parse_rfc3339(run["started"].as_str()?).ok()
}

/// The model of the run that was started last; of those that do not tell, the file written last.
fn newest(runs: &Path) -> anyhow::Result<PathBuf> {
    let unread = |error: io::Error| {
        anyhow::Error::msg(unreadable(
            runs,
            &error,
            "the folder of runs, or --model FILE",
        ))
    };
    let mut newest: Option<(Option<SystemTime>, SystemTime, PathBuf)> = None;
    let entries = match fs::read_dir(runs) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unread(error)),
        entries => entries.into_iter().flatten(),
    };
    for entry in entries {
        let folder = entry.map_err(unread)?.path();
        let path = folder.join(MODEL_FILE);
        if let Ok(modified) = fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            newest = newest.max(Some((started(&folder), modified, path)));
        }
    }
    let Some((.., path)) = newest else {
        bail!(
            "no model: expected --model FILE, or a folder with {MODEL_FILE} in {}/, as \
             `fused-mlp train` leaves it",
            shown(runs)
        );
    };
    message(&format!("model: {} (the newest)", shown(&path)));
    Ok(path)
}
