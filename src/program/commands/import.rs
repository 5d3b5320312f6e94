//! `fused-mlp import`.

use super::export::{is_same_file, square};
use crate::ending::Ending;
use crate::options::output_name;
use crate::run_folder::{NewFile, OverwriteArgs};
use crate::terminal::output::{Results, message, shown};
use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use fused_mlp::files::{bounded, unreadable};
use fused_mlp::interchange::{
    NamedTensor, ReadError, is_npz, parameters_from, read_npz, read_safetensors,
    without_normalisation,
};
use fused_mlp::model_file;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What a file of another program is expected to be.
const EXPECTED: &str = "a .safetensors or .npz file of another program";

/// What to do with a `.pt` or `.pth` file.
const FROM_PYTORCH: &str = "write one with safetensors.torch.save_file(model.state_dict(), FILE)";

/// What to do with a `.keras` or `.h5` file: two lines of Python.
const FROM_KERAS: &str = "write one in Python: model = keras.saving.load_model(FILE); numpy.savez('model.npz', \
                          *model.get_weights())";

/// Options of `fused-mlp import`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("import_examples.txt"))]
pub struct ImportArgs {
    /// .safetensors or .npz file of another program
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Model file to write
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["safetensors"]))]
    out: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Mean that was subtracted from bytes / 255 when the model was trained
    #[arg(long, value_name = "MEAN", default_value_t = 0.0)]
    mean: f64,
    /// What bytes / 255, less the mean, were divided by
    #[arg(long, value_name = "DEVIATION", default_value_t = 1.0)]
    std: f64,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(tag = "event", rename = "import")]
struct ImportEvent {
    source: String,
    network: String,
    model: String,
}

/// Makes a model file of another program's.
///
/// # Errors
/// If the file or an option cannot be used, or the model cannot be written.
pub fn run(args: &ImportArgs) -> anyhow::Result<Ending> {
    let (mean, std) = (args.mean, args.std);
    ensure!(
        mean.is_finite() && std.is_finite() && std > 0.0,
        "--mean {mean} --std {std}: expected finite numbers, the deviation above 0"
    );
    if is_same_file(&args.file, &args.out) {
        bail!(
            "--out {} is the file to import; choose another name",
            shown(&args.out)
        );
    }
    let out = NewFile::named(&args.out, "--out", args.overwrite)?;
    let file = shown(&args.file);
    let tensors = read(&args.file)?;
    let parameters = parameters_from(&tensors).with_context(|| file.clone())?;
    let parameters = without_normalisation(parameters, mean, std);
    if !parameters.is_finite() {
        bail!("{file}: with --std {std} its weights exceed 32 bits");
    }
    out.write(&model_file::to_bytes(&parameters, &square(&parameters)))?;
    message(
        "the network is taken to be linear, sigmoid, linear, softmax, as this program's is; the file \
         does not tell",
    );
    let event = ImportEvent {
        source: args.file.display().to_string(),
        network: parameters.shape.to_string(),
        model: args.out.display().to_string(),
    };
    let mut results = Results::new(args.json);
    results.event(&event)?;
    results.text(&format!("{}: {}", shown(&args.out), event.network));
    results.finish()?;
    Ok(Ending::Success)
}

/// The arrays of a file, whichever format it has.
fn read(path: &Path) -> anyhow::Result<Vec<NamedTensor>> {
    let read = bounded::read(path, model_file::MAX_BYTES);
    let bytes = read.map_err(|error| anyhow!(unreadable(path, &error, EXPECTED)))?;
    if bytes.is_empty() {
        bail!("{}: is empty; expected {EXPECTED}", shown(path));
    }
    let tensors = if is_npz(&bytes) {
        read_npz(&bytes)
    } else {
        read_safetensors(&bytes)
    };
    let is_pytorch = path.extension().is_some_and(|it| it == "pt" || it == "pth");
    tensors.map_err(|error| {
        let line = format!("{}: {error}", shown(path));
        match error {
            ReadError::Keras(_) => anyhow!("{line}; expected {EXPECTED}; {FROM_KERAS}"),
            // It tells what was expected of the array.
            ReadError::Array { .. } => anyhow!(line),
            // One that is damaged is known by its name alone.
            _ if is_pytorch || matches!(error, ReadError::Pickle) => {
                anyhow!("{line}; expected {EXPECTED}; {FROM_PYTORCH}")
            }
            _ => anyhow!("{line}; expected {EXPECTED}"),
        }
    })
}
