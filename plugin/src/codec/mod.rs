//! The encodings of values and types: MessagePack between Terraform and a provider, and JSON in saved states and for
//! types. The formats are those of go-cty.
//!
//! Strings are not normalized. Terraform normalizes strings (Unicode NFC) by its own tables when it reads them, and the
//! tables of another Unicode version would change strings that Terraform has normalized already.

mod decode;
mod encode;
mod json;
mod reader;
mod refinements;
mod types;
mod writer;

pub use decode::decode;
pub use encode::encode;
pub use json::{Undefined, decode_json};

pub use crate::location::ValueError;
