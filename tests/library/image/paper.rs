//! Digits on ruled and squared paper, and in pictures that are cropped to them.
//!
//! `TEST_FUSED_MLP_PHOTOS=1000 cargo test --release --test library paper -- --nocapture` takes more of them;
//! `TEST_FUSED_MLP_SEED=7` others, as were used to choose the constants.

use super::network::{dataset, trained};
use super::photo::{Grey, Surface, ink, jpeg_of_ink};
use fused_mlp::image::{MOST_DECODED_BYTES, prepare, prepare_all, read};
use fused_mlp::random::{Purpose, Stream};
use image::imageops::crop_imm;
use std::path::Path;

pub fn count() -> usize {
    std::env::var("TEST_FUSED_MLP_PHOTOS").map_or(150, |text| text.parse().unwrap())
}

pub fn stream(number: u64) -> Stream {
    let seed = std::env::var("TEST_FUSED_MLP_SEED").map_or(0, |text| text.parse().unwrap());
    Stream::new(100 * seed + number, Purpose::SyntheticTest)
}

/// How many pictures were read, rightly, and as of one digit.
fn score(surface: Surface, number: u64, change: impl Fn(Grey, &mut Stream) -> Grey) -> [f64; 3] {
    let (test, mut stream, mut sums) = (dataset().test, stream(number), [0; 3]);
    for index in 0..count() {
        // Not the samples of the other tests.
        let sample = test.len() - 1 - index;
        let ink = change(
            ink((28, test.images.image(sample)), &mut stream),
            &mut stream,
        );
        let file = jpeg_of_ink(&ink, surface, &mut stream);
        if let Some(out) = std::env::var_os("TEST_FUSED_MLP_PHOTOS_OUT").filter(|_| index < 40) {
            let name = format!("{number}-{surface:?}-{index}.jpg");
            std::fs::write(Path::new(&out).join(name), &file).unwrap();
        }
        let picture = read(Path::new("photo"), &file, MOST_DECODED_BYTES).unwrap();
        if let Ok(found) = prepare(&picture, 28, 28) {
            let class = trained().classes(&found.pixels).unwrap()[0].class;
            let is_right = class == usize::from(test.labels.bytes()[sample]);
            let is_one = prepare_all(&picture, 28, 28).unwrap().len() == 1;
            for (sum, holds) in sums.iter_mut().zip([true, is_right, is_one]) {
                *sum += usize::from(holds);
            }
        }
    }
    sums.map(|sum| sum as f64 / count() as f64)
}

/// Lines at a distance of some part of the digit's height, of one to four pixels, turned by up to 3 degrees.
fn ruled(mut ink: Grey, is_squared: bool, darkness: [f64; 2], stream: &mut Stream) -> Grey {
    let (sin, cos) = stream.uniform(-3.0, 3.0).to_radians().sin_cos();
    let distance = stream.uniform(0.08, 0.5) * f64::from(ink.height());
    let half = stream.uniform(0.5, 2.0_f64.min(0.06 * distance + 0.5));
    let darkness = stream.uniform(darkness[0], darkness[1]);
    let start = stream.uniform(0.0, distance);
    for (x, y, pixel) in ink.enumerate_pixels_mut() {
        let (x, y) = (f64::from(x), f64::from(y));
        let away = |place: f64| {
            let away = (place + start).rem_euclid(distance);
            away.min(distance - away)
        };
        let across = away(cos * y - sin * x);
        let down = if is_squared {
            away(cos * x + sin * y)
        } else {
            f64::MAX
        };
        let covered = darkness * (half + 0.5 - across.min(down)).clamp(0.0, 1.0);
        pixel.0[0] = pixel.0[0].max(covered as f32);
    }
    ink
}

#[test]
fn lines_of_the_paper_go_and_strokes_stay() {
    for (surface, is_squared, darkness, number) in [
        (Surface::Paper, false, [0.8, 1.0], 11),
        (Surface::Paper, false, [0.2, 0.5], 12),
        (Surface::Paper, true, [0.8, 1.0], 13),
        (Surface::Paper, true, [0.2, 0.5], 14),
        (Surface::Board, true, [0.3, 1.0], 15),
    ] {
        let ruled = |ink, stream: &mut Stream| ruled(ink, is_squared, darkness, stream);
        let [_, right, one] = score(surface, number, ruled);
        println!(
            "{surface:?}, squared {is_squared}, darkness {darkness:?}: {right:.3}, one {one:.3}"
        );

        assert!(
            right >= 0.9 && one >= 0.97,
            "{surface:?} {is_squared} {darkness:?}: {right}"
        );
    }
}

#[test]
fn a_picture_that_is_cropped_to_its_digit_is_read() {
    for (surface, margin, number) in [
        (Surface::Paper, 0, 21),
        (Surface::Paper, 1, 22),
        (Surface::Paper, 3, 23),
        (Surface::Board, 0, 24),
        (Surface::Board, 2, 25),
    ] {
        let cropped = |ink: Grey, _: &mut Stream| {
            // The specks of the picture are at most two pixels wide.
            let covered = image::imageops::blur(&ink, 2.0);
            let covered = covered
                .enumerate_pixels()
                .filter(|pixel| pixel.2.0[0] > 0.45);
            let places: Vec<(u32, u32)> = covered.map(|(x, y, _)| (x, y)).collect();
            let (left, right) = (
                places.iter().map(|it| it.0).min(),
                places.iter().map(|it| it.0).max(),
            );
            let (top, bottom) = (
                places.iter().map(|it| it.1).min(),
                places.iter().map(|it| it.1).max(),
            );
            let start = |at: Option<u32>| at.unwrap().saturating_sub(margin);
            let (left, top) = (start(left), start(top));
            let (right, bottom) = (right.unwrap() + margin, bottom.unwrap() + margin);
            let (right, bottom) = (right.min(ink.width() - 1), bottom.min(ink.height() - 1));
            crop_imm(&ink, left, top, right + 1 - left, bottom + 1 - top).to_image()
        };
        let [read, right, one] = score(surface, number, cropped);
        println!("{surface:?}, margin {margin}: read {read:.3}, right {right:.3}, one {one:.3}");
        assert!(
            read >= 0.98 && right >= 0.92,
            "{surface:?} {margin}: {read}, {right}"
        );
        assert!(one >= 0.97, "{surface:?} {margin}: {one}");
    }
}
