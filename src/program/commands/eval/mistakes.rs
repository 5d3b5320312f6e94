//! `eval --mistakes`: a contact sheet of the worst errors.

use crate::charts::{SheetImage, contact_sheet};
use crate::options::number_range::parse_positive;
use crate::options::{Origin, Origins, output_name};
use crate::run_folder::{is_there, write_named_or_numbered};
use crate::terminal::output::{Results, message, shown};
use anyhow::{anyhow, bail};
use clap::Args;
use fused_mlp::mnist::Split;
use fused_mlp::network::Parameters;
use fused_mlp::prediction::{Mistake, Predictor};
use serde::Serialize;
use std::path::PathBuf;

/// Images of a line of the sheet.
const COLUMNS: usize = 10;
/// Name of the sheet where no option tells.
const NAME: &str = "mistakes";

/// What is left of the errors.
#[derive(Debug, Clone, Args)]
pub struct MistakesArgs {
    /// Write a PNG contact sheet of the N errors with the highest loss
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    mistakes: Option<usize>,
    /// File of the contact sheet; must not exist [default: mistakes.png, numbered if that is there]
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
    /// Checks that the sheet can be written, before time is spent on it. Without --mistakes, an --out that is
    /// not on the command line is meant for other commands.
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
        match &self.out {
            Some(file) if file.exists() => Err(is_there(file, "file")),
            _ => Ok(()),
        }
    }

    /// Writes the sheet, if one was asked for, and tells where it is.
    pub fn write(
        &self,
        parameters: &Parameters,
        split: &Split,
        predicted: &[u8],
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let Some(most) = self.mistakes else {
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
            let title =
                format!("{count} of {errors} errors, the worst first: true class as predicted");
            let size = (split.images.rows(), split.images.columns());
            let images: Vec<_> = mistakes
                .iter()
                .map(|found| captioned(found, split))
                .collect();
            let png = contact_sheet(&title, &images, size, COLUMNS).map_err(anyhow::Error::msg)?;
            Some(write_named_or_numbered(
                self.out.as_deref(),
                NAME,
                "png",
                &png,
            )?)
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
    let percent = 100.0 * mistake.probability;
    SheetImage {
        pixels: split.images.image(mistake.index),
        caption: [
            format!("{} as {}", mistake.label, mistake.class),
            format!("{percent:.1} %  #{}", mistake.index),
        ],
    }
}
