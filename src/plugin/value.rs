//! Terraform's values and their types.

use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

pub use super::number::{Number, NumberError};

/// A type of Terraform's type system, as a schema states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A string.
    String,
    /// A number of any size and precision.
    Number,
    /// A boolean.
    Bool,
    /// Any type: the value carries its own ([`Value::Dynamic`]).
    Dynamic,
    /// A list of one type of element.
    List(Box<Type>),
    /// A set of one type of element.
    Set(Box<Type>),
    /// A map of one type of element.
    Map(Box<Type>),
    /// A sequence with a type for each element.
    Tuple(Vec<Type>),
    /// An object: every attribute is there in each value, null where it is not set.
    Object(BTreeMap<String, Type>),
}

/// A value of Terraform's. It does not carry its type (but for [`Value::Dynamic`]): the schema does.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Not set.
    #[default]
    Null,
    /// Not known yet, with what is known about it all the same.
    Unknown(Option<Box<Refinements>>),
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list, a set or a tuple.
    List(Vec<Value>),
    /// A map or an object.
    Map(BTreeMap<String, Value>),
    /// A value of the type [`Type::Dynamic`]: its own type, and the value, which is of that type.
    Dynamic(Box<Type>, Box<Value>),
}

static NULL: Value = Value::Null;

impl Value {
    /// A value that is not known, with no refinement.
    pub fn unknown() -> Self {
        Self::Unknown(None)
    }

    /// A value of the type [`Type::Dynamic`], which is `value` of the type `ty`.
    pub fn dynamic(ty: Type, value: Self) -> Self {
        match ty {
            Type::Dynamic => value,
            ty => Self::Dynamic(Box::new(ty), Box::new(value)),
        }
    }

    /// A map or an object of these elements.
    pub fn object<const N: usize>(attributes: [(&str, Value); N]) -> Self {
        Self::Map(
            attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// A string, or null for `None`.
    pub fn optional_string(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::String(text.into()))
    }

    /// The element `name` of a map or object. [`Value::Null`] where there is none, and where this
    /// value is null. An unknown object has unknown elements.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Self::Map(elements) => elements.get(name).unwrap_or(&NULL),
            Self::Unknown(_) => self,
            _ => &NULL,
        }
    }

    /// The string, where this is one that is known.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this is unknown as a whole (an object with unknown attributes is not).
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether nothing in this value is unknown, at any depth.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(elements) => elements.values().all(Self::is_wholly_known),
            Self::Dynamic(_, value) => value.is_wholly_known(),
            _ => true,
        }
    }
}

/// Whether two texts are one to Terraform: equal, or equal in Unicode NFC.
pub fn is_same_text(left: &str, right: &str) -> bool {
    left == right || left.nfc().eq(right.nfc())
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// What is known about an unknown value.
///
/// The numbers of the wire's keys and their shapes are go-cty's; a key that is not known is dropped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refinements {
    /// `Some(false)`: the value will not be null.
    pub nullable: Option<bool>,
    /// What the string begins with.
    pub prefix: Option<String>,
    /// The least number, and whether it is one of the possible ones.
    pub lower: Option<(Number, bool)>,
    /// The greatest number, and whether it is one of the possible ones.
    pub upper: Option<(Number, bool)>,
    /// The least length of a list, set or map.
    pub min_length: Option<i64>,
    /// The greatest length of a list, set or map.
    pub max_length: Option<i64>,
}

impl fmt::Display for Type {
    /// As Terraform's messages name types: `list of string`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => write!(f, "string"),
            Self::Number => write!(f, "number"),
            Self::Bool => write!(f, "bool"),
            Self::Dynamic => write!(f, "dynamic"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Set(element) => write!(f, "set of {element}"),
            Self::Map(element) => write!(f, "map of {element}"),
            Self::Tuple(_) => write!(f, "tuple"),
            Self::Object(_) => write!(f, "object"),
        }
    }
}
