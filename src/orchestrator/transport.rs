//! One attempt at a request: over the network, within its limits.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, FROM, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::redirect;
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use url::Url;

use super::answer::{self, Answer};
use super::budget::Budget;
use super::error::{ConnectFailure, Error};
use super::hctl::Environment;
use super::lookup::Settings;
use super::request::{Call, Request};

/// How long a connection may take to come about, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer that is read. A page of a hundred runners has a tenth of it.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Whom a local installation takes for the caller when there is no token.
const LOCAL_USER: HeaderValue = HeaderValue::from_static("00000000-0000-0000-0000-000000000000");

/// The `User-Agent`: this provider's version, Terraform's, and what `TF_APPEND_USER_AGENT` adds.
#[must_use]
pub fn user_agent(terraform_version: &str, environment: &Environment) -> String {
    let own = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    let appended = environment
        .variable("TF_APPEND_USER_AGENT")
        .unwrap_or_default();
    format!("{own} (+Terraform/{terraform_version}) {appended}")
        .chars()
        .filter(|character| character.is_ascii_graphic() || *character == ' ')
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Sends requests, one attempt each. Nothing is set up before the first: a provider that is only
/// asked for its schema reads no certificates.
#[derive(Debug)]
pub(super) struct Transport {
    settings: Settings,
    user_agent: String,
    http: OnceCell<reqwest::Client>,
}

impl Transport {
    pub(super) fn new(settings: Settings, user_agent: String) -> Self {
        Self {
            settings,
            user_agent,
            http: OnceCell::new(),
        }
    }

    pub(super) fn org(&self) -> &str {
        &self.settings.org_id
    }

    /// Sends the request once and reads the whole answer.
    ///
    /// # Errors
    /// All that keeps an answer from coming; an answer of any status but a redirect is no error.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        number: u32,
        limit: Duration,
        budget: &Budget,
    ) -> Result<Answer, Error> {
        let url = request.url(&self.settings.api_url)?;
        let call = || {
            Box::new(Call {
                method: request.method.clone(),
                url: url.clone(),
                attempt: number,
            })
        };
        let answer = tokio::select! {
            biased;
            () = budget.stop.cancelled() => Err(Error::Stopped { call: call(), in_flight: true, last: None }),
            () = tokio::time::sleep_until(budget.deadline) => {
                Err(Error::OutOfTime { call: call(), in_flight: true, last: None })
            }
            answer = tokio::time::timeout(limit, self.exchange(request, call())) => {
                answer.unwrap_or_else(|_| Err(Error::TimedOut { call: call(), after: limit }))
            }
        };
        match &answer {
            Ok(answer) => tracing::debug!(call = %answer.call, status = answer.status, "answered"),
            Err(error) => tracing::debug!(%error, "no answer"),
        }
        answer
    }

    async fn exchange(&self, request: &Request, call: Box<Call>) -> Result<Answer, Error> {
        let http = self
            .http
            .get_or_try_init(|| async { self.set_up() })
            .await?;
        let mut builder = http.request(request.method.clone(), call.url.clone());
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(source) => return Err(not_answered(call, source)),
        };
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name)?.to_str().ok();
        if response.status().is_redirection() {
            let location = header(LOCATION).unwrap_or_default();
            return Err(Error::Redirect {
                location: bare(&call.url, location),
                call,
                status,
            });
        }
        let retry_after =
            header(RETRY_AFTER).and_then(|value| answer::retry_after(value, SystemTime::now()));
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => {
                    return Err(Error::TooLarge { call });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(source) => {
                    return Err(Error::Lost {
                        call,
                        source: source.without_url(),
                    });
                }
            }
        }
        Ok(Answer {
            call,
            status,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
            token: self.settings.token.clone(),
        })
    }

    fn set_up(&self) -> Result<reqwest::Client, Error> {
        let builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .default_headers(self.authentication())
            .connect_timeout(CONNECT)
            // The settled POST below relies on it that nothing else repeats a request.
            .retry(reqwest::retry::never())
            .redirect(redirect::Policy::none())
            .referer(false);
        builder.build().map_err(|source| Error::Setup { source })
    }

    fn authentication(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match &self.settings.token {
            Some(token) => {
                let bearer = format!("Bearer {}", token.secret.expose_secret());
                if let Ok(mut value) = HeaderValue::try_from(bearer) {
                    value.set_sensitive(true);
                    headers.insert(AUTHORIZATION, value);
                }
            }
            None => {
                headers.insert(FROM, LOCAL_USER);
            }
        }
        headers
    }
}

/// Why there is no answer: either there was no connection, or it broke.
fn not_answered(call: Box<Call>, source: reqwest::Error) -> Error {
    let source = source.without_url();
    if !source.is_connect() {
        return Error::Lost { call, source };
    }
    let what = if source.is_dns() {
        ConnectFailure::Dns
    } else if source.is_timeout() {
        ConnectFailure::TimedOut
    } else if causes(&source).any(|cause| cause.is::<rustls::Error>()) {
        ConnectFailure::Tls
    } else if causes(&source).any(is_refused) {
        ConnectFailure::Refused
    } else {
        ConnectFailure::Other
    };
    Error::Connect { call, what, source }
}

fn is_refused(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// An error's causes, with those that an [`io::Error`] wraps and does not call its source.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let next = |error: &&'a (dyn StdError + 'static)| -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            Some(wrapper) => wrapper.get_ref().map(|inner| inner as _),
            None => error.source(),
        }
    };
    std::iter::successors(Some(error), next)
}

/// Where a redirect points, as far as it may be shown.
fn bare(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(mut to) if to.has_host() => {
            // Neither fails for a URL with a host.
            let _ = to.set_username("");
            let _ = to.set_password(None);
            to.set_query(None);
            to.set_fragment(None);
            to.to_string()
        }
        _ => "nowhere".to_owned(),
    }
}
