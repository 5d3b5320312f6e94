//! The run folder of a training, before and when it is filled.

use super::TrainArgs;
use crate::run_folder::{DataDescription, Environment, RunFiles, RunFolder, StartEvent};
use fused_mlp::network::Shape;
use fused_mlp::training::checkpoint::{Checkpoint, CheckpointFolder};
use fused_mlp::training::{RunSettings, StepRecord};

/// The files of a run, which are as they were.
pub struct OpenRun {
    pub files: RunFiles,
    /// When the run started.
    pub started: String,
    pub is_resumed: bool,
}

impl OpenRun {
    /// What is told when the training starts.
    pub fn start_event<'a>(
        &self,
        shape: Shape,
        init_sha256: Option<String>,
        settings: &'a RunSettings,
        environment: &'a Environment,
        data: &'a DataDescription,
        steps_done: u64,
    ) -> StartEvent<'a> {
        StartEvent {
            settings,
            network: shape.to_string(),
            inputs: shape.inputs,
            classes: shape.classes,
            parameters: shape.parameters(),
            resumed_at_step: self.is_resumed.then_some(steps_done),
            init_sha256,
            environment,
            data,
            run: self.files.path().display().to_string(),
        }
    }
}

/// The files of the run: new ones, or those of an earlier one.
pub fn open_run(args: &TrainArgs, opened: Option<(RunFiles, String)>) -> anyhow::Result<OpenRun> {
    let is_resumed = opened.is_some();
    let (files, started) = match opened {
        Some(opened) => opened,
        None => {
            let files = RunFiles::create(args.out.as_deref(), args.seed)?;
            (files, jiff::Timestamp::now().to_string())
        }
    };
    Ok(OpenRun {
        files,
        started,
        is_resumed,
    })
}

/// The folder, ready to be filled: cut back to the checkpoint, or with nothing in it. Returns the last
/// step that is in it, too.
pub fn begin(
    files: RunFiles,
    checkpoint: Option<&Checkpoint>,
) -> anyhow::Result<(RunFolder, Option<StepRecord>)> {
    CheckpointFolder::new(files.path()).remove_partial();
    Ok(match checkpoint {
        Some(found) => files.cut_back(&found.description.history)?,
        None => (files.restart()?, None),
    })
}
