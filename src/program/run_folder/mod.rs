//! What a run leaves behind: JSON lines, CSV files and their folders.

mod append_file;
mod events;
mod folder;
#[cfg(test)]
mod fuzz_tests;
pub mod history;
mod new;
mod new_file;
mod record;
mod step_series;

pub use append_file::AppendFile;
pub use events::{EpochEvent, ScoreEvent};
pub use folder::{RunFolder, remove_unbegun};
pub use new::{
    create_folder, create_numbered_folder, is_there, minute_of, name_of, now, unwritable,
    unwritable_by,
};
pub use new_file::{NewFile, OverwriteArgs};
pub use record::{
    DataDescription, EndEvent, Environment, MODEL_FILE, Outcome, RUN_FILE, RunRecord, StartEvent,
};
