//! What a run leaves behind: JSON lines, CSV files, pictures, run folders and reports.

mod append_file;
mod assignment;
mod axis;
mod chart;
mod comparison;
mod confusion;
mod contact_sheet;
mod environment;
mod error_chart;
mod events;
mod history;
mod labels;
mod learning_curve;
mod loss_series;
mod new_file;
mod new_folder;
mod png;
mod profile;
mod race;
mod roofline;
mod run_files;
mod run_folder;
mod saved_run;
mod sweep;
mod terminal_picture;

pub use assignment::{AssignmentFolder, AssignmentFolderError, AssignmentRun};
pub use comparison::{ComparedRun, ComparisonError, TestResult, comparison_page};
pub use confusion::{ClassScores, ConfusionMatrix};
pub use contact_sheet::{SheetImage, contact_sheet};
pub use environment::Environment;
pub use events::{DataDescription, EndEvent, EpochEvent, EvaluationEvent, ScoreEvent, StartEvent};
pub use history::{HistoryError, parse_epochs, parse_steps};
pub use learning_curve::learning_curve_svg;
pub use new_file::{NewFileError, write_new_file, write_numbered_file};
pub use new_folder::{create_folder, create_numbered_folder};
pub use profile::{chrome_trace, phases_svg};
pub use race::{RaceRun, RaceSummary, race_svg};
pub use roofline::{Roof, roofline_svg};
pub use run_files::RunFiles;
pub use run_folder::{
    EPOCHS_FILE, MODEL_FILE, RUN_FILE, RunFolder, RunFolderError, STEPS_FILE, TIMES_FILE, write_run,
};
pub use saved_run::{SavedData, SavedResults, SavedRun};
pub use sweep::sweep_svg;
pub use terminal_picture::{TerminalStyle, terminal_picture};
