//! `eval --predictions`: the probabilities of every image, as a table.

use crate::terminal::output::shown;
use anyhow::{Context, bail};
use fused_mlp::interchange::npy_bytes;
use fused_mlp::reference::softmax;
use std::path::{Path, PathBuf};

/// A file for the probabilities, of a format that its ending tells.
#[derive(Clone, Debug)]
pub struct PredictionsFile {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Npy,
}

/// Reads the argument of `--predictions`.
pub fn parse(text: &str) -> Result<PredictionsFile, String> {
    let path = PathBuf::from(text);
    let format = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Format::Csv,
        Some("npy") => Format::Npy,
        _ => return Err("expected a file name that ends with .csv or .npy".to_owned()),
    };
    Ok(PredictionsFile { path, format })
}

/// What was computed for each sample.
pub struct Predictions<'a> {
    /// Labels, one a sample.
    pub labels: &'a [u8],
    /// Predicted classes, one a sample.
    pub predicted: &'a [u8],
    /// `[samples][classes]`.
    pub logits: &'a [f32],
}

impl Predictions<'_> {
    fn classes(&self) -> usize {
        self.logits.len() / self.labels.len()
    }

    /// `[samples][classes]`: softmax of the logits, in f64 and rounded.
    fn probabilities(&self) -> Vec<f32> {
        let rows = self.logits.chunks_exact(self.classes());
        rows.flat_map(|row| {
            let row: Vec<f64> = row.iter().copied().map(f64::from).collect();
            softmax(&row)
                .into_iter()
                .map(|probability| probability as f32)
        })
        .collect()
    }

    /// Writes them, replacing what is there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, file: &PredictionsFile) -> anyhow::Result<()> {
        let probabilities = self.probabilities();
        let bytes = match file.format {
            Format::Csv => self.csv(&probabilities)?,
            Format::Npy => npy_bytes(&[self.labels.len(), self.classes()], &probabilities),
        };
        write(&file.path, &bytes)
    }

    fn csv(&self, probabilities: &[f32]) -> anyhow::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        let names = ["sample", "label", "predicted"].map(str::to_owned);
        let classes = (0..self.classes()).map(|class| format!("probability_{class}"));
        table.write_record(names.into_iter().chain(classes))?;
        let rows = probabilities.chunks_exact(self.classes());
        let samples = self.labels.iter().zip(self.predicted).zip(rows).enumerate();
        for (sample, ((label, predicted), row)) in samples {
            let start = [sample, usize::from(*label), usize::from(*predicted)];
            let start = start.map(|number| number.to_string());
            let row = row.iter().map(f32::to_string);
            table.write_record(start.into_iter().chain(row))?;
        }
        Ok(table.into_inner()?)
    }
}

/// Writes a file whole, or not at all.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; expected the name of a file", shown(path));
    }
    fused_mlp::files::atomic::write(path, bytes)
        .with_context(|| format!("{}: cannot be written", shown(path)))
}
