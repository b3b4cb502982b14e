//! The decoding of values from MessagePack.

use std::collections::BTreeMap;

use rmp::Marker;

use crate::location::{Location, LocationStep, ValueError};
use crate::value::{Type, Value};

use super::reader::Reader;
use super::refinements;

/// Decodes the MessagePack of a value of the type `ty`.
///
/// # Errors
/// Returns an error unless `input` is exactly one value of that type. An object must have each attribute of its type
/// once and no other, and a map must have each key once.
pub fn decode(input: &[u8], ty: &Type) -> Result<Value, ValueError> {
    let mut reader = Reader::new(input);
    let value = read_value(&mut reader, ty, Location::ROOT)?;
    match reader.remaining() {
        0 => Ok(value),
        extra => Err(Location::ROOT.error(format!("{extra} bytes follow the value"))),
    }
}

fn read_value(reader: &mut Reader<'_>, ty: &Type, at: Location<'_>) -> Result<Value, ValueError> {
    if let Some((kind, body)) = reader.extension(at)? {
        return Ok(Value::Unknown(refinements::decode(kind, body, ty)));
    }
    if reader.marker(at)? == Marker::Null {
        reader.nil(at)?;
        return Ok(Value::Null);
    }
    match ty {
        Type::String => Ok(Value::String(reader.text(at)?.to_owned())),
        Type::Number => Ok(Value::Number(reader.number(at)?)),
        Type::Bool => Ok(Value::Bool(reader.boolean(at)?)),
        Type::List(element) | Type::Set(element) => (0..reader.array(at)?)
            .map(|index| read_value(reader, element, at.down(LocationStep::Index(index))?))
            .collect::<Result<_, _>>()
            .map(Value::List),
        Type::Tuple(types) => read_tuple(reader, types, at),
        Type::Map(element) => read_map(reader, element, at),
        Type::Object(attributes) => read_object(reader, attributes, at),
        Type::Dynamic => read_dynamic(reader, at),
    }
}

fn read_tuple(reader: &mut Reader<'_>, types: &[Type], at: Location<'_>) -> Result<Value, ValueError> {
    let length = reader.array(at)?;
    if length != types.len() {
        let expected = types.len();
        return Err(at.error(format!("expected {expected} elements, found {length}")));
    }
    types
        .iter()
        .enumerate()
        .map(|(index, ty)| read_value(reader, ty, at.down(LocationStep::Index(index))?))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

fn read_map(reader: &mut Reader<'_>, element: &Type, at: Location<'_>) -> Result<Value, ValueError> {
    let mut elements = BTreeMap::new();
    for _ in 0..reader.map(at)? {
        let key = reader.text(at)?.to_owned();
        let location = at.down(LocationStep::Key(&key))?;
        let value = read_value(reader, element, location)?;
        if elements.contains_key(&key) {
            return Err(location.error("duplicate key"));
        }
        elements.insert(key, value);
    }
    Ok(Value::Map(elements))
}

fn read_object(
    reader: &mut Reader<'_>,
    attributes: &BTreeMap<String, Type>,
    at: Location<'_>,
) -> Result<Value, ValueError> {
    let mut values = BTreeMap::new();
    for _ in 0..reader.map(at)? {
        let name = reader.text(at)?.to_owned();
        let location = at.down(LocationStep::Attribute(&name))?;
        let ty = attributes
            .get(&name)
            .ok_or_else(|| location.error("the attribute does not exist"))?;
        let value = read_value(reader, ty, location)?;
        if values.contains_key(&name) {
            return Err(location.error("duplicate attribute"));
        }
        values.insert(name, value);
    }
    match attributes.keys().find(|name| !values.contains_key(*name)) {
        None => Ok(Value::Map(values)),
        Some(name) => Err(at
            .down(LocationStep::Attribute(name))?
            .error("the attribute is missing")),
    }
}

fn read_dynamic(reader: &mut Reader<'_>, at: Location<'_>) -> Result<Value, ValueError> {
    if reader.array(at)? != 2 {
        return Err(at.error("a dynamic value must be an array of a type and a value"));
    }
    let ty = reader.text(at)?;
    let ty = serde_json::from_str(ty).map_err(|error| at.error(format!("the type of a dynamic value: {error}")))?;
    let value = read_value(reader, &ty, at.down(LocationStep::Dynamic)?)?;
    Ok(Value::dynamic(ty, value))
}
