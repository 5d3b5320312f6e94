//! Files that are whole or not there, and reading of files that somebody named.

pub mod atomic;
pub mod bounded;
mod messages;

pub use messages::{create_folders, shown, unreadable};
