//! Values in requests and responses.

use super::proto::DynamicValue;
use crate::codec::{self, Undefined, ValueError};
use crate::diagnostic::{Diagnostic, report_to};
use crate::value::{Type, Value};

/// Decodes a value of a request, which can contain unknown values. `what` names it in the error.
///
/// # Errors
/// Returns the diagnostic to show if the value is missing, does not have the type `ty`, or is unknown as a whole.
pub(super) fn decode(value: Option<&DynamicValue>, ty: &Type, what: &str) -> Result<Value, Diagnostic> {
    let value = value.filter(|value| !value.msgpack.is_empty() || !value.json.is_empty());
    let value = value.ok_or_else(|| unreadable(what, "it is missing"))?;
    match decode_argument(value, ty) {
        Ok(Value::Unknown(_)) => Err(unreadable(what, "the whole value is unknown")),
        Ok(value) => Ok(value),
        Err(error) => Err(unreadable(what, error)),
    }
}

/// Decodes a value of a request, which must not contain unknown values. `what` names it in the error.
///
/// # Errors
/// Returns the diagnostic to show in the cases of [`decode`], and if a part of the value is unknown.
pub(super) fn decode_known(value: Option<&DynamicValue>, ty: &Type, what: &str) -> Result<Value, Diagnostic> {
    let value = decode(value, ty, what)?;
    if value.is_wholly_known() {
        Ok(value)
    } else {
        Err(unreadable(
            what,
            "it contains unknown values, which are not allowed here",
        ))
    }
}

/// Decodes an argument of a function, which can be unknown as a whole.
///
/// # Errors
/// Returns an error if the value does not have the type `ty`.
pub(super) fn decode_argument(value: &DynamicValue, ty: &Type) -> Result<Value, ValueError> {
    if value.msgpack.is_empty() {
        codec::decode_json(&value.json, ty, Undefined::Refuse)
    } else {
        codec::decode(&value.msgpack, ty)
    }
}

/// Encodes a value of a response, which can contain unknown values. `what` names it in the error.
///
/// # Errors
/// Returns the diagnostic to show if the value does not have the type `ty`.
pub(super) fn encode(value: &Value, ty: &Type, what: &str) -> Result<DynamicValue, Diagnostic> {
    match codec::encode(value, ty) {
        Ok(msgpack) => Ok(DynamicValue {
            msgpack,
            json: Vec::new(),
        }),
        Err(error) => Err(Diagnostic::bug(format!(
            "The provider returned a {what} that does not match its own schema: {error}"
        ))),
    }
}

/// Encodes a value of a response, which must not contain unknown values. `what` names it in the error.
///
/// # Errors
/// Returns the diagnostic to show in the cases of [`encode`], and if a part of the value is unknown.
pub(super) fn encode_known(value: &Value, ty: &Type, what: &str) -> Result<DynamicValue, Diagnostic> {
    if value.is_wholly_known() {
        encode(value, ty, what)
    } else {
        Err(Diagnostic::bug(format!(
            "The provider returned a {what} that contains unknown values"
        )))
    }
}

fn unreadable(what: &str, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        format!("Could not read the {what}"),
        format!(
            "The value that Terraform sent does not match the provider's schema: {why}.\n\nNothing was changed. To \
             fix it: run \"init -upgrade\", so that both use the same version of the provider, and try again. If that \
             does not help, report it{} as a bug in the provider.",
            report_to()
        ),
    )
}
