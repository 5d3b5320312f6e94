//! The bytes of a checkpoint.

use super::{Checkpoint, CheckpointError, Description};
use crate::backend::{BackendState, MinibatchResult, Values, check_shape};
use crate::files::bounded;
use crate::model_file::tensors::{self, Number, Writer};
use crate::model_file::{TENSOR_NAMES, dimensions};
use crate::network::{MAX_PARAMETERS, Parameters, Shape};
use crate::training::FocusState;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::path::Path;

/// The first bytes of a checkpoint.
pub const MAGIC: [u8; 8] = *b"FMLPCKPT";
const VERSION: u32 = 1;
const HEADER: usize = 64;
/// Key of the one entry of the payload's metadata.
const METADATA_KEY: &str = "fused_mlp_checkpoint";
/// Prefixes of the tensors' names.
const VELOCITY: &str = "velocity.";
const BEST: &str = "best.";
const WEIGHTS: &str = "weights.";
const STEPS_LOSS: &str = "steps.loss";
const STEPS_CORRECT: &str = "steps.correct";
const STEPS_SKIPPED: &str = "steps.skipped";
const FOCUS_QUEUE: &str = "focus.queue";
const FOCUS_KNOWN: &str = "focus.known";
const FOCUS_PASSES: &str = "focus.passes";

/// The bytes of a checkpoint file. The same checkpoint gives the same bytes.
///
/// # Panics
/// If the lengths of its tensors do not fit its network.
pub fn to_bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    let payload = payload(checkpoint);
    let mut bytes = header(&payload);
    bytes.extend(payload);
    bytes
}

/// The one header that a payload can have.
fn header(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(Sha256::digest(payload));
    bytes.resize(HEADER, 0);
    bytes
}

fn payload(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut writer = Writer::default();
    match &checkpoint.backend {
        BackendState::F32(values) => add_state(&mut writer, values),
        BackendState::F64(values) => add_state(&mut writer, values),
    }
    if let Some(best) = &checkpoint.best {
        writer.add_all(BEST, best);
    }
    if let Some(weights) = &checkpoint.description.trainer.weights {
        writer.add_all(WEIGHTS, weights);
    }
    let steps = &checkpoint.description.trainer.steps;
    let losses: Vec<f64> = steps.iter().map(|step| step.loss).collect();
    let correct: Vec<u64> = steps.iter().map(|step| step.correct as u64).collect();
    writer.add(STEPS_LOSS.to_owned(), vec![steps.len()], &losses);
    writer.add(STEPS_CORRECT.to_owned(), vec![steps.len()], &correct);
    if checkpoint.description.settings.options.skip > 0.0 {
        let skipped: Vec<u64> = steps.iter().map(|step| step.skipped as u64).collect();
        writer.add(STEPS_SKIPPED.to_owned(), vec![steps.len()], &skipped);
    }
    if let Some(focus) = &checkpoint.description.trainer.focus {
        writer.add(
            FOCUS_QUEUE.to_owned(),
            vec![focus.queue.len()],
            &focus.queue,
        );
        writer.add(
            FOCUS_KNOWN.to_owned(),
            vec![focus.known.len()],
            &focus.known,
        );
        let passes = [focus.visited, focus.passes];
        writer.add(FOCUS_PASSES.to_owned(), vec![2], &passes);
    }
    writer.finish(METADATA_KEY, &checkpoint.description)
}

fn add_state<T: Number + Default + Into<f64>>(writer: &mut Writer, values: &Values<T>) {
    writer.add_all("", &values.parameters);
    if let Some(velocities) = &values.velocities {
        writer.add_all(VELOCITY, velocities);
    }
}

/// Reads a checkpoint file.
///
/// # Errors
/// [`CheckpointError::Read`], or [`CheckpointError::Damaged`] for each way in which it can be wrong.
pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let bytes = bounded::read(path, MAX_BYTES).map_err(|source| CheckpointError::Read {
        file: path.to_owned(),
        source,
    })?;
    from_bytes(&bytes, path)
}

