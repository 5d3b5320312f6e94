//! What a file is that is neither safetensors nor `.npz`, by its first bytes.

use super::ReadError;

/// Other formats of models and arrays, and of files that are mistaken for them.
const STARTS: [(&[u8], &str); 5] = [
    (
        b"\x93NUMPY",
        "a single array of NumPy (numpy.savez stores several)",
    ),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"GGUF", "GGUF"),
    (b"\x1f\x8b", "gzip (gunzip it first)"),
    (b"%PDF", "PDF"),
];

/// The error for such a file.
pub(super) fn refused(bytes: &[u8]) -> ReadError {
    if is_pickle(bytes) {
        return ReadError::Pickle;
    }
    let known = STARTS.iter().find(|(start, _)| bytes.starts_with(start));
    let found = match (known, image::guess_format(bytes)) {
        (Some((_, name)), _) => (*name).to_owned(),
        (None, Ok(format)) => format!("a picture ({})", format!("{format:?}").to_uppercase()),
        (None, Err(_)) if is_onnx(bytes) => "ONNX, which is only exported".to_owned(),
        (None, Err(_)) => {
            let start: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("a file that begins with the bytes {}", start.join(" "))
        }
    };
    ReadError::Format { found }
}

/// Python's pickle protocols 2 to 5 begin with the opcode PROTO and their number.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..])
}

/// An ONNX file is a protobuf message: the field 1, `ir_version`, is a small number, and one of the
/// fields 2 to 8 follows, most often a text or a message.
fn is_onnx(bytes: &[u8]) -> bool {
    const TAG_OF_VERSION: u8 = 1 << 3;
    matches!(bytes, [TAG_OF_VERSION, 1..=31, tag, ..] if (2..=8).contains(&(tag >> 3)))
}
