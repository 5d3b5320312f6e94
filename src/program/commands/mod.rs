//! The commands, a module each: parse, call, say.

pub mod assignment;
pub mod bench;
pub mod completions;
pub mod data;
pub mod eval;
pub mod export;
pub mod import;
pub mod man;
pub mod memory;
pub mod model;
pub mod predict;
pub mod profile;
pub mod race;
pub mod report;
pub mod show;
pub mod sweep;
pub mod train;
pub mod version;
