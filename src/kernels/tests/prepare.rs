//! Bytes by sample and by pixel, and their masks.

use super::case::{Case, INPUTS, SAMPLES};
use super::images::{Batch, ImageKind, Prepared};
use super::support::Element;
use crate::kernels::prepare::BlockLayout;
use crate::kernels::{BLOCK_SAMPLES, MASK_WORDS, PIXEL_BLOCK};
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

fn check_bytes(at: &dyn Debug, images: &[&[u8]], prepared: &Prepared) {
    let capacity = prepared.layout.capacity;
    for block in 0..prepared.layout.pixel_blocks() {
        for sample in 0..capacity {
            let row = &prepared.bytes.values()[(block * capacity + sample) * PIXEL_BLOCK..];
            for (offset, &found) in row[..PIXEL_BLOCK].iter().enumerate() {
                let pixel = block * PIXEL_BLOCK + offset;
                let expected = if sample < images.len() {
                    byte(images, sample, pixel)
                } else {
                    u8::SENTINEL
                };
                assert_eq!(found, expected, "{at:?}: sample {sample}, pixel {pixel}");
            }
            let found = prepared.sample_masks.values()[block * capacity + sample];
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
    let words = prepared.pixel_masks.values().as_chunks::<PIXEL_BLOCK>().0;
    for (number, masks) in words.iter().enumerate() {
        let (block, word) = (number / MASK_WORDS, number % MASK_WORDS);
        for (place, &found) in masks.iter().enumerate() {
            let pixel = block * PIXEL_BLOCK + place;
            let expected = mask(|bit| byte(images, word * 64 + bit, pixel));
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
                    let found = block.bytes(part)[sample * PIXEL_BLOCK + bit];
                    assert_eq!(found, expected, "{at:?}");
                    let of_sample = block.sample_masks(part)[sample] >> bit & 1;
                    let of_pixel = block.pixel_masks(part)[sample / 64][bit] >> (sample % 64) & 1;
                    assert_eq!(of_sample == 1, expected != 0, "{at:?}");
                    assert_eq!(of_pixel == 1, expected != 0, "{at:?}");
                }
            }
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
        for pixel in 0..128 {
            let masks = second.block().pixel_masks(pixel / 64);
            let expected = if pixel < 65 { (1 << 17) - 1 } else { 0 };
            assert_eq!(masks[0][pixel % 64], expected, "{isa}, pixel {pixel}");
            assert_eq!(masks[1][pixel % 64], 0, "{isa}, pixel {pixel}");
        }
        assert!(
            second
                .block()
                .sample_masks(0)
                .iter()
                .all(|&m| m == u64::MAX)
        );
        assert!(second.block().sample_masks(1).iter().all(|&m| m == 1));
        assert_eq!(second.block().sample_masks(0).len(), 17);
    }
}

#[test]
fn a_layout_has_room_for_whole_cache_lines_and_whole_pixel_blocks() {
    for inputs in INPUTS {
        for samples in SAMPLES {
            let layout = BlockLayout::new(inputs, samples);
            assert_eq!(layout.inputs, inputs);
            assert_eq!(layout.capacity, samples.div_ceil(8) * 8);
            assert_eq!(layout.pixel_blocks(), inputs.div_ceil(64));
            assert_eq!(layout.bytes(), inputs.div_ceil(64) * 64 * layout.capacity);
            assert_eq!(layout.sample_masks(), inputs.div_ceil(64) * layout.capacity);
            assert_eq!(layout.pixel_masks(), inputs.div_ceil(64) * 128);
        }
    }
}
