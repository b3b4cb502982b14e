//! Unknown values and their refinements, which are MessagePack's extensions.
//!
//! Extension 12 contains a map with the keys of go-cty. Any other extension is an unknown value without refinements.
//! It is safe to ignore refinements, so those that cannot be read are ignored.

use rmp::encode::{self, ByteBuf};

use crate::location::{Location, ValueError};
use crate::number::Number;
use crate::value::{Refinements, Type};

use super::reader::Reader;
use super::writer::{write_number, write_text};

const UNREFINED: [u8; 3] = [0xd4, 0x00, 0x00];
const EXTENSION: i8 = 12;
const MAX_LENGTH: usize = 1024;

const NULLABLE: i64 = 1;
const PREFIX: i64 = 2;
const LOWER: i64 = 3;
const UPPER: i64 = 4;
const LEAST_LENGTH: i64 = 5;
const GREATEST_LENGTH: i64 = 6;

/// Returns the refinements of an unknown value of the type `ty`, which is encoded as the extension `kind` with this
/// `body`.
pub(super) fn decode(kind: i8, body: &[u8], ty: &Type) -> Option<Box<Refinements>> {
    if kind != EXTENSION || body.len() > MAX_LENGTH {
        return None;
    }
    let refinements = read(&mut Reader::new(body), ty).ok()?;
    (refinements != Refinements::default()).then(|| Box::new(refinements))
}

/// Reads the map. Refinements that values of the type `ty` do not have are skipped.
fn read(body: &mut Reader<'_>, ty: &Type) -> Result<Refinements, ValueError> {
    let at = Location::ROOT;
    let collection = matches!(ty, Type::List(_) | Type::Set(_) | Type::Map(_));
    let mut refinements = Refinements::default();
    for _ in 0..body.map(at)? {
        match body.integer(at)? {
            NULLABLE if *ty != Type::Dynamic => refinements.nullable = Some(body.boolean(at)?),
            PREFIX if *ty == Type::String => refinements.prefix = Some(body.text(at)?.to_owned()),
            LOWER if *ty == Type::Number => refinements.lower = Some(read_bound(body)?),
            UPPER if *ty == Type::Number => refinements.upper = Some(read_bound(body)?),
            LEAST_LENGTH if collection => refinements.min_length = Some(body.integer(at)?),
            GREATEST_LENGTH if collection => refinements.max_length = Some(body.integer(at)?),
            _ => body.skip(at)?,
        }
    }
    Ok(refinements)
}

fn read_bound(body: &mut Reader<'_>) -> Result<(Number, bool), ValueError> {
    let at = Location::ROOT;
    match body.array(at)? {
        2 => Ok((body.number(at)?, body.boolean(at)?)),
        _ => Err(at.error("a bound must be an array of a number and a boolean")),
    }
}

/// Writes an unknown value with these refinements.
pub(super) fn write(out: &mut ByteBuf, refinements: Option<&Refinements>) {
    let body = refinements.map(body).unwrap_or_default();
    match u32::try_from(body.len()) {
        // Terraform refuses an empty map, which is one byte.
        Ok(length) if length > 1 && body.len() <= MAX_LENGTH => {
            let Ok(_) = encode::write_ext_meta(out, length, EXTENSION);
            out.as_mut_vec().extend(body);
        }
        _ => out.as_mut_vec().extend(UNREFINED),
    }
}

fn body(refinements: &Refinements) -> Vec<u8> {
    let mut entries = 0;
    let mut out = ByteBuf::new();
    let mut key = |out: &mut ByteBuf, key| {
        entries += 1;
        let Ok(_) = encode::write_sint(out, key);
    };
    if let Some(nullable) = refinements.nullable {
        key(&mut out, NULLABLE);
        let Ok(()) = encode::write_bool(&mut out, nullable);
    }
    if let Some(prefix) = &refinements.prefix {
        key(&mut out, PREFIX);
        write_text(&mut out, prefix);
    }
    for (name, bound) in [(LOWER, &refinements.lower), (UPPER, &refinements.upper)] {
        if let Some((number, inclusive)) = bound {
            key(&mut out, name);
            let Ok(_) = encode::write_array_len(&mut out, 2);
            write_number(&mut out, number);
            let Ok(()) = encode::write_bool(&mut out, *inclusive);
        }
    }
    for (name, length) in [
        (LEAST_LENGTH, refinements.min_length),
        (GREATEST_LENGTH, refinements.max_length),
    ] {
        if let Some(length) = length {
            key(&mut out, name);
            let Ok(_) = encode::write_sint(&mut out, length);
        }
    }
    let mut body = ByteBuf::new();
    let Ok(_) = encode::write_map_len(&mut body, entries);
    body.as_mut_vec().extend(out.into_vec());
    body.into_vec()
}
