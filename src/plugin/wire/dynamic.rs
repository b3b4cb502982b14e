//! Values on the wire.

use crate::plugin::codec::{self, Undefined};
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::value::{Type, Value};

use super::proto::DynamicValue;

/// Reads `what`, a value of a request that may hold unknown values.
///
/// # Errors
/// Where it is not there, or no value of the type `ty`, or unknown as a whole.
pub(super) fn decode(
    value: Option<&DynamicValue>,
    ty: &Type,
    what: &str,
) -> Result<Value, Diagnostic> {
    let decoded = match value {
        Some(value) if !value.msgpack.is_empty() => codec::decode(&value.msgpack, ty),
        Some(value) if !value.json.is_empty() => {
            codec::decode_json(&value.json, ty, Undefined::Refuse)
        }
        _ => return Err(unreadable(what, "it is missing")),
    };
    match decoded {
        Ok(Value::Unknown(_)) => Err(unreadable(what, "it is unknown as a whole")),
        Ok(value) => Ok(value),
        Err(error) => Err(unreadable(what, error)),
    }
}

/// Reads `what`, a value of a request in which nothing is unknown.
///
/// # Errors
/// As [`decode`], and where something is unknown.
pub(super) fn decode_known(
    value: Option<&DynamicValue>,
    ty: &Type,
    what: &str,
) -> Result<Value, Diagnostic> {
    let value = decode(value, ty, what)?;
    if value.is_wholly_known() {
        Ok(value)
    } else {
        Err(unreadable(
            what,
            "it holds unknown values, which it may not",
        ))
    }
}

/// Writes `what`, a value of an answer that may hold unknown values.
///
/// # Errors
/// Where it is no value of the type `ty`.
pub(super) fn encode(value: &Value, ty: &Type, what: &str) -> Result<DynamicValue, Diagnostic> {
    match codec::encode(value, ty) {
        Ok(msgpack) => Ok(DynamicValue {
            msgpack,
            json: Vec::new(),
        }),
        Err(error) => Err(Diagnostic::bug(format!(
            "The provider answered a {what} that does not fit its own schema: {error}"
        ))),
    }
}

/// Writes `what`, a value of an answer in which nothing is unknown.
///
/// # Errors
/// As [`encode`], and where something is unknown.
pub(super) fn encode_known(
    value: &Value,
    ty: &Type,
    what: &str,
) -> Result<DynamicValue, Diagnostic> {
    if value.is_wholly_known() {
        encode(value, ty, what)
    } else {
        Err(Diagnostic::bug(format!(
            "The provider answered a {what} that holds unknown values"
        )))
    }
}

fn unreadable(what: &str, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        format!("The {what} cannot be read"),
        format!(
            "What Terraform sent does not fit the provider's schema: {why}.\n\n\
             Nothing was changed. Run \"init -upgrade\", so that both use the same version of the \
             provider, and try again. If that does not help, please report this as a bug in the \
             provider."
        ),
    )
}
