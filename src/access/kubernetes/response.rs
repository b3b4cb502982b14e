//! The HTTP responses of a cluster's API.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use super::KubeResult;
use super::error::KubeError;
use crate::network::{chain, is_encoded};

/// The size of the largest response that is read, in bytes. An object has at most 1.5 MiB.
const MAX_RESPONSE: usize = 4 << 20;

/// The body of a response, and the API's warnings.
pub(super) type ResponseBody = (Bytes, Vec<String>);

/// Reads a response without an error.
///
/// # Errors
/// The API's own error, or why the response is not one of a Kubernetes API.
pub(super) async fn read(response: Response<kube::client::Body>) -> KubeResult<ResponseBody> {
    let status = response.status();
    if let Some(encoding) = encoding(response.headers()) {
        return Err(KubeError::Unreachable(format!(
            "its response has the content encoding {encoding:?}, which is not supported"
        )));
    }
    let warnings = response.headers().get_all(http::header::WARNING).iter();
    let warnings = warnings.filter_map(warning_text).collect();
    let bytes = Limited::new(response.into_body(), MAX_RESPONSE)
        .collect()
        .await
        .map_err(|error| body_error(error.as_ref()))?
        .to_bytes();
    if status.is_success() {
        Ok((bytes, warnings))
    } else {
        Err(refusal(status, &bytes))
    }
}

/// Returns the pause that a response requests. The API server sets the header in seconds (apiserver,
/// `server/filters/maxinflight.go` and `priority-and-fairness.go`).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Converts the error of reading a response's body.
fn body_error(error: &(dyn std::error::Error + 'static)) -> KubeError {
    KubeError::Unreachable(if error.is::<LengthLimitError>() {
        format!("the response is larger than {} MiB", MAX_RESPONSE >> 20)
    } else {
        chain(error)
    })
}

/// Parses the object of a response. A response without one comes from something in between, such as a proxy that opens
/// TLS.
pub(super) fn object(bytes: &[u8]) -> KubeResult<Value> {
    let unusable = |why: String| Err(KubeError::Unreachable(why));
    match serde_json::from_slice::<Value>(bytes) {
        // `/version` alone returns no object.
        Ok(object) if object["kind"].is_string() || object["gitVersion"].is_string() => Ok(object),
        Ok(_) => unusable("the response is not a Kubernetes API response".to_owned()),
        Err(error) => unusable(format!("the response is not JSON: {error}")),
    }
}

/// Returns the error of a response without success.
///
/// The API server's own errors are objects of kind Status (apimachinery, `meta/v1`), with two exceptions: for a group
/// that it does not serve it writes `404 page not found`, and it refuses too many requests in plain text (apiserver,
/// `server/filters`). For a status from 500 on it does not matter who sends it: none says anything about the runner.
fn refusal(status: StatusCode, bytes: &[u8]) -> KubeError {
    let error: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let code = status.as_u16();
    let from_api = |message: String| KubeError::Status { code, message };
    if error["kind"] == "Status" {
        let message = error["message"].as_str().map(str::to_owned);
        return from_api(message.unwrap_or_else(|| status.to_string()));
    }
    match code {
        404 if bytes.trim_ascii() == b"404 page not found" => from_api("404 page not found".to_owned()),
        429 | 500.. => from_api(status.to_string()),
        _ => KubeError::Unreachable(format!(
            "the response (status {status}) is not a Kubernetes API response"
        )),
    }
}

/// Returns the encoding of the content, although the request accepts none.
fn encoding(headers: &HeaderMap) -> Option<&str> {
    let encoding = headers.get(http::header::CONTENT_ENCODING)?.to_str().ok()?;
    is_encoded(encoding).then_some(encoding)
}

/// Returns the text of `299 - "text"`.
fn warning_text(header: &HeaderValue) -> Option<String> {
    let (_, text) = header.to_str().ok()?.split_once('"')?;
    let text = text.strip_suffix('"').unwrap_or(text);
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_read() {
        let header = HeaderValue::from_static(r#"299 - "would \"violate\" PodSecurity""#);
        assert_eq!(warning_text(&header).unwrap(), r#"would "violate" PodSecurity"#);
    }

    #[test]
    fn only_the_api_s_own_errors_are_read_as_such() {
        let read = |code, body: &str| refusal(StatusCode::from_u16(code).unwrap(), body.as_bytes());
        let status = r#"{"kind": "Status", "message": "no"}"#;
        for code in [401, 403, 404, 422, 500] {
            let message = "no".to_owned();
            assert_eq!(read(code, status), KubeError::Status { code, message });
        }
        assert!(read(404, "404 page not found\n").is_not_found());
        for body in [
            "<html>Blocked</html>",
            "",
            "404 page not found",
            r#"{"message": "blocked"}"#,
            r#"{"kind": "Error", "message": "blocked"}"#,
        ] {
            for code in [302, 401, 403, 407] {
                let error = read(code, body);
                assert!(matches!(error, KubeError::Unreachable(_)), "{code} {body}");
            }
        }
        assert!(!read(404, "<html>404 page not found</html>").is_not_found());
        // The API is busy, whatever its words are.
        for code in [429, 502, 503] {
            assert!(matches!(
                read(code, "Too many requests, please try again later."),
                KubeError::Status { .. }
            ));
        }
    }

    #[test]
    fn only_an_object_is_a_usable_response() {
        assert!(object(br#"{"kind": "Namespace"}"#).is_ok());
        assert!(object(br#"{"gitVersion": "v1.34.0"}"#).is_ok());
        for body in ["{}", "[]", r#""ok""#, r#"{"error": "blocked"}"#, "<html>"] {
            let read = object(body.as_bytes());
            assert!(matches!(read, Err(KubeError::Unreachable(_))), "{body}");
        }
    }
}
