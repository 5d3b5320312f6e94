//! `fused-mlp export`.

use super::model::{self, LoadedModel};
use super::predict::LEAST_SURE;
use crate::ending::Ending;
use crate::options::training::described_by_nearest;
use crate::pages::draw::{RunFacts, drawing_page};
use crate::run_folder::{NewFile, OverwriteArgs, RunRecord};
use crate::terminal::output::{Results, shown};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::interchange::{
    INPUT_NAME, Layout, OUTPUT_NAMES, npz_bytes, onnx_bytes, safetensors_bytes, tensors_of,
};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::Parameters;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Options of `fused-mlp export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("export_examples.txt"))]
pub struct ExportArgs {
    /// Model file, a checkpoint, or the folder of a run [default: the newest of the folders in runs/]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// File to write, as .safetensors, .npz, .onnx or .html
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Format of the file [default: that of the ending of its name]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Names and layout of the arrays of a .safetensors or .npz file [default: fused]
    #[arg(long, value_enum)]
    layout: Option<LayoutArg>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Any reader of safetensors: PyTorch, JAX
    Safetensors,
    /// NumPy
    Npz,
    /// onnxruntime and other runtimes
    Onnx,
    /// A page to draw digits on, for any browser
    Html,
}

/// How the weights of a layer lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LayoutArg {
    /// linear1.weight [inputs, hidden] and linear2.weight [hidden, classes], as in model files
    Fused,
    /// 0.weight [hidden, inputs] and 2.weight [classes, hidden], as of nn.Sequential
    Pytorch,
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Fused => Self::Fused,
            LayoutArg::Pytorch => Self::PyTorch,
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(tag = "event", rename = "export")]
struct ExportEvent {
    model: String,
    network: String,
    format: Format,
    file: String,
    bytes: usize,
}

/// Writes a model for another program.
///
/// # Errors
/// If the model or an option cannot be used, or the file cannot be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<Ending> {
    let format = format(args)?;
    if matches!(format, Format::Onnx | Format::Html) && args.layout.is_some() {
        bail!(
            "--layout is of .safetensors and .npz files; an ONNX graph or a page has its own, leave it out"
        );
    }
    let model = model::load_named_or_newest(args.model.as_deref())?;
    if is_same_file(&model.file, &args.out) {
        bail!(
            "--out {} is the model to export; choose another name",
            shown(&args.out)
        );
    }
    if format == Format::Html && model.parameters.may_overflow() {
        return Ok(model.without_classes());
    }
    let file = NewFile::named(&args.out, "--out", args.overwrite)?;
    let page = match format {
        Format::Html => page(&model)?,
        _ => String::new(),
    };
    let (parameters, metadata) = (model.parameters, model.metadata);
    let layout = args.layout.unwrap_or(LayoutArg::Fused);
    let bytes = match (format, layout) {
        (Format::Html, _) => page.into_bytes(),
        (Format::Onnx, _) => onnx_bytes(&parameters),
        (Format::Npz, layout) => npz_bytes(&tensors_of(&parameters, layout.into())),
        (Format::Safetensors, LayoutArg::Fused) => {
            let metadata = metadata.unwrap_or_else(|| square(&parameters));
            model_file::to_bytes(&parameters, &metadata)
        }
        (Format::Safetensors, LayoutArg::Pytorch) => {
            safetensors_bytes(&tensors_of(&parameters, Layout::PyTorch))
        }
    };
    file.write(&bytes)?;
    let event = ExportEvent {
        model: model.file.display().to_string(),
        network: parameters.shape.to_string(),
        format,
        file: args.out.display().to_string(),
        bytes: bytes.len(),
    };
    let mut results = Results::new(args.json);
    results.event(&event)?;
    results.text(&text(&event, &parameters, layout));
    results.finish()?;
    Ok(Ending::Success)
}

/// The format that is asked for, which the ending of the file's name must not contradict.
fn format(args: &ExportArgs) -> anyhow::Result<Format> {
    let ending = args.out.extension().and_then(|ending| ending.to_str());
    let of_name = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("safetensors") => Some(Format::Safetensors),
        Some("npz") => Some(Format::Npz),
        Some("onnx") => Some(Format::Onnx),
        Some("html" | "htm") => Some(Format::Html),
        _ => None,
    };
    if args.format.is_some() && of_name.is_some() && args.format != of_name {
        bail!(
            "--out {}: this ending is of another format than --format; change one of them",
            shown(&args.out)
        );
    }
    args.format.or(of_name).with_context(|| {
        format!(
            "--out {}: expected a name that ends with .safetensors, .npz, .onnx or .html, or --format",
            shown(&args.out)
        )
    })
}

/// The page to draw digits on, with what the `run.json` beside the model tells, if it is of this model.
fn page(model: &LoadedModel) -> anyhow::Result<String> {
    let sha256 = model.sha256()?;
    let record = model.file.parent().map(RunRecord::read);
    let run = record.and_then(Result::ok).and_then(|record| {
        let results = record.results?;
        let is_own = results.model_sha256.as_ref() == Some(&sha256);
        Some(RunFacts {
            accuracy: results.test_accuracy.filter(|_| is_own)?,
            samples: record.start.data.test_samples,
            recipe: described_by_nearest(&record.start.settings.options),
            date: record.started.split('T').next()?.to_owned(),
        })
    });
    let size = model.image_size()?;
    drawing_page(&model.parameters, size, &sha256, run.as_ref(), LEAST_SURE)
}

/// What is written, and how it is used.
fn text(event: &ExportEvent, parameters: &Parameters, layout: LayoutArg) -> String {
    let shape = parameters.shape;
    let mut text = format!("{}: {} bytes", shown(Path::new(&event.file)), event.bytes);
    if event.format == Format::Html {
        return text + "\nopen it in a browser, and draw a digit";
    }
    if event.format == Format::Onnx {
        let [logits, probabilities] = OUTPUT_NAMES;
        text += &format!(
            "\ninput {INPUT_NAME} float32 [N, {}], outputs {logits} and {probabilities} float32 [N, {}]",
            shape.inputs, shape.classes
        );
    } else {
        for tensor in tensors_of(parameters, layout.into()) {
            text += &format!("\n{} float32 {:?}", tensor.name, tensor.dimensions);
        }
    }
    text + "\ninputs are bytes / 255"
}

/// Metadata where none are known: square images if there can be, else a single row.
pub fn square(parameters: &Parameters) -> Metadata {
    let inputs = parameters.shape.inputs;
    let side = inputs.isqrt();
    if side * side == inputs {
        Metadata::new(side, side)
    } else {
        Metadata::new(1, inputs)
    }
}

/// A path as a file of this program's own formats.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    whole(one).is_some_and(|one| Some(one) == whole(other))
}
