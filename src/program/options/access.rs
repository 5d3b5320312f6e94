//! How the files of a data set come into memory.

use clap::Args;
use fused_mlp::mnist::{Adjustment, FileAccess, OpenOptions};

/// `--no-mmap`, for every command that reads a data set.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct MappingArgs {
    /// Read the files into memory instead of mapping them: for files that another process may shorten
    #[arg(long)]
    no_mmap: bool,
}

/// What is changed in the images of idx files, for every command that is told which.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct AdjustmentArgs {
    /// Make rows of the columns of the images in idx files: those of EMNIST are transposed
    #[arg(long)]
    transpose: bool,
    /// Make 255 - v of each byte v of the images in idx files: for dark digits on a light background
    #[arg(long)]
    invert: bool,
}

/// Both.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct AccessArgs {
    #[command(flatten)]
    pub mapping: MappingArgs,
    #[command(flatten)]
    pub adjustment: AdjustmentArgs,
}

impl MappingArgs {
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

impl From<AdjustmentArgs> for Adjustment {
    fn from(AdjustmentArgs { transpose, invert }: AdjustmentArgs) -> Self {
        Self { transpose, invert }
    }
}

impl From<Adjustment> for AdjustmentArgs {
    fn from(Adjustment { transpose, invert }: Adjustment) -> Self {
        Self { transpose, invert }
    }
}

impl AccessArgs {
    /// As the options say.
    pub fn access(self) -> OpenOptions {
        OpenOptions {
            adjustment: self.adjustment.into(),
            ..self.mapping.access()
        }
    }

    /// The options that are given.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let options = [
            (self.mapping.no_mmap, "--no-mmap"),
            (self.adjustment.transpose, "--transpose"),
            (self.adjustment.invert, "--invert"),
        ];
        let given = options.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, word)| word)
    }
}
