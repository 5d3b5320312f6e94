//! Which of the arrays of a file is which parameter of the network.

use super::{Layout, NamedTensor, transposed};
use crate::backend::check_shape;
use crate::network::{MAX_CLASSES, Parameters, Shape};
use std::collections::BTreeMap;

/// Most arrays that an error names.
const MAX_DESCRIBED: usize = 8;

/// Why arrays are not the parameters of one network, beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Not a weight and a bias of each of two layers.
    #[error(
        "expected two layers, each with a weight and a bias, as 0.weight, 0.bias, 2.weight and \
         2.bias; found {found}"
    )]
    Names {
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
    /// The shapes fit the other layout than the one that was named.
    #[error(
        "the shapes are those of the layout {fitting}, not of {named}; leave --layout out, or name \
         the other one. Found {found}"
    )]
    Layout {
        /// The layout that was named.
        named: &'static str,
        /// The layout that the shapes fit.
        fitting: &'static str,
        /// Names and shapes of the arrays.
        found: String,
    },
    /// The shapes fit in more than one way.
    #[error("the shapes fit both {first} and {second}; {remedy}. Found {found}")]
    Ambiguous {
        /// One way to read them.
        first: String,
        /// Another.
        second: String,
        /// What decides.
        remedy: &'static str,
        /// Names and shapes of the arrays.
        found: String,
    },
    /// A network that cannot be.
    #[error(
        "a network of shape {0}: expected 2 to {MAX_CLASSES} classes, and at least 1 hidden unit and 1 input"
    )]
    Network(Shape),
    /// A parameter is NaN or infinite, or too large for 32 bits.
    #[error("{name} holds {value} at position {position}; expected finite 32-bit numbers")]
    NotFinite {
        /// The array.
        name: String,
        /// Position in it, row by row.
        position: usize,
        /// The value.
        value: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Weight,
    Bias,
}

/// A linear layer of a file.
#[derive(Clone, Copy)]
struct Layer<'a> {
    /// The number in the name of the layer.
    number: Option<u64>,
    weight: &'a NamedTensor,
    bias: &'a NamedTensor,
}

/// A way to read two layers.
#[derive(Clone, Copy)]
struct Reading<'a> {
    layout: Layout,
    layers: [Layer<'a>; 2],
    shape: Shape,
}

/// The parameters that the arrays of a file are: two layers, each with a weight and a bias, found by
/// their names and shapes.
///
/// A name ends, or begins, with what it is: `weight`, `kernel`, `w` or `coefs`; `bias`, `b` or
/// `intercepts`; the rest of it names the layer. Which layer is the first, and how the weights lie,
/// must follow from the shapes; where both orders fit, the numbers in the names decide, and where both
/// layouts fit, `layout` must.
///
/// # Errors
/// A [`LayerError`] for each way in which they can be wrong.
pub fn parameters_from(
    tensors: &[NamedTensor],
    layout: Option<Layout>,
) -> Result<Parameters, LayerError> {
    let found = || describe(tensors);
    let Some([one, other]) = two_layers(tensors) else {
        return Err(LayerError::Names { found: found() });
    };
    let all: Vec<Reading<'_>> = [Layout::PyTorch, Layout::Fused]
        .into_iter()
        .flat_map(|layout| readings(layout, one, other))
        .collect();
    let is_wanted = |reading: &&Reading<'_>| layout.is_none_or(|it| it == reading.layout);
    let wanted: Vec<&Reading<'_>> = all.iter().filter(is_wanted).collect();
    match (&wanted[..], layout, all.first()) {
        ([], Some(named), Some(other)) => Err(LayerError::Layout {
            named: layout_text(named),
            fitting: layout_text(other.layout),
            found: found(),
        }),
        ([], ..) => Err(LayerError::Shapes { found: found() }),
        ([reading], ..) => reading.parameters(),
        ([first, second, ..], ..) => Err(ambiguous(first, second, found())),
    }
}

/// A layout as the option names it, and what it says.
fn layout_text(layout: Layout) -> &'static str {
    match layout {
        Layout::Fused => "fused ([inputs, outputs])",
        Layout::PyTorch => "pytorch ([outputs, inputs])",
    }
}

fn ambiguous(first: &Reading<'_>, second: &Reading<'_>, found: String) -> LayerError {
    let remedy = if first.layout == second.layout {
        "number the layers in their names, as in fc1.weight and fc2.weight"
    } else {
        "say which with --layout"
    };
    LayerError::Ambiguous {
        first: first.to_string(),
        second: second.to_string(),
        remedy,
        found,
    }
}

