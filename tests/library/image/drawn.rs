//! Digits drawn with a round pen, of strokes of known width.

use super::network::trained;
use fused_mlp::image::{GreyImage, prepare};
use std::f64::consts::PI;

type Points = Vec<(f64, f64)>;

/// Part of an ellipse from one angle to another, in degrees, clockwise from the right.
fn arc(centre: (f64, f64), radii: (f64, f64), from: f64, to: f64) -> Points {
    let point = |step: i32| {
        let angle = (from + (to - from) * f64::from(step) / 40.0) * PI / 180.0;
        (
            centre.0 + radii.0 * angle.cos(),
            centre.1 + radii.1 * angle.sin(),
        )
    };
    (0..=40).map(point).collect()
}

/// Strokes of a digit in a box of width 0.6 and height 1.
fn strokes(digit: usize) -> Vec<Points> {
    match digit {
        0 => vec![arc((0.3, 0.5), (0.3, 0.5), 0.0, 360.0)],
        1 => vec![vec![(0.35, 0.0), (0.25, 1.0)]],
        2 => vec![
            [
                arc((0.3, 0.27), (0.28, 0.27), 190.0, 390.0),
                vec![(0.0, 1.0), (0.6, 0.97)],
            ]
            .concat(),
        ],
        3 => vec![
            arc((0.27, 0.25), (0.27, 0.25), 200.0, 450.0),
            arc((0.27, 0.74), (0.32, 0.26), 270.0, 520.0),
        ],
        4 => vec![
            vec![(0.1, 0.0), (0.0, 0.55), (0.6, 0.55)],
            vec![(0.5, 0.05), (0.45, 1.0)],
        ],
        5 => vec![
            [
                vec![(0.55, 0.0), (0.1, 0.02), (0.06, 0.45)],
                arc((0.27, 0.7), (0.3, 0.3), 240.0, 500.0),
            ]
            .concat(),
        ],
        6 => vec![
            [
                vec![(0.45, 0.0), (0.12, 0.4)],
                arc((0.29, 0.73), (0.27, 0.27), 200.0, 560.0),
            ]
            .concat(),
        ],
        7 => vec![vec![(0.0, 0.03), (0.6, 0.0), (0.25, 1.0)]],
        8 => vec![
            arc((0.3, 0.25), (0.23, 0.25), 0.0, 360.0),
            arc((0.3, 0.75), (0.28, 0.25), 0.0, 360.0),
        ],
        _ => vec![
            arc((0.28, 0.27), (0.26, 0.27), 0.0, 360.0),
            vec![(0.54, 0.25), (0.45, 1.0)],
        ],
    }
}

/// The digit in black on white, `height` pixels high, by a pen of a width that is a share of that.
fn drawn(digit: usize, height: f64, pen: f64) -> GreyImage {
    let (margin, radius) = (0.35 * height, 0.5 * pen * height);
    let side = (height + 2.0 * margin) as usize;
    let mut pixels = vec![255; side * side];
    let mut dot = |x: f64, y: f64| {
        let range = |centre: f64| (centre - radius).max(0.0) as usize..=(centre + radius) as usize;
        for row in range(y) {
            for column in range(x) {
                let away = (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y);
                if away <= radius.max(0.5) {
                    pixels[row * side + column] = 0;
                }
            }
        }
    };
    for stroke in strokes(digit) {
        for ends in stroke.windows(2) {
            let steps = height as u32;
            for step in 0..=steps {
                let share = f64::from(step) / f64::from(steps);
                let along = |from: f64, to: f64| margin + height * (from + share * (to - from));
                dot(along(ends[0].0, ends[1].0), along(ends[0].1, ends[1].1));
            }
        }
    }
    GreyImage::new(side, side, pixels)
}

#[test]
fn drawn_digits_are_read_whatever_the_pen() {
    let mut wrong = Vec::new();
    let mut total = 0;
    for pen in [0.015, 0.04, 0.08, 0.12, 0.16] {
        for digit in 0..10 {
            let picture = drawn(digit, 300.0, pen);
            let prepared = prepare(&picture, 28, 28).unwrap();
            let classes = trained().classes(&prepared.pixels).unwrap();
            total += 1;
            if classes[0].class != digit {
                wrong.push((pen, digit, classes[0]));
            }
        }
    }
    println!("{} of {total} wrong: {wrong:?}", wrong.len());
    // A pen of 0.015 leaves a third of a pixel unless strokes are thickened.
    assert!(wrong.len() * 5 <= total, "{wrong:?}");
}

