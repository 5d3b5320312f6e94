//! The run folder of a training, ready to be filled.

use super::TrainArgs;
use fused_mlp::network::Shape;
use fused_mlp::report::{DataDescription, Environment, RunFolder, StartEvent};
use fused_mlp::training::checkpoint::Checkpoint;
use fused_mlp::training::{RunSettings, StepRecord};

/// A run folder that is ready to be filled.
pub struct OpenRun {
    pub folder: RunFolder,
    /// When the run started.
    pub started: String,
    pub is_resumed: bool,
    /// The last step that is in the folder.
    pub last_step: Option<StepRecord>,
}

impl OpenRun {
    /// What is told when the training starts.
    pub fn start_event<'a>(
        &self,
        shape: Shape,
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
            environment,
            data,
            run: self.folder.path().display().to_string(),
        }
    }
}

/// The folder of the run: a new one, or an earlier one, cut back to the checkpoint.
pub fn open_run(
    args: &TrainArgs,
    opened: Option<(RunFolder, String)>,
    checkpoint: Option<&Checkpoint>,
) -> anyhow::Result<OpenRun> {
    let is_resumed = opened.is_some();
    let (mut folder, started) = match opened {
        Some(opened) => opened,
        None => {
            let folder = RunFolder::create(args.out.as_deref(), args.seed)?;
            (folder, jiff::Timestamp::now().to_string())
        }
    };
    let last_step = match checkpoint {
        Some(found) => folder.cut_back(&found.description.history)?,
        None if is_resumed => {
            folder.restart()?;
            None
        }
        None => None,
    };
    Ok(OpenRun {
        folder,
        started,
        is_resumed,
        last_step,
    })
}
