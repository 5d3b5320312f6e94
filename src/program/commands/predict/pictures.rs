//! The images of a file, as the network takes them.

use crate::commands::train::note_appearance;
use anyhow::{Context, anyhow, bail};
use flate2::read::MultiGzDecoder;
use fused_mlp::files::{shown, unreadable};
use fused_mlp::image::{GreyImage, MOST_DECODED_BYTES, is_iso_media, prepare_all, read};
use fused_mlp::mnist::{Adjustment, Images};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most that is read of a file.
const MOST_FILE_BYTES: u64 = 1 << 30;

/// What a file of images is expected to be.
const EXPECTED: &str = "a picture (PNG, JPEG, WebP, BMP, PGM) or an idx file";

/// One image.
pub struct Picture {
    /// The file, or `-`.
    pub file: PathBuf,
    /// Position in an idx file.
    pub index: Option<usize>,
    /// What the network takes, row-major.
    pub pixels: Vec<u8>,
    /// Where the digit was found; `None` if the image was taken as it is.
    pub found: Option<Found>,
    /// Whether it is one of several digits of a picture.
    pub is_of_several: bool,
}

/// Where a digit was found in its picture, in pixels.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Whether the ink was darker than its background.
    inverted: bool,
}

impl Picture {
    /// The file and, within an idx file, the position; of one of several digits its box.
    pub fn name(&self) -> String {
        let name = name(&self.file, self.index);
        match &self.found {
            Some(found) if self.is_of_several => format!(
                "{name} at {},{} ({} x {})",
                found.left, found.top, found.width, found.height
            ),
            _ => name,
        }
    }
}

/// Reads the images of a file, or of standard input if that is `-`, for a network that takes images of
/// `size`, rows and columns. With `is_raw` they must have that size and are taken as they are. Images of idx
/// files are adjusted. `note` is told what is worth a line.
pub fn pictures(
    file: &Path,
    size: (usize, usize),
    is_raw: bool,
    adjustment: Adjustment,
    note: &mut dyn FnMut(String),
) -> anyhow::Result<Vec<Picture>> {
    let bytes = bytes(file)?;
    if !bytes.starts_with(&[0, 0]) || is_iso_media(&bytes) {
        let image = read(file, &bytes, MOST_DECODED_BYTES)?;
        if image.lacks_end_marker() {
            let file = shown(file);
            note(format!(
                "{file}: the end marker of the JPEG is missing, the picture is whole"
            ));
        }
        return digits(file, None, image, size, is_raw, note);
    }
    let images = Images::from_idx(file, bytes)?.adjusted(adjustment)?;
    note_appearance(file, &images);
    let has_size = (images.rows(), images.columns()) == size;
    let mut all = Vec::new();
    for index in 0..images.count() {
        let pixels = images.image(index).to_vec();
        let image = GreyImage::new(images.columns(), images.rows(), pixels);
        all.extend(digits(
            file,
            Some(index),
            image,
            size,
            is_raw || has_size,
            note,
        )?);
    }
    Ok(all)
}

/// The file and, within an idx file, the position.
fn name(file: &Path, index: Option<usize>) -> String {
    let file = shown(file);
    index.map_or(file.clone(), |index| format!("{file}:{index}"))
}

/// The digits of a picture, or the picture as it is.
fn digits(
    file: &Path,
    index: Option<usize>,
    image: GreyImage,
    (rows, columns): (usize, usize),
    is_raw: bool,
    note: &mut dyn FnMut(String),
) -> anyhow::Result<Vec<Picture>> {
    let picture = |pixels, found, is_of_several| Picture {
        file: file.to_owned(),
        index,
        pixels,
        found,
        is_of_several,
    };
    if is_raw {
        if (image.height(), image.width()) != (rows, columns) {
            bail!(
                "{}: is {} x {} pixels, but the model takes {columns} x {rows}; without --raw it is \
                 scaled",
                name(file, index),
                image.width(),
                image.height()
            );
        }
        return Ok(vec![picture(image.pixels().to_vec(), None, false)]);
    }
    let prepared = prepare_all(&image, rows, columns).with_context(|| name(file, index))?;
    let count = prepared.len();
    if count > 1 {
        note(format!("{}: {count} digits found", name(file, index)));
    }
    let digit = |one: fused_mlp::image::Prepared| {
        let found = Found {
            left: one.left,
            top: one.top,
            width: one.width,
            height: one.height,
            inverted: one.is_inverted,
        };
        picture(one.pixels, Some(found), count > 1)
    };
    Ok(prepared.into_iter().map(digit).collect())
}

/// All bytes of a file, or of standard input, decompressed if it is a gzip file.
fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = |reader: &mut dyn Read, bytes: &mut Vec<u8>| {
        reader.take(MOST_FILE_BYTES + 1).read_to_end(bytes)
    };
    let result = if file == Path::new("-") {
        read(&mut io::stdin().lock(), &mut bytes)
    } else {
        File::open(file).and_then(|mut file| read(&mut file, &mut bytes))
    };
    result.map_err(|error| anyhow!(unreadable(file, &error, EXPECTED)))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let mut decoder = MultiGzDecoder::new(&bytes[..]);
        let result = read(&mut decoder, &mut plain);
        result.map_err(|error| anyhow!(unreadable(file, &error, EXPECTED)))?;
        bytes = plain;
    }
    if bytes.len() as u64 > MOST_FILE_BYTES {
        bail!(
            "{}: has more than {MOST_FILE_BYTES} bytes, expected a picture or a smaller idx file; \
             `fused-mlp eval` scores whole data sets",
            shown(file)
        );
    }
    Ok(bytes)
}
