//! Values of options as text and as TOML.

use crate::cli::number_range::NumberRange;
use anyhow::anyhow;
use clap::{Arg, ArgAction};
use std::any::TypeId;
use std::ffi::OsStr;
use toml::de::DeValue;

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: it is there or not.
    Flag,
    /// True or false.
    Boolean,
    /// A number of 0 or more, without a fraction.
    Whole,
    /// A number.
    Number,
    /// A number like [`Kind::Whole`], or a range of them.
    Range,
    /// Anything else, and whatever has a text of its own.
    Text,
}

impl Kind {
    /// Of an option, by the type that its text is parsed to.
    pub fn of(arg: &Arg) -> Self {
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            return Self::Flag;
        }
        let parser = arg.get_value_parser().type_id();
        let is_one_of = |types: &[TypeId]| types.iter().any(|id| parser == *id);
        if is_one_of(&[TypeId::of::<bool>()]) {
            Self::Boolean
        } else if is_one_of(&[TypeId::of::<f32>(), TypeId::of::<f64>()]) {
            Self::Number
        } else if is_one_of(&[
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
        ]) {
            Self::Whole
        } else if is_one_of(&[TypeId::of::<NumberRange>()]) {
            Self::Range
        } else {
            Self::Text
        }
    }

    /// For messages.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Flag | Self::Boolean => "true or false",
            Self::Whole => "a whole number, such as 10",
            Self::Number => "a number, such as 0.1",
            Self::Range => "a whole number, such as 10, or a range in quotes, such as \"1-3\"",
            Self::Text => "a text in quotes",
        }
    }
}

/// What a word says that stands for a flag.
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// What a variable says that stands for a flag.
///
/// # Errors
/// If it says something else.
pub fn switch(variable: &str, value: &OsStr) -> anyhow::Result<bool> {
    let text = value.to_string_lossy();
    let expected = Kind::Flag.expected();
    truth(&text).ok_or_else(|| anyhow!("{variable} is {text:?}; expected {expected}"))
}

/// Whether an option takes several values.
pub fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// A value of a file, independent of its text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Whole(String),
    Number(String),
    Boolean(bool),
    List(Vec<Value>),
    /// Something that no option takes.
    Other(&'static str),
}

impl Value {
    /// Of what the parser of TOML found.
    pub fn new(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(integer) if integer.radix() == 10 => {
                Self::Whole(integer.as_str().to_owned())
            }
            DeValue::Integer(integer) => i128::from_str_radix(integer.as_str(), integer.radix())
                .map_or(Self::Other("a number that is too large"), |number| {
                    Self::Whole(number.to_string())
                }),
            DeValue::Float(float) => Self::Number(float.as_str().to_owned()),
            DeValue::Boolean(value) => Self::Boolean(*value),
            DeValue::Array(array) => {
                Self::List(array.iter().map(|it| Self::new(it.get_ref())).collect())
            }
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    /// The texts that the command line would have for an option.
    ///
    /// # Errors
    /// If the option takes something else, with what was found and what was expected.
    pub fn texts(&self, arg: &Arg) -> Result<Vec<String>, String> {
        let kind = Kind::of(arg);
        match self {
            Self::List(values) if is_list(arg) && !values.is_empty() => {
                values.iter().map(|value| value.text(kind)).collect()
            }
            Self::List(_) if is_list(arg) => {
                Err(format!("an empty list; expected {}", kind.expected()))
            }
            value => Ok(vec![value.text(kind)?]),
        }
    }

    fn text(&self, kind: Kind) -> Result<String, String> {
        match (self, kind) {
            (Self::Boolean(value), Kind::Flag | Kind::Boolean) => Ok(value.to_string()),
            (Self::Whole(text), Kind::Whole | Kind::Number | Kind::Range)
            | (Self::Number(text), Kind::Number)
            | (Self::Text(text), Kind::Range | Kind::Text) => Ok(text.clone()),
            (Self::Whole(text) | Self::Number(text), Kind::Text) => Err(format!(
                "{text}; expected {}, such as {text:?}",
                kind.expected()
            )),
            _ => Err(format!("{}; expected {}", self.shown(), kind.expected())),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("the text {text:?}"),
            Self::Whole(text) | Self::Number(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// A text of the command line as TOML.
pub fn to_toml(text: &str, kind: Kind) -> String {
    let quoted = || toml::Value::from(text).to_string();
    match kind {
        Kind::Flag | Kind::Boolean => text.to_owned(),
        Kind::Whole | Kind::Range
            if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            let digits = text.trim_start_matches('0');
            if digits.is_empty() { "0" } else { digits }.to_owned()
        }
        Kind::Whole | Kind::Number => match text.parse::<f64>() {
            // Not every text of a number is one in TOML.
            Ok(number) if toml::de::DeValue::parse(text).is_err() => {
                toml::Value::from(number).to_string()
            }
            Ok(_) => text.to_owned(),
            Err(_) => quoted(),
        },
        Kind::Range | Kind::Text => quoted(),
    }
}
