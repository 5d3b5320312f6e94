//! The images of a file, as the network takes them.

use crate::commands::train::note_appearance;
use crate::terminal::output::message;
use anyhow::{Context, anyhow, bail};
use flate2::read::MultiGzDecoder;
use fused_mlp::files::{shown, unreadable};
use fused_mlp::image::{GreyImage, MOST_DECODED_BYTES, is_iso_media, prepare, read};
use fused_mlp::mnist::{Adjustment, Images};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most that is read of a file.
const MOST_FILE_BYTES: u64 = 1 << 30;

/// What a file of images is expected to be.
const EXPECTED: &str = "a picture (PNG, JPEG, PGM) or an idx file";

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
    /// The file and, within an idx file, the position.
    pub fn name(&self) -> String {
        let file = shown(&self.file);
        match self.index {
            Some(index) => format!("{file}:{index}"),
            None => file,
        }
    }
}

/// Reads the images of a file, or of standard input if that is `-`, for a network that takes images of
/// `size`, rows and columns. With `is_raw` they must have that size and are taken as they are.
/// Images of idx files are adjusted.
pub fn pictures(
    file: &Path,
    size: (usize, usize),
    is_raw: bool,
    adjustment: Adjustment,
) -> anyhow::Result<Vec<Picture>> {
    let bytes = bytes(file)?;
    if !bytes.starts_with(&[0, 0]) || is_iso_media(&bytes) {
        let image = read(file, &bytes, MOST_DECODED_BYTES)?;
        return Ok(vec![picture(file, None, image, size, is_raw)?]);
    }
    let images = Images::from_idx(file, bytes)?.adjusted(adjustment)?;
    note_appearance(file, &images);
    let has_size = (images.rows(), images.columns()) == size;
    let image = |index: usize| {
        let pixels = images.image(index).to_vec();
        let image = GreyImage::new(images.columns(), images.rows(), pixels);
        picture(file, Some(index), image, size, is_raw || has_size)
    };
    (0..images.count()).map(image).collect()
}

fn picture(
    file: &Path,
    index: Option<usize>,
    image: GreyImage,
    (rows, columns): (usize, usize),
    is_raw: bool,
) -> anyhow::Result<Picture> {
    let mut picture = Picture {
        file: file.to_owned(),
        index,
        pixels: Vec::new(),
        found: None,
    };
    if !is_raw {
        let prepared = prepare(&image, rows, columns).with_context(|| picture.name())?;
        if prepared.seems_several {
            message(&format!(
                "note: {} seems to show more than one digit; expected one, crop the picture to it",
                picture.name()
            ));
        }
        picture.found = Some(Found {
            left: prepared.left,
            top: prepared.top,
            width: prepared.width,
            height: prepared.height,
            inverted: prepared.is_inverted,
        });
        picture.pixels = prepared.pixels;
        return Ok(picture);
    }
    if (image.height(), image.width()) != (rows, columns) {
        bail!(
            "{}: is {} x {} pixels, but the model takes {columns} x {rows}; without --raw it is \
             scaled",
            picture.name(),
            image.width(),
            image.height()
        );
    }
    picture.pixels = image.pixels().to_vec();
    Ok(picture)
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
