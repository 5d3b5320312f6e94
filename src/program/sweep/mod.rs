//! Sweeps: many trainings that differ by their options, one on each core at a time.
//!
//! A sweep is a list of [`RunConfiguration`]s, often the product of a [`Grid`]. `run` trains them,
//! each on one thread, so that a core is never shared, and hands over every epoch and every finished
//! run. A [`SweepFolder`] keeps what is done, so that a sweep that was interrupted goes on where it
//! was. [`summarise`] takes the runs that differ by their seed alone together. A [`Shard`] is the part
//! that one of many machines trains.
//!
//! A run gives the same numbers whatever runs beside it, and the same as `fused-mlp train` with the
//! same options.

mod configuration;
mod files;
mod folder;
mod parts;
mod record;
mod run;
mod shard;
mod summary;

pub use configuration::{Grid, MOST_RUNS, RunConfiguration};
pub use files::SWEEP_FILE;
pub use folder::SweepFolder;
pub use record::{RunOutcome, RunRecord, RunResult};
pub use run::{SweepEvent, SweepPlan, run};
pub use shard::{Shard, ShardRequest};
pub use summary::{
    EPOCHS_TO_TARGET, MeanDeviation, Summary, VALIDATION_ACCURACY, best_by_validation, summarise,
    varying, varying_options,
};

// The package of the crate has no data.
#[cfg(all(test, has_mnist))]
mod tests;
