//! The bytes of a checkpoint.

use super::{Checkpoint, CheckpointError, Description};
use crate::backend::{
    BackendState, MinibatchResult, Tensors, Values, check_shape, from_tensors, into_tensors,
    tensor_lengths,
};
use crate::files::bounded;
use crate::model_file::{TENSOR_NAMES, dimensions};
use crate::network::{MAX_PARAMETERS, Shape};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Read;
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
const STEPS_LOSS: &str = "steps.loss";
const STEPS_CORRECT: &str = "steps.correct";

/// The bytes of a checkpoint file. The same checkpoint gives the same bytes.
///
/// # Panics
/// If the lengths of its tensors do not fit its network.
pub fn to_bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    let payload = payload(checkpoint);
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(Sha256::digest(&payload));
    bytes.resize(HEADER, 0);
    bytes.extend(payload);
    bytes
}

/// A number that a tensor can hold.
trait Number: Copy + PartialEq {
    const DTYPE: Dtype;
    fn bytes(self) -> impl Iterator<Item = u8>;
    /// From as many bytes as the type has.
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($type:ty, $dtype:expr) => {
        impl Number for $type {
            const DTYPE: Dtype = $dtype;

            fn bytes(self) -> impl Iterator<Item = u8> {
                self.to_le_bytes().into_iter()
            }

            fn from_bytes(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("chunks of the type's size"))
            }
        }
    };
}

number!(f32, Dtype::F32);
number!(f64, Dtype::F64);
number!(u64, Dtype::U64);

/// Tensors on their way into a file.
#[derive(Default)]
struct Writer(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Writer {
    fn add<T: Number>(&mut self, name: String, shape: Vec<usize>, values: &[T]) {
        let bytes = values.iter().flat_map(|value| value.bytes()).collect();
        self.0.push((name, T::DTYPE, shape, bytes));
    }

    fn add_all<T: Number>(&mut self, prefix: &str, shape: Shape, tensors: &Tensors<T>) {
        let named = TENSOR_NAMES.into_iter().zip(dimensions(shape));
        for ((name, dimensions), values) in named.zip(tensors) {
            self.add(format!("{prefix}{name}"), dimensions, values);
        }
    }

    fn add_state<T: Number>(&mut self, shape: Shape, values: &Values<T>) {
        self.add_all("", shape, &values.parameters);
        if let Some(velocities) = &values.velocities {
            self.add_all(VELOCITY, shape, velocities);
        }
    }
}

fn payload(checkpoint: &Checkpoint) -> Vec<u8> {
    let shape = checkpoint.description.network;
    let mut writer = Writer::default();
    match &checkpoint.backend {
        BackendState::F32(values) => writer.add_state(shape, values),
        BackendState::F64(values) => writer.add_state(shape, values),
    }
    if let Some(best) = &checkpoint.best {
        writer.add_all(BEST, shape, &into_tensors(best.clone()));
    }
    let steps = &checkpoint.description.trainer.steps;
    let losses: Vec<f64> = steps.iter().map(|step| step.loss).collect();
    let correct: Vec<u64> = steps.iter().map(|step| step.correct as u64).collect();
    writer.add(STEPS_LOSS.to_owned(), vec![steps.len()], &losses);
    writer.add(STEPS_CORRECT.to_owned(), vec![steps.len()], &correct);
    let views = writer.0.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name, view.expect("the tensors fit the network"))
    });
    let json = serde_json::to_string(&checkpoint.description).expect("plain strings and numbers");
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), json)]);
    safetensors::serialize(views, Some(metadata)).expect("a few tensors of different names")
}

/// Reads a checkpoint file.
///
/// # Errors
/// [`CheckpointError::Read`], or [`CheckpointError::Damaged`] for each way in which it can be wrong.
pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let failed = |source| CheckpointError::Read {
        file: path.to_owned(),
        source,
    };
    let (mut file, length) = bounded::open(path).map_err(failed)?;
    let mut header = Vec::with_capacity(HEADER);
    (&mut file)
        .take(HEADER as u64)
        .read_to_end(&mut header)
        .map_err(failed)?;
    // The length is compared before memory for the payload is asked for.
    let payload = check_header(&header, length, path)?;
    let mut bytes = header;
    bytes
        .try_reserve_exact(payload)
        .map_err(|_| failed(std::io::ErrorKind::OutOfMemory.into()))?;
    file.take(payload as u64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    from_bytes(&bytes, path)
}

