//! `fused-mlp export`.

use super::Ending;
use super::config::{Resolved, Useless};
use super::output::Results;
use super::train::load_model;
use anyhow::{Context, bail};
use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use fused_mlp::interchange::{
    INPUT_NAME, Layout, OUTPUT_NAMES, npz_bytes, onnx_bytes, safetensors_bytes, tensors_of,
    write_file,
};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::Parameters;
use serde::Serialize;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  fused-mlp export --model runs/first/model.safetensors --out model.onnx
  fused-mlp export --model runs/first/model.safetensors --out model.npz
  fused-mlp export --model model.safetensors --layout pytorch --out state_dict.safetensors

The ONNX graph takes `image`, 32-bit floats [N, 784] of bytes / 255, and gives `logits` and
`probabilities`, both [N, 10].";

/// Options of `fused-mlp export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// Model file, as a run leaves it, or a checkpoint
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// File to write; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Format of the file [default: what its name ends with]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Names and layout of the arrays of a .safetensors or .npz file [default: fused]
    #[arg(long, value_enum)]
    layout: Option<LayoutArg>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Any reader of safetensors: PyTorch, JAX
    Safetensors,
    /// NumPy
    Npz,
    /// onnxruntime and other runtimes
    Onnx,
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
struct ExportEvent {
    event: &'static str,
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
    let format = format_of(args)?;
    if format == Format::Onnx && args.layout.is_some() {
        bail!(
            "--layout is of .safetensors and .npz files; an ONNX graph has its own, leave it out"
        );
    }
    if is_same_file(&args.model, &args.out) {
        bail!(
            "--out {} is the model to export; choose another name",
            args.out.display()
        );
    }
    let (parameters, metadata) = load_model(&args.model)?;
    let layout = args.layout.unwrap_or(LayoutArg::Fused);
    let bytes = match (format, layout) {
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
    write_file(&args.out, &bytes)
        .with_context(|| format!("{} cannot be written", args.out.display()))?;
    let event = ExportEvent {
        event: "export",
        model: args.model.display().to_string(),
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

/// The layout, where an ONNX graph has its own.
pub fn useless(matches: &ArgMatches) -> Vec<Useless> {
    let format = ExportArgs::from_arg_matches(matches).map(|args| format_of(&args));
    let useless = Useless {
        option: "layout",
        by: vec!["format", "out"],
    };
    match format {
        Ok(Ok(Format::Onnx)) => vec![useless],
        _ => Vec::new(),
    }
}

/// Format and layout, where no option tells.
pub fn resolved(matches: &ArgMatches) -> Vec<Resolved> {
    let format = ExportArgs::from_arg_matches(matches).map(|args| format_of(&args));
    let Ok(Ok(format)) = format else {
        return Vec::new();
    };
    let name = format.to_possible_value();
    let name = name.map(|value| value.get_name().to_owned());
    vec![
        Resolved::new("format", name.unwrap_or_default(), "the ending of out"),
        match format {
            Format::Onnx => Resolved::none("layout", "an ONNX graph has its own"),
            _ => Resolved::new("layout", "fused", "default"),
        },
    ]
}

fn format_of(args: &ExportArgs) -> anyhow::Result<Format> {
    let ending = args.out.extension().and_then(|ending| ending.to_str());
    match (args.format, ending) {
        (Some(format), _) => Ok(format),
        (None, Some("safetensors")) => Ok(Format::Safetensors),
        (None, Some("npz")) => Ok(Format::Npz),
        (None, Some("onnx")) => Ok(Format::Onnx),
        _ => bail!(
            "{}: expected a name that ends with .safetensors, .npz or .onnx; or choose with --format",
            args.out.display()
        ),
    }
}

/// What is written, and how it is used.
fn text(event: &ExportEvent, parameters: &Parameters, layout: LayoutArg) -> String {
    let shape = parameters.shape;
    let mut text = format!("{}: {} bytes", event.file, event.bytes);
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
