//! An answer of the API, and what it says.

use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::lookup::Token;
use super::request::Call;

/// How much of an unknown text is shown.
const EXCERPT: usize = 200;

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) call: Box<Call>,
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: String,
    /// The token of the request, which the answer must not bring into a message.
    pub(super) token: Option<Token>,
}

/// The API's own error: `{"error": "HTTP-404", "message": "…"}`.
#[derive(Deserialize)]
struct ApiError {
    error: String,
    message: String,
}

impl Answer {
    /// The value in the answer, which must have this status.
    pub(super) fn json<T: DeserializeOwned>(self, status: u16) -> Result<(Box<Call>, T), Error> {
        let answer = self.expect(status)?;
        match serde_json::from_str(&answer.body) {
            Ok(value) => Ok((answer.call, value)),
            Err(error) => {
                let why = answer.without_token(format!("{error}{}", quoted(&answer.body)));
                Err(undecodable(answer.call, answer.status, &why))
            }
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

    /// A server may repeat in its text what it was sent.
    fn without_token(&self, text: String) -> String {
        match &self.token {
            Some(token) => text.replace(token.secret.expose_secret(), "(the token)"),
            None => text,
        }
    }

    /// What an answer that is not the expected one means.
    fn into_error(self) -> Error {
        let own = serde_json::from_str::<ApiError>(&self.body).ok();
        // A gateway's JSON may look much like the API's; the code tells them apart.
        let is_own = own
            .as_ref()
            .is_some_and(|own| own.error.starts_with("HTTP-"));
        let message =
            self.without_token(own.map_or_else(|| excerpt(&self.body), |own| own.message));
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
                token_from: self.token.map(|token| token.source),
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

pub(super) fn undecodable(call: Box<Call>, status: u16, why: &str) -> Error {
    Error::Undecodable {
        call,
        status,
        why: why.to_owned(),
    }
}

fn quoted(body: &str) -> String {
    match excerpt(body) {
        text if text.is_empty() => String::new(),
        text => format!(" in the answer that begins with: {text}"),
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
