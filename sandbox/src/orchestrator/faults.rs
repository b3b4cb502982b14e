//! Faults: what goes wrong in a request, in the service, and in a response.
//!
//! As JSON, for the admin interface and the command line, a rule is
//!
//! ```json
//! {
//!   "method": "POST",
//!   "path": "/runners",
//!   "after": 2,
//!   "times": 1,
//!   "fault": { "kind": "status", "status": 503, "retry_after": "1", "body": "html", "when": "after-work" }
//! }
//! ```
//!
//! Everything except `fault` is optional. The fault of the rule above happens once, to the third POST whose path and query
//! contain `/runners`; without `times` it would happen to all that follow. The rules are tried in the order in which they
//! were added, and the first one that is due applies. A rule that matches a request, but has not begun yet or is used up,
//! counts the request and passes it to the next rule. The faults are
//!
//! | `kind` | fields | what happens |
//! | --- | --- | --- |
//! | `delay` | `ms`, `when` | the request waits before the work, or its response after it |
//! | `status` | `status`, `retry_after`, `body`, `message`, `when` | this status instead of the response; with `when: "after-work"` the work is still done |
//! | `disconnect` | `reset`, `when` | the connection is closed (or reset) without a response |
//! | `cut-off` | | the work is done; half of the response's body is sent, then the connection is closed |
//! | `truncated-json` | | the work is done; the response is complete HTTP, but its JSON is cut in half |
//! | `oversized` | `bytes` | the work is done; spaces before the response's JSON make it longer than `bytes` (default 4 MiB) |
//! | `redirect` | `status`, `location` | a redirect (default 307) instead of the work |
//!
//! `when` is `before-work` (the default) or `after-work`: after the work, only the response is lost.
//! `body` is `json` (the default: the API's error form, with `message`), `html` or `empty`;
//! `{"kind": "status", "status": 200, "body": "html"}` is a proxy's login page.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::connection::Breaker;
use super::error::ApiError;

/// The largest response that a client should accept: 4 MiB.
const CAP: usize = 4 * 1024 * 1024;
const HTML: &str = "<!DOCTYPE html><html><head><title>Gateway</title></head>\
    <body><h1>The gateway has a page for you</h1></body></html>";

/// The requests to which a fault happens. See the [module](self) for the JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The method. `None` means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A part of the path and query. `None` means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many matching requests pass before the fault happens.
    #[serde(default)]
    pub after: u32,
    /// How often the fault happens. `None` means to all requests that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The fault.
    pub fault: Fault,
}

impl FaultRule {
    /// Creates a rule for every request. The other methods restrict it.
    pub fn new(fault: Fault) -> Self {
        Self {
            method: None,
            path: None,
            after: 0,
            times: None,
            fault,
        }
    }

    /// Restricts the rule to requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Restricts the rule to requests whose path and query contain `part`.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// Lets the first `count` matching requests pass.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.after = count;
        self
    }

    /// Makes the fault happen `count` times, and then no more.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// What goes wrong. See the [module](self) for the JSON form of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// A wait. The work is done even if the client leaves during it.
    Delay {
        /// How long, in milliseconds.
        ms: u64,
        /// Before or after the work.
        #[serde(default)]
        when: When,
    },
    /// Another response than the API's.
    Status {
        /// From 200 to 599.
        #[serde(deserialize_with = "status_code")]
        status: u16,
        /// The `Retry-After` header: seconds or an HTTP date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// The body of the response.
        #[serde(default)]
        body: BodyKind,
        /// The message of a JSON body. `None` means a sentence that names the fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Instead of the work, or after it.
        #[serde(default)]
        when: When,
    },
    /// No response: the connection is closed.
    Disconnect {
        /// With a reset (RST) instead of an orderly close.
        #[serde(default)]
        reset: bool,
        /// Instead of the work, or after it.
        #[serde(default)]
        when: When,
    },
    /// After the work: the head of the response and half of its body, then the connection is closed.
    // The braces make serde refuse fields that have no meaning here.
    CutOff {},
    /// After the work: a complete response with the first half of the JSON.
    TruncatedJson {},
    /// After the work: the response, with spaces before it that make it longer than `bytes`.
    Oversized {
        /// The length in bytes that it exceeds by at least one.
        #[serde(default = "cap")]
        bytes: usize,
    },
    /// Instead of the work: a redirect.
    Redirect {
        /// A 3xx status.
        #[serde(default = "temporary_redirect", deserialize_with = "status_code")]
        status: u16,
        /// Its target.
        location: String,
    },
}

impl Fault {
    /// Creates a fault with this status before the work, with the API's error as its body and without `Retry-After`.
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            body: BodyKind::Json,
            message: None,
            when: When::BeforeWork,
        }
    }
}

/// Whether a fault happens before or after the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The service does not receive the request.
    #[default]
    BeforeWork,
    /// The work is done, and its response is lost or late.
    AfterWork,
}

/// The body of a [`Fault::Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// The API's error.
    #[default]
    Json,
    /// An HTML page, as a proxy returns it.
    Html,
    /// Nothing.
    Empty,
}

fn cap() -> usize {
    CAP
}

fn temporary_redirect() -> u16 {
    StatusCode::TEMPORARY_REDIRECT.as_u16()
}

fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (200..=599).contains(&status) {
        Ok(status)
    } else {
        Err(serde::de::Error::custom("a status is from 200 to 599"))
    }
}

/// A rule with its counts so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultCount {
    /// The rule.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How many requests matched.
    pub matched: u32,
    /// How many of them the fault happened to.
    pub struck: u32,
}

/// The rules that are set.
#[derive(Default)]
pub struct FaultRules(Mutex<Vec<FaultCount>>);

impl FaultRules {
    /// Adds a rule after the existing ones.
    pub fn add(&self, rule: FaultRule) {
        self.lock().push(FaultCount {
            rule,
            matched: 0,
            struck: 0,
        });
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Returns the rules with their counts, in the order in which they are tried.
    pub fn list(&self) -> Vec<FaultCount> {
        self.lock().clone()
    }

    /// Returns the fault for this request, if a rule is due.
    pub(super) fn strike(&self, method: &str, path: &str) -> Option<Fault> {
        for count in self.lock().iter_mut() {
            if !count.rule.matches(method, path) {
                continue;
            }
            count.matched += 1;
            let begun = count.matched > count.rule.after;
            let used_up = count.rule.times.is_some_and(|times| count.struck >= times);
            if begun && !used_up {
                count.struck += 1;
                return Some(count.rule.fault.clone());
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FaultCount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens to a request before or after the work.
pub(super) enum Outcome {
    /// It continues to the work, or this response goes to the client.
    Respond(Response),
    /// The client gets no response.
    Broken,
}

impl Fault {
    /// Applies the fault before the work. `None` means that the work is done.
    pub(super) async fn before_work(&self, connection: &Breaker) -> Option<Outcome> {
        match self {
            Self::Delay {
                ms,
                when: When::BeforeWork,
            } => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                None
            }
            Self::Status {
                when: When::BeforeWork, ..
            }
            | Self::Redirect { .. } => self.other_response().map(Outcome::Respond),
            Self::Disconnect {
                reset,
                when: When::BeforeWork,
            } => {
                connection.break_off(*reset);
                Some(Outcome::Broken)
            }
            _ => None,
        }
    }

    /// Applies the fault to the response after the work.
    pub(super) async fn after_work(&self, response: Response, connection: &Breaker) -> Outcome {
        Outcome::Respond(match self {
            Self::Delay {
                ms,
                when: When::AfterWork,
            } => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                response
            }
            Self::Status {
                when: When::AfterWork, ..
            } => self.other_response().unwrap_or(response),
            Self::Disconnect {
                reset,
                when: When::AfterWork,
            } => {
                connection.break_off(*reset);
                return Outcome::Broken;
            }
            Self::CutOff {} => cut_off(response).await,
            Self::TruncatedJson {} => truncate(response).await,
            Self::Oversized { bytes } => oversize(response, *bytes).await,
            _ => response,
        })
    }

    fn other_response(&self) -> Option<Response> {
        match self {
            Self::Status {
                status,
                retry_after,
                body,
                message,
                ..
            } => {
                let status = known_status(*status);
                let mut response = match body {
                    BodyKind::Json => {
                        let message = message.as_deref().unwrap_or("a fault was set");
                        ApiError::new(status, message).into_response()
                    }
                    BodyKind::Html => (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], HTML).into_response(),
                    BodyKind::Empty => status.into_response(),
                };
                if let Some(value) = retry_after {
                    set_header(&mut response, RETRY_AFTER, value);
                }
                Some(response)
            }
            Self::Redirect { status, location } => {
                let mut response = known_status(*status).into_response();
                set_header(&mut response, LOCATION, location);
                Some(response)
            }
            _ => None,
        }
    }
}

/// Returns the status. A rule in Rust can contain any number, but the JSON form refuses one that is not a status.
fn known_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn set_header(response: &mut Response, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Returns a response with the first half of the body and the length of the whole. The server closes the connection,
/// because the body is too short.
async fn cut_off(response: Response) -> Response {
    let (mut response, body) = with_body(response).await;
    let half = body.slice(..body.len() / 2);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    // It is a stream, because a body with a known length must agree with the header. It pauses before its end, because
    // the server sends nothing of a response that fails at once.
    let (mut writer, reader) = tokio::io::duplex(half.len().max(1));
    tokio::spawn(async move {
        let _ = writer.write_all(&half).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    });
    *response.body_mut() = Body::from_stream(ReaderStream::new(reader));
    response
}

async fn truncate(response: Response) -> Response {
    let (mut response, body) = with_body(response).await;
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body.slice(..body.len() / 2));
    response
}

async fn oversize(response: Response, bytes: usize) -> Response {
    let (mut response, body) = with_body(response).await;
    let mut long = vec![b' '; bytes.saturating_add(1)];
    long.extend_from_slice(&body);
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(long);
    response
}

/// Splits a response into its head and its body. A response without a body (204) becomes a 200 with `{}`, so that there
/// is a body to damage.
async fn with_body(response: Response) -> (Response, Bytes) {
    let (mut parts, body) = response.into_parts();
    // The API's own responses are already in memory, so reading one cannot fail.
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.is_empty() {
        parts.status = StatusCode::OK;
        body = Bytes::from_static(b"{}");
    }
    (Response::from_parts(parts, Body::empty()), body)
}