/// Most bytes of a file: parameters and velocities of the largest network in 64 bits, two more sets in 32, the
/// steps of an epoch of 2^28 minibatches, and headers.
const MAX_BYTES: u64 = MAX_PARAMETERS as u64 * (8 + 8 + 4 + 4 + 16) + (1 << 20);

/// What a file should have and has not.
struct Mismatch {
    expected: String,
    found: String,
}

type Checked<T> = Result<T, Mismatch>;

fn mismatch(expected: impl Display, found: impl Display) -> Mismatch {
    Mismatch {
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

fn ensure(is_right: bool, expected: impl Display, found: impl Display) -> Checked<()> {
    is_right
        .then_some(())
        .ok_or_else(|| mismatch(expected, found))
}

/// Reads the bytes of a checkpoint file; `path` is only named in errors.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Checkpoint, CheckpointError> {
    let checkpoint = check_header(bytes).and_then(parse_payload);
    checkpoint.map_err(|Mismatch { expected, found }| CheckpointError::Damaged {
        file: path.to_owned(),
        expected,
        found,
    })
}

/// The payload, if the header is its own.
fn check_header(bytes: &[u8]) -> Checked<&[u8]> {
    let Some((found, payload)) = bytes.split_at_checked(HEADER) else {
        let expected = format_args!("a header of {HEADER} bytes");
        return Err(mismatch(expected, format_args!("{} bytes", bytes.len())));
    };
    let expected = header(payload);
    ensure(
        found[..12] == expected[..12],
        format_args!("the first bytes of a checkpoint of version {VERSION}"),
        found[..12].escape_ascii(),
    )?;
    let own = "the length and the checksum of what follows them";
    ensure(found == expected, own, "others: it is torn or damaged")?;
    Ok(payload)
}

/// A payload whose checksum is right.
fn parse_payload(payload: &[u8]) -> Checked<Checkpoint> {
    let format = |error| mismatch("a payload in the safetensors format", error);
    let (tensors, description) = tensors::read(payload, METADATA_KEY).map_err(format)?;
    let description: Option<Description> = description;
    let mut description = description.ok_or_else(|| format(format!("no {METADATA_KEY}")))?;
    check_description(&description)?;
    let has_velocities = description.settings.options.momentum != 0.0;
    let has_best = description.stopping.is_some();
    let reader = Reader {
        tensors: &tensors,
        shape: description.network,
    };
    let backend = if description.settings.backend == "reference" {
        BackendState::F64(reader.state(has_velocities)?)
    } else {
        BackendState::F32(reader.state(has_velocities)?)
    };
    let best = has_best.then(|| reader.all(BEST)).transpose()?;
    // None before the first mean, which the trainer checks.
    let has_weights = tensors.names().iter().any(|name| name.starts_with(WEIGHTS));
    let weights = has_weights.then(|| reader.all(WEIGHTS)).transpose()?;
    let options = &description.settings.options;
    let (has_focus, skips) = (options.focus > 0.0, options.skip > 0.0);
    description.trainer.steps = reader.steps(options.batch_size, skips)?;
    description.trainer.weights = weights;
    description.trainer.focus = has_focus.then(|| reader.focus()).transpose()?;
    let sets = [true, has_velocities, has_best, has_weights].map(usize::from);
    let sets: usize = sets.iter().sum();
    let expected = 2 + sets * TENSOR_NAMES.len() + 3 * usize::from(has_focus) + usize::from(skips);
    let is_right = tensors.len() == expected;
    ensure(is_right, format_args!("{expected} tensors"), tensors.len())?;
    let checkpoint = Checkpoint {
        description,
        backend,
        best,
    };
    ensure(checkpoint.is_finite(), "finite numbers", "others")?;
    Ok(checkpoint)
}

/// What must hold before anything is asked of the tensors.
fn check_description(description: &Description) -> Checked<()> {
    let shape = description.network;
    let is_possible = check_shape(shape).is_ok();
    ensure(is_possible, "the shape of a network", shape)?;
    let pixels = description.data.rows.checked_mul(description.data.columns);
    ensure(
        pixels == Some(shape.inputs),
        format_args!("{} pixels", shape.inputs),
        format_args!("{pixels:?}"),
    )?;
    let settings = &description.settings;
    ensure(
        settings.hidden == shape.hidden,
        format_args!("{} hidden units", shape.hidden),
        settings.hidden,
    )?;
    let checked = settings.options.check_ranges();
    checked.map_err(|error| {
        mismatch(
            format_args!("{} of {}", error.expected, error.option),
            error.found,
        )
    })?;
    let has_stopping = settings.patience.is_some() || description.stopping.is_none();
    ensure(has_stopping, "no best epoch without early stopping", "one")
}

/// Tensors on their way out of a file.
struct Reader<'a> {
    tensors: &'a SafeTensors<'a>,
    shape: Shape,
}

