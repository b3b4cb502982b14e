//! The encoding of values as MessagePack.

use std::collections::BTreeMap;

use rmp::encode::{self, ByteBuf};

use crate::location::{Location, LocationStep, ValueError};
use crate::value::{Type, Value};

use super::refinements;
use super::writer::{write_number, write_text};

/// Encodes a value of the type `ty` as MessagePack.
///
/// Objects have all attributes of their type; those that the value does not have are null. Strings are not normalized.
/// Numbers have their shortest exact form.
///
/// # Errors
/// Returns an error if the value is not of the type `ty`.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, ValueError> {
    let mut out = ByteBuf::new();
    write(&mut out, value, ty, Location::ROOT)?;
    Ok(out.into_vec())
}

fn write(out: &mut ByteBuf, value: &Value, ty: &Type, at: Location<'_>) -> Result<(), ValueError> {
    match (value, ty) {
        (Value::Unknown(known), _) => refinements::write(out, known.as_deref()),
        (Value::Null, _) => {
            let Ok(()) = encode::write_nil(out);
        }
        (Value::String(text), Type::String) => write_text(out, text),
        (Value::Number(number), Type::Number) => write_number(out, number),
        (Value::Bool(truth), Type::Bool) => {
            let Ok(()) = encode::write_bool(out, *truth);
        }
        (Value::List(elements), Type::List(ty) | Type::Set(ty)) => {
            write_array_length(out, elements.len(), at)?;
            for (index, element) in elements.iter().enumerate() {
                write(out, element, ty, at.down(LocationStep::Index(index))?)?;
            }
        }
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            write_array_length(out, elements.len(), at)?;
            for (index, (element, ty)) in elements.iter().zip(types).enumerate() {
                write(out, element, ty, at.down(LocationStep::Index(index))?)?;
            }
        }
        (Value::Map(elements), Type::Map(ty)) => {
            write_map_length(out, elements.len(), at)?;
            for (key, element) in elements {
                write_text(out, key);
                write(out, element, ty, at.down(LocationStep::Key(key))?)?;
            }
        }
        (Value::Map(values), Type::Object(attributes)) => write_object(out, values, attributes, at)?,
        (Value::Dynamic(ty, value), Type::Dynamic) => {
            write_array_length(out, 2, at)?;
            let json = serde_json::to_vec(ty).map_err(|error| at.error(error.to_string()))?;
            let Ok(()) = encode::write_bin(out, &json);
            write(out, value, ty, at.down(LocationStep::Dynamic)?)?;
        }
        _ => return Err(at.error(format!("expected {ty}, found {}", kind(value)))),
    }
    Ok(())
}

fn write_object(
    out: &mut ByteBuf,
    values: &BTreeMap<String, Value>,
    attributes: &BTreeMap<String, Type>,
    at: Location<'_>,
) -> Result<(), ValueError> {
    if let Some(name) = values.keys().find(|name| !attributes.contains_key(*name)) {
        let location = at.down(LocationStep::Attribute(name))?;
        return Err(location.error("the attribute does not exist"));
    }
    write_map_length(out, attributes.len(), at)?;
    for (name, ty) in attributes {
        write_text(out, name);
        let value = values.get(name).unwrap_or(&Value::Null);
        write(out, value, ty, at.down(LocationStep::Attribute(name))?)?;
    }
    Ok(())
}

fn write_array_length(out: &mut ByteBuf, length: usize, at: Location<'_>) -> Result<(), ValueError> {
    let Ok(_) = encode::write_array_len(out, wire_length(length, at)?);
    Ok(())
}

fn write_map_length(out: &mut ByteBuf, length: usize, at: Location<'_>) -> Result<(), ValueError> {
    let Ok(_) = encode::write_map_len(out, wire_length(length, at)?);
    Ok(())
}

fn wire_length(length: usize, at: Location<'_>) -> Result<u32, ValueError> {
    u32::try_from(length).map_err(|_| at.error("more elements than MessagePack supports"))
}

/// Returns what a value is, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown(_) => "an unknown value",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Dynamic(..) => "a dynamic value",
    }
}
