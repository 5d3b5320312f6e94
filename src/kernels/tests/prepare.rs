//! Bytes by sample and by pixel, and their masks.

use super::case::{Case, INPUTS, SAMPLES};
use super::images::{Batch, ImageKind, Prepared};
use super::support::Element;
use crate::kernels::prepare::{BlockLayout, Pattern, SQUARE};
use crate::kernels::{BLOCK_SAMPLES, PIXEL_BLOCK, WORD};
use crate::simd::Isa;
use std::fmt::Debug;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for inputs in INPUTS {
        for samples in SAMPLES {
            for capacity in [samples, BLOCK_SAMPLES] {
                let number = cases.len();
                cases.push(Case {
                    number: number as u64,
                    inputs,
                    samples,
                    units: 1,
                    classes: 2,
                    images: ImageKind::ALL[number % ImageKind::ALL.len()],
                    capacity,
                });
            }
        }
    }
    cases
}

/// The byte that a block must hold: 0 beyond the last pixel and beyond the last sample.
fn byte(images: &[&[u8]], sample: usize, pixel: usize) -> u8 {
    let image = images.get(sample);
    let byte = image.and_then(|image| image.get(pixel));
    byte.copied().unwrap_or(0)
}

/// The mask of those among 64 bytes that are not zero.
fn mask(byte: impl Fn(usize) -> u8) -> u64 {
    (0..64)
        .filter(|&bit| byte(bit) != 0)
        .map(|bit| 1 << bit)
        .sum()
}

/// The number of a square, for each word that has samples and each pixel block.
fn squares(images: &[&[u8]], prepared: &Prepared) -> Vec<(usize, usize, usize)> {
    let pixel_blocks = prepared.layout.pixel_blocks();
    let words = images.len().div_ceil(WORD);
    (0..words)
        .flat_map(|word| (0..pixel_blocks).map(move |block| (word, block)))
        .map(|(word, block)| (word * pixel_blocks + block, word, block))
        .collect()
}

fn check_bytes(at: &dyn Debug, images: &[&[u8]], prepared: &Prepared) {
    for (square, word, block) in squares(images, prepared) {
        for place in 0..WORD {
            let sample = word * WORD + place;
            let row = &prepared.bytes.values()[square * SQUARE + place * PIXEL_BLOCK..];
            for (offset, &found) in row[..PIXEL_BLOCK].iter().enumerate() {
                let pixel = block * PIXEL_BLOCK + offset;
                let expected = if sample < images.len() {
                    byte(images, sample, pixel)
                } else {
                    u8::SENTINEL
                };
                assert_eq!(found, expected, "{at:?}: sample {sample}, pixel {pixel}");
            }
            let found = prepared.sample_masks.values()[square * WORD + place];
            let expected = if sample < images.len() {
                mask(|bit| byte(images, sample, block * PIXEL_BLOCK + bit))
            } else {
                u64::SENTINEL
            };
            assert_eq!(
                found,
                expected,
                "{at:?}: mask of sample {sample}, pixels from {}",
                block * PIXEL_BLOCK
            );
        }
    }
}

fn check_pixel_masks(at: &dyn Debug, images: &[&[u8]], prepared: &Prepared) {
    for (square, word, block) in squares(images, prepared) {
        let masks = &prepared.pixel_masks.values()[square * PIXEL_BLOCK..][..PIXEL_BLOCK];
        for (place, &found) in masks.iter().enumerate() {
            let pixel = block * PIXEL_BLOCK + place;
            let expected = mask(|bit| byte(images, word * WORD + bit, pixel));
            assert_eq!(
                found, expected,
                "{at:?}: mask of pixel {pixel}, word {word}"
            );
        }
    }
}

#[test]
fn a_prepared_block_holds_the_bytes_of_its_samples_and_marks_those_that_are_not_zero() {
    for case in cases() {
        let batch = Batch::new(&case, &mut case.stream());
        let images: Vec<&[u8]> = batch.samples().collect();
        for isa in Isa::available() {
            let at = (isa.name(), case);
            let prepared = batch.prepare(isa);
            prepared.check_guards(&at);
            check_bytes(&at, &images, &prepared);
            check_pixel_masks(&at, &images, &prepared);
        }
    }
}

