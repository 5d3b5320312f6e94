//! What a run leaves behind: JSON lines, CSV files, the learning curve and the run folder.

mod confusion;
mod environment;
mod events;
mod learning_curve;
mod profile;
mod run_folder;

pub use confusion::{ClassScores, ConfusionMatrix};
pub use environment::Environment;
pub use events::{DataDescription, EndEvent, EpochEvent, EvaluationEvent, StartEvent};
pub use learning_curve::learning_curve_svg;
pub use profile::{Roof, chrome_trace, phases_svg, roofline_svg};
pub use run_folder::{EPOCHS_FILE, MODEL_FILE, RUN_FILE, RunFolder, RunFolderError, STEPS_FILE};