impl Reader<'_> {
    fn one<T: Number>(&self, name: &str, dimensions: Option<&[usize]>) -> Checked<Vec<T>> {
        let view = self.tensors.tensor(name);
        let view = view.map_err(|error| mismatch(format_args!("the tensor {name}"), error))?;
        let is_right = view.dtype() == T::DTYPE
            && dimensions.map_or(view.shape().len() == 1, |expected| view.shape() == expected);
        let dimensions = dimensions.unwrap_or_default();
        ensure(
            is_right,
            format_args!("{name} as {:?} {dimensions:?}", T::DTYPE),
            format_args!("{:?} {:?}", view.dtype(), view.shape()),
        )?;
        Ok(tensors::values(&view))
    }

    fn all<T: Number + Default + Into<f64>>(&self, prefix: &str) -> Checked<Parameters<T>> {
        let mut tensors: [Vec<T>; 4] = Default::default();
        let named = TENSOR_NAMES.into_iter().zip(dimensions(self.shape));
        for ((name, dimensions), tensor) in named.zip(&mut tensors) {
            *tensor = self.one(&format!("{prefix}{name}"), Some(&dimensions))?;
        }
        Ok(Parameters::from_tensors(self.shape, tensors))
    }

    fn state<T: Number + Default + Into<f64>>(&self, has_velocities: bool) -> Checked<Values<T>> {
        let velocities = has_velocities.then(|| self.all(VELOCITY)).transpose()?;
        Ok(Values {
            parameters: self.all("")?,
            velocities,
        })
    }

    fn focus(&self) -> Checked<FocusState> {
        let passes: Vec<u64> = self.one(FOCUS_PASSES, Some(&[2]))?;
        Ok(FocusState {
            queue: self.one(FOCUS_QUEUE, None)?,
            known: self.one(FOCUS_KNOWN, None)?,
            visited: passes[0],
            passes: passes[1],
        })
    }

    fn steps(&self, samples: usize, skips: bool) -> Checked<Vec<MinibatchResult>> {
        let losses: Vec<f64> = self.one(STEPS_LOSS, None)?;
        // A count that does not fit is more than the samples, which is refused later.
        let counts = |name| -> Checked<Vec<usize>> {
            let counts: Vec<u64> = self.one(name, Some(&[losses.len()]))?;
            let fits = |count| usize::try_from(count).unwrap_or(usize::MAX);
            Ok(counts.into_iter().map(fits).collect())
        };
        let correct = counts(STEPS_CORRECT)?;
        let skipped = match skips {
            true => counts(STEPS_SKIPPED)?,
            false => vec![0; losses.len()],
        };
        let step = |((loss, correct), skipped)| MinibatchResult {
            loss,
            correct,
            samples,
            skipped,
        };
        let steps = losses.iter().copied().zip(correct).zip(skipped);
        Ok(steps.map(step).collect())
    }
}

#[cfg(test)]
mod tests;