/// Most bytes of a payload: parameters and velocities of the largest network in 64 bits, its best ones in
/// 32, the steps of an epoch of 2^28 minibatches, and a header.
const MAX_PAYLOAD: u64 = MAX_PARAMETERS as u64 * (8 + 8 + 4 + 16) + (1 << 20);

/// What a file should have and has not.
struct Mismatch {
    expected: String,
    found: String,
}

type Checked<T> = Result<T, Mismatch>;

fn ensure(
    is_right: bool,
    expected: impl Into<String>,
    found: impl FnOnce() -> String,
) -> Checked<()> {
    if is_right {
        return Ok(());
    }
    Err(Mismatch {
        expected: expected.into(),
        found: found(),
    })
}

fn named<T>(result: Checked<T>, path: &Path) -> Result<T, CheckpointError> {
    result.map_err(|Mismatch { expected, found }| CheckpointError::Damaged {
        file: path.to_owned(),
        expected,
        found,
    })
}

/// The length of the payload in a file of `length` bytes.
fn check_header(header: &[u8], length: u64, path: &Path) -> Result<usize, CheckpointError> {
    named(payload_length(header, length), path)
}

fn payload_length(header: &[u8], length: u64) -> Checked<usize> {
    let short = || format!("{} bytes", header.len());
    ensure(
        header.len() >= HEADER,
        format!("a header of {HEADER} bytes"),
        short,
    )?;
    let magic = String::from_utf8_lossy(&MAGIC).into_owned();
    ensure(header.starts_with(&MAGIC), magic, || {
        format!("{:?}", String::from_utf8_lossy(&header[..8]))
    })?;
    let version = u32::from_le_bytes(header[8..12].try_into().expect("4 bytes"));
    ensure(version == VERSION, format!("version {VERSION}"), || {
        format!("version {version}")
    })?;
    let is_reserved = [&header[12..16], &header[56..HEADER]].concat() == [0; 12];
    ensure(is_reserved, "zeros in the header", || "others".to_owned())?;
    let payload = u64::from_le_bytes(header[16..24].try_into().expect("8 bytes"));
    let expected = payload.checked_add(HEADER as u64);
    ensure(
        expected == Some(length),
        format!("a payload of {payload} bytes"),
        || format!("{}", length.saturating_sub(HEADER as u64)),
    )?;
    ensure(
        payload <= MAX_PAYLOAD,
        format!("a payload of at most {MAX_PAYLOAD} bytes"),
        || format!("{payload}"),
    )?;
    usize::try_from(payload).map_err(|_| Mismatch {
        expected: "a payload that fits into memory".to_owned(),
        found: format!("{payload} bytes"),
    })
}

/// Reads the bytes of a checkpoint file; `path` is only named in errors.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Checkpoint, CheckpointError> {
    let header = &bytes[..bytes.len().min(HEADER)];
    check_header(header, bytes.len() as u64, path)?;
    let payload = &bytes[HEADER..];
    let is_whole = Sha256::digest(payload)[..] == header[24..56];
    named(
        ensure(is_whole, "the payload of its checksum", || {
            "another, so it is torn or damaged".to_owned()
        })
        .and_then(|()| parse_payload(payload)),
        path,
    )
}

/// A payload whose checksum is right.
fn parse_payload(payload: &[u8]) -> Checked<Checkpoint> {
    let format = |error: &dyn std::fmt::Display| Mismatch {
        expected: "a payload in the safetensors format".to_owned(),
        found: error.to_string(),
    };
    let (_, header) = SafeTensors::read_metadata(payload).map_err(|error| format(&error))?;
    let tensors = SafeTensors::deserialize(payload).map_err(|error| format(&error))?;
    let json = header.metadata().as_ref();
    let json = json.and_then(|entries| entries.get(METADATA_KEY));
    let json = json.ok_or_else(|| format(&format_args!("no {METADATA_KEY}")))?;
    let mut description: Description = serde_json::from_str(json).map_err(|error| Mismatch {
        expected: format!("a description under {METADATA_KEY}"),
        found: error.to_string(),
    })?;
    check_description(&description)?;
    let shape = description.network;
    let has_velocities = description.settings.options.momentum != 0.0;
    let reader = Reader {
        tensors: &tensors,
        shape,
    };
    let backend = if description.settings.backend == "reference" {
        BackendState::F64(reader.state(has_velocities)?)
    } else {
        BackendState::F32(reader.state(has_velocities)?)
    };
    ensure(backend.is_finite(), "finite numbers", || {
        "others".to_owned()
    })?;
    description.trainer.steps = reader.steps(description.settings.options.batch_size)?;
    let has_best = description.stopping.is_some();
    let best = has_best.then(|| reader.all::<f32>(BEST)).transpose()?;
    let best = best.map(|tensors| from_tensors(shape, tensors));
    let is_finite = best.as_ref().is_none_or(|best| best.is_finite());
    ensure(is_finite, "finite numbers", || "others".to_owned())?;
    let sets = 1 + usize::from(has_velocities) + usize::from(has_best);
    let expected = 2 + sets * TENSOR_NAMES.len();
    ensure(
        tensors.len() == expected,
        format!("{expected} tensors"),
        || tensors.len().to_string(),
    )?;
    Ok(Checkpoint {
        description,
        backend,
        best,
    })
}

