//! A response of the API, and what it says.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::call::Call;
use super::error::ApiError;
use super::settings::SettingSource;
use crate::secrets::{redact, redacted};

/// How many characters of an unknown text are shown.
const EXCERPT: usize = 200;

/// How many characters of a message of the API are shown. Its longest messages list environments or fields.
const LONGEST_MESSAGE: usize = 2_000;

/// A complete response with any status.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) call: Box<Call>,
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// The time at which the service responded, by its own clock.
    pub(super) date: Option<SystemTime>,
    pub(super) body: String,
    /// Where the token of the request came from.
    pub(super) token_from: Option<SettingSource>,
}

/// The API's own error: `{"error": "HTTP-404", "message": "…", "details": {…}?}`.
struct ErrorBody {
    code: String,
    message: String,
    /// What the caller has no permission for, each as `PERMISSION on RESOURCE`.
    denied: Vec<String>,
}

impl ErrorBody {
    fn read(body: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(body).ok()?;
        let text = |key| Some(fields.get(key)?.as_str()?.to_owned());
        // The message of a 403 is only `Forbidden`. The details have the permissions that the caller lacks: control plane,
        // `innerCheck` in `internal/api/util.go`; IAM service, `InternalAuthorize` in `internal/api/authorize.go`.
        let details = fields.get("details");
        let failed = details.and_then(|details| details.get("failed_checks")?.as_array());
        let denied = failed.into_iter().flatten().filter_map(|check| {
            let (permission, resource) = (check.get("permission")?, check.get("resource")?);
            Some(format!("`{}` on `{}`", permission.as_str()?, resource.as_str()?))
        });
        Some(Self {
            code: text("error")?,
            message: text("message")?,
            denied: denied.collect(),
        })
    }

    /// Returns whether the API itself responded. The JSON of a gateway can look like the API's; the code distinguishes the
    /// two.
    fn is_from_api(&self) -> bool {
        self.code.starts_with("HTTP-")
    }

    /// Returns the message as it is shown.
    fn text(&self) -> String {
        if !self.is_from_api() {
            return excerpt(&redact(&self.message));
        }
        let mut text = self.message.clone();
        if !self.denied.is_empty() {
            let _ = write!(text, " (needs {})", self.denied.join(", "));
        }
        let text = redacted(text);
        let mut characters = text.chars().map(|character| match character {
            '\n' => '\n',
            other if other.is_control() => ' ',
            other => other,
        });
        let mut shown: String = characters.by_ref().take(LONGEST_MESSAGE).collect();
        if characters.next().is_some() {
            shown.push('…');
        }
        shown
    }
}

impl Response {
    /// Returns the JSON object in the response, which must have this status.
    pub(super) fn object(self, status: u16) -> Result<JsonObject, ApiError> {
        let response = self.expect(status)?;
        let read = serde_json::from_str::<Map<String, Value>>(&response.body);
        let (why, is_json) = match read {
            Ok(fields) => {
                let fields = Value::Object(fields);
                return Ok(JsonObject { response, fields });
            }
            Err(error) => (error.to_string(), error.is_data()),
        };
        let why = match response.excerpt() {
            text if text.is_empty() => "it is empty".to_owned(),
            // Incomplete JSON is part of an object of the API, and can contain what must not be shown.
            text if text.starts_with(['{', '[']) => why,
            text => format!("{why}; the response begins with: {text}"),
        };
        Err(response.undecodable(&why, is_json))
    }

    fn undecodable(&self, why: &str, is_json: bool) -> ApiError {
        ApiError::Undecodable {
            call: self.call.clone(),
            status: self.status,
            why: redacted(why),
            is_json,
        }
    }

    /// Returns the response itself if it has this status.
    pub(super) fn expect(self, status: u16) -> Result<Self, ApiError> {
        if self.status == status {
            Ok(self)
        } else {
            Err(self.into_error())
        }
    }

    /// Returns the beginning of the body. Credentials that the server repeats are removed first: a part of one
    /// could not be recognized anymore.
    fn excerpt(&self) -> String {
        excerpt(&redact(&self.body))
    }

    /// Returns what a response with an unexpected status means.
    fn into_error(self) -> ApiError {
        let api_error = ErrorBody::read(&self.body);
        let is_from_api = api_error.as_ref().is_some_and(ErrorBody::is_from_api);
        let message = match api_error {
            Some(error) => error.text(),
            None => self.excerpt(),
        };
        let Self {
            call,
            status,
            retry_after,
            token_from,
            date: _,
            body: _,
        } = self;
        match status {
            401 => ApiError::Unauthorized {
                call,
                message,
                token_from,
            },
            400..500 if is_from_api => ApiError::Refused {
                call,
                status,
                message,
                retry_after,
            },
            _ => ApiError::Unexpected {
                call,
                status,
                excerpt: message,
                retry_after,
            },
        }
    }
}

