//! dW = x^T dk and the step on W.

use super::case::{Case, cases, picks};
use super::images::{Batch, ImageKind};
use super::step::{RULES, exact, reference_step, scalar_step};
use super::support::{
    Guarded, Matrix, Near, assert_same, check, pad, random, sum_error, unpad, widened,
};
use crate::kernels::rule::StepRule;
use crate::kernels::weight_update::{WeightUpdate, Weights, weight_rows};
use crate::reference;
use crate::simd::Isa;
use crate::simd::tests::Rounding;

/// Where the sums of a minibatch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sums {
    /// In registers: the minibatch is one block.
    InRegisters,
    /// In memory, from one block to the next.
    InMemory { blocks: usize },
}

impl Sums {
    const ALL: [Self; 4] = [
        Self::InRegisters,
        Self::InMemory { blocks: 1 },
        Self::InMemory { blocks: 2 },
        Self::InMemory { blocks: 3 },
    ];
}

#[derive(Clone, Copy, Debug)]
struct UpdateCase {
    sizes: Case,
    rule: StepRule,
    sums: Sums,
}

fn update_cases() -> Vec<UpdateCase> {
    let count = 128;
    let rules = picks(&RULES, count, 7);
    let sums = picks(&Sums::ALL, count, 8);
    let all = cases(count).into_iter().zip(rules).zip(sums);
    all.map(|((sizes, rule), sums)| UpdateCase { sizes, rule, sums })
        .collect()
}

struct Block {
    batch: Batch,
    /// dk, `[samples][units]`.
    delta: Vec<f32>,
}

struct Data {
    /// W, `[rows][units]`, with a row of zeros after an odd number of inputs.
    weights: Vec<f32>,
    velocities: Vec<f32>,
    /// The blocks of each of two minibatches.
    minibatches: Vec<Vec<Block>>,
}

impl Data {
    fn new(case: &UpdateCase) -> Self {
        let sizes = &case.sizes;
        let mut stream = sizes.stream();
        let count = weight_rows(sizes.inputs) * sizes.units;
        let mut parameters = |bound| {
            let mut values = random(&mut stream, sizes.inputs * sizes.units, bound);
            values.resize(count, 0.0);
            values
        };
        let (weights, velocities) = (parameters(0.3), parameters(0.03));
        let blocks = match case.sums {
            Sums::InRegisters => 1,
            Sums::InMemory { blocks } => blocks,
        };
        let mut block = |number: usize| {
            // The last block of a minibatch may have fewer samples.
            let samples = if number + 1 == blocks {
                sizes.samples
            } else {
                sizes.capacity
            };
            let sizes = Case { samples, ..*sizes };
            Block {
                batch: Batch::new(&sizes, &mut stream),
                delta: random(&mut stream, samples * sizes.units, 0.01),
            }
        };
        let minibatches = (0..2).map(|_| (0..blocks).map(&mut block).collect());
        Self {
            weights,
            velocities,
            minibatches: minibatches.collect(),
        }
    }
}

/// W, its velocities if the rule keeps any, and the sums in memory if there are any.
fn matrices(
    case: &UpdateCase,
    weights: Vec<f32>,
    velocities: Vec<f32>,
    gradients: Vec<f32>,
) -> Vec<Matrix> {
    let units = case.sizes.units;
    let mut matrices = vec![Matrix::new("W", units, weights)];
    if case.rule.has_velocity() {
        matrices.push(Matrix::new("velocity of W", units, velocities));
    }
    if case.sums != Sums::InRegisters {
        matrices.push(Matrix::new("dW after the step", units, gradients));
    }
    matrices
}