/// What must hold before anything is asked of the tensors.
fn check_description(description: &Description) -> Checked<()> {
    let shape = description.network;
    let is_possible = check_shape(shape).is_ok();
    ensure(is_possible, "the shape of a network", || {
        format!("{shape:?}")
    })?;
    let pixels = description.data.rows.checked_mul(description.data.columns);
    ensure(
        pixels == Some(shape.inputs),
        format!("{} pixels", shape.inputs),
        || format!("{pixels:?}"),
    )?;
    let hidden = description.settings.hidden;
    ensure(
        hidden == shape.hidden,
        format!("{} hidden units", shape.hidden),
        || hidden.to_string(),
    )?;
    let settings = &description.settings;
    let options = &settings.options;
    let numbers = [
        Some(f64::from(options.learning_rate)),
        Some(f64::from(options.warm_up)),
        Some(f64::from(options.momentum)),
        Some(f64::from(options.weight_decay)),
        Some(f64::from(options.init_scale)),
        Some(settings.min_delta),
        Some(settings.checkpoint_minutes),
        Some(description.elapsed_seconds),
        settings.target_accuracy,
        description.reached_after,
    ];
    let are_finite = numbers.into_iter().flatten().all(f64::is_finite);
    ensure(are_finite, "finite numbers", || format!("{numbers:?}"))?;
    let has_stopping = description.settings.patience.is_some();
    ensure(
        has_stopping || description.stopping.is_none(),
        "no best epoch without early stopping",
        || format!("{:?}", description.stopping),
    )
}

/// Tensors on their way out of a file.
struct Reader<'a> {
    tensors: &'a SafeTensors<'a>,
    shape: Shape,
}

impl Reader<'_> {
    fn one<T: Number>(&self, name: &str, dimensions: Option<&[usize]>) -> Checked<Vec<T>> {
        let view = self.tensors.tensor(name).map_err(|error| Mismatch {
            expected: format!("the tensor {name}"),
            found: error.to_string(),
        })?;
        let is_right = view.dtype() == T::DTYPE
            && dimensions.map_or(view.shape().len() == 1, |expected| view.shape() == expected);
        let expected = format!(
            "{name} as {:?} {:?}",
            T::DTYPE,
            dimensions.unwrap_or_default()
        );
        ensure(is_right, expected, || {
            format!("{:?} {:?}", view.dtype(), view.shape())
        })?;
        Ok(view
            .data()
            .chunks_exact(size_of::<T>())
            .map(T::from_bytes)
            .collect())
    }

    fn all<T: Number>(&self, prefix: &str) -> Checked<Tensors<T>> {
        let mut tensors: Tensors<T> = Default::default();
        let named = TENSOR_NAMES.into_iter().zip(dimensions(self.shape));
        for ((name, dimensions), tensor) in named.zip(&mut tensors) {
            *tensor = self.one(&format!("{prefix}{name}"), Some(&dimensions))?;
        }
        debug_assert_eq!(tensors.each_ref().map(Vec::len), tensor_lengths(self.shape));
        Ok(tensors)
    }

    fn state<T: Number>(&self, has_velocities: bool) -> Checked<Values<T>> {
        let velocities = has_velocities.then(|| self.all(VELOCITY)).transpose()?;
        Ok(Values {
            parameters: self.all("")?,
            velocities,
        })
    }

    fn steps(&self, samples: usize) -> Checked<Vec<MinibatchResult>> {
        let losses: Vec<f64> = self.one(STEPS_LOSS, None)?;
        let correct: Vec<u64> = self.one(STEPS_CORRECT, Some(&[losses.len()]))?;
        let step = |(loss, correct)| MinibatchResult {
            loss,
            // A count that does not fit is more than the samples, which is refused later.
            correct: usize::try_from(correct).unwrap_or(usize::MAX),
            samples,
        };
        Ok(losses.into_iter().zip(correct).map(step).collect())
    }
}

#[cfg(test)]
mod tests;
