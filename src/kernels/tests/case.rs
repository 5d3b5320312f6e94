//! The sizes that are tried.

use super::images::ImageKind;
use crate::kernels::{BLOCK_SAMPLES, CLASS_PADDING};
use crate::random::{Purpose, Stream};
use crate::simd::{Isa, Kernel, Vector};

pub(super) const INPUTS: [usize; 6] = [1, 2, 63, 64, 65, 784];
pub(super) const SAMPLES: [usize; 11] = [1, 2, 15, 16, 17, 63, 64, 65, 100, 127, 128];
pub(super) const CLASSES: [usize; 6] = [2, 3, 10, 16, 17, 256];

/// One set of sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// Seed of its random numbers.
    pub number: u64,
    pub inputs: usize,
    pub samples: usize,
    pub units: usize,
    pub classes: usize,
    pub images: ImageKind,
    /// Samples for which the block has room.
    pub capacity: usize,
}

impl Case {
    /// Hidden units, padded to whole vectors.
    pub(super) fn stride(&self, isa: Isa) -> usize {
        self.units.next_multiple_of(isa.lanes())
    }

    /// Classes, padded.
    pub(super) fn class_stride(&self) -> usize {
        self.classes.next_multiple_of(CLASS_PADDING)
    }

    pub(super) fn stream(&self) -> Stream {
        Stream::new(self.number, Purpose::Initialisation)
    }
}

/// As many sets of sizes as asked for. Each size takes all its values equally often, in a random
/// order, so they meet in ever new combinations.
pub(super) fn cases(count: usize) -> Vec<Case> {
    let units = unit_counts();
    assert!(count >= units.len(), "not every number of units has a case");
    let inputs = picks(&INPUTS, count, 1);
    let samples = picks(&SAMPLES, count, 2);
    let units = picks(&units, count, 3);
    let classes = picks(&CLASSES, count, 4);
    let images = picks(&ImageKind::ALL, count, 5);
    let roomy = picks(&[false, true], count, 6);
    (0..count)
        .map(|i| Case {
            number: i as u64,
            inputs: inputs[i],
            samples: samples[i],
            units: units[i],
            classes: classes[i],
            images: images[i],
            capacity: if roomy[i] { BLOCK_SAMPLES } else { samples[i] },
        })
        .collect()
}

/// `count` of `values`: all of them once, then all of them again, each time shuffled anew.
pub(super) fn picks<T: Copy>(values: &[T], count: usize, seed: u64) -> Vec<T> {
    let mut stream = Stream::new(seed, Purpose::Shuffle);
    let mut picks = Vec::new();
    while picks.len() < count {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        stream.shuffle(&mut order);
        picks.extend(order.iter().map(|&index| values[index as usize]));
    }
    picks.truncate(count);
    picks
}

/// Numbers of hidden units: those around one vector and around the tiles of each instruction set,
/// and a usual one.
fn unit_counts() -> Vec<usize> {
    let mut counts = vec![1, 300];
    for isa in Isa::available() {
        let TileSizes {
            lanes,
            forward,
            gradient,
        } = isa.run(AskForTiles);
        counts.extend([lanes - 1, lanes, lanes + 1]);
        for tile in [forward, gradient] {
            for vectors in [tile - 1, tile, tile + 1] {
                // Full vectors, and a last vector of which one lane is used.
                counts.extend([vectors * lanes, vectors * lanes + 1]);
            }
        }
    }
    counts.sort_unstable();
    counts.dedup();
    counts
}

struct TileSizes {
    lanes: usize,
    forward: usize,
    gradient: usize,
}

struct AskForTiles;

impl Kernel for AskForTiles {
    type Output = TileSizes;

    fn run<V: Vector>(self, _: V::Token) -> TileSizes {
        TileSizes {
            lanes: V::LANES,
            forward: V::TILES.forward,
            gradient: V::TILES.gradient,
        }
    }
}

#[test]
fn the_cases_meet_every_size() {
    let cases = cases(60);
    let met = |size: fn(&Case) -> usize, wanted: usize| cases.iter().any(|c| size(c) == wanted);
    assert!(INPUTS.iter().all(|&n| met(|case| case.inputs, n)));
    assert!(SAMPLES.iter().all(|&n| met(|case| case.samples, n)));
    assert!(CLASSES.iter().all(|&n| met(|case| case.classes, n)));
    for units in unit_counts() {
        assert!(met(|case| case.units, units), "{units} units");
    }
}
