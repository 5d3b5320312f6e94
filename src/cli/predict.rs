//! `fused-mlp predict`.

mod pictures;

use super::output::{Results, message, one_line};
use super::picture_style;
use super::train::load_model;
use super::{EXIT_USAGE, Ending};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::model_file::Metadata;
use fused_mlp::network::Shape;
use fused_mlp::prediction::{ClassProbability, Predictor};
use fused_mlp::report::{MODEL_FILE, terminal_picture};
use pictures::{Found, Picture, pictures};
use rayon::prelude::*;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const HELP: &str = "Examples:
  fused-mlp predict photo.jpg
  fused-mlp predict --model runs/first/model.safetensors --show *.png
  fused-mlp predict --top 3 --json data/mnist/t10k-images-idx3-ubyte
  scanimage | fused-mlp predict -

A picture shows one digit, dark on light or light on dark. It is made grey, freed of uneven
light and specks, cropped to the digit, scaled into a box of 20x20 pixels and centred by mass in
28x28, as MNIST was made. Images of an idx file that have the model's size are taken as they
are.";

/// Folder that `train` leaves its runs in.
const RUNS: &str = "runs";

/// Options of `fused-mlp predict`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub struct PredictArgs {
    /// PNG, JPEG, PGM or idx files; - for standard input
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// Model file, as a run leaves it [default: the newest of the folders in runs/]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Take pictures of the model's size as they are: 255 is ink, 0 background
    #[arg(long)]
    raw: bool,
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
    runner_up: ClassProbability,
    top: &'a [ClassProbability],
    /// Where the digit was found; null if the image was taken as it is.
    found: Option<&'a Found>,
    /// Rows of bytes.
    pixels: Option<Vec<&'a [u8]>>,
}

/// Predicts each image; one that cannot be used does not keep the others from being predicted.
///
/// # Errors
/// If the model cannot be used or standard output not written.
pub fn run(args: &PredictArgs) -> anyhow::Result<Ending> {
    let model = match &args.model {
        Some(model) => model.clone(),
        None => newest_model(Path::new(RUNS))?,
    };
    let (parameters, metadata) = load_model(&model)?;
    let size = image_size(&model, parameters.shape, metadata.as_ref())?;
    let predictor = Predictor::new(&parameters);
    let mut results = Results::new(args.json);
    let mut ending = Ending::Success;
    for file in &args.images {
        let pictures = match pictures(file, size, args.raw) {
            Ok(pictures) => pictures,
            Err(error) => {
                message(&format!("error: {}", one_line(&error)));
                ending = Ending::Missed(EXIT_USAGE);
                continue;
            }
        };
        let predict = |picture: &Picture| predictor.classes(&picture.pixels);
        let predicted: Vec<_> = pictures.par_iter().map(predict).collect();
        for (picture, classes) in pictures.iter().zip(predicted) {
            print(&mut results, args, &model, picture, &classes, size.1)?;
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
        runner_up: classes[1],
        top,
        found: picture.found.as_ref(),
        pixels: args
            .show
            .then(|| picture.pixels.chunks_exact(columns).collect()),
    })?;
    let shown = |found: &ClassProbability| {
        let percent = 100.0 * found.probability;
        format!("{} ({percent:.2} %)", found.class)
    };
    let mut text = format!("{}: {}", picture.name(), shown(&top[0]));
    if top.len() > 1 {
        let others: Vec<String> = top[1..].iter().map(shown).collect();
        text += &format!(", then {}", others.join(", "));
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

/// Rows and columns of the images that a model takes.
fn image_size(
    model: &Path,
    shape: Shape,
    metadata: Option<&Metadata>,
) -> anyhow::Result<(usize, usize)> {
    match metadata {
        Some(metadata) => Ok((metadata.rows, metadata.columns)),
        // A file from elsewhere: this many inputs are MNIST's images.
        None if shape.inputs == 28 * 28 => Ok((28, 28)),
        None => bail!(
            "{}: takes images of {} pixels, but has no metadata that tell their rows and columns; \
             expected the entry fused_mlp, as `fused-mlp train` writes it",
            model.display(),
            shape.inputs
        ),
    }
}

/// The model of the run that ended last.
fn newest_model(runs: &Path) -> anyhow::Result<PathBuf> {
    let mut newest: Option<(SystemTime, PathBuf)> = None;
    for entry in fs::read_dir(runs).into_iter().flatten() {
        let path = entry
            .context("runs cannot be read")?
            .path()
            .join(MODEL_FILE);
        if let Ok(modified) = fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            newest = newest.max(Some((modified, path)));
        }
    }
    let Some((_, path)) = newest else {
        bail!(
            "no model: expected --model FILE, or a folder with {MODEL_FILE} in {}/, as \
             `fused-mlp train` leaves it",
            runs.display()
        );
    };
    message(&format!("model: {} (the newest)", path.display()));
    Ok(path)
}
