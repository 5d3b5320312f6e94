//! Which of the arrays of a file is which parameter of the network.

use super::{Layout, NamedTensor, transposed};
use crate::backend::check_shape;
use crate::network::{MAX_CLASSES, Parameters, Shape};

/// Most arrays that an error names.
const MAX_DESCRIBED: usize = 8;

/// Why arrays are not the parameters of one network, beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Not a weight and a bias of each of two layers.
    #[error(
        "expected two layers, each with a weight of two axes and a bias of one, as 0.weight, 0.bias, \
         2.weight and 2.bias; found {found}"
    )]
    Arrays {
        /// Names and shapes of the arrays.
        found: String,
    },
    /// The shapes do not fit each other.
    #[error(
        "the layers do not fit each other: expected weights [hidden, inputs] and [classes, hidden] \
         (PyTorch), or [inputs, hidden] and [hidden, classes], with biases [hidden] and [classes]; \
         found {found}"
    )]
    Shapes {
        /// Names and shapes of the arrays.
        found: String,
    },
    /// The shapes fit in more than one way.
    #[error(
        "the shapes do not tell which layer is the first, or how weights lie: expected other numbers \
         of inputs than of classes; found {found}"
    )]
    Ambiguous {
        /// Names and shapes of the arrays.
        found: String,
    },
    /// A network that cannot be.
    #[error(
        "a network of shape {0}: expected 2 to {MAX_CLASSES} classes, and at least 1 hidden unit and 1 input"
    )]
    Network(Shape),
    /// A parameter is NaN or infinite, or too large for 32 bits.
    #[error("a weight or a bias is NaN or infinite; expected finite 32-bit numbers")]
    NotFinite,
}

/// A linear layer of a file.
#[derive(Clone, Copy)]
struct Layer<'a> {
    weight: &'a NamedTensor,
    bias: &'a NamedTensor,
}

/// A way to read two layers.
struct Reading<'a> {
    layout: Layout,
    layers: [Layer<'a>; 2],
    shape: Shape,
}

/// The parameters that the arrays of a file are: two layers, each with a weight and a bias.
///
/// Arrays of two axes are weights and those of one are biases; where fewer than two have one axis, those
/// with an axis of length 1 beside another are biases, too. The names of a layer's two arrays differ
/// from those of the other's in the same way (`fc1` and `fc2`, `coefs_0` and `coefs_1`), so the biases
/// belong to the weights in the order of their names. Which layer is the first, and how the weights lie,
/// follows from the shapes.
///
/// # Errors
/// A [`LayerError`] for each way in which they can be wrong.
pub fn parameters_from(tensors: &[NamedTensor]) -> Result<Parameters, LayerError> {
    let found = || describe(tensors);
    let has_axes = |it: &NamedTensor, count: usize| it.dimensions.len() == count;
    let are_vectors = tensors.iter().filter(|it| has_axes(it, 1)).count() >= 2;
    let is_row = |it: &NamedTensor| !are_vectors && it.dimensions.contains(&1);
    let weights = by_name(tensors, |it| has_axes(it, 2) && !is_row(it));
    let biases = by_name(tensors, |it| {
        has_axes(it, 1) || has_axes(it, 2) && is_row(it)
    });
    let (&[first, second], &[first_bias, second_bias], 4) =
        (&weights[..], &biases[..], tensors.len())
    else {
        return Err(LayerError::Arrays { found: found() });
    };
    let [one, other] =
        [(first, first_bias), (second, second_bias)].map(|(weight, bias)| Layer { weight, bias });
    let mut readings = [Layout::PyTorch, Layout::Fused]
        .into_iter()
        .flat_map(|layout| [(layout, [one, other]), (layout, [other, one])])
        .filter_map(|(layout, layers)| Reading::new(layout, layers));
    match (readings.next(), readings.next()) {
        (Some(reading), None) => reading.parameters(),
        (None, _) => Err(LayerError::Shapes { found: found() }),
        (Some(_), Some(_)) => Err(LayerError::Ambiguous { found: found() }),
    }
}

/// Some of the arrays, by their names.
fn by_name(tensors: &[NamedTensor], is_wanted: impl Fn(&NamedTensor) -> bool) -> Vec<&NamedTensor> {
    let found = tensors.iter().filter(|tensor| is_wanted(tensor));
    let mut found: Vec<&NamedTensor> = found.collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

impl<'a> Reading<'a> {
    /// The layers in this order, if they then fit each other.
    fn new(layout: Layout, layers: [Layer<'a>; 2]) -> Option<Self> {
        let (inputs, hidden) = layers[0].inputs_and_outputs(layout)?;
        let (inner, classes) = layers[1].inputs_and_outputs(layout)?;
        let shape = Shape {
            inputs,
            hidden,
            classes,
        };
        (hidden == inner).then_some(Self {
            layout,
            layers,
            shape,
        })
    }

    fn parameters(&self) -> Result<Parameters, LayerError> {
        check_shape(self.shape).map_err(|_| LayerError::Network(self.shape))?;
        let [first, second] = self.layers;
        let weight = |tensor: &NamedTensor, inputs: usize| match self.layout {
            Layout::Fused => tensor.values.clone(),
            Layout::PyTorch => transposed(&tensor.values, inputs),
        };
        let parameters = Parameters {
            shape: self.shape,
            linear1_weight: weight(first.weight, self.shape.inputs),
            linear1_bias: first.bias.values.clone(),
            linear2_weight: weight(second.weight, self.shape.hidden),
            linear2_bias: second.bias.values.clone(),
        };
        let is_finite = parameters.is_finite();
        is_finite.then_some(parameters).ok_or(LayerError::NotFinite)
    }
}

impl Layer<'_> {
    /// Inputs and outputs, if weight and bias fit each other.
    fn inputs_and_outputs(&self, layout: Layout) -> Option<(usize, usize)> {
        let (rows, columns) = (self.weight.dimensions[0], self.weight.dimensions[1]);
        let pair = match layout {
            Layout::Fused => (rows, columns),
            Layout::PyTorch => (columns, rows),
        };
        (pair.1 == self.bias.values.len()).then_some(pair)
    }
}

/// Names and shapes of arrays, the first few.
fn describe(tensors: &[NamedTensor]) -> String {
    let shown = tensors
        .iter()
        .take(MAX_DESCRIBED)
        .map(|tensor| format!("{} {:?}", tensor.name.escape_debug(), tensor.dimensions));
    let shown: Vec<String> = shown.collect();
    match tensors.len() {
        0 => "none".to_owned(),
        count if count > shown.len() => format!("{count} arrays, as {}", shown.join(", ")),
        _ => shown.join(", "),
    }
}
