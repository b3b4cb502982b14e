//! msgpack to values.
//!
//! Nothing is allocated ahead of what has been read, so a length that the input does not bear out
//! costs nothing.

use std::collections::BTreeMap;

use rmp::Marker;
use rmp::decode::{self, Bytes};

use crate::plugin::place::{Place, StepTo, ValueError};
use crate::plugin::value::{Number, Type, Value};

use super::refinements;

/// The value of the type `ty` that `input` is in msgpack.
///
/// # Errors
/// Where `input` is not one value of that type and nothing more: objects have each attribute of
/// their type once and no other; keys of maps are there once.
pub fn decode(input: &[u8], ty: &Type) -> Result<Value, ValueError> {
    let mut decoder = Decoder::new(input);
    let value = decoder.value(ty, Place::ROOT)?;
    match decoder.remaining() {
        0 => Ok(value),
        extra => Err(Place::ROOT.error(format!("{extra} bytes follow the value"))),
    }
}

/// What is left of a message.
pub(super) struct Decoder<'a> {
    input: Bytes<'a>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input: Bytes::new(input),
        }
    }

    /// How many bytes are left.
    pub(super) fn remaining(&self) -> usize {
        self.input.remaining_slice().len()
    }

    /// Reads a value of the type `ty`.
    pub(super) fn value(&mut self, ty: &Type, at: Place<'_>) -> Result<Value, ValueError> {
        let marker = self.marker(at)?;
        if is_extension(marker) {
            let (kind, body) = self.extension(at)?;
            return Ok(Value::Unknown(refinements::decode(kind, body, ty)));
        }
        if marker == Marker::Null {
            decode::read_nil(&mut self.input).map_err(|_| cut_short(at))?;
            return Ok(Value::Null);
        }
        match ty {
            Type::String => Ok(Value::String(self.text(at)?.to_owned())),
            Type::Number => Ok(Value::Number(self.number(at)?)),
            Type::Bool => Ok(Value::Bool(self.boolean(at)?)),
            Type::List(element) | Type::Set(element) => (0..self.array(at)?)
                .map(|index| self.value(element, at.down(StepTo::Index(index))?))
                .collect::<Result<_, _>>()
                .map(Value::List),
            Type::Tuple(types) => self.tuple(types, at),
            Type::Map(element) => self.map(element, at),
            Type::Object(attributes) => self.object(attributes, at),
            Type::Dynamic => self.dynamic(at),
        }
    }

    fn tuple(&mut self, types: &[Type], at: Place<'_>) -> Result<Value, ValueError> {
        let length = self.array(at)?;
        if length != types.len() {
            let expected = types.len();
            return Err(at.error(format!("{expected} elements were expected, not {length}")));
        }
        types
            .iter()
            .enumerate()
            .map(|(index, ty)| self.value(ty, at.down(StepTo::Index(index))?))
            .collect::<Result<_, _>>()
            .map(Value::List)
    }

    fn map(&mut self, element: &Type, at: Place<'_>) -> Result<Value, ValueError> {
        let mut elements = BTreeMap::new();
        for _ in 0..self.entries(at)? {
            let key = self.text(at)?.to_owned();
            let place = at.down(StepTo::Key(&key))?;
            let value = self.value(element, place)?;
            if elements.contains_key(&key) {
                return Err(place.error("this key is there twice"));
            }
            elements.insert(key, value);
        }
        Ok(Value::Map(elements))
    }

    fn object(
        &mut self,
        attributes: &BTreeMap<String, Type>,
        at: Place<'_>,
    ) -> Result<Value, ValueError> {
        let mut values = BTreeMap::new();
        for _ in 0..self.entries(at)? {
            let name = self.text(at)?.to_owned();
            let place = at.down(StepTo::Attribute(&name))?;
            let ty = attributes
                .get(&name)
                .ok_or_else(|| place.error("there is no such attribute"))?;
            let value = self.value(ty, place)?;
            if values.contains_key(&name) {
                return Err(place.error("this attribute is there twice"));
            }
            values.insert(name, value);
        }
        match attributes.keys().find(|name| !values.contains_key(*name)) {
            None => Ok(Value::Map(values)),
            Some(name) => Err(at
                .down(StepTo::Attribute(name))?
                .error("this attribute is missing")),
        }
    }

    fn dynamic(&mut self, at: Place<'_>) -> Result<Value, ValueError> {
        if self.array(at)? != 2 {
            return Err(at.error("a dynamic value is a pair of a type and a value"));
        }
        let ty = self.text(at)?;
        let ty = serde_json::from_str(ty)
            .map_err(|error| at.error(format!("the type of a dynamic value: {error}")))?;
        let value = self.value(&ty, at.down(StepTo::Dynamic)?)?;
        Ok(Value::dynamic(ty, value))
    }

    /// Reads a number: an integer, a float or a decimal string.
    pub(super) fn number(&mut self, at: Place<'_>) -> Result<Number, ValueError> {
        let marker = self.marker(at)?;
        let float = match marker {
            Marker::F32 => decode::read_f32(&mut self.input).map(f64::from),
            Marker::F64 => decode::read_f64(&mut self.input),
            Marker::U64 => {
                let integer = decode::read_u64(&mut self.input).map_err(|_| cut_short(at))?;
                return Ok(Number::from(integer));
            }
            _ if is_text(marker) => {
                let number = Number::parse(self.text(at)?);
                return number.map_err(|error| at.error(error.to_string()));
            }
            _ => return self.integer(at).map(Number::Integer),
        };
        Number::from_f64(float.map_err(|_| cut_short(at))?)
            .ok_or_else(|| at.error("not a finite number"))
    }

    /// Reads an integer that fits.
    pub(super) fn integer(&mut self, at: Place<'_>) -> Result<i64, ValueError> {
        let marker = self.marker(at)?;
        decode::read_int(&mut self.input).map_err(|_| mistyped(at, "a number", marker))
    }

    /// Reads a boolean.
    pub(super) fn boolean(&mut self, at: Place<'_>) -> Result<bool, ValueError> {
        let marker = self.marker(at)?;
        decode::read_bool(&mut self.input).map_err(|_| mistyped(at, "a boolean", marker))
    }

    /// Reads a string, which may also come as binary.
    pub(super) fn text(&mut self, at: Place<'_>) -> Result<&'a str, ValueError> {
        let length = match self.marker(at)? {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => decode::read_bin_len(&mut self.input),
            marker if is_text(marker) => decode::read_str_len(&mut self.input),
            marker => return Err(mistyped(at, "a string", marker)),
        };
        let length = length.map_err(|_| cut_short(at))?;
        std::str::from_utf8(self.bytes(length, at)?).map_err(|_| at.error("not UTF-8"))
    }

    /// Reads the head of an array: how many elements follow.
    pub(super) fn array(&mut self, at: Place<'_>) -> Result<usize, ValueError> {
        let marker = self.marker(at)?;
        let length = decode::read_array_len(&mut self.input);
        let length = length.map_err(|_| mistyped(at, "an array", marker))?;
        // Each element takes a byte at least.
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.remaining())
            .ok_or_else(|| cut_short(at))
    }

    /// Reads the head of a map: how many keys and values follow.
    pub(super) fn entries(&mut self, at: Place<'_>) -> Result<usize, ValueError> {
        let marker = self.marker(at)?;
        let length = decode::read_map_len(&mut self.input);
        let length = length.map_err(|_| mistyped(at, "a map", marker))?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.remaining() / 2)
            .ok_or_else(|| cut_short(at))
    }

    /// Skips one value, whatever it is.
    pub(super) fn skip(&mut self, at: Place<'_>) -> Result<(), ValueError> {
        let mut pending = 1;
        while pending > 0 {
            pending -= 1;
            match self.marker(at)? {
                Marker::Null => decode::read_nil(&mut self.input).map_err(|_| cut_short(at))?,
                Marker::True | Marker::False => drop(self.boolean(at)?),
                marker if is_array(marker) => pending += self.array(at)?,
                marker if is_map(marker) => pending += 2 * self.entries(at)?,
                marker if is_text(marker) => drop(self.text(at)?),
                marker if is_extension(marker) => drop(self.extension(at)?),
                _ => drop(self.number(at)?),
            }
        }
        Ok(())
    }

    /// Reads an extension: its type and its bytes.
    fn extension(&mut self, at: Place<'_>) -> Result<(i8, &'a [u8]), ValueError> {
        let head = decode::read_ext_meta(&mut self.input).map_err(|_| cut_short(at))?;
        Ok((head.typeid, self.bytes(head.size, at)?))
    }

    fn bytes(&mut self, length: u32, at: Place<'_>) -> Result<&'a [u8], ValueError> {
        let rest = self.input.remaining_slice();
        let (taken, rest) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| cut_short(at))?;
        self.input = Bytes::new(rest);
        Ok(taken)
    }

    fn marker(&self, at: Place<'_>) -> Result<Marker, ValueError> {
        let first = self.input.remaining_slice().first();
        first
            .map(|byte| Marker::from_u8(*byte))
            .ok_or_else(|| cut_short(at))
    }
}

fn cut_short(at: Place<'_>) -> ValueError {
    at.error("the message ends in the middle of a value")
}

fn mistyped(at: Place<'_>, expected: &str, found: Marker) -> ValueError {
    let found = match found {
        Marker::Null => "null",
        Marker::True | Marker::False => "a boolean",
        marker if is_array(marker) => "an array",
        marker if is_map(marker) => "a map",
        marker if is_text(marker) => "a string",
        marker if is_extension(marker) => "an unknown value",
        Marker::Reserved => "no msgpack",
        _ => "a number",
    };
    at.error(format!("expected {expected}, found {found}"))
}

fn is_text(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixStr(_)
            | Marker::Str8
            | Marker::Str16
            | Marker::Str32
            | Marker::Bin8
            | Marker::Bin16
            | Marker::Bin32
    )
}

fn is_array(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32
    )
}

fn is_map(marker: Marker) -> bool {
    matches!(marker, Marker::FixMap(_) | Marker::Map16 | Marker::Map32)
}

fn is_extension(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
            | Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
    )
}
