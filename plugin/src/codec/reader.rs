//! Reading MessagePack, item by item.
//!
//! Nothing is allocated before the input has been read, so a length that the input does not contain costs nothing.

use rmp::Marker;
use rmp::decode::{self, Bytes};

use crate::location::{Location, ValueError};
use crate::number::Number;

/// The part of a message that has not been read yet.
pub(super) struct Reader<'a> {
    input: Bytes<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input: Bytes::new(input),
        }
    }

    /// Returns how many bytes have not been read yet.
    pub(super) fn remaining(&self) -> usize {
        self.input.remaining_slice().len()
    }

    /// Returns the marker of the next item, without reading it.
    pub(super) fn marker(&self, at: Location<'_>) -> Result<Marker, ValueError> {
        let first = self.input.remaining_slice().first();
        first.map(|byte| Marker::from_u8(*byte)).ok_or_else(|| cut_short(at))
    }

    /// Reads a nil.
    pub(super) fn nil(&mut self, at: Location<'_>) -> Result<(), ValueError> {
        decode::read_nil(&mut self.input).map_err(|_| cut_short(at))
    }

    /// Reads a number, which is an integer, a float, or a decimal string.
    pub(super) fn number(&mut self, at: Location<'_>) -> Result<Number, ValueError> {
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
        Number::from_f64(float.map_err(|_| cut_short(at))?).ok_or_else(|| at.error("the number is not finite"))
    }

    /// Reads an integer that fits into 64 bits.
    pub(super) fn integer(&mut self, at: Location<'_>) -> Result<i64, ValueError> {
        let marker = self.marker(at)?;
        decode::read_int(&mut self.input).map_err(|_| mistyped(at, "a number", marker))
    }

    /// Reads a boolean.
    pub(super) fn boolean(&mut self, at: Location<'_>) -> Result<bool, ValueError> {
        let marker = self.marker(at)?;
        decode::read_bool(&mut self.input).map_err(|_| mistyped(at, "a boolean", marker))
    }

    /// Reads a string, which can also be encoded as binary.
    pub(super) fn text(&mut self, at: Location<'_>) -> Result<&'a str, ValueError> {
        let length = match self.marker(at)? {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => decode::read_bin_len(&mut self.input),
            marker if is_text(marker) => decode::read_str_len(&mut self.input),
            marker => return Err(mistyped(at, "a string", marker)),
        };
        let length = length.map_err(|_| cut_short(at))?;
        std::str::from_utf8(self.bytes(length, at)?).map_err(|_| at.error("the string is not valid UTF-8"))
    }

    /// Reads the head of an array, and returns how many elements follow.
    pub(super) fn array(&mut self, at: Location<'_>) -> Result<usize, ValueError> {
        let marker = self.marker(at)?;
        let length = decode::read_array_len(&mut self.input);
        let length = length.map_err(|_| mistyped(at, "an array", marker))?;
        // Each element has at least one byte.
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.remaining())
            .ok_or_else(|| cut_short(at))
    }

    /// Reads the head of a map, and returns how many pairs of a key and a value follow.
    pub(super) fn map(&mut self, at: Location<'_>) -> Result<usize, ValueError> {
        let marker = self.marker(at)?;
        let length = decode::read_map_len(&mut self.input);
        let length = length.map_err(|_| mistyped(at, "a map", marker))?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.remaining() / 2)
            .ok_or_else(|| cut_short(at))
    }

    /// Skips one item of any kind.
    pub(super) fn skip(&mut self, at: Location<'_>) -> Result<(), ValueError> {
        let mut pending = 1;
        while pending > 0 {
            pending -= 1;
            match self.marker(at)? {
                Marker::Null => self.nil(at)?,
                Marker::True | Marker::False => drop(self.boolean(at)?),
                marker if is_array(marker) => pending += self.array(at)?,
                marker if is_map(marker) => pending += 2 * self.map(at)?,
                marker if is_text(marker) => drop(self.text(at)?),
                marker if is_extension(marker) => drop(self.extension(at)?),
                _ => drop(self.number(at)?),
            }
        }
        Ok(())
    }

    /// Reads an extension, if the next item is one, and returns its type and its bytes.
    pub(super) fn extension(&mut self, at: Location<'_>) -> Result<Option<(i8, &'a [u8])>, ValueError> {
        if !is_extension(self.marker(at)?) {
            return Ok(None);
        }
        let head = decode::read_ext_meta(&mut self.input).map_err(|_| cut_short(at))?;
        Ok(Some((head.typeid, self.bytes(head.size, at)?)))
    }

    fn bytes(&mut self, length: u32, at: Location<'_>) -> Result<&'a [u8], ValueError> {
        let rest = self.input.remaining_slice();
        let (taken, rest) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| cut_short(at))?;
        self.input = Bytes::new(rest);
        Ok(taken)
    }
}

fn cut_short(at: Location<'_>) -> ValueError {
    at.error("the message ends in the middle of a value")
}

fn mistyped(at: Location<'_>, expected: &str, found: Marker) -> ValueError {
    let found = match found {
        Marker::Null => "null",
        Marker::True | Marker::False => "a boolean",
        marker if is_array(marker) => "an array",
        marker if is_map(marker) => "a map",
        marker if is_text(marker) => "a string",
        marker if is_extension(marker) => "an unknown value",
        Marker::Reserved => "a reserved byte",
        _ => "a number",
    };
    at.error(format!("expected {expected}, found {found}"))
}

fn is_text(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 | Marker::Bin8 | Marker::Bin16 | Marker::Bin32
    )
}

fn is_array(marker: Marker) -> bool {
    matches!(marker, Marker::FixArray(_) | Marker::Array16 | Marker::Array32)
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
