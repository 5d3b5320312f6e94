//! Data sets of any size, made from a real one.
//!
//! Sample i is a real image, drawn at random, with
//!
//! ```text
//! pixel(r, c) = clamp(source(r - dr, c - dc) + noise, 1, 255)   where the source is not 0
//!               0                                               elsewhere
//! dr, dc      uniform on -2..=2, 0 beyond the source's edges
//! noise       uniform on -32..=32, for each pixel
//! ```
//!
//! and the label of its source. So about as many bytes are non-zero as in the source. With a
//! density d, each pixel is kept with probability d, else it is 0; a kept pixel that would be 0 is
//! background, uniform on 1..=32.
//!
//! Sample i depends on the seed, the source and i alone, not on the number of samples.

use crate::run_folder::{is_there, unwritable_by};
use anyhow::bail;
use fused_mlp::files::create_folders;
use fused_mlp::mnist::{Dataset, MnistFile, Split};
use fused_mlp::random::{Purpose, Stream};
use rayon::prelude::*;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Largest shift in either direction.
const SHIFT: u32 = 2;
/// Largest change of a non-zero byte.
const NOISE: u32 = 32;
/// Brightest background of a data set with a density.
const BACKGROUND: u32 = 32;
/// Samples that share a random stream, and are made by one thread: 3 MB of MNIST.
const CHUNK: usize = 4096;
/// Steps of a density: the resolution of the draw.
const RESOLUTION: u32 = 1 << 24;

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticOptions {
    /// Training samples, at least 1.
    pub train: usize,
    /// Test samples, at least 1.
    pub test: usize,
    /// Share of the bytes that are not 0, from 0 to 1; as in the source where none is given.
    pub density: Option<f64>,
    /// Seed of all draws.
    pub seed: u64,
}

/// The listener wanted no more.
#[derive(Debug, thiserror::Error)]
#[error("no data set was made")]
pub struct Stopped;

/// Tells the file that the system refuses.
fn failed(path: &Path) -> impl Fn(io::Error) -> anyhow::Error + '_ {
    move |error| unwritable_by(path, &error, "--out")
}

impl SyntheticOptions {
    fn check(&self) -> anyhow::Result<()> {
        for (option, count) in [("--samples", self.train), ("--test-samples", self.test)] {
            // An idx file counts in 32 bits, and so does a sample order.
            if count == 0 || u32::try_from(count).is_err() {
                bail!("{option} is {count}; expected 1 to 4294967295");
            }
        }
        match self.density {
            Some(density) if !(0.0..=1.0).contains(&density) => {
                bail!("--density is {density}; expected 0 to 1")
            }
            _ => Ok(()),
        }
    }
}

/// Makes a data set like `source` in `folder`, which is created where it is not there.
///
/// The files are written beside their names and renamed when all four are complete. Memory does not
/// grow with the number of samples. `progress` is told the samples written so far, and
/// whether to go on is its answer.
///
/// # Errors
/// If an option or a file cannot be used, or it was [`Stopped`]; nothing but the folder is left then.
pub fn synthesize(
    source: &Dataset,
    options: &SyntheticOptions,
    folder: &Path,
    mut progress: impl FnMut(usize) -> bool,
) -> anyhow::Result<()> {
    options.check()?;
    create_folders(folder).map_err(failed(folder))?;
    check_absent(folder)?;
    let files = MnistFile::ALL.map(|file| {
        let name = file.names()[0];
        (folder.join(format!("{name}.partial")), folder.join(name))
    });
    let [train_images, train_labels, test_images, test_labels] = &files;
    let parts = [
        (
            &source.train,
            options.train,
            Purpose::SyntheticTraining,
            [&train_images.0, &train_labels.0],
        ),
        (
            &source.test,
            options.test,
            Purpose::SyntheticTest,
            [&test_images.0, &test_labels.0],
        ),
    ];
    let mut done = 0;
    let write_all = || {
        for (split, count, purpose, [images, labels]) in parts {
            let maker = Maker {
                split,
                density: options.density,
                seed: options.seed,
                purpose,
            };
            maker.write(count, images, labels, &mut |written| {
                progress(done + written)
            })?;
            done += count;
        }
        for (partial, path) in &files {
            fs::rename(partial, path).map_err(failed(path))?;
        }
        Ok(())
    };
    let result = { write_all }();
    if result.is_err() {
        for (partial, _) in &files {
            // Nothing can be done about a file that cannot be removed; it is never read.
            let _ = fs::remove_file(partial);
        }
    }
    result
}

