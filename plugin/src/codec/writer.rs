//! Writing MessagePack, item by item.
//!
//! Writing to memory cannot fail: the error types have no values.

use rmp::encode::{self, ByteBuf};

use crate::number::Number;

pub(super) fn write_number(out: &mut ByteBuf, number: &Number) {
    match number {
        Number::Integer(integer) => {
            let Ok(_) = encode::write_sint(out, *integer);
        }
        Number::Float(float) => {
            let Ok(()) = encode::write_f64(out, *float);
        }
        Number::Decimal(decimal) => write_text(out, decimal),
    }
}

pub(super) fn write_text(out: &mut ByteBuf, text: &str) {
    let Ok(()) = encode::write_str(out, text);
}
