//! The values of a template as Go reads them.

use serde_json::Value;

/// Returns the items of a list with their indexes. There are none if the value is not a list.
pub(super) fn items(list: Option<&Value>) -> impl Iterator<Item = (usize, &Value)> {
    list.and_then(Value::as_array).into_iter().flatten().enumerate()
}

/// Returns whether a string is not set. Go does not distinguish a missing, a null and an empty one.
pub(super) fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str() == Some(""),
    }
}

/// Returns whether a string is set.
pub(super) fn is_set(value: Option<&Value>) -> bool {
    !is_unset(value)
}