/// Refuses a folder that has one of the files under any of its names.
fn check_absent(folder: &Path) -> anyhow::Result<()> {
    let names = MnistFile::ALL.iter().flat_map(|file| file.names());
    let mut paths = names.flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]);
    match paths.find(|path| path.exists()) {
        Some(path) => Err(is_there(&path)),
        None => Ok(()),
    }
}

/// Makes the samples of one split.
struct Maker<'a> {
    split: &'a Split,
    density: Option<f64>,
    seed: u64,
    purpose: Purpose,
}

impl Maker<'_> {
    fn write(
        &self,
        count: usize,
        images_path: &Path,
        labels_path: &Path,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> anyhow::Result<()> {
        let images = &self.split.images;
        let sizes = [count, images.rows(), images.columns()];
        let mut image_file = IdxWriter::create(images_path, &sizes)?;
        let mut label_file = IdxWriter::create(labels_path, &sizes[..1])?;
        // One chunk a thread at a time.
        let step = CHUNK * rayon::current_num_threads();
        for first in (0..count).step_by(step) {
            let last = (first + step).min(count);
            let starts: Vec<usize> = (first..last).step_by(CHUNK).collect();
            let made = starts.into_par_iter();
            let made = made.map(|start| self.chunk(start, CHUNK.min(last - start)));
            for (images, labels) in made.collect::<Vec<_>>() {
                image_file.write(&images)?;
                label_file.write(&labels)?;
            }
            if !progress(last) {
                bail!(Stopped);
            }
        }
        image_file.finish()?;
        label_file.finish()
    }

    /// Images and labels of `count` samples from `start` on, a multiple of [`CHUNK`].
    fn chunk(&self, start: usize, count: usize) -> (Vec<u8>, Vec<u8>) {
        // An odd multiplier gives each chunk a seed of its own.
        let number = (start / CHUNK) as u64;
        let seed = self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut stream = Stream::new(seed, self.purpose);
        let sources = u32::try_from(self.split.len()).unwrap_or(u32::MAX);
        let pixels = self.split.images.pixels();
        let mut images = vec![0; count * pixels];
        let mut labels = Vec::with_capacity(count);
        for image in images.chunks_exact_mut(pixels) {
            let source = stream.below(sources) as usize;
            self.image(&mut stream, source, image);
            labels.push(self.split.labels.bytes()[source]);
        }
        (images, labels)
    }

    fn image(&self, stream: &mut Stream, source: usize, image: &mut [u8]) {
        let images = &self.split.images;
        let (rows, columns) = (images.rows(), images.columns());
        let source = images.image(source);
        // Negative shifts are counted from the largest one on.
        let (down, right) = (stream.below(2 * SHIFT + 1), stream.below(2 * SHIFT + 1));
        let shifted = |place: usize, shift: u32, size: usize| {
            let place = (place + SHIFT as usize).checked_sub(shift as usize)?;
            (place < size).then_some(place)
        };
        for (row, line) in image.chunks_exact_mut(columns).enumerate() {
            let from = shifted(row, down, rows);
            for (column, pixel) in line.iter_mut().enumerate() {
                let from = from.zip(shifted(column, right, columns));
                let byte = from.map_or(0, |(row, column)| source[row * columns + column]);
                *pixel = self.pixel(stream, byte);
            }
        }
    }

    fn pixel(&self, stream: &mut Stream, source: u8) -> u8 {
        let is_kept = self.density.is_none_or(|density| {
            f64::from(stream.below(RESOLUTION)) < density * f64::from(RESOLUTION)
        });
        let value = match (is_kept, source, self.density) {
            (false, ..) | (true, 0, None) => 0,
            (true, 0, Some(_)) => 1 + stream.below(BACKGROUND),
            (true, source, _) => {
                let noisy = u32::from(source) + stream.below(2 * NOISE + 1);
                noisy.saturating_sub(NOISE).clamp(1, 255)
            }
        };
        // The largest value is 255.
        value as u8
    }
}

