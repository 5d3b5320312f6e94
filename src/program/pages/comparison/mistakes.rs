//! The mistakes of a network as pictures.

use super::TestResult;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The worst mistakes of a test, the true class's probability of each as a share.
///
/// # Errors
/// What the encoder of pictures says.
pub fn pictures(test: &TestResult) -> anyhow::Result<Value> {
    let (rows, columns) = test.size;
    let picture = |(mistake, pixels): &(_, Vec<u8>)| {
        let mistake: &fused_mlp::prediction::Mistake = mistake;
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, columns.try_into()?, rows.try_into()?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header()?.write_image_data(pixels)?;
        Ok(json!({
            "index": mistake.index,
            "label": mistake.label,
            "class": mistake.class,
            "share": (-mistake.loss).exp(),
            "png": STANDARD.encode(png),
        }))
    };
    let pictures: anyhow::Result<Vec<Value>> = test.mistakes.iter().map(picture).collect();
    Ok(json!({"rows": rows, "columns": columns, "pictures": pictures?}))
}
