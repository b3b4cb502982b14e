//! Values and types as Terraform writes them: msgpack between it and a provider, JSON in saved
//! states and for types. The formats are go-cty's.
//!
//! Texts pass as they are. Terraform normalizes them (Unicode NFC) by its own tables when it reads them, and tables of another
//! Unicode version would make another text of what it has normalized already.

mod decode;
mod encode;
mod json;
mod refinements;
mod types;

pub use decode::decode;
pub use encode::encode;
pub use json::{Undefined, decode_json};

pub use crate::plugin::place::ValueError;
