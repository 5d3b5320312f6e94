//! Data sets in the MNIST format: four idx files, memory-mapped, `u8` all the way.
//!
//! A folder holds a training and a test split, each with one file of images and one of labels:
//!
//! | content         | file name                 | or                        |
//! |-----------------|---------------------------|---------------------------|
//! | training images | `train-images-idx3-ubyte` | `train-images.idx3-ubyte` |
//! | training labels | `train-labels-idx1-ubyte` | `train-labels.idx1-ubyte` |
//! | test images     | `t10k-images-idx3-ubyte`  | `t10k-images.idx3-ubyte`  |
//! | test labels     | `t10k-labels-idx1-ubyte`  | `t10k-labels.idx1-ubyte`  |
//!
//! Each name may also end in `.gz`; such a file is decompressed into memory. The layout of an
//! idx file is described at [`Header`]. The image size, the sample counts and the
//! number of classes come from the files. [`locate()`] finds the folder, [`Dataset::open`] opens it.
//!
//! Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".

mod adjustment;
mod checksum;
mod dataset;
mod error;
mod file;
mod foreign;
mod hints;
mod idx;
mod locate;
mod names;
mod split;

pub use adjustment::Adjustment;
pub use checksum::{DatasetSummary, SplitSummary, sha256};
pub use dataset::{Dataset, OpenOptions};
pub use error::{DataError, Defect};
pub use file::FileAccess;
pub use idx::{Header, Kind};
pub use locate::{DATA_VARIABLE, locate, locate_split};
pub use names::{MnistFile, SplitName};
pub use split::{Images, Labels, Split};
