//! Whether the memory of a training can be had.

use crate::options::backend::BackendKind;
use anyhow::bail;
use fused_mlp::backend::MATRIX_BLOCK_SAMPLES;
use fused_mlp::engine::{self, Precision};
use fused_mlp::machine::memory_room;
use fused_mlp::network::Shape;
use fused_mlp::training::TrainingOptions;
use std::hint::black_box;

/// What a training takes that does not grow with the network, and that the system takes for it.
const RESERVE: usize = 8 << 20;

/// Bytes of a training when it needs the most, which is when a checkpoint or a model is written. Left
/// out is the data set.
fn needed(shape: Shape, backend: BackendKind, options: &TrainingOptions) -> usize {
    let with_velocities = 1 + usize::from(options.momentum != 0.0);
    // Larger minibatches need a gradient in memory.
    let has_gradient = usize::from(options.batch_size > engine::BLOCK_SAMPLES);
    // Copies of the network, values of each hidden unit, and bytes of a value.
    let (copies, of_a_unit, bytes) = match backend {
        BackendKind::Fused => {
            let has_integers = usize::from(options.precision == Precision::Int16);
            let copies = with_velocities + has_gradient + has_integers;
            (copies, engine::BLOCK_SAMPLES, 4)
        }
        // Both the activations and the deltas are kept.
        BackendKind::Matrixmultiply => (3, 2 * MATRIX_BLOCK_SAMPLES, 4),
        BackendKind::Reference => (3, 0, 8),
    };
    // What is saved: the state, its bytes, and the file that they are put into.
    let values = (copies + 3 * with_velocities)
        .saturating_mul(shape.parameters())
        .saturating_add(of_a_unit.saturating_mul(shape.hidden));
    // And the network that the training begins with, which stays.
    let initial = shape.parameters().saturating_mul(4);
    values.saturating_mul(bytes).saturating_add(initial)
}

/// Asks for the memory of so many trainings at a time and gives it back: without it the system would end the
/// process later, with all that was trained.
///
/// # Errors
/// If it cannot be had.
pub fn check(
    shape: Shape,
    backend: BackendKind,
    options: &TrainingOptions,
    at_a_time: usize,
) -> anyhow::Result<()> {
    let bytes = needed(shape, backend, options)
        .saturating_mul(at_a_time)
        .saturating_add(RESERVE);
    let mut memory: Vec<u8> = Vec::new();
    let reserved = memory.try_reserve_exact(bytes);
    // Memory that nothing looks at might not be asked for at all.
    black_box(&memory);
    let reason = match memory_room() {
        Some(room) if room < bytes as u64 => {
            format!("but the limit of this container leaves {room}")
        }
        _ if reserved.is_err() => "which cannot be had".to_owned(),
        _ => return Ok(()),
    };
    bail!(
        "training a network of shape {shape} needs about {bytes} bytes of memory, {reason}; choose a \
         smaller --hidden or --batch-size"
    )
}
