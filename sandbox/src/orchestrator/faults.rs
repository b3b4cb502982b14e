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
//! Everything but `fault` is optional: the rule above strikes the third POST whose path and query
//! contain `/runners`, once; without `times` it would strike for ever. The rules are tried in the
//! order in which they were added, and the first that is due strikes; one that matches a request
//! but has not begun yet, or is used up, counts it and leaves it to the next. The faults are
//!
//! | `kind` | fields | what happens |
//! | --- | --- | --- |
//! | `delay` | `ms`, `when` | the request waits before the work, or its answer after it |
//! | `status` | `status`, `retry_after`, `body`, `message`, `when` | this status instead of the answer; with `when: "after-work"` the work is done all the same |
//! | `disconnect` | `reset`, `when` | the connection is closed (or reset) without an answer |
//! | `cut-off` | | the work is done; half of the answer's body comes, then the connection is closed |
//! | `truncated-json` | | the work is done; the answer is whole HTTP, its JSON is cut in half |
//! | `oversized` | `bytes` | the work is done; spaces in front of the answer's JSON make it longer than `bytes` (default 4 MiB) |
//! | `redirect` | `status`, `location` | a redirect (default 307) instead of the work |
//!
//! `when` is `before-work` (the default) or `after-work`: after the work, only the answer is lost.
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

/// The largest answer that a client should take: 4 MiB.
const CAP: usize = 4 * 1024 * 1024;
const HTML: &str = "<!DOCTYPE html><html><head><title>Gateway</title></head>\
    <body><h1>The gateway has a page for you</h1></body></html>";

/// Which requests a fault strikes. See the [module](self) for the JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The method; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A part of the path and query; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many matching requests pass before the first is struck.
    #[serde(default)]
    pub after: u32,
    /// How many are struck; `None`: all that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What strikes them.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule that strikes every request, to be narrowed by the other methods.
    pub fn new(fault: Fault) -> Self {
        Self {
            method: None,
            path: None,
            after: 0,
            times: None,
            fault,
        }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests whose path and query contain `part`.
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

    /// Strikes `count` requests and then no more.
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
    /// Another answer than the API's.
    Status {
        /// From 200 to 599.
        #[serde(deserialize_with = "status_code")]
        status: u16,
        /// The `Retry-After` header: seconds or an HTTP date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// What the answer holds.
        #[serde(default)]
        body: BodyKind,
        /// The message of a JSON body; `None`: a sentence that names the fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Instead of the work, or after it.
        #[serde(default)]
        when: When,
    },
    /// No answer: the connection is closed.
    Disconnect {
        /// With a reset (RST) instead of an orderly close.
        #[serde(default)]
        reset: bool,
        /// Instead of the work, or after it.
        #[serde(default)]
        when: When,
    },
    /// After the work: the head of the answer and half of its body, then the connection is closed.
    // Braces, so that serde refuses fields that have no meaning here.
    CutOff {},
    /// After the work: the answer with the first half of its JSON, as if that were all.
    TruncatedJson {},
    /// After the work: the answer, longer than `bytes` by spaces in front of it.
    Oversized {
        /// What it exceeds by at least one byte.
        #[serde(default = "cap")]
        bytes: usize,
    },
    /// Instead of the work: go elsewhere.
    Redirect {
        /// A 3xx status.
        #[serde(default = "temporary_redirect", deserialize_with = "status_code")]
        status: u16,
        /// Where to.
        location: String,
    },
}

impl Fault {
    /// This status before the work, with a body in the API's error form and no `Retry-After`.
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

/// On which side of the work a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The service never sees the request.
    #[default]
    BeforeWork,
    /// The work is done and its answer is lost or late.
    AfterWork,
}

/// The body of a [`Fault::Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// The API's error form.
    #[default]
    Json,
    /// A proxy's page.
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

/// A rule with what it has met so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultCount {
    /// The rule.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How many requests matched while it was tried.
    pub matched: u32,
    /// How many of them it struck.
    pub struck: u32,
}

/// The rules in force.
#[derive(Default)]
pub struct Faults(Mutex<Vec<FaultCount>>);

