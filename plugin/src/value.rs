//! The values of Terraform and their types.

use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::number::Number;

/// A type of Terraform's type system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A string.
    String,
    /// A number of any size and precision.
    Number,
    /// A boolean.
    Bool,
    /// Any type. The value has its own type ([`Value::Dynamic`]).
    Dynamic,
    /// A list whose elements have one type.
    List(Box<Type>),
    /// A set whose elements have one type.
    Set(Box<Type>),
    /// A map whose elements have one type.
    Map(Box<Type>),
    /// A tuple with a type for each element.
    Tuple(Vec<Type>),
    /// An object with a type for each attribute. A value has all attributes; those that are not set are null.
    Object(BTreeMap<String, Type>),
}

/// A value of Terraform's type system. Its type is in the schema, except for [`Value::Dynamic`].
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Null: not set.
    #[default]
    Null,
    /// Not known yet, with refinements if there are any.
    Unknown(Option<Box<Refinements>>),
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list, a set, or a tuple.
    List(Vec<Value>),
    /// A map or an object.
    Map(BTreeMap<String, Value>),
    /// A value of the type [`Type::Dynamic`]: its own type, and the value of that type.
    Dynamic(Box<Type>, Box<Value>),
}

static NULL: Value = Value::Null;

impl Value {
    /// Returns an unknown value without refinements.
    pub fn unknown() -> Self {
        Self::Unknown(None)
    }

    /// Returns the value of the type [`Type::Dynamic`] that contains `value`, which has the type `ty`.
    pub fn dynamic(ty: Type, value: Self) -> Self {
        match ty {
            Type::Dynamic => value,
            ty => Self::Dynamic(Box::new(ty), Box::new(value)),
        }
    }

    /// Returns a map or an object with these elements.
    pub fn object<const N: usize>(attributes: [(&str, Value); N]) -> Self {
        Self::Map(
            attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// Returns a string, or null for `None`.
    pub fn optional_string(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::String(text.into()))
    }

    /// Returns the element `name` of a map or an object. Returns [`Value::Null`] if it does not exist or this value is
    /// null. The elements of an unknown object are unknown.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Self::Map(elements) => elements.get(name).unwrap_or(&NULL),
            Self::Unknown(_) => self,
            _ => &NULL,
        }
    }

    /// Returns the string, if this is a known string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns whether this value is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether the whole value is unknown. An object with unknown attributes is not.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Returns whether no part of this value is unknown, at any depth.
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

/// Returns whether two strings are the same to Terraform: equal, or equal in Unicode NFC.
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
/// The refinements are those of go-cty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refinements {
    /// `Some(false)` if the value will not be null.
    pub nullable: Option<bool>,
    /// The beginning of the string.
    pub prefix: Option<String>,
    /// The lower bound of the number, and whether the bound is included.
    pub lower: Option<(Number, bool)>,
    /// The upper bound of the number, and whether the bound is included.
    pub upper: Option<(Number, bool)>,
    /// The least length of a list, set, or map.
    pub min_length: Option<i64>,
    /// The greatest length of a list, set, or map.
    pub max_length: Option<i64>,
}

impl fmt::Display for Type {
    /// Writes the type as the messages of Terraform do: `list of string`.
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
