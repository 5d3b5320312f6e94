//! `eval --predictions`: the probabilities of every image, as CSV.

use fused_mlp::reference::softmax;

/// A line for each sample, with its label, its predicted class and the softmax of its logits, which is computed
/// in f64 and rounded. `logits` are `[samples][classes]`.
pub fn csv(labels: &[u8], predicted: &[u8], logits: &[f32]) -> anyhow::Result<Vec<u8>> {
    let classes = logits.len() / labels.len();
    let mut table = csv::Writer::from_writer(Vec::new());
    let names = ["sample", "label", "predicted"].map(str::to_owned);
    let probabilities = (0..classes).map(|class| format!("probability_{class}"));
    table.write_record(names.into_iter().chain(probabilities))?;
    let samples = labels
        .iter()
        .zip(predicted)
        .zip(logits.chunks_exact(classes));
    for (sample, ((label, predicted), logits)) in samples.enumerate() {
        let start = [sample, usize::from(*label), usize::from(*predicted)];
        let start = start.map(|number| number.to_string());
        let logits: Vec<f64> = logits.iter().copied().map(f64::from).collect();
        let probabilities = softmax(&logits).into_iter();
        let probabilities = probabilities.map(|probability| (probability as f32).to_string());
        table.write_record(start.into_iter().chain(probabilities))?;
    }
    Ok(table.into_inner()?)
}
