//! A response of the API, and what it says.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::Error;
use super::lookup::Source;
use super::request::Call;
use crate::secrets::{redact, redacted};

/// How much of an unknown text is shown.
const EXCERPT: usize = 200;

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) call: Box<Call>,
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: String,
    /// Where the token of the request came from.
    pub(super) token_from: Option<Source>,
}

/// The API's own error: `{"error": "HTTP-404", "message": "…"}`.
struct ApiError {
    code: String,
    message: String,
}

impl ApiError {
    fn read(body: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(body).ok()?;
        let text = |key| Some(fields.get(key)?.as_str()?.to_owned());
        Some(Self {
            code: text("error")?,
            message: text("message")?,
        })
    }
}

impl Answer {
    /// The JSON object in the answer, which must have this status.
    pub(super) fn object(self, status: u16) -> Result<Object, Error> {
        let answer = self.expect(status)?;
        let read = serde_json::from_str::<Map<String, Value>>(&answer.body);
        let (why, is_json) = match read {
            Ok(fields) => {
                let fields = Value::Object(fields);
                return Ok(Object { answer, fields });
            }
            Err(error) => (error.to_string(), error.is_data()),
        };
        let why = match answer.excerpt() {
            text if text.is_empty() => "it is empty".to_owned(),
            // JSON that breaks off has been the runner's, and may hold what is not to be shown.
            text if text.starts_with(['{', '[']) => why,
            text => format!("{why}, in the text that begins with: {text}"),
        };
        Err(answer.undecodable(&why, is_json))
    }

    fn undecodable(&self, why: &str, is_json: bool) -> Error {
        Error::Undecodable {
            call: self.call.clone(),
            status: self.status,
            why: redacted(why),
            is_json,
        }
    }

    /// The answer itself if it has this status.
    pub(super) fn expect(self, status: u16) -> Result<Self, Error> {
        if self.status == status {
            Ok(self)
        } else {
            Err(self.into_error())
        }
    }

    /// The beginning of the body. Credentials that the server repeats go first: a part of them
    /// could no longer be recognized.
    fn excerpt(&self) -> String {
        excerpt(&redact(&self.body))
    }

    /// What an answer that is not the expected one means.
    fn into_error(self) -> Error {
        let own = ApiError::read(&self.body);
        // A gateway's JSON may look much like the API's; the code tells them apart.
        let is_own = own
            .as_ref()
            .is_some_and(|own| own.code.starts_with("HTTP-"));
        let message = match own {
            Some(own) => redacted(own.message),
            None => self.excerpt(),
        };
        let Self {
            call,
            status,
            retry_after,
            ..
        } = self;
        match status {
            401 => Error::Unauthorized {
                call,
                message,
                token_from: self.token_from,
            },
            400..500 if is_own => Error::Refused {
                call,
                status,
                message,
                retry_after,
            },
            _ => Error::Unexpected {
                call,
                status,
                excerpt: message,
                retry_after,
            },
        }
    }
}

/// A JSON object that an answer brought.
pub(super) struct Object {
    answer: Answer,
    pub(super) fields: Value,
}

impl Object {
    /// The object as a value of this type.
    pub(super) fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        T::deserialize(&self.fields).map_err(|error| self.wrong(&error.to_string()))
    }

    /// The error that the object is not what it should be.
    pub(super) fn wrong(&self, why: &str) -> Error {
        self.answer.undecodable(why, true)
    }
}

/// The beginning of a text that may be anything: markup, blanks and control characters left out.
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

/// A `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3). Anything else is as if it were
/// not there.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a wait that no budget allows.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_plain() {
        assert_eq!(excerpt(""), "");
        assert_eq!(
            excerpt("<html><b>502</b> Bad\r\n\tGateway</html>"),
            "502 Bad Gateway"
        );
        assert_eq!(excerpt("a \u{1b}[31m<b"), "a [31m");
        assert_eq!(excerpt("1 > 0"), "1 > 0");
        let long = excerpt(&"é".repeat(1000));
        assert_eq!(long, "é".repeat(200) + "…");
        assert_eq!(excerpt(&"a".repeat(200)), "a".repeat(200));
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
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
