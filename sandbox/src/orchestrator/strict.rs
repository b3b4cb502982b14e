//! Decodes as the service does: a missing field or a wrong type is a 400 that names the path, and so is an
//! unknown field where the service decodes strictly.

use regex_lite::Regex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::ApiError;

/// Reads a request's body, which must be a JSON object. The error is a 400.
pub(super) fn parse_body(body: &[u8]) -> Result<Value, ApiError> {
    let body = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("the request body is not JSON: {error}")))?;
    check_object(&body, "request body")?;
    Ok(body)
}

/// Refuses a list in place of an object, because serde accepts one as a struct's fields in order.
pub(super) fn check_object(value: &Value, path: &str) -> Result<(), ApiError> {
    if value.is_array() {
        return Err(ApiError::invalid(path, "invalid type: sequence, expected an object"));
    }
    Ok(())
}

/// Decodes `value`, which is at the path `at` of the body (empty for the body itself), and refuses every field that `T`
/// does not have.
pub(super) fn decode<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T, ApiError> {
    let (decoded, unknown) = decode_known(value, at)?;
    match unknown.first() {
        Some(field) => Err(ApiError::invalid(&join(at, field), "unknown field")),
        None => Ok(decoded),
    }
}

/// Decodes `value`, which is at the path `at` of the body, and ignores fields that `T` does not have.
pub(super) fn decode_lenient<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T, ApiError> {
    decode_known(value, at).map(|(decoded, _)| decoded)
}

/// Returns the value, and the paths of the fields that `T` does not have.
fn decode_known<T: DeserializeOwned>(value: &Value, at: &str) -> Result<(T, Vec<String>), ApiError> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let decoded = serde_ignored::deserialize(serde_path_to_error::Deserializer::new(value, &mut track), |path| {
        unknown.push(without_options(&path.to_string()))
    });
    match decoded {
        Ok(decoded) => Ok((decoded, unknown)),
        Err(error) => Err(ApiError::invalid(
            &join(at, &without_options(&track.path().to_string())),
            error,
        )),
    }
}

/// Decodes a field that can be absent, but must not be null: the service's fields are optional, not nullable.
pub(super) fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Checks that the whole `value` matches `pattern`, which has its own anchors.
pub(super) fn matches(path: &str, value: &str, pattern: &str) -> Result<(), ApiError> {
    let regex = Regex::new(pattern).expect("the API's patterns are valid regular expressions");
    if regex.is_match(value) {
        Ok(())
    } else {
        Err(ApiError::invalid(
            path,
            format!("{value:?} does not match the pattern {pattern}"),
        ))
    }
}

/// Returns the path of `field` below the path `at`. Either can be empty, or serde's `.` for "here".
fn join(at: &str, field: &str) -> String {
    match (at, field) {
        ("", "" | ".") => "request body".to_owned(),
        ("", field) => field.to_owned(),
        (at, "" | ".") => at.to_owned(),
        (at, field) => format!("{at}.{field}"),
    }
}

/// Removes the `?` segments that both crates write for each `Option`, because users do not know them.
fn without_options(path: &str) -> String {
    path.split('.')
        .filter(|segment| *segment != "?")
        .collect::<Vec<_>>()
        .join(".")
}