#[test]
fn a_block_is_read_as_it_was_prepared() {
    for case in cases().into_iter().step_by(7) {
        let batch = Batch::new(&case, &mut case.stream());
        for isa in Isa::available() {
            let prepared = batch.prepare(isa);
            let block = prepared.block();
            assert_eq!(block.inputs(), case.inputs);
            assert_eq!(block.samples(), case.samples);
            for (sample, image) in batch.samples().enumerate() {
                for (pixel, &expected) in image.iter().enumerate() {
                    let at = (isa.name(), case, sample, pixel);
                    let (part, bit) = (pixel / PIXEL_BLOCK, pixel % PIXEL_BLOCK);
                    let (word, place) = (sample / WORD, sample % WORD);
                    let found = block.bytes(word, part)[place * PIXEL_BLOCK + bit];
                    assert_eq!(found, expected, "{at:?}");
                    let of_sample = block.sample_masks(word, part)[place] >> bit & 1;
                    let of_pixel = block.pixel_masks(word, part)[bit] >> place & 1;
                    assert_eq!(of_sample == 1, expected != 0, "{at:?}");
                    assert_eq!(of_pixel == 1, expected != 0, "{at:?}");
                }
            }
        }
    }
}

#[test]
fn the_pattern_of_the_inputs_is_found() {
    for images in ImageKind::ALL {
        let case = Case {
            number: 2,
            inputs: 784,
            samples: 100,
            units: 1,
            classes: 2,
            images,
            capacity: 100,
        };
        let expected = match images {
            ImageKind::Sparse => Pattern::Scattered,
            ImageKind::Black | ImageKind::Strokes => Pattern::Sparse,
            ImageKind::White | ImageKind::Dense | ImageKind::Gaps => Pattern::Dense,
            ImageKind::Mixed => continue,
        };
        let batch = Batch::new(&case, &mut case.stream());
        for isa in Isa::available() {
            let found = batch.prepare(isa).block().pattern();
            assert_eq!(found, expected, "{isa}, {images:?}");
        }
    }
}

#[test]
fn a_smaller_last_block_leaves_nothing_of_the_larger_one_before_it_in_its_masks() {
    let case = Case {
        number: 1,
        inputs: 65,
        samples: 128,
        units: 1,
        classes: 2,
        images: ImageKind::Dense,
        capacity: 128,
    };
    let mut batch = Batch::new(&case, &mut case.stream());
    for isa in Isa::available() {
        let first = batch.prepare(isa);
        let whole = std::mem::replace(&mut batch.order, vec![3; 17]);
        let second = batch.prepare_into(isa, first);
        batch.order = whole;
        let block = second.block();
        assert_eq!((block.words(), block.samples()), (1, 17));
        for pixel in 0..128 {
            let expected = if pixel < 65 { (1 << 17) - 1 } else { 0 };
            let found = block.pixel_masks(0, pixel / 64)[pixel % 64];
            assert_eq!(found, expected, "{isa}, pixel {pixel}");
        }
        assert_eq!(block.sample_masks(0, 0), [u64::MAX; 17]);
        assert_eq!(block.sample_masks(0, 1), [1; 17]);
    }
}

#[test]
fn a_layout_has_room_for_whole_squares() {
    for inputs in INPUTS {
        for samples in SAMPLES {
            let layout = BlockLayout::new(inputs, samples);
            let squares = inputs.div_ceil(64) * samples.div_ceil(64);
            assert_eq!(layout.inputs, inputs);
            assert_eq!(layout.pixel_blocks(), inputs.div_ceil(64));
            assert_eq!(layout.squares(), squares);
            assert_eq!(layout.bytes(), squares * SQUARE);
            assert_eq!(layout.sample_masks(), squares * 64);
            assert_eq!(layout.pixel_masks(), squares * 64);
        }
    }
}
