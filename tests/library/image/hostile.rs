//! Files that are no pictures, and pictures without a digit: never a panic, never a wrong size.

use super::photo::{Surface, jpeg};
use fused_mlp::image::{GreyImage, NoDigit, prepare, read};
use fused_mlp::random::{Purpose, Stream};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use proptest::prelude::*;
use std::path::Path;

/// No more than this is decoded.
const MOST_BYTES: u64 = 1 << 20;

/// A small sound file of each format.
fn sound() -> Vec<Vec<u8>> {
    let mut digit = vec![0; 28 * 28];
    (5..23).for_each(|row| digit[row * 28 + 13..row * 28 + 16].fill(255));
    let mut png = Vec::new();
    let encoder = PngEncoder::new(&mut png);
    let grey = ExtendedColorType::L8;
    encoder.write_image(&digit, 28, 28, grey).unwrap();
    let mut stream = Stream::new(1, Purpose::SyntheticTest);
    let photo = jpeg(&digit, Surface::Paper, &mut stream);
    let pgm = [b"P5 28 28 255\n", &digit[..]].concat();
    vec![png, photo, pgm]
}

#[test]
fn a_file_that_ends_early_is_refused() {
    for file in sound() {
        assert!(read(Path::new("file"), &file, MOST_BYTES).is_ok());
        for part in 1..20 {
            let cut = &file[..file.len() * part / 20];
            let result = read(Path::new("file"), cut, MOST_BYTES);
            assert!(result.is_err(), "{part} twentieths of {:?}", &file[..4]);
        }
    }
}

#[test]
fn a_jpeg_that_lacks_only_its_end_marker_is_read() {
    let file = &sound()[1];
    let whole = read(Path::new("file"), file, MOST_BYTES).unwrap();
    assert!(!whole.lacks_end_marker());
    for missing in [1, 2] {
        let cut = &file[..file.len() - missing];
        let image = read(Path::new("file"), cut, MOST_BYTES).unwrap();
        assert!(image.lacks_end_marker(), "{missing}");
        assert_eq!(image.pixels(), whole.pixels());
    }
    for missing in [8, 20, 100] {
        let cut = &file[..file.len() - missing];
        let error = read(Path::new("file"), cut, MOST_BYTES)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("ends before the picture does"),
            "{missing}: {error}"
        );
    }
}

#[test]
fn ink_that_differs_by_its_colour_alone_is_seen_in_every_format() {
    // The same luminance: 0.2126 R + 0.7152 G + 0.0722 B.
    let pixel = |x: u32, y: u32| match (40..60).contains(&x) && (20..80).contains(&y) {
        true => image::Rgb([200, 30, 30]),
        false => image::Rgb([20, 68, 190]),
    };
    let picture = image::RgbImage::from_fn(100, 100, pixel);
    for format in [
        image::ImageFormat::Png,
        image::ImageFormat::Bmp,
        image::ImageFormat::WebP,
    ] {
        let mut file = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        let grey = read(Path::new("file"), file.get_ref(), MOST_BYTES).unwrap();
        assert_eq!(
            grey.pixels()[0].abs_diff(grey.pixels()[50 * 100 + 50]),
            180,
            "{format:?}"
        );
        let found = prepare(&grey, 28, 28).unwrap();
        assert_eq!(
            (found.left, found.top, found.width, found.height),
            (40, 20, 20, 60)
        );
    }
}

fn assert_usable(file: &[u8]) {
    match read(Path::new("file"), file, MOST_BYTES) {
        Ok(picture) => {
            assert_eq!(picture.pixels().len(), picture.width() * picture.height());
            assert!(picture.pixels().len() as u64 <= MOST_BYTES);
            if let Ok(image) = prepare(&picture, 28, 28) {
                assert_eq!(image.pixels.len(), 28 * 28);
            }
        }
        Err(error) => {
            let line = error.to_string();
            assert!(line.starts_with("file: "), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn mutated_files_never_panic(
        format in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut file = sound().swap_remove(format);
        for (place, byte) in changes {
            // Most of what matters is in the first bytes.
            let index = place.index(file.len());
            let index = if byte % 2 == 0 { index % 64 } else { index };
            file[index] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        assert_usable(&file);
    }

    #[test]
    fn any_picture_gives_an_image_or_an_error(
        width in 1..70_usize,
        height in 1..70_usize,
        rows in 1..40_usize,
        columns in 1..40_usize,
        seed in any::<u64>(),
        levels in 1..256_u32,
    ) {
        let mut stream = Stream::new(seed, Purpose::SyntheticTest);
        let pixels = (0..width * height).map(|_| (stream.below(levels) * 255 / levels) as u8);
        let picture = GreyImage::new(width, height, pixels.collect());
        if let Ok(image) = prepare(&picture, rows, columns) {
            prop_assert_eq!(image.pixels.len(), rows * columns);
            prop_assert_eq!(image.pixels.iter().max(), Some(&255));
            prop_assert!(image.left + image.width <= width);
            prop_assert!(image.top + image.height <= height);
            prop_assert!(image.width > 0 && image.height > 0);
        }
    }
}

#[test]
fn a_page_without_a_digit_is_told() {
    let mut stream = Stream::new(3, Purpose::SyntheticTest);
    for (width, height) in [(1, 1), (28, 28), (300, 200), (1500, 1100)] {
        let flat = GreyImage::new(width, height, vec![200; width * height]);
        assert_eq!(prepare(&flat, 28, 28), Err(NoDigit));
        // Uneven light and noise.
        let pixels = (0..width * height).map(|index| {
            let across = (index % width) as f64 / width as f64;
            (120.0 + 100.0 * across + 6.0 * stream.normal()).clamp(0.0, 255.0) as u8
        });
        let noisy = GreyImage::new(width, height, pixels.collect());
        if width >= 100 {
            assert_eq!(prepare(&noisy, 28, 28), Err(NoDigit));
        }
    }
}

#[test]
fn long_thin_pictures_are_no_trouble() {
    for (width, height) in [(1, 100_000), (100_000, 1), (3, 5000)] {
        let pixels = (0..width * height).map(|index| if index % 97 < 48 { 0 } else { 255 });
        let picture = GreyImage::new(width, height, pixels.collect());
        if let Ok(image) = prepare(&picture, 28, 28) {
            assert_eq!(image.pixels.len(), 28 * 28);
        }
    }
}

#[test]
fn sizes_beyond_the_limit_are_refused_before_they_are_decoded() {
    let mut png = sound().swap_remove(0);
    // Width and height of the header chunk, whose checksum is then made right.
    png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let checksum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&checksum);
    let error = read(Path::new("bomb.png"), &png, MOST_BYTES).unwrap_err();
    let line = error.to_string();
    assert!(line.contains("65535 x 65535 pixels take"), "{line}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    checksum.sum()
}
