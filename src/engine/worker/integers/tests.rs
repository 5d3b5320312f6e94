//! The first layer in integers on every instruction set, bit for bit as the plain loops of the reference.

use super::Integers;
use crate::engine::prepared::{PreparedBlocks, Source};
use crate::kernels::prepare::{BlockLayout, PreparedBlock};
use crate::kernels::rule::StepRule;
use crate::kernels::weight_update::{Weights, weight_rows};
use crate::random::{Purpose, Stream};
use crate::reference::SgdOptions;
use crate::reference::integers::IntegerLayer;
use crate::simd::Isa;
use crate::simd::tests::Rounding;

/// Sizes, and what the numbers are like.
#[derive(Clone, Copy, Debug)]
struct Case {
    inputs: usize,
    units: usize,
    /// Samples of each block of the minibatch.
    blocks: &'static [usize],
    weights: f32,
    deltas: Deltas,
    images: Images,
    rule: StepRule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Deltas {
    Usual(f32),
    Zero,
    Denormal,
    /// One among many that are 1e9 times smaller.
    OneHuge,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Images {
    Sparse,
    White,
    Black,
}

const PLAIN: StepRule = StepRule {
    learning_rate: 0.7,
    momentum: 0.0,
    nesterov: false,
    weight_decay: 0.0,
};
const NESTEROV: StepRule = StepRule {
    momentum: 0.9,
    nesterov: true,
    weight_decay: 3e-3,
    ..PLAIN
};
const DECAY: StepRule = StepRule {
    weight_decay: 0.1,
    ..PLAIN
};
const HEAVY_BALL: StepRule = StepRule {
    momentum: 0.5,
    ..PLAIN
};

fn cases() -> Vec<Case> {
    let usual = Case {
        inputs: 130,
        units: 41,
        blocks: &[100],
        weights: 0.3,
        deltas: Deltas::Usual(0.01),
        images: Images::Sparse,
        rule: PLAIN,
    };
    let mut cases = vec![
        usual,
        Case {
            inputs: 784,
            units: 300,
            ..usual
        },
        Case {
            images: Images::White,
            ..usual
        },
        Case {
            images: Images::Black,
            ..usual
        },
        Case {
            deltas: Deltas::Zero,
            ..usual
        },
        Case {
            deltas: Deltas::Denormal,
            ..usual
        },
        Case {
            deltas: Deltas::OneHuge,
            ..usual
        },
        // Scales that fall and rise again, by large weights and by steps that make weights large.
        Case {
            weights: 1e4,
            ..usual
        },
        Case {
            weights: 1e9,
            ..usual
        },
        Case {
            weights: 1.95,
            deltas: Deltas::Usual(1.0),
            ..usual
        },
        Case {
            weights: 2.2,
            deltas: Deltas::Zero,
            rule: DECAY,
            ..usual
        },
        Case {
            weights: 3.0,
            deltas: Deltas::Usual(30.0),
            rule: NESTEROV,
            ..usual
        },
        Case {
            inputs: 1 << 16,
            units: 3,
            blocks: &[3],
            weights: 0.1,
            images: Images::White,
            ..usual
        },
    ];
    for inputs in [1, 2, 63, 64, 65, 127, 128, 129] {
        cases.push(Case {
            inputs,
            blocks: &[17],
            ..usual
        });
    }
    for blocks in [&[1][..], &[2], &[3], &[63], &[64], &[65], &[127], &[128]] {
        cases.push(Case {
            blocks,
            units: 17,
            ..usual
        });
    }
    // Minibatches larger than a block: 257 samples are three.
    for rule in [PLAIN, NESTEROV, DECAY, HEAVY_BALL] {
        cases.push(Case { rule, ..usual });
        cases.push(Case {
            rule,
            blocks: &[86, 86, 85],
            ..usual
        });
    }
    cases
}

/// A block's samples in order, and their deltas.
struct Block {
    images: Vec<u8>,
    deltas: Vec<f32>,
    prepared: PreparedBlocks,
    layout: BlockLayout,
    samples: usize,
}

impl Block {
    fn new(case: &Case, samples: usize, stream: &mut Stream) -> Self {
        let mut pixel = || match case.images {
            Images::White => 255,
            Images::Black => 0,
            Images::Sparse if stream.uniform_signed() < 0.6 => 0,
            Images::Sparse => (127.0 + 128.0 * stream.uniform_signed()) as u8,
        };
        let images = (0..samples * case.inputs).map(|_| pixel()).collect();
        let mut delta = |at: usize| match case.deltas {
            Deltas::Usual(bound) => bound * stream.uniform_signed(),
            Deltas::Zero => 0.0,
            Deltas::Denormal => 1e-40 * stream.uniform_signed(),
            Deltas::OneHuge if at / case.units == samples / 2 => 100.0,
            Deltas::OneHuge => 1e-7 * stream.uniform_signed(),
        };
        Self {
            images,
            deltas: (0..samples * case.units).map(&mut delta).collect(),
            prepared: PreparedBlocks::new(case.inputs, 1),
            layout: BlockLayout::new(case.inputs, samples).paired(),
            samples,
        }
    }

    fn prepare(&self, isa: Isa) -> PreparedBlock<'_> {
        let order: Vec<u32> = (0..self.samples as u32).collect();
        let source = Source {
            images: &self.images,
            order: &order,
        };
        #[expect(unsafe_code, reason = "one thread prepares and reads")]
        // SAFETY: every chunk is filled once, on this thread, before it is read.
        unsafe {
            for chunk in 0..self.prepared.chunks(self.layout) {
                let samples = (0, 0..self.samples);
                self.prepared.fill(isa, self.layout, source, samples, chunk);
            }
            self.prepared.block(self.layout, 0, self.samples)
        }
    }
}

/// Rows of so many numbers as rows of `stride`, with 0 in between.
fn pad(values: &[f32], width: usize, stride: usize, rows: usize) -> Vec<f32> {
    let mut padded = vec![0.0; rows * stride];
    for (row, values) in padded
        .chunks_exact_mut(stride)
        .zip(values.chunks_exact(width))
    {
        row[..width].copy_from_slice(values);
    }
    padded
}

/// h of all samples before and after two steps, and W and its velocities after them.
fn run(
    isa: Isa,
    case: &Case,
    layer: &IntegerLayer,
    bias: &[f32],
    blocks: &[Block],
) -> Vec<Vec<f32>> {
    let (units, rows) = (case.units, weight_rows(case.inputs));
    let stride = units.next_multiple_of(isa.lanes());
    let mut weights = pad(&layer.weights, units, stride, rows);
    let mut velocities = pad(&layer.velocities, units, stride, rows);
    let mut gradients = vec![0.0; rows * stride];
    let bias = pad(bias, units, stride, 1);
    let mut integers = Integers::new(case.inputs, stride);
    integers.take(isa, &mut weights, &mut velocities);
    let mut found = Vec::new();
    for _ in 0..3 {
        for block in blocks {
            let mut hidden = vec![f32::NAN; block.samples * stride];
            integers.forward(isa, block.prepare(isa), &bias, &mut hidden);
            found.push(
                hidden
                    .chunks_exact(stride)
                    .flat_map(|row| &row[..units])
                    .copied()
                    .collect(),
            );
        }
        for (number, block) in blocks.iter().enumerate() {
            let is_last = number + 1 == blocks.len();
            let weights = Weights {
                stride,
                values: &mut weights,
                velocities: &mut velocities,
                gradients: (blocks.len() > 1).then_some(&mut gradients),
                rule: is_last.then_some(case.rule),
            };
            let deltas = pad(&block.deltas, units, stride, block.samples);
            integers.update(isa, block.prepare(isa), &deltas, weights);
        }
    }
    for mut values in [weights, velocities] {
        integers.change(values.chunks_exact_mut(stride), std::ops::Div::div);
        let rows = values.chunks_exact(stride).take(case.inputs);
        found.push(rows.flat_map(|row| &row[..units]).copied().collect());
    }
    found
}

fn by_loops(case: &Case, layer: &IntegerLayer, bias: &[f32], blocks: &[Block]) -> Vec<Vec<f32>> {
    let mut layer = layer.clone();
    let options = SgdOptions {
        learning_rate: case.rule.learning_rate.into(),
        momentum: case.rule.momentum.into(),
        nesterov: case.rule.nesterov,
        weight_decay: case.rule.weight_decay.into(),
    };
    let images = |block: &Block| -> Vec<Vec<u8>> {
        block
            .images
            .chunks_exact(case.inputs)
            .map(<[u8]>::to_vec)
            .collect()
    };
    let images: Vec<Vec<Vec<u8>>> = blocks.iter().map(images).collect();
    let mut found = Vec::new();
    for _ in 0..3 {
        for images in &images {
            let hidden = images.iter().flat_map(|image| layer.forward(image, bias));
            found.push(hidden.map(|k| Rounding::Twice.sigmoid(k)).collect());
        }
        let minibatch: Vec<_> = images
            .iter()
            .zip(blocks)
            .map(|(images, block)| {
                (
                    images.iter().map(Vec::as_slice).collect(),
                    block.deltas.clone(),
                )
            })
            .collect();
        layer.step(&minibatch, &options);
    }
    found.extend([layer.weights, layer.velocities]);
    found
}

/// All sets, and those with instructions for dot products without them.
fn instruction_sets() -> Vec<Isa> {
    let found = Isa::available().into_iter();
    found
        .flat_map(|isa| [isa.exact(), isa.exact().without_dots()])
        .collect()
}

#[test]
fn the_first_layer_in_integers_is_that_of_the_plain_loops() {
    for (number, case) in cases().into_iter().enumerate() {
        let mut stream = Stream::new(number as u64, Purpose::Initialisation);
        let mut random = |count: usize, bound: f32| -> Vec<f32> {
            (0..count)
                .map(|_| bound * stream.uniform_signed())
                .collect()
        };
        let layer = IntegerLayer {
            units: case.units,
            weights: random(case.inputs * case.units, case.weights),
            velocities: match case.rule.momentum {
                0.0 => vec![0.0; case.inputs * case.units],
                _ => random(case.inputs * case.units, 0.1 * case.weights),
            },
        };
        let bias = random(case.units, 1.0);
        let blocks = case
            .blocks
            .iter()
            .map(|&samples| Block::new(&case, samples, &mut stream));
        let blocks: Vec<Block> = blocks.collect();
        let expected = by_loops(&case, &layer, &bias, &blocks);
        for isa in instruction_sets() {
            let found = run(isa, &case, &layer, &bias, &blocks);
            for (what, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.len(), expected.len());
                for (at, (x, y)) in found.iter().zip(expected).enumerate() {
                    assert!(
                        x == y && !x.is_nan(),
                        "{isa}, case {number} {case:?}: result {what} at {at}: found {x:e}, expected {y:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn weights_taken_at_once_are_as_those_taken_one_by_one() {
    let (inputs, units) = (5, 7_usize);
    let special = [1e4, f32::from_bits(1), -2.0, 1e36, f32::NAN, f32::INFINITY];
    for isa in instruction_sets() {
        let stride = units.next_multiple_of(isa.lanes());
        // From none to all of the special weights, one a unit.
        for count in 0..=special.len() {
            let mut stream = Stream::new(count as u64, Purpose::Initialisation);
            let mut weights = vec![0.0; weight_rows(inputs) * stride];
            for row in weights.chunks_exact_mut(stride).take(inputs) {
                row[..units].fill_with(|| stream.uniform_signed());
            }
            for (unit, &weight) in special[..count].iter().enumerate() {
                weights[2 * stride + unit] = weight;
            }
            let mut velocities = vec![0.25; weights.len()];
            // Beyond f32 times the finest scale, within it times that of 1e4.
            velocities[stride] = if count % 2 == 1 { 1e35 } else { 1e-45 };
            let both = [false, true].map(|is_by_one| {
                let mut integers = Integers::new(inputs, stride);
                // What is held goes by these scales.
                integers.scales.fill(2.0);
                let (mut weights, mut velocities) = (weights.clone(), velocities.clone());
                if is_by_one {
                    velocities.iter_mut().for_each(|velocity| *velocity /= 2.0);
                    integers.scales.fill(1.0);
                    (0..stride).for_each(|u| integers.take_unit(&mut weights, &mut velocities, u));
                    for unit in (0..stride).step_by(isa.lanes()) {
                        integers.fit_scales(isa, &mut weights, &mut velocities, unit);
                    }
                    integers.bound(&velocities);
                } else {
                    integers.take(isa, &mut weights, &mut velocities);
                }
                let Integers {
                    scales,
                    factors,
                    room,
                    velocities: most,
                    ..
                } = &integers;
                let of_units = [scales, factors, room, most].map(|values| bits(values));
                (
                    integers.weights.to_vec(),
                    of_units,
                    [bits(&weights), bits(&velocities)],
                )
            });
            let is_finite = |value: &u32| f32::from_bits(*value).is_finite();
            let fit = both[0].1[0].iter().filter(|scale| is_finite(scale)).count();
            assert_eq!(fit, stride - count.saturating_sub(4), "{isa}, {count}");
            assert_eq!(both[0], both[1], "{isa}, {count}");
        }
    }
}

/// The bits of each, all NaNs alike.
fn bits(values: &[f32]) -> Vec<u32> {
    let bits = |value: &f32| match value.is_nan() {
        true => u32::MAX,
        false => value.to_bits(),
    };
    values.iter().map(bits).collect()
}
