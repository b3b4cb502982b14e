//! The log of requests, for tests to read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde::Serialize;

/// One request to the API. Requests to `/_sandbox` are not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path with its query, as it was sent.
    pub path: String,
    /// Header names in lower case. The credential in `authorization` is replaced by `…`, because people read the log,
    /// and `status` shows whether it was accepted.
    pub headers: BTreeMap<String, String>,
    /// The body, or `""`.
    pub body: String,
    /// The status of the response. `None` while the request is being handled, and if the connection was broken instead.
    pub status: Option<u16>,
}

/// The requests in the order in which they arrived.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Vec<Request>>);

impl RequestLog {
    /// Records a request that has arrived and returns its place in the log.
    pub(super) fn begin(&self, parts: &Parts, body: &[u8]) -> usize {
        let mut log = self.lock();
        log.push(Request {
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: headers(&parts.headers),
            body: String::from_utf8_lossy(body).into_owned(),
            status: None,
        });
        log.len() - 1
    }

    /// Records the response.
    pub(super) fn responded(&self, place: usize, status: u16) {
        if let Some(request) = self.lock().get_mut(place) {
            request.status = Some(status);
        }
    }

    pub(super) fn all(&self) -> Vec<Request> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = match value.split_once(' ') {
                Some((scheme, _)) if name == AUTHORIZATION => format!("{scheme} …"),
                None if name == AUTHORIZATION => "…".to_owned(),
                _ => value.into_owned(),
            };
            (name.to_string(), value)
        })
        .collect()
}
