//! Variations are what the formula says, on every instruction set, and stay what they are.

use super::*;
use crate::random::{Purpose, Stream};
use crate::simd::Isa;

/// Images of random bytes, a third of them 0.
fn images(count: usize, pixels: usize) -> Vec<u8> {
    let mut stream = Stream::new(4, Purpose::SyntheticTraining);
    let byte = |_| stream.below(384).saturating_sub(128) as u8;
    (0..count * pixels).map(byte).collect()
}

/// The formula in floating point, pixel by pixel of lines that are copied out.
fn interpolated(pixels: &[u8], place: f64) -> f64 {
    let pixel = |at: f64| match at >= 0.0 && at < pixels.len() as f64 {
        true => f64::from(pixels[at as usize]),
        false => 0.0,
    };
    let below = place.floor();
    let part = place - below;
    (pixel(below) * (1.0 - part) + pixel(below + 1.0) * part + 0.5).floor()
}

fn by_formula(moves: &Moves<'_>, image: &[u8], (rows, columns): (usize, usize)) -> Vec<u8> {
    let from_middle = |place: usize, len: usize| place as f64 - (len as f64 - 1.0) / 2.0;
    let rounded = |slope: i32, distance: f64| (f64::from(slope) / 64.0 * distance + 0.5).floor();
    let mut target = vec![0; image.len()];
    for (y, row) in image.chunks_exact(columns).enumerate() {
        for x in 0..columns {
            let place = 32.0 * (columns as f64 - 1.0)
                + rounded(moves.slope, from_middle(x, columns))
                + rounded(moves.skew, from_middle(y, rows))
                + f64::from(moves.shift)
                + f64::from(moves.factor) * f64::from(moves.field[y * moves.stride + x]);
            target[x * rows + y] = interpolated(row, place / 64.0) as u8;
        }
    }
    target
}

#[test]
fn variations_are_those_of_the_formula_on_every_instruction_set() {
    for size in [
        (28, 28),
        (31, 31),
        (12, 31),
        (31, 9),
        (32, 32),
        (40, 25),
        (20, 64),
    ] {
        let (rows, columns) = size;
        let pixels = rows * columns;
        let images = images(37, pixels);
        let strong = Strengths {
            rotation: 45.0,
            scale: 0.5,
            shear: 0.5,
            shift: 30.0,
            elastic: 40.0,
        };
        let stiff = Strengths {
            elastic: 0.0,
            ..Strengths::STANDARD
        };
        for strengths in [Strengths::STANDARD, strong, stiff] {
            let augmentation = Augmentation::new(strengths, size, 7);
            let augmented = Augmented {
                augmentation: &augmentation,
                pass: 3,
            };
            // The last image of the data is the last of them, and one comes twice.
            let samples: Vec<u32> = (0..36).rev().chain([5, 36]).collect();
            let expected: Vec<u8> = samples
                .iter()
                .flat_map(|&sample| {
                    let image = &images[sample as usize * pixels..][..pixels];
                    let [along, across] = augmentation.moves(3, sample);
                    let turned = by_formula(&along, image, size);
                    let expected = by_formula(&across, &turned, (columns, rows));
                    assert!(augmented.image(sample, image) == expected, "{size:?}");
                    expected
                })
                .collect();
            for isa in Isa::available() {
                let mut found = vec![1; samples.len() * pixels];
                let mut scratch = vec![1; pixels];
                let buffers = (scratch.as_mut_slice(), found.as_mut_slice());
                augmented.images(isa, (&images, &samples), buffers);
                assert!(found == expected, "{isa}, {size:?}, {strengths:?}");
            }
        }
    }
}

