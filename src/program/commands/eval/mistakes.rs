//! `eval --mistakes`: a contact sheet of the worst errors.

use crate::charts::axis::number;
use crate::charts::{SheetImage, contact_sheet};
use crate::options::number_range::parse_positive;
use crate::options::{Origin, Origins, output_name};
use crate::run_folder::{NewFile, OverwriteArgs};
use crate::terminal::output::{Results, message, shown};
use anyhow::{anyhow, bail};
use clap::Args;
use fused_mlp::mnist::Split;
use fused_mlp::network::Parameters;
use fused_mlp::prediction::{Mistake, Predictor};
use fused_mlp::training::checkpoint;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Images of a line of the sheet.
const COLUMNS: usize = 10;
/// Name of the sheet where no option tells.
const NAME: &str = "mistakes.png";

/// What is left of the errors.
#[derive(Debug, Clone, Args)]
pub struct MistakesArgs {
    /// Write a PNG contact sheet of the N errors with the highest loss
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    mistakes: Option<usize>,
    /// File of the contact sheet [default: mistakes.png beside the model, or mistakes-2.png and so on]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The worst errors, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "mistakes")]
struct MistakesEvent<'a> {
    /// The contact sheet; null if there is no error.
    file: Option<String>,
    /// Number of all errors.
    errors: usize,
    mistakes: &'a [Mistake],
}

impl MistakesArgs {
    /// Checks the options. Without --mistakes, an --out that is not on the command line is meant for other
    /// commands.
    pub fn check(&self, origins: &Origins) -> anyhow::Result<()> {
        if self.mistakes.is_none() {
            if origins.get("out") == Some(&Origin::CommandLine) {
                bail!("--out is the file of --mistakes N; give both");
            }
            return Ok(());
        }
        if let Some(file) = &self.out {
            output_name::check(file, &["png"])
                .map_err(|expected| anyhow!("--out {}: {expected}", shown(file)))?;
        }
        Ok(())
    }

    /// The sheet, if one was asked for: beside the model where it has no name, in the folder of its run.
    pub fn file(&self, model: &Path, args: OverwriteArgs) -> anyhow::Result<Option<NewFile>> {
        if self.mistakes.is_none() {
            return Ok(None);
        }
        let is_checkpoints = |folder: &&Path| folder.ends_with(checkpoint::FOLDER);
        let folder = model.parent().unwrap_or(Path::new(""));
        let run = Some(folder).filter(is_checkpoints).and_then(Path::parent);
        let default = run.unwrap_or(folder).join(NAME);
        NewFile::named_or(self.out.as_deref(), default, args).map(Some)
    }

    /// Writes the sheet, if one was asked for, and tells where it is.
    pub fn write(
        &self,
        sheet: Option<NewFile>,
        parameters: &Parameters,
        (split, predicted): (&Split, &[u8]),
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let (Some(most), Some(sheet)) = (self.mistakes, sheet) else {
            return Ok(());
        };
        let predictor = Predictor::new(parameters);
        let labels = split.labels.bytes();
        let mut mistakes = predictor.mistakes(split.images.bytes(), labels, predicted);
        let errors = mistakes.len();
        mistakes.truncate(most);
        let file = if mistakes.is_empty() {
            message("there is no error to show, so no contact sheet was written");
            None
        } else {
            let count = mistakes.len();
            let title = format!(
                "{count} of {errors} errors, the worst first. The true class and its probability; below, those of the \
                 predicted one, and the image"
            );
            let size = (split.images.rows(), split.images.columns());
            let images: Vec<_> = mistakes
                .iter()
                .map(|found| captioned(found, split))
                .collect();
            let png = contact_sheet(&title, &images, size, COLUMNS).map_err(anyhow::Error::msg)?;
            Some(sheet.write(&png)?)
        };
        results.event(&MistakesEvent {
            file: file.as_ref().map(|file| file.display().to_string()),
            errors,
            mistakes: &mistakes,
        })?;
        if let Some(file) = &file {
            let (file, count) = (shown(file), mistakes.len());
            results.text(&format!(
                "\nmistakes: {file}, the worst {count} of {errors}"
            ));
        }
        Ok(())
    }
}

fn captioned<'a>(mistake: &Mistake, split: &'a Split) -> SheetImage<'a> {
    let [own, predicted] = [(-mistake.loss).exp(), mistake.probability].map(|it| 100.0 * it);
    SheetImage {
        pixels: split.images.image(mistake.index),
        caption: [
            format!("{}: {} %", mistake.label, number(own)),
            format!("{}: {predicted:.1} % #{}", mistake.class, mistake.index),
        ],
    }
}
