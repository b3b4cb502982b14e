//! Values and types as Terraform writes them: msgpack between it and a provider, JSON in saved
//! states and for types. The formats are go-cty's.

mod decode;
mod encode;
mod json;
mod refinements;
mod types;

pub use decode::decode;
pub use encode::encode;
pub use json::{Undefined, decode_json};

pub use crate::plugin::place::ValueError;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The text in Unicode NFC, in which all of Terraform's strings are.
pub(super) fn normalized(text: &str) -> String {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        _ => text.nfc().collect(),
    }
}