#[test]
fn variations_follow_from_seed_pass_and_sample() {
    let image = images(1, 784);
    let of = |seed, pass, sample| {
        let augmentation = Augmentation::new(Strengths::STANDARD, (28, 28), seed);
        let augmentation = &augmentation;
        Augmented { augmentation, pass }.image(sample, &image)
    };
    let first = of(1, 1, 0);
    assert_eq!(of(1, 1, 0), first);
    for other in [of(2, 1, 0), of(1, 2, 0), of(1, 1, 1)] {
        assert_ne!(other, first);
    }
    // Part of the contract, as the random streams are.
    let sum = |image: &[u8]| {
        image
            .iter()
            .fold(0u32, |sum, &it| sum.wrapping_mul(31) + u32::from(it))
    };
    assert_eq!(sum(&first), 2_634_657_747);
    let still = Strengths {
        rotation: 0.0,
        scale: 0.0,
        shear: 0.0,
        shift: 0.0,
        elastic: 0.0,
    };
    let augmentation = Augmentation::new(still, (28, 28), 1);
    let augmentation = &augmentation;
    assert_eq!(
        Augmented {
            augmentation,
            pass: 1
        }
        .image(0, &image),
        image
    );
}

#[test]
fn moves_are_those_of_the_map() {
    // Numbers of many samples, by which a point at the edge is moved.
    let strengths = Strengths {
        elastic: 0.0,
        ..Strengths::STANDARD
    };
    let augmentation = Augmentation::new(strengths, (28, 28), 5);
    let (mut most, mut sum) = ([0.0_f64; 5], [0.0; 5]);
    for sample in 0..10_000 {
        let [along, across] = augmentation.moves(1, sample);
        let part = |fixed: i32| f64::from(fixed) / 4096.0;
        let (c, d) = (part(across.skew), part(across.slope));
        let b = part(along.skew) * d;
        let a = part(along.slope) + b * c / d;
        // The map is a rotation times (wide, lean; 0, high).
        let (wide, angle) = (a.hypot(c), c.atan2(a));
        let lean = angle.cos() * b + angle.sin() * d;
        let high = angle.cos() * d - angle.sin() * b;
        let numbers = [
            angle.to_degrees(),
            wide - 1.0,
            high - 1.0,
            lean,
            f64::from(along.shift),
        ];
        for ((number, most), sum) in numbers.into_iter().zip(&mut most).zip(&mut sum) {
            *most = most.max(number.abs());
            *sum += number;
        }
    }
    let expected = [10.0, 0.1, 0.1, 0.1, 64.0];
    for ((most, sum), expected) in most.into_iter().zip(sum).zip(expected) {
        assert!(
            (0.99..1.01).contains(&(most / expected)),
            "{most} of {expected}"
        );
        // A standard deviation of a mean is 0.0058 of the largest.
        assert!(sum.abs() / 1e4 < 0.03 * expected, "{sum} of {expected}");
    }
}

#[test]
fn displacements_are_smoothed_noise() {
    let fields = Fields::new(20.0, 28, 1);
    let all: Vec<f64> = (0..64)
        .flat_map(|index| {
            let (field, factor) = fields.choose(index << 10);
            assert_eq!(factor, 4);
            let lines = field.chunks_exact(32).map(|line| &line[..28]);
            lines
                .flatten()
                .map(|&it| f64::from(it) / 16.0)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(all.len(), 64 * 784);
    let mean = |products: &mut dyn Iterator<Item = f64>| products.sum::<f64>() / all.len() as f64;
    let deviation = mean(&mut all.iter().map(|it| it * it)).sqrt();
    assert!(
        (deviation / (20.0 * displacement::DEVIATION) - 1.0).abs() < 0.1,
        "{deviation}"
    );
    // The correlation of neighbours at a distance of 4 pixels is exp(-4^2 / (4 4^2)).
    let beside = all
        .chunks_exact(28)
        .flat_map(|line| line.windows(5).map(|it| it[0] * it[4]));
    let correlation = beside.sum::<f64>() / (64.0 * 28.0 * 24.0) / deviation.powi(2);
    assert!(
        (correlation - (-0.25_f64).exp()).abs() < 0.05,
        "{correlation}"
    );
    let (field, _) = fields.choose(2);
    assert!(field.chunks_exact(32).all(|line| line[28..] == [0; 4]));
    assert_eq!(fields.choose(1).1, -4);
}
