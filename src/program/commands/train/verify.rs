//! `fused-mlp verify`: a run again, from its own record.

use super::TrainArgs;
use super::resume::Resumption;
use super::run::with_session;
use super::session::Session;
use crate::ending::{EXIT_MISSED, Ending};
use crate::options::access::{AccessArgs, MappingArgs};
use crate::options::backend::{BackendArgs, EngineArgs};
use crate::run_folder::{MODEL_FILE, Outcome, RunFolder, RunRecord};
use crate::terminal::output::{Results, message, shown};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::files::{bounded, unreadable};
use fused_mlp::mnist::sha256;
use fused_mlp::model_file;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// Options of `fused-mlp verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("verify.txt"))]
pub struct VerifyArgs {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Folder of the data set [default: that of the run]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    access: MappingArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print the result as a JSON object
    #[arg(long)]
    json: bool,
    /// Show no progress, only the result
    #[arg(long)]
    quiet: bool,
}

/// The result, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "verification")]
struct Verification<'a> {
    model: String,
    is_same: bool,
    /// SHA-256 of the file, of that which training again gives, and of that which the run left.
    found: &'a str,
    trained: &'a str,
    recorded: Option<&'a str>,
}

/// Trains again and compares.
///
/// # Errors
/// If the run, its data or its model cannot be used.
pub fn run(args: &VerifyArgs, start: Instant) -> anyhow::Result<Ending> {
    let mut record = RunRecord::read(&args.run)?;
    if !matches!(record.outcome(), Some(Outcome::Finished | Outcome::Missed)) {
        bail!(
            "{}: the run has not come to its end; expected one that has left its model",
            shown(&args.run)
        );
    }
    let path = args.run.join(MODEL_FILE);
    let bytes = bounded::read(&path, model_file::MAX_BYTES)
        .map_err(|error| anyhow::Error::msg(unreadable(&path, &error, "the model of the run")))?;
    let found = sha256(&bytes);
    let results = record.results.take();
    let recorded = results.and_then(|results| results.model_sha256);
    record.start.settings.checkpoint_every = Some(0);
    let scratch = tempfile::tempdir().context("a folder for the training cannot be made")?;
    let resumption = Resumption {
        folder: RunFolder::create(Some(&scratch.path().join("run")), 0)?,
        record,
        checkpoint: None,
        is_repetition: true,
    };
    let plain = TrainArgs::of(&["train".to_owned()])?;
    let train = resumption.arguments(&TrainArgs {
        data: args.data.clone(),
        access: AccessArgs {
            mapping: args.access,
            ..AccessArgs::default()
        },
        quiet: args.quiet,
        backend: BackendArgs {
            engine: args.engine.clone(),
            ..plain.backend
        },
        ..plain
    })?;
    with_session(&train, Some(resumption), start, |session, signal| {
        let Some(trained) = trained(session, signal)? else {
            message("no model was trained: nothing is known of that of the run");
            return Ok(signal.map_or(Ending::Missed(EXIT_MISSED), Ending::Signal));
        };
        let verification = Verification {
            model: path.display().to_string(),
            is_same: trained == found,
            found: &found,
            trained: &trained,
            recorded: recorded.as_deref(),
        };
        tell(&verification, &shown(&path), args.json)
    })
}

/// Tells the result, and whether the models are the same.
fn tell(found: &Verification<'_>, model: &str, is_json: bool) -> anyhow::Result<Ending> {
    let mut results = Results::new(is_json);
    results.event(found)?;
    let (trained, recorded) = (found.trained, found.recorded);
    let (is_same, found) = (found.is_same, found.found);
    if is_same {
        results.text(&format!("{model}: the same bytes (SHA-256 {found})"));
    }
    results.finish()?;
    if is_same {
        return Ok(Ending::Success);
    }
    let why = match recorded == Some(trained) {
        true => "the file is not the one that the run left",
        false => "the data or the program are others",
    };
    message(&format!(
        "error: {model}: expected SHA-256 {trained}, which training again gives, found {found}: {why}"
    ));
    Ok(Ending::Missed(EXIT_MISSED))
}

/// SHA-256 of the model of a training that has come to its end.
fn trained(mut session: Session<'_>, signal: Option<u8>) -> anyhow::Result<Option<String>> {
    session.restore_best(signal)?;
    let is_whole = signal.is_none() && session.diverged.is_none();
    Ok(is_whole.then(|| sha256(&session.model_bytes())))
}
