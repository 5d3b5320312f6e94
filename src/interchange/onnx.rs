//! The network as an ONNX graph.
//!
//! ```text
//! image [N, inputs] -> MatMul, Add -> Sigmoid -> MatMul, Add = logits [N, classes]
//!                                     -> Softmax = probabilities [N, classes]
//! ```
//!
//! All values are f32; inputs are pixels / 255. Operators are those of version 13 of the default
//! operator set.
//!
//! Source: `onnx.proto` of the Open Neural Network Exchange, with the numbers of its fields.

use super::protobuf::Message;
use super::{Layout, NamedTensor, tensors_of};
use crate::network::Parameters;

/// Name of the graph's input.
pub const INPUT_NAME: &str = "image";
/// Names of the graph's outputs.
pub const OUTPUT_NAMES: [&str; 2] = ["logits", "probabilities"];
/// Name of the first axis, whose length is that of the minibatch.
const BATCH_AXIS: &str = "N";
/// Version of the file format that came with the operator set.
const IR_VERSION: u64 = 7;
const OPERATOR_SET: u64 = 13;
/// `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;

/// The bytes of an ONNX file. The same parameters give the same bytes.
///
/// Input `image`: f32 `[N, inputs]`, pixels / 255. Outputs `logits` and `probabilities`:
/// f32 `[N, classes]`.
pub fn onnx_bytes(parameters: &Parameters) -> Vec<u8> {
    let shape = parameters.shape;
    let [logits, probabilities] = OUTPUT_NAMES;
    let nodes = [
        (
            "MatMul",
            &[INPUT_NAME, "linear1.weight"][..],
            "linear1.product",
        ),
        ("Add", &["linear1.product", "linear1.bias"], "linear1"),
        ("Sigmoid", &["linear1"], "hidden"),
        ("MatMul", &["hidden", "linear2.weight"], "linear2.product"),
        ("Add", &["linear2.product", "linear2.bias"], logits),
        // Along the last axis, which is the default.
        ("Softmax", &[logits], probabilities),
    ];
    let nodes = nodes.map(|(op_type, inputs, output)| {
        let node = Message::default().each(1, inputs).bytes(2, output);
        let node = node.bytes(3, format!("{op_type} to {output}"));
        node.bytes(4, op_type)
    });
    let tensors = tensors_of(parameters, Layout::Fused);
    let outputs = OUTPUT_NAMES.map(|name| value_info(name, shape.classes));
    let graph = Message::default()
        .each(1, nodes)
        .bytes(2, format!("perceptron {shape}"))
        .each(5, tensors.iter().map(initializer))
        .bytes(11, value_info(INPUT_NAME, shape.inputs))
        .each(12, outputs);
    // The default operator set has no domain.
    let operator_set = Message::default().integer(2, OPERATOR_SET);
    Message::default()
        .integer(1, IR_VERSION)
        .bytes(2, env!("CARGO_PKG_NAME"))
        .bytes(3, env!("CARGO_PKG_VERSION"))
        .bytes(6, format!("{INPUT_NAME}: pixels / 255, row by row"))
        .bytes(7, graph)
        .bytes(8, operator_set)
        .into_bytes()
}

/// `TensorProto`.
fn initializer(tensor: &NamedTensor) -> Message {
    let values = tensor.values.iter().flat_map(|value| value.to_le_bytes());
    Message::default()
        .integers(1, tensor.dimensions.iter().map(|&size| size as u64))
        .integer(2, FLOAT)
        .bytes(8, &tensor.name)
        .bytes(9, values.collect::<Vec<_>>())
}

/// `ValueInfoProto`: f32 `[N, columns]`.
fn value_info(name: &str, columns: usize) -> Message {
    let batch = Message::default().bytes(2, BATCH_AXIS);
    let columns = Message::default().integer(1, columns as u64);
    let shape = Message::default().each(1, [batch, columns]);
    let tensor = Message::default().integer(1, FLOAT).bytes(2, shape);
    let kind = Message::default().bytes(1, tensor);
    Message::default().bytes(1, name).bytes(2, kind)
}