/// A JSON object in a response.
#[derive(Debug)]
pub(super) struct JsonObject {
    response: Response,
    pub(super) fields: Value,
}

impl JsonObject {
    /// Returns the object as a value of this type.
    pub(super) fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ApiError> {
        T::deserialize(&self.fields).map_err(|error| self.unexpected(&error.to_string()))
    }

    /// Returns how long ago the object was created, by the service's clock: the `Date` header and `created_at`, which
    /// runners and runner rules have (control plane, `openapi/spec.yaml`). `None` if the response lacks one of them.
    pub(super) fn age(&self) -> Option<Duration> {
        let created = self.fields.get("created_at")?.as_str()?;
        let created: jiff::Timestamp = created.parse().ok()?;
        let age = self.response.date?.duration_since(created.into());
        // The header has no fractions of a second.
        Some(age.unwrap_or_default())
    }

    /// Returns the error that the object is not the expected one. `why` is a clause.
    pub(super) fn unexpected(&self, why: &str) -> ApiError {
        self.response.undecodable(why, true)
    }
}

/// Returns the beginning of any text, without markup, control characters and repeated white space.
pub(super) fn excerpt(body: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    let mut in_tag = false;
    let mut blank = false;
    for character in body.chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                blank = true;
            }
            _ if in_tag => {}
            _ if character.is_whitespace() || character.is_control() => blank = true,
            _ => {
                if length >= EXCERPT {
                    text.push('…');
                    break;
                }
                if blank && !text.is_empty() {
                    text.push(' ');
                    length += 1;
                }
                blank = false;
                text.push(character);
                length += 1;
            }
        }
    }
    text
}

/// Returns the wait of a `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3). Any other value is ignored.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a wait that no budget allows.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_excerpt_is_short_and_has_no_markup() {
        assert_eq!(excerpt(""), "");
        assert_eq!(excerpt("<html><b>502</b> Bad\r\n\tGateway</html>"), "502 Bad Gateway");
        assert_eq!(excerpt("a \u{1b}[31m<b"), "a [31m");
        assert_eq!(excerpt("1 > 0"), "1 > 0");
        let long = excerpt(&"é".repeat(1000));
        assert_eq!(long, "é".repeat(200) + "…");
        assert_eq!(excerpt(&"a".repeat(200)), "a".repeat(200));
    }

    /// Returns the message of an error body as it is shown.
    fn message(body: &Value) -> String {
        ErrorBody::read(&body.to_string()).unwrap().text()
    }

    fn message_of(code: &str, text: &str) -> String {
        message(&json!({"error": code, "message": text}))
    }

    #[test]
    fn a_message_of_the_api_has_a_limit_and_no_control_characters() {
        let of_api = |message: &str| message_of("HTTP-400", message);
        assert_eq!(of_api("a: 1\nb: 2"), "a: 1\nb: 2");
        assert_eq!(of_api("a\u{1b}[31m\tb\r"), "a [31m b ");
        assert_eq!(of_api(&"é".repeat(2_000)), "é".repeat(2_000));
        assert_eq!(of_api(&"é".repeat(9_000)), "é".repeat(2_000) + "…");
        assert_eq!(message_of("gateway", "a\n<b>b"), "a b");
        assert_eq!(message_of("gateway", &"a".repeat(300)), "a".repeat(200) + "…");
    }

    #[test]
    fn a_refusal_names_the_permission() {
        let checks = json!([
            {"permission": "runner_write", "resource": "organization:my-org"},
            {"permission": "runner_read", "resource": "organization:my-org"},
        ]);
        let with = |details: Value| message(&json!({"error": "HTTP-403", "message": "Forbidden", "details": details}));
        assert_eq!(
            with(json!({"failed_checks": checks})),
            "Forbidden (needs `runner_write` on `organization:my-org`, `runner_read` on `organization:my-org`)"
        );
        for details in [
            json!(null),
            json!({}),
            json!({"failed_checks": "all"}),
            json!({"failed_checks": [{"permission": 1}, "x"]}),
        ] {
            assert_eq!(with(details), "Forbidden");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sunday, 06-Nov-94 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(value, now), expected, "{value:?}");
        }
    }
}