impl Faults {
    /// Adds a rule behind those that are there.
    pub fn add(&self, rule: FaultRule) {
        self.lock().push(FaultCount {
            rule,
            matched: 0,
            struck: 0,
        });
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The rules with their counts, in the order in which they are tried.
    pub fn list(&self) -> Vec<FaultCount> {
        self.lock().clone()
    }

    /// The fault for this request, if a rule is due.
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

/// What becomes of a request, on either side of the work.
pub(super) enum Outcome {
    /// It goes on: to the work, or to the client with this answer.
    Answer(Response),
    /// The client gets no answer.
    Broken,
}

impl Fault {
    /// Strikes before the work; `None`: the work is to be done.
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
                when: When::BeforeWork,
                ..
            }
            | Self::Redirect { .. } => self.other_answer().map(Outcome::Answer),
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

    /// Strikes the answer of work that was done.
    pub(super) async fn after_work(&self, answer: Response, connection: &Breaker) -> Outcome {
        Outcome::Answer(match self {
            Self::Delay {
                ms,
                when: When::AfterWork,
            } => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                answer
            }
            Self::Status {
                when: When::AfterWork,
                ..
            } => self.other_answer().unwrap_or(answer),
            Self::Disconnect {
                reset,
                when: When::AfterWork,
            } => {
                connection.break_off(*reset);
                return Outcome::Broken;
            }
            Self::CutOff {} => cut_off(answer).await,
            Self::TruncatedJson {} => truncate(answer).await,
            Self::Oversized { bytes } => oversize(answer, *bytes).await,
            _ => answer,
        })
    }

    fn other_answer(&self) -> Option<Response> {
        match self {
            Self::Status {
                status,
                retry_after,
                body,
                message,
                ..
            } => {
                let status = known_status(*status);
                let mut answer = match body {
                    BodyKind::Json => {
                        let message = message.as_deref().unwrap_or("a fault was set");
                        ApiError::new(status, message).into_response()
                    }
                    BodyKind::Html => {
                        (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], HTML).into_response()
                    }
                    BodyKind::Empty => status.into_response(),
                };
                if let Some(value) = retry_after {
                    set_header(&mut answer, RETRY_AFTER, value);
                }
                Some(answer)
            }
            Self::Redirect { status, location } => {
                let mut answer = known_status(*status).into_response();
                set_header(&mut answer, LOCATION, location);
                Some(answer)
            }
            _ => None,
        }
    }
}

/// A rule in Rust can hold any number; the JSON form refuses a number that is not a status.
fn known_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn set_header(answer: &mut Response, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// The first half of the body under the length of the whole: the server ends the connection when
/// it cannot keep that promise.
async fn cut_off(answer: Response) -> Response {
    let (mut answer, body) = with_body(answer).await;
    let half = body.slice(..body.len() / 2);
    answer
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    // A stream, because a body of known length must agree with the header; and a pause before its
    // end, because the server sends nothing of an answer that fails at once.
    let (mut writer, reader) = tokio::io::duplex(half.len().max(1));
    tokio::spawn(async move {
        let _ = writer.write_all(&half).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    });
    *answer.body_mut() = Body::from_stream(ReaderStream::new(reader));
    answer
}

async fn truncate(answer: Response) -> Response {
    let (mut answer, body) = with_body(answer).await;
    answer.headers_mut().remove(CONTENT_LENGTH);
    *answer.body_mut() = Body::from(body.slice(..body.len() / 2));
    answer
}

async fn oversize(answer: Response, bytes: usize) -> Response {
    let (mut answer, body) = with_body(answer).await;
    let mut long = vec![b' '; bytes.saturating_add(1)];
    long.extend_from_slice(&body);
    answer.headers_mut().remove(CONTENT_LENGTH);
    *answer.body_mut() = Body::from(long);
    answer
}

/// The answer and its body apart. An answer without a body (204) becomes a 200 with `{}`, so that
/// there is something to spoil.
async fn with_body(answer: Response) -> (Response, Bytes) {
    let (mut parts, body) = answer.into_parts();
    // The API's own answers are in memory already, so reading one cannot fail.
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.is_empty() {
        parts.status = StatusCode::OK;
        body = Bytes::from_static(b"{}");
    }
    (Response::from_parts(parts, Body::empty()), body)
}
