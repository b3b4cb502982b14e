//! The decoding of values from JSON, the format of saved states.
//!
//! Numbers are read from their text, because a float cannot hold all of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::location::{Location, LocationStep, ValueError};
use crate::number::Number;
use crate::value::{Type, Value};

/// What to do with attributes that the type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undefined {
    /// Drop them: another version of the provider had them.
    Ignore,
    /// Return an error.
    Refuse,
}

/// Decodes the JSON of a value of the type `ty`. Missing attributes are null.
///
/// # Errors
/// Returns an error unless `input` is exactly one JSON value of that type. Duplicate keys are errors.
pub fn decode_json(input: &[u8], ty: &Type, undefined: Undefined) -> Result<Value, ValueError> {
    let json = parse(input).map_err(|error| Location::ROOT.error(format!("not JSON: {error}")))?;
    value(json, ty, undefined, Location::ROOT)
}

fn value(json: &RawValue, ty: &Type, undefined: Undefined, at: Location<'_>) -> Result<Value, ValueError> {
    let text = json.get();
    if text == "null" {
        return Ok(Value::Null);
    }
    let mistyped = || at.error(format!("expected {ty}, found {}", kind(text)));
    match ty {
        Type::String => {
            let decoded: String = serde_json::from_str(text).map_err(|_| match kind(text) {
                "a string" => at.error("an escape in the string is not valid Unicode"),
                _ => mistyped(),
            })?;
            Ok(Value::String(decoded))
        }
        Type::Bool => serde_json::from_str(text).map(Value::Bool).map_err(|_| mistyped()),
        Type::Number => match Number::parse(text) {
            Ok(number) => Ok(Value::Number(number)),
            Err(error) if kind(text) == "a number" => Err(at.error(error.to_string())),
            Err(_) => Err(mistyped()),
        },
        Type::List(element) | Type::Set(element) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| mistyped())?;
            let types = std::iter::repeat(&**element);
            sequence(elements.into_iter().zip(types), undefined, at)
        }
        Type::Tuple(types) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| mistyped())?;
            let (expected, found) = (types.len(), elements.len());
            if expected != found {
                return Err(at.error(format!("expected {expected} elements, found {found}")));
            }
            sequence(elements.into_iter().zip(types), undefined, at)
        }
        Type::Map(element) => {
            let Entries(entries) = serde_json::from_str(text).map_err(|_| mistyped())?;
            let mut elements = BTreeMap::new();
            for (key, json) in entries {
                let location = at.down(LocationStep::Key(&key))?;
                let element = value(json, element, undefined, location)?;
                if elements.contains_key(&key) {
                    return Err(location.error("duplicate key"));
                }
                elements.insert(key, element);
            }
            Ok(Value::Map(elements))
        }
        Type::Object(attributes) => {
            let entries = serde_json::from_str(text).map_err(|_| mistyped())?;
            object(entries, attributes, undefined, at)
        }
        Type::Dynamic => {
            let dynamic: Dynamic<'_> = serde_json::from_str(text)
                .map_err(|_| at.error("a dynamic value must be an object with a type and a value"))?;
            let ty = serde_json::from_str(dynamic.ty.get())
                .map_err(|error| at.error(format!("the type of a dynamic value: {error}")))?;
            let value = value(dynamic.value, &ty, undefined, at.down(LocationStep::Dynamic)?)?;
            Ok(Value::dynamic(ty, value))
        }
    }
}

fn sequence<'a>(
    elements: impl Iterator<Item = (&'a RawValue, &'a Type)>,
    undefined: Undefined,
    at: Location<'_>,
) -> Result<Value, ValueError> {
    elements
        .enumerate()
        .map(|(index, (json, ty))| value(json, ty, undefined, at.down(LocationStep::Index(index))?))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

fn object(
    Entries(entries): Entries<'_>,
    attributes: &BTreeMap<String, Type>,
    undefined: Undefined,
    at: Location<'_>,
) -> Result<Value, ValueError> {
    let mut values = BTreeMap::new();
    for (name, json) in entries {
        let location = at.down(LocationStep::Attribute(&name))?;
        let Some(ty) = attributes.get(&name) else {
            match undefined {
                Undefined::Ignore => continue,
                Undefined::Refuse => return Err(location.error("the attribute does not exist")),
            }
        };
        let value = value(json, ty, undefined, location)?;
        if values.contains_key(&name) {
            return Err(location.error("duplicate attribute"));
        }
        values.insert(name, value);
    }
    for name in attributes.keys() {
        if !values.contains_key(name) {
            values.insert(name.clone(), Value::Null);
        }
    }
    Ok(Value::Map(values))
}

/// A dynamic value in JSON.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Dynamic<'a> {
    #[serde(borrow, rename = "type")]
    ty: &'a RawValue,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// The entries of a JSON object in their order. Keys can be duplicate.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, json)) = map.next_entry::<String, &RawValue>()? {
            entries.push((key, json));
        }
        Ok(Entries(entries))
    }
}

fn parse(input: &[u8]) -> Result<&RawValue, serde_json::Error> {
    serde_json::from_slice(input)
}

/// Returns what a JSON text is, for messages.
fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    }
}