#[test]
fn the_digit_fills_its_box_and_is_centred() {
    for (rows, columns) in [(28, 28), (56, 28), (14, 20)] {
        for digit in 0..10 {
            let image = prepare(&drawn(digit, 200.0, 0.1), rows, columns).unwrap();
            let (width, height) = (image.width as f64, image.height as f64);
            assert!((height - 220.0).abs() < 12.0, "{digit}: {height}");
            assert!((20.0..=150.0).contains(&width), "{digit}: {width}");
            let ink = |index: &usize| image.pixels[*index] >= 128;
            let inked: Vec<usize> = (0..rows * columns).filter(ink).collect();
            let lines: Vec<usize> = inked.iter().map(|index| index / columns).collect();
            let high = lines.last().unwrap() - lines[0] + 1;
            let expected =
                (20.0 * rows as f64 / 28.0).min(20.0 * columns as f64 / 28.0 / width * height);
            assert!(
                (high as f64 - expected).abs() <= 2.0,
                "{digit}: {high}, {expected}"
            );
            let mass: f64 = image.pixels.iter().map(|&byte| f64::from(byte)).sum();
            let moment = image.pixels.iter().enumerate();
            let down =
                moment.map(|(index, &byte)| f64::from(byte) * ((index / columns) as f64 + 0.5));
            let centre = down.sum::<f64>() / mass;
            let middle = rows as f64 / 2.0;
            // Digits with most of their ink at one end would leave the image.
            let room = (rows as f64 - expected) / 2.0;
            assert!(
                (centre - middle).abs() <= 1.5 || room < 4.0,
                "{digit}: {centre}"
            );
        }
    }
}

/// A drawn digit on a larger surface, at its middle, turned by an angle; `around` is the surface.
fn laid(digit: &GreyImage, (width, height): (usize, usize), around: u8, degrees: f64) -> GreyImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let pixel = |index: usize| {
        let x = (index % width) as f64 + 0.5 - width as f64 / 2.0;
        let y = (index / width) as f64 + 0.5 - height as f64 / 2.0;
        let x = cos * x + sin * y + digit.width() as f64 / 2.0;
        let y = cos * y - sin * x + digit.height() as f64 / 2.0;
        let is_on =
            (0.0..digit.width() as f64).contains(&x) && (0.0..digit.height() as f64).contains(&y);
        match is_on {
            true => digit.pixels()[y as usize * digit.width() + x as usize] / 8 * 7,
            false => around,
        }
    };
    GreyImage::new(width, height, (0..width * height).map(pixel).collect())
}

fn count_right(pictures: impl Fn(usize) -> GreyImage) -> usize {
    let is_right = |digit: &usize| {
        let prepared = prepare(&pictures(*digit), 28, 28).unwrap();
        trained().classes(&prepared.pixels).unwrap()[0].class == *digit
    };
    (0..10).filter(is_right).count()
}

#[test]
fn a_small_digit_in_a_large_picture_is_read() {
    let plain = count_right(|digit| drawn(digit, 168.0, 0.1));
    let right = count_right(|digit| laid(&drawn(digit, 168.0, 0.1), (3000, 3000), 223, 0.0));
    assert!(right + 1 >= plain, "{right}, in a small picture {plain}");
}

#[test]
fn a_digit_on_a_sheet_on_a_desk_is_read() {
    let plain = count_right(|digit| drawn(digit, 300.0, 0.1));
    for degrees in [0.0, 4.0, -4.0] {
        let on_desk = |digit| laid(&drawn(digit, 300.0, 0.1), (900, 800), 60, degrees);
        let right = count_right(on_desk);
        println!("{degrees}: {right}, without a desk {plain}");
        assert!(
            right + 1 >= plain,
            "{degrees}: {right}, without a desk {plain}"
        );
    }
}

#[test]
fn a_frame_around_a_digit_is_dropped() {
    let framed = |digit: usize, margin: usize| {
        let plain = drawn(digit, 300.0, 0.1);
        let (width, height) = (plain.width(), plain.height());
        let pixel = |index: usize| {
            let (x, y) = (index % width, index / width);
            let edge = x.min(y).min(width - 1 - x).min(height - 1 - y);
            match (margin..margin + 3).contains(&edge) {
                true => 0,
                false => plain.pixels()[index],
            }
        };
        GreyImage::new(width, height, (0..width * height).map(pixel).collect())
    };
    for digit in 0..10 {
        let plain = prepare(&drawn(digit, 300.0, 0.1), 28, 28).unwrap();
        for margin in [3, 10, 25] {
            let found = prepare(&framed(digit, margin), 28, 28).unwrap();
            // The frame's ink moves the threshold, and with it an edge by a pixel.
            for (found, plain) in [
                (found.left, plain.left),
                (found.top, plain.top),
                (found.width, plain.width),
                (found.height, plain.height),
            ] {
                assert!(
                    found.abs_diff(plain) <= 1,
                    "{digit}, {margin}: {found}, {plain}"
                );
            }
        }
    }
}
