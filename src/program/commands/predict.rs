//! `fused-mlp predict`.

mod pictures;

use super::model;
use crate::charts::{picture_style, terminal_picture};
use crate::ending::{EXIT_MISSED, EXIT_USAGE, Ending};
use crate::options::access::AdjustmentArgs;
use crate::terminal::output::{Results, message, one_line};
use clap::Args;
use fused_mlp::backend::BackendError;
use fused_mlp::prediction::{ClassProbability, Predictor};
use pictures::{Found, Picture, pictures};
use rayon::prelude::*;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Options of `fused-mlp predict`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("predict/notes.txt"))]
pub struct PredictArgs {
    /// PNG, JPEG, WebP, BMP, PGM or idx files; - for standard input
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// Model file, checkpoint, or folder of a run [default: the newest of the folders in runs/]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Take pictures of the model's size as they are: 255 is ink, 0 background
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    adjustment: AdjustmentArgs,
    /// Number of classes to print, the most probable first
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Draw what the network saw; with --json, add its pixels
    #[arg(long)]
    show: bool,
    /// Print results as JSON, one object an image
    #[arg(long)]
    json: bool,
}

/// Below this probability a class is not sure: about 4 of 10 are wrong there, and 1 of 65 above.
pub const LEAST_SURE: f64 = 0.8;

/// What is worth a line besides predictions: a note, or an error of a picture that has no prediction.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Aside<'a> {
    Note { image: String, message: &'a str },
    Error { image: String, message: &'a str },
}

/// What the network made of an image.
#[derive(Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct PredictionEvent<'a> {
    image: String,
    /// Position in an idx file.
    index: Option<usize>,
    model: String,
    class: usize,
    probability: f64,
    is_sure: bool,
    runner_up: ClassProbability,
    top: &'a [ClassProbability],
    /// Where the digit was found; null if the image was taken as it is.
    found: Option<&'a Found>,
    /// Rows of bytes.
    pixels: Option<Vec<&'a [u8]>>,
}

/// Predicts each image; one that cannot be used, or has no class, does not keep the others from being
/// predicted.
///
/// # Errors
/// If the model cannot be used or standard output not written.
pub fn run(args: &PredictArgs) -> anyhow::Result<Ending> {
    let model = model::load_named_or_newest(args.model.as_deref())?;
    let size = model.image_size()?;
    if model.parameters.may_overflow() {
        return Ok(model.without_classes());
    }
    let predictor = Predictor::new(&model.parameters);
    let mut results = Results::new(args.json);
    let mut ending = Ending::Success;
    for file in &args.images {
        let image = || file.display().to_string();
        let mut notes = Vec::new();
        let adjustment = args.adjustment.into();
        let pictures = pictures(file, size, args.raw, adjustment, &mut |line| {
            notes.push(line)
        });
        for line in &notes {
            message(&format!("note: {line}"));
            results.event(&Aside::Note {
                image: image(),
                message: line,
            })?;
        }
        let mut failed = |results: &mut Results, code: u8, line: &str| {
            message(&format!("error: {line}"));
            ending = Ending::Missed(code);
            results.event(&Aside::Error {
                image: image(),
                message: line,
            })
        };
        let pictures = match pictures {
            Ok(pictures) => pictures,
            Err(error) => {
                failed(&mut results, EXIT_USAGE, &one_line(&error))?;
                continue;
            }
        };
        let predict = |picture: &Picture| predictor.classes(&picture.pixels);
        let predicted: Vec<_> = pictures.par_iter().map(predict).collect();
        for (picture, classes) in pictures.iter().zip(predicted) {
            let Some(classes) = classes else {
                let name = picture.name();
                let line = format!("{name}: no class: {}", BackendError::NotFinite);
                failed(&mut results, EXIT_MISSED, &line)?;
                continue;
            };
            print(&mut results, args, &model.file, picture, &classes, size.1)?;
        }
    }
    results.finish()?;
    Ok(ending)
}

fn print(
    results: &mut Results,
    args: &PredictArgs,
    model: &Path,
    picture: &Picture,
    classes: &[ClassProbability],
    columns: usize,
) -> anyhow::Result<()> {
    let top = &classes[..classes.len().min(args.top.into())];
    results.event(&PredictionEvent {
        image: picture.file.display().to_string(),
        index: picture.index,
        model: model.display().to_string(),
        class: classes[0].class,
        probability: classes[0].probability,
        is_sure: classes[0].probability >= LEAST_SURE,
        runner_up: classes[1],
        top,
        found: picture.found.as_ref(),
        pixels: args
            .show
            .then(|| picture.pixels.chunks_exact(columns).collect()),
    })?;
    let mut text = format!("{}: {}", picture.name(), class_text(&top[0]));
    if top.len() > 1 {
        let others: Vec<String> = top[1..].iter().map(class_text).collect();
        text += &format!(", then {}", others.join(", "));
    }
    if classes[0].probability < LEAST_SURE {
        text += "; not sure";
    }
    if args.show {
        for line in terminal_picture(&picture.pixels, columns, picture_style::style()) {
            text += "\n";
            text += &line;
        }
    }
    results.text(&text);
    Ok(())
}

/// A class with its probability in percent.
fn class_text(found: &ClassProbability) -> String {
    let percent = 100.0 * found.probability;
    match percent {
        // What is not 0 or 100 must not read as that.
        0.0..0.005 if percent > 0.0 => format!("{} (<0.01 %)", found.class),
        99.995..100.0 => format!("{} (>99.99 %)", found.class),
        _ => format!("{} ({percent:.2} %)", found.class),
    }
}
