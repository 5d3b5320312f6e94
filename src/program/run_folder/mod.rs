//! What a run leaves behind: JSON lines, CSV files and their folders.

mod append_file;
mod environment;
mod events;
pub mod folder;
#[cfg(test)]
mod fuzz_tests;
pub mod history;
pub mod loss_series;
mod new_file;
mod new_folder;
pub mod run_files;
pub mod saved_run;

pub use environment::Environment;
pub use events::{DataDescription, EndEvent, EpochEvent, EvaluationEvent, ScoreEvent, StartEvent};
pub use folder::{
    EPOCHS_FILE, MODEL_FILE, RUN_FILE, RunFolder, RunFolderError, STEPS_FILE, TIMES_FILE, write_run,
};
pub use new_file::{NewFileError, write_new_file, write_numbered_file};
pub use new_folder::{create_folder, create_numbered_folder};
pub use run_files::RunFiles;
pub use saved_run::SavedRun;
