//! Pictures with several digits: all are found, in reading order, and one is seldom taken for several.
//!
//! `TEST_FUSED_MLP_PHOTOS=1000 cargo test --release --test library several -- --nocapture` takes more of them.

use super::network::{dataset, trained};
use super::paper::{count, stream};
use super::photo::{Grey, Surface, jpeg, jpeg_of_ink};
use fused_mlp::image::{MOST_DECODED_BYTES, prepare_all, read};
use std::path::Path;

/// The classes of the digits in a picture.
fn classes(file: &[u8]) -> Vec<usize> {
    let picture = read(Path::new("photo"), file, MOST_DECODED_BYTES).unwrap();
    let found = prepare_all(&picture, 28, 28).unwrap_or_default();
    let class = |pixels: &[u8]| trained().classes(pixels).unwrap()[0].class;
    found.iter().map(|digit| class(&digit.pixels)).collect()
}

#[test]
fn a_single_digit_is_seldom_taken_for_several() {
    let test = dataset().test;
    for (surface, number) in [(Surface::Paper, 31), (Surface::Board, 32)] {
        let mut stream = stream(number);
        let image = |index: usize| test.images.image(test.len() - 1 - index);
        let is_several =
            |index: &usize| classes(&jpeg(image(*index), surface, &mut stream)).len() > 1;
        let several = (0..count()).filter(is_several).count();
        println!("{surface:?}: {several} of {} single digits", count());
        assert!(100 * several <= count(), "{surface:?}: {several}");
    }
}

#[test]
fn all_digits_of_a_picture_are_read_in_order() {
    let test = dataset().test;
    // Columns and rows of the digits' boxes.
    let diagonal = [(0, 0), (1, 1), (2, 2)];
    let rising = [(1, 0), (0, 1)];
    let page: Vec<(u32, u32)> = (0..20).map(|place| (place % 4, place / 4)).collect();
    for (name, places, number) in [
        ("beside", &[(0, 0), (1, 0)][..], 41),
        ("above", &[(0, 0), (0, 1)], 42),
        ("diagonal", &diagonal, 43),
        ("rising", &rising, 44),
        ("page", &page, 45),
    ] {
        let mut stream = stream(number);
        let (mut found, mut right, mut digits) = (0, 0, 0);
        let pictures = (count() / places.len()).max(10);
        for picture in 0..pictures {
            let side = stream.uniform(60.0, 160.0) as u32;
            let (columns, rows) = (
                places.iter().map(|place| place.0).max().unwrap() + 1,
                places.iter().map(|place| place.1).max().unwrap() + 1,
            );
            let margin = side / 4;
            let mut page = Grey::new(columns * side + 2 * margin, rows * side + 2 * margin);
            let mut labels = Vec::new();
            for (number, &(column, row)) in places.iter().enumerate() {
                let sample = test.len() - 1 - (picture * places.len() + number) % 5000;
                labels.push(usize::from(test.labels.bytes()[sample]));
                let values = test
                    .images
                    .image(sample)
                    .iter()
                    .map(|&byte| f32::from(byte) / 255.0);
                let digit = Grey::from_raw(28, 28, values.collect()).unwrap();
                let filter = image::imageops::FilterType::Triangle;
                let digit = image::imageops::resize(&digit, side, side, filter);
                let (left, top) = (margin + column * side, margin + row * side);
                // A little off its place, but no nearer than its own margin.
                let (right, down) = (stream.below(side / 14), stream.below(side / 14));
                for (x, y, pixel) in digit.enumerate_pixels() {
                    let place = page.get_pixel_mut(left + right + x, top + down + y);
                    place.0[0] = place.0[0].max(pixel.0[0]);
                }
            }
            let surface = if picture % 2 == 0 {
                Surface::Paper
            } else {
                Surface::Board
            };
            let file = jpeg_of_ink(&page, surface, &mut stream);
            let classes = classes(&file);
            digits += labels.len();
            if classes.len() == labels.len() {
                found += 1;
                right += classes.iter().zip(&labels).filter(|(a, b)| a == b).count();
            }
        }
        println!("{name}: {found} of {pictures} pictures, {right} of {digits} digits");
        // One digit of a hundred is taken for none or for two.
        let least = 0.99_f64.powi(places.len() as i32) * pictures as f64;
        assert!(found as f64 >= least, "{name}: {found} of {pictures}");
        assert!(100 * right >= 88 * digits, "{name}: {right} of {digits}");
    }
}
