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
//! Source: `onnx.proto` of the Open Neural Network Exchange; the messages below have those of its
//! fields that a graph like this one needs, under their numbers.

use super::{Layout, NamedTensor, tensors_of};
use crate::network::Parameters;
use prost::Message;

/// Name of the graph's input.
pub const INPUT_NAME: &str = "image";
/// Names of the graph's outputs.
pub const OUTPUT_NAMES: [&str; 2] = ["logits", "probabilities"];
/// Name of the first axis, whose length is that of the minibatch.
const BATCH_AXIS: &str = "N";
/// Version of the file format that came with the operator set.
const IR_VERSION: i64 = 7;
const OPERATOR_SET: i64 = 13;
/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(string, tag = "3")]
    producer_version: String,
    #[prost(string, tag = "6")]
    doc_string: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
}

/// The default operator set has no domain.
#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

/// Either of them; the other is left empty, and then not written.
#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, tag = "1")]
    dim_value: i64,
    #[prost(string, tag = "2")]
    dim_param: String,
}

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
    let graph = GraphProto {
        node: nodes
            .into_iter()
            .map(|(op_type, input, output)| NodeProto {
                input: input.iter().map(|&name| name.to_owned()).collect(),
                output: vec![output.to_owned()],
                name: format!("{op_type} to {output}"),
                op_type: op_type.to_owned(),
            })
            .collect(),
        name: format!("perceptron {shape}"),
        initializer: tensors_of(parameters, Layout::Fused)
            .iter()
            .map(initializer)
            .collect(),
        input: vec![value_info(INPUT_NAME, shape.inputs)],
        output: OUTPUT_NAMES
            .map(|name| value_info(name, shape.classes))
            .into(),
    };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!("{INPUT_NAME}: pixels / 255, row by row"),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            version: OPERATOR_SET,
        }],
    };
    model.encode_to_vec()
}

fn initializer(tensor: &NamedTensor) -> TensorProto {
    TensorProto {
        // A network has at most 2^28 parameters.
        dims: tensor.dimensions.iter().map(|&size| size as i64).collect(),
        data_type: FLOAT,
        name: tensor.name.clone(),
        raw_data: tensor
            .values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    }
}

/// f32 `[N, columns]`.
fn value_info(name: &str, columns: usize) -> ValueInfoProto {
    let batch = Dimension {
        dim_value: 0,
        dim_param: BATCH_AXIS.to_owned(),
    };
    let columns = Dimension {
        dim_value: columns as i64,
        dim_param: String::new(),
    };
    let shape = TensorShapeProto {
        dim: vec![batch, columns],
    };
    let tensor_type = TensorTypeProto {
        elem_type: FLOAT,
        shape: Some(shape),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor_type),
        }),
    }
}