/// An idx file of bytes that is being written.
struct IdxWriter<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

impl<'a> IdxWriter<'a> {
    fn create(path: &'a Path, sizes: &[usize]) -> anyhow::Result<Self> {
        let mut header = vec![0, 0, 8, sizes.len() as u8];
        for &size in sizes {
            // Counts were checked, and sizes of images come from such a header.
            header.extend((size as u32).to_be_bytes());
        }
        let file = File::create(path).map_err(failed(path))?;
        let mut writer = Self {
            path,
            file: BufWriter::new(file),
        };
        writer.write(&header)?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).map_err(failed(self.path))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let flushed = self.file.flush();
        let synced = flushed.and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(failed(self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mnist() -> Dataset {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
        Dataset::open(folder).unwrap()
    }

    fn maker(split: &Split, density: Option<f64>, seed: u64) -> Maker<'_> {
        Maker {
            split,
            density,
            seed,
            purpose: Purpose::SyntheticTraining,
        }
    }

    fn share_of_non_zero(bytes: &[u8]) -> f64 {
        bytes.iter().filter(|&&byte| byte != 0).count() as f64 / bytes.len() as f64
    }

    #[test]
    #[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
    fn a_sample_depends_on_the_seed_and_its_number_alone() {
        let dataset = mnist();
        let maker = |seed| maker(&dataset.train, None, seed);
        let (images, labels) = maker(1).chunk(0, 50);
        let (longer, more_labels) = maker(1).chunk(0, 80);
        assert_eq!(images, longer[..images.len()]);
        assert_eq!(labels, more_labels[..50]);
        assert_ne!(images, maker(2).chunk(0, 50).0);
        assert_ne!(images, maker(1).chunk(CHUNK, 50).0);
        assert_ne!(longer[..784], longer[784..1568]);
    }

    #[test]
    #[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
    fn samples_are_the_shifted_images_of_their_labels() {
        let dataset = mnist();
        let (images, labels) = maker(&dataset.train, None, 3).chunk(0, 20);
        for (image, &label) in images.chunks_exact(784).zip(&labels) {
            let lit = |image: &[u8], place: i32| {
                usize::try_from(place).is_ok_and(|place| image.get(place).is_some_and(|&b| b > 0))
            };
            // Some real image of the label, shifted, is lit exactly where this one is.
            let is_found = (0..dataset.train.len()).any(|index| {
                dataset.train.labels.bytes()[index] == label
                    && (-2..=2).any(|down: i32| {
                        (-2..=2).any(|right: i32| {
                            let source = dataset.train.images.image(index);
                            (3..25).all(|row: i32| {
                                (3..25).all(|column: i32| {
                                    let from = (row - down) * 28 + column - right;
                                    lit(image, row * 28 + column) == lit(source, from)
                                })
                            })
                        })
                    })
            });
            assert!(is_found, "label {label}");
        }
    }

    #[test]
    #[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
    fn the_density_is_that_of_the_source_or_the_one_asked_for() {
        let dataset = mnist();
        let share = |density| {
            let (images, _) = maker(&dataset.train, density, 4).chunk(0, 1000);
            share_of_non_zero(&images)
        };
        let source = share_of_non_zero(dataset.train.images.bytes());
        assert!((share(None) - source).abs() < 0.01, "{}", share(None));
        assert!((share(Some(0.5)) - 0.5).abs() < 0.005);
        assert_eq!(share(Some(1.0)), 1.0);
        assert_eq!(share(Some(0.0)), 0.0);
    }
}