fn run(isa: Isa, case: &UpdateCase, data: &Data) -> Vec<Matrix> {
    let at = (isa.name(), case);
    let (stride, units) = (case.sizes.stride(isa), case.sizes.units);
    let rows = weight_rows(case.sizes.inputs);
    let mut weights = Guarded::holding(&pad(&data.weights, units, stride));
    let mut velocities = Guarded::holding(&pad(&data.velocities, units, stride));
    let mut gradients = Guarded::holding(&pad(&vec![0.0; rows * units], units, stride));
    for blocks in &data.minibatches {
        for (number, block) in blocks.iter().enumerate() {
            let is_last = number + 1 == blocks.len();
            let before = bits(weights.values());
            let prepared = block.batch.prepare(isa);
            isa.run(WeightUpdate {
                block: prepared.block(),
                delta: &pad(&block.delta, units, stride),
                weights: Weights {
                    stride,
                    values: weights.slice(),
                    velocities: if case.rule.has_velocity() {
                        velocities.slice()
                    } else {
                        &mut []
                    },
                    gradients: match case.sums {
                        Sums::InRegisters => None,
                        Sums::InMemory { .. } => Some(gradients.slice()),
                    },
                    rule: is_last.then_some(case.rule),
                },
                pattern: prepared.block().pattern(),
            });
            assert!(
                is_last || bits(weights.values()) == before,
                "{at:?}: W has changed before the step"
            );
        }
    }
    let compact = |buffer: &Guarded<f32>, name| unpad(buffer.checked(&at, name), units, stride);
    let weights = compact(&weights, "W");
    let velocities = compact(&velocities, "velocity of W");
    matrices(case, weights, velocities, compact(&gradients, "dW"))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Samples ascending, block after block, those skipped whose pixel is zero.
fn by_loop(rounding: Rounding, case: &UpdateCase, data: &Data) -> Vec<Matrix> {
    let units = case.sizes.units;
    let (mut weights, mut velocities) = (data.weights.clone(), data.velocities.clone());
    for blocks in &data.minibatches {
        let mut gradients = vec![0.0; weights.len()];
        for block in blocks {
            for (image, delta) in block.batch.samples().zip(block.delta.chunks_exact(units)) {
                for (&byte, row) in image.iter().zip(gradients.chunks_exact_mut(units)) {
                    if byte == 0 {
                        continue;
                    }
                    let x = f32::from(byte) / 255.0;
                    for (sum, &dk) in row.iter_mut().zip(delta) {
                        *sum = rounding.mul_add(x, dk, *sum);
                    }
                }
            }
        }
        for ((w, v), &g) in weights.iter_mut().zip(&mut velocities).zip(&gradients) {
            let old = if case.rule.has_velocity() { *v } else { 0.0 };
            (*w, *v) = scalar_step(rounding, case.rule, *w, old, g);
        }
    }
    let gradients = vec![0.0; weights.len()];
    matrices(case, weights, velocities, gradients)
}

fn formula(case: &UpdateCase, data: &Data) -> Vec<Vec<Near>> {
    let zero = Near {
        value: 0.0,
        tolerance: 0.0,
    };
    let units = case.sizes.units;
    let (mut weights, mut velocities) = (exact(&data.weights), exact(&data.velocities));
    let rows = weight_rows(case.sizes.inputs);
    for blocks in &data.minibatches {
        let mut sums = vec![0.0; rows * units];
        let mut magnitudes = sums.clone();
        let mut unused = vec![0.0; units];
        let mut terms = 0;
        for block in blocks {
            for (mut x, delta) in block
                .batch
                .inputs_f64()
                .zip(block.delta.chunks_exact(units))
            {
                x.resize(rows, 0.0);
                let delta = widened(delta);
                reference::linear_backward_parameters(&x, &delta, &mut sums, &mut unused);
                let delta: Vec<f64> = delta.iter().map(|dk| dk.abs()).collect();
                reference::linear_backward_parameters(&x, &delta, &mut magnitudes, &mut unused);
                terms += 1;
            }
        }
        let near = |(value, magnitude)| Near {
            value,
            tolerance: sum_error(terms, magnitude),
        };
        let gradients: Vec<Near> = sums.into_iter().zip(magnitudes).map(near).collect();
        if !case.rule.has_velocity() {
            velocities.fill(zero);
        }
        reference_step(case.rule, &mut weights, &mut velocities, &gradients);
    }
    let mut results = vec![weights];
    if case.rule.has_velocity() {
        results.push(velocities);
    }
    if case.sums != Sums::InRegisters {
        results.push(vec![zero; rows * units]);
    }
    results
}

fn check_update(case: &UpdateCase) {
    let data = Data::new(case);
    check(
        "weight update",
        case,
        |isa| run(isa, case, &data),
        |rounding| by_loop(rounding, case, &data),
        &formula(case, &data),
    );
}

#[test]
fn weights_step_along_gradients_summed_over_all_blocks() {
    for case in update_cases() {
        check_update(&case);
    }
}

fn small_case(rule: StepRule, sums: Sums) -> UpdateCase {
    let sizes = Case {
        number: 11,
        inputs: 67,
        samples: 66,
        units: 41,
        classes: 2,
        images: ImageKind::Mixed,
        capacity: 128,
    };
    UpdateCase { sizes, rule, sums }
}

#[test]
fn every_rule_goes_with_sums_in_registers_and_in_memory() {
    for rule in RULES {
        for sums in Sums::ALL {
            check_update(&small_case(rule, sums));
        }
    }
}

#[test]
fn sums_in_memory_and_in_registers_give_the_same_weights() {
    for rule in RULES {
        let in_registers = small_case(rule, Sums::InRegisters);
        let in_memory = small_case(rule, Sums::InMemory { blocks: 1 });
        let data = Data::new(&in_registers);
        for isa in Isa::available() {
            let expected = run(isa, &in_registers, &data);
            let found = run(isa, &in_memory, &data);
            for (found, expected) in found.iter().zip(&expected) {
                assert_same(&(isa.name(), rule), found, expected);
            }
        }
    }
}

#[test]
fn a_delta_that_is_nan_goes_no_further_than_its_samples_pixels() {
    for sums in [Sums::InRegisters, Sums::InMemory { blocks: 2 }] {
        let mut case = small_case(RULES[0], sums);
        case.sizes.images = ImageKind::Sparse;
        let mut data = Data::new(&case);
        let block = &mut data.minibatches[0][0];
        let (inputs, units) = (67, 41);
        let image = &mut block.batch.images[block.batch.order[5] as usize * inputs..][..inputs];
        image.fill(0);
        image[20] = 7;
        let blackened = block.batch.order[5];
        for isa in Isa::available() {
            let expected = run(isa, &case, &data).remove(0);
            let mut spoilt = Data::new(&case);
            let target = &mut spoilt.minibatches[0][0];
            target
                .batch
                .images
                .clone_from(&data.minibatches[0][0].batch.images);
            for (sample, &index) in target.batch.order.iter().enumerate() {
                if index == blackened {
                    target.delta[sample * units..][..units].fill(f32::NAN);
                }
            }
            let found = run(isa, &case, &spoilt).remove(0);
            let rows = found
                .values
                .chunks_exact(units)
                .zip(expected.values.chunks_exact(units));
            for (pixel, (found, expected)) in rows.enumerate() {
                // Pixels 20 and 21 share their loads of the deltas.
                match pixel {
                    20 => assert!(found.iter().all(|w| w.is_nan()), "{isa}, {sums:?}"),
                    21 => {}
                    _ => assert_eq!(found, expected, "{isa}, {sums:?}, pixel {pixel}"),
                }
            }
        }
    }
}

#[test]
fn a_minibatch_of_empty_images_moves_weights_only_by_velocity_and_decay() {
    for rule in RULES {
        let mut case = small_case(rule, Sums::InRegisters);
        case.sizes.images = ImageKind::Black;
        check_update(&case);
        let data = Data::new(&case);
        for isa in Isa::available() {
            let weights = run(isa, &case, &data).remove(0);
            let moved = bits(&weights.values) != bits(&data.weights);
            assert_eq!(moved, !rule.is_plain(), "{isa}, {rule:?}");
        }
    }
}