impl<'a> Reading<'a> {
    /// The layers in this order, if they then fit each other.
    fn new(layout: Layout, layers: [Layer<'a>; 2]) -> Option<Self> {
        let [(inputs, hidden), (inner, classes)] = [
            layers[0].inputs_and_outputs(layout)?,
            layers[1].inputs_and_outputs(layout)?,
        ];
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
        for tensor in [first.weight, first.bias, second.weight, second.bias] {
            let mut values = tensor.values.iter();
            if let Some(position) = values.position(|value| !value.is_finite()) {
                return Err(LayerError::NotFinite {
                    name: tensor.name.escape_debug().to_string(),
                    position,
                    value: tensor.values[position].to_string(),
                });
            }
        }
        let weight = |tensor: &NamedTensor, inputs: usize| match self.layout {
            Layout::Fused => tensor.values.clone(),
            Layout::PyTorch => transposed(&tensor.values, inputs),
        };
        Ok(Parameters {
            shape: self.shape,
            linear1_weight: weight(first.weight, self.shape.inputs),
            linear1_bias: first.bias.values.clone(),
            linear2_weight: weight(second.weight, self.shape.hidden),
            linear2_bias: second.bias.values.clone(),
        })
    }
}

impl std::fmt::Display for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layout = match self.layout {
            Layout::Fused => "[inputs, outputs]",
            Layout::PyTorch => "[outputs, inputs]",
        };
        let [first, second] = self.layers;
        write!(
            f,
            "{} ({} before {}, weights {layout})",
            self.shape,
            first.weight.name.escape_debug(),
            second.weight.name.escape_debug()
        )
    }
}

impl Layer<'_> {
    /// Inputs and outputs, if weight and bias fit each other.
    fn inputs_and_outputs(&self, layout: Layout) -> Option<(usize, usize)> {
        let (&[rows, columns], &[outputs]) =
            (&self.weight.dimensions[..], &self.bias.dimensions[..])
        else {
            return None;
        };
        let pair = match layout {
            Layout::Fused => (rows, columns),
            Layout::PyTorch => (columns, rows),
        };
        (pair.1 == outputs).then_some(pair)
    }
}

/// The ways to read two layers in a layout: in the order of the numbers in their names, where that
/// fits; else in every order that fits.
fn readings<'a>(layout: Layout, one: Layer<'a>, other: Layer<'a>) -> Vec<Reading<'a>> {
    let forward = Reading::new(layout, [one, other]);
    let backward = Reading::new(layout, [other, one]);
    match (one.number, other.number) {
        (Some(first), Some(second)) if first < second && forward.is_some() => vec![forward],
        (Some(first), Some(second)) if first > second && backward.is_some() => vec![backward],
        _ => vec![forward, backward],
    }
    .into_iter()
    .flatten()
    .collect()
}

/// The last number in a layer's name.
fn number(key: &str) -> Option<u64> {
    let mut numbers = key.rsplit(|c: char| !c.is_ascii_digit());
    numbers.find(|digits| !digits.is_empty())?.parse().ok()
}

/// The layers, if there are two of them, both whole, and nothing else.
fn two_layers(tensors: &[NamedTensor]) -> Option<[Layer<'_>; 2]> {
    let mut parts = BTreeMap::<String, [Option<&NamedTensor>; 2]>::new();
    for tensor in tensors {
        let (key, role) = key_and_role(&tensor.name)?;
        let place = &mut parts.entry(key).or_default()[role as usize];
        if place.replace(tensor).is_some() {
            return None;
        }
    }
    let layers = parts.into_iter().map(|(key, tensors)| match tensors {
        [Some(weight), Some(bias)] => Some(Layer {
            number: number(&key),
            weight,
            bias,
        }),
        _ => None,
    });
    let layers: Vec<Layer<'_>> = layers.collect::<Option<_>>()?;
    layers.try_into().ok()
}

/// Splits the name of an array into that of its layer and what it is of the layer: `fc1.weight`,
/// `params/Dense_0/kernel`, `linear2_bias`, `coefs_0`, `W1`.
fn key_and_role(name: &str) -> Option<(String, Role)> {
    let words: Vec<&str> = name.split(['.', '/', '_']).collect();
    let (place, (role, digits)) = words
        .iter()
        .enumerate()
        .rev()
        .find_map(|(place, word)| Some((place, role_and_digits(word)?)))?;
    let mut key: Vec<&str> = words[..place].to_vec();
    key.push(digits);
    key.extend(&words[place + 1..]);
    Some((key.join("."), role))
}

/// What a word of a name says, and the digits that end it.
fn role_and_digits(word: &str) -> Option<(Role, &str)> {
    let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let role = match stem.to_ascii_lowercase().as_str() {
        "weight" | "weights" | "kernel" | "w" | "coefs" => Role::Weight,
        "bias" | "biases" | "b" | "intercepts" => Role::Bias,
        _ => return None,
    };
    Some((role, &word[stem.len()..]))
}

/// Names and shapes of arrays, the first few.
fn describe(tensors: &[NamedTensor]) -> String {
    let shown = tensors
        .iter()
        .take(MAX_DESCRIBED)
        .map(|tensor| format!("{} {:?}", tensor.name.escape_debug(), tensor.dimensions));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    match tensors.len() {
        0 => text += "none",
        count if count > MAX_DESCRIBED => {
            text += &format!(" and {} more", count - MAX_DESCRIBED);
        }
        _ => {}
    }
    text
}
