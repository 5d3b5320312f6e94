//! How the files of a data set come into memory.

use clap::Args;
use fused_mlp::mnist::{FileAccess, OpenOptions};

/// `--no-mmap`, for every command that reads a data set.
#[derive(Debug, Clone, Copy, Args)]
pub struct AccessArgs {
    /// Read the files into memory instead of mapping them: for files that another process may shorten
    #[arg(long)]
    pub no_mmap: bool,
}

impl AccessArgs {
    /// As the option says.
    pub fn access(self) -> OpenOptions {
        OpenOptions {
            access: match self.no_mmap {
                true => FileAccess::InMemory,
                false => FileAccess::Mapped,
            },
            ..OpenOptions::default()
        }
    }
}
